"""Widens the deepest stage of an image-to-video net that was trained with another width there, so that VDMini's cut fits: the
innermost blocks can go only where the next stage's width is their own.

The new channels are copies of the first ones, and what reads a copied channel shares its weight between the copies,
unevenly, so that training tells them apart. That changes nothing but the means and deviations over channels of layer
norms and of two group norms; these get a factor and an offset per channel, fitted on examples.

    python train.py widen --weights narrow/emoji-i2v.coupled.pt
"""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from checkpoint import save
from clip_pool import load_pool
from emoji_clips import FRAMES
from image_video import PICTURE_NOISE, ImageVideo, image_noise
from models import SIGMA_MAX, build_image_denoiser, load_vae

NARROW = (32, 64, 96, 64)
EXAMPLES = 8
UNEVEN = 0.2  # a copy takes between 0.5 - UNEVEN and 0.5 + UNEVEN of the weight


def widen(runs: Path, name: str, weights: Path) -> None:
    """Writes {name}.start.pt from the averaged weights of the checkpoint `weights`, whose net has the widths NARROW."""
    state = torch.load(weights, map_location="cpu")["ema"]
    model = ImageVideo("cpu")
    image = {key.removeprefix("image."): value for key, value in state.items() if key.startswith("image.")}
    model.modules["image"].load_state_dict(model.modules["image"].state_dict() | image)
    narrow = build_image_denoiser(NARROW)
    narrow.load_state_dict({key.removeprefix("net."): value for key, value in state.items() if key.startswith("net.")})
    wide = model.modules["net"]
    away = widen_net(narrow.eval(), wide.eval(), _examples(runs, model))
    save(runs / f"{name}.start.pt", {part: module.state_dict() for part, module in model.modules.items()})
    print(f"{name} begins as the narrow net to {away:.2%} of its output")


@torch.no_grad()
def widen_net(narrow: nn.Module, wide: nn.Module, inputs: tuple[torch.Tensor, ...]) -> float:
    """Puts the weights of `narrow` into `wide` and fits the norms on the nets' `inputs`. Returns the mean absolute difference of
    the two outputs over the narrow one's mean absolute value."""
    generator = torch.Generator().manual_seed(0)
    sources = narrow.state_dict()
    state = {key: _widened(sources[key], value.shape, generator) for key, value in wide.state_dict().items() if ".time_pos_embed.linear_1.weight" not in key}
    for key, value in wide.state_dict().items():
        if key not in state:
            state[key] = _time_weights(sources[key], value.shape)
    wide.load_state_dict(state)
    for norm in _norms_that_differ(narrow, wide, inputs):
        _fit_norm(narrow, wide, norm, inputs)
    expected, made = narrow(*inputs).sample, wide(*inputs).sample
    return float((made - expected).abs().mean() / expected.abs().mean())


def _map(old: int, new: int) -> torch.Tensor:
    """[new]: which of `old` places each of `new` is a copy of."""
    if old == new:
        return torch.arange(old)
    copies = lambda count: torch.arange(count * 3 // 2) % count  # noqa: E731
    if (old, new) in ((64, 96), (256, 384)):
        return copies(old)
    if (old, new) in ((128, 192), (512, 768)):  # two tensors side by side, both wider; value and gate
        return torch.cat([copies(old // 2), old // 2 + copies(old // 2)])
    if (old, new) == (160, 192):  # the deepest stage's 64 before 96 of a skip
        return torch.cat([copies(64), torch.arange(64, 160)])
    raise ValueError(f"no rule to widen {old} to {new}")


def _widened(value: torch.Tensor, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """Copies rows (what is written) and shares columns (what is read)."""
    if value.shape == shape:
        return value.clone()
    value = value[_map(value.shape[0], shape[0])]
    if len(shape) == 1 or value.shape[1] == shape[1]:
        return value
    columns = _map(value.shape[1], shape[1])
    share = torch.ones(shape[0], shape[1])
    for column in range(int(columns.max()) + 1):
        places = (columns == column).nonzero().flatten().tolist()
        if len(places) == 2:
            share[:, places[0]] = 0.5 + UNEVEN * (2 * torch.rand(shape[0], generator=generator) - 1)
            share[:, places[1]] = 1 - share[:, places[0]]
    return value[:, columns] * share.view(shape[0], shape[1], *[1] * (len(shape) - 2))


def _time_weights(value: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """The first layer over a frame's number: its sines have other frequencies at another width, so it is solved for."""
    if value.shape == shape:
        return value.clone()
    rows = value[_map(value.shape[0], shape[0])].double()
    given, wanted = (_sines(width) for width in (shape[1], value.shape[1]))
    return (rows @ wanted.T @ torch.linalg.pinv(given.T, rtol=1e-6)).float()


def _sines(width: int) -> torch.Tensor:
    """[FRAMES, width] as diffusers' Timesteps(width, flip_sin_to_cos=True, downscale_freq_shift=0)."""
    half = width // 2
    angles = torch.arange(FRAMES, dtype=torch.float64)[:, None] * torch.exp(-torch.log(torch.tensor(10_000.0, dtype=torch.float64)) * torch.arange(half) / half)
    return torch.cat([angles.cos(), angles.sin()], 1)


def _norms_that_differ(narrow: nn.Module, wide: nn.Module, inputs: tuple[torch.Tensor, ...]) -> list[str]:
    """In the order in which they are called: layer norms that became wider, group norms whose groups hold other channels."""
    other = dict(wide.named_modules())
    called: list[str] = []
    hooks = []
    for name, module in narrow.named_modules():
        wider = isinstance(module, nn.LayerNorm) and module.normalized_shape != other[name].normalized_shape
        mixed = isinstance(module, nn.GroupNorm) and (module.num_channels in (96, 160)) and _groups(module) != _groups(other[name])
        if wider or mixed:
            hooks.append(module.register_forward_hook(lambda *_, name=name: called.append(name)))
    narrow(*inputs)
    for hook in hooks:
        hook.remove()
    return called


def _groups(norm: nn.GroupNorm) -> tuple[int, int]:
    return norm.num_channels, norm.num_groups


def _fit_norm(narrow: nn.Module, wide: nn.Module, name: str, inputs: tuple[torch.Tensor, ...]) -> None:
    """Least squares per channel: factor and offset with which `wide`'s norm gives what `narrow`'s gives."""
    wanted, given = _output(narrow, name, inputs), _output(wide, name, inputs)
    wanted = wanted[_map(wanted.shape[0], given.shape[0])]
    mean, target = given.mean(1), wanted.mean(1)
    factor = ((given - mean[:, None]) * (wanted - target[:, None])).mean(1) / given.var(1, unbiased=False).clamp_min(1e-8)
    norm = wide.get_submodule(name)
    norm.weight.mul_(factor)
    norm.bias.mul_(factor).add_(target - factor * mean)


def _output(net: nn.Module, name: str, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """[channels, everything else] of the module `name`."""
    kept: list[torch.Tensor] = []
    module = net.get_submodule(name)
    hook = module.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    net(*inputs)
    hook.remove()
    channels = -1 if isinstance(module, nn.LayerNorm) else 1
    return kept[0].movedim(channels, 0).flatten(1).float()


@torch.no_grad()
def _examples(runs: Path, model: ImageVideo) -> tuple[torch.Tensor, ...]:
    """What the net sees in the one step of first frames of the pool."""
    torch.manual_seed(0)
    pool, vae = load_pool(runs, "trained", "cpu"), load_vae(runs / "vae.pt")
    pictures = pool.first_frames("cpu")[torch.randint(len(pool), (EXAMPLES,))].float() / 127.5 - 1
    strength = torch.full((EXAMPLES,), PICTURE_NOISE)
    beside = model.encode_pictures(vae, pictures, strength).unsqueeze(1).expand(-1, FRAMES, -1, -1, -1)
    step = 0.25 * torch.full((EXAMPLES,), SIGMA_MAX).log()
    return torch.cat([image_noise(EXAMPLES, "cpu"), beside], 2), step, model.embed(pictures), model.time_ids(strength)
