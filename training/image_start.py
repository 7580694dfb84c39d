"""Where the image-to-video model begins: the spatial layers of the trained text-to-video U-Net, over the same autoencoder,
and an image encoder that has learnt what a first frame shows.

The layers over time are new and begin as the identity, so that the first output is the text model's drawing of the picture
in every frame; what is left to learn is to move it.
"""
from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from checkpoint import save
from clip_pool import load_pool
from emoji_clips import CONTENTS, MOTIONS, SCENES
from image_video import ImageVideo
from models import LATENT_CHANNELS, TEXT_WIDTH
from stepping import device_here, fit, load_averaged

LEVEL = 500.0  # time step of the text model whose embedding the new one begins with: the picture is seen as half clean
BATCH, RATE = 64, 1e-3


def begin(runs: Path, name: str, text_name: str, seconds: float) -> None:
    """Writes {name}.encoder.pt and {name}.start.pt, from {text_name}.steps.pt."""
    if (runs / f"{name}.start.pt").exists():
        return
    model = ImageVideo("cpu")
    state = torch.load(runs / f"{text_name}.steps.pt", map_location="cpu")["ema"]
    with torch.no_grad():
        copied = copy_spatial(model.modules["net"], {key.removeprefix("net."): value for key, value in state.items() if key.startswith("net.")})
        quiet_time(model.modules["net"])
    _train_encoder(runs, name, model, seconds)
    save(runs / f"{name}.start.pt", {part: module.state_dict() for part, module in model.modules.items()})
    print(f"{name} begins with {copied} tensors of {text_name}", flush=True)


def load_start(runs: Path, name: str, model: ImageVideo) -> None:
    for part, values in torch.load(runs / f"{name}.start.pt", map_location=model.device).items():
        model.modules[part].load_state_dict(values)


def copy_spatial(net: nn.Module, text: dict[str, torch.Tensor]) -> int:
    """Copies what has the same name and shape; returns the number of tensors. The picture's channels of the first
    convolution get the weights that the text model has for its latents, the noise's get a tenth."""
    own, copied = net.state_dict(), 0
    for name, value in own.items():
        source = text.get(name.replace(".spatial_res_block.", "."))
        if source is not None and source.shape == value.shape:
            value.copy_(source)
            copied += 1
    first = text["conv_in.weight"]
    own["conv_in.weight"][:, :LATENT_CHANNELS] = 0.1 * first
    own["conv_in.weight"][:, LATENT_CHANNELS:] = first
    step = F.linear(_sinusoid(LEVEL, first.shape[0]), text["time_embedding.linear_1.weight"], text["time_embedding.linear_1.bias"])
    own["time_embedding.linear_2.bias"].copy_(F.linear(F.silu(step), text["time_embedding.linear_2.weight"], text["time_embedding.linear_2.bias"]))
    for name in ("time_embedding.linear_2.weight", "add_embedding.linear_2.weight", "add_embedding.linear_2.bias"):
        own[name].mul_(0.01)
    own["time_embedding.linear_2.weight"].clamp_(-0.01, 0.01)
    net.load_state_dict(own)
    return copied


def quiet_time(net: nn.Module) -> None:
    """Layers over time begin as the identity."""
    for name, module in net.named_modules():
        if name.endswith("temporal_res_block"):
            _zero(module.conv2)
        elif name.split(".")[-2:-1] == ["temporal_transformer_blocks"]:
            for layer in (module.attn1.to_out[0], module.attn2.to_out[0], module.ff.net[2], module.ff_in.net[2]):
                _zero(layer)
        elif name.endswith("time_pos_embed"):
            module.linear_2.weight.mul_(0.3)


def _zero(layer: nn.Module) -> None:
    layer.weight.zero_()
    layer.bias.zero_()


def _sinusoid(step: float, width: int) -> torch.Tensor:
    """As diffusers' Timesteps(width, flip_sin_to_cos=True, downscale_freq_shift=0)."""
    half = width // 2
    angles = step * torch.exp(-torch.log(torch.tensor(10_000.0)) * torch.arange(half) / half)
    return torch.cat([angles.cos(), angles.sin()])


def _train_encoder(runs: Path, name: str, model: ImageVideo, seconds: float) -> None:
    """The encoder and three heads that are thrown away: emoji, background, motion of the clip that a frame begins."""
    device = device_here()
    pool = load_pool(runs, "trained", device)
    pictures = pool.first_frames(device)
    heads = nn.Linear(TEXT_WIDTH, len(CONTENTS) + len(SCENES) + len(MOTIONS)).to(device)
    image = model.modules["image"].to(device).train()

    def loss() -> torch.Tensor:
        pick = torch.randint(len(pool), (BATCH,), device=device)
        picture = pictures[pick].float() / 127.5 - 1
        down, right = torch.randint(-4, 5, (2,)).tolist()
        picture = torch.roll(picture, (down, right), (2, 3)) + 0.05 * torch.randn_like(picture)
        told = heads(model.embed(picture)[:, 0]).split([len(CONTENTS), len(SCENES), len(MOTIONS)], 1)
        content, motion, scene = pool.labels[pick].unbind(1)
        return F.cross_entropy(told[0], content) + F.cross_entropy(told[1], scene) + F.cross_entropy(told[2], motion)

    path = runs / f"{name}.encoder.pt"
    fit(path, {"image": image, "heads": heads}, loss, seconds=seconds, rate=RATE, batch=BATCH, device=device, decay=0.99)
    load_averaged(path, {"image": image}, device)
    image.to("cpu")
