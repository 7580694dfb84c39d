"""Our three teachers as what `ways.py` heals: their denoiser, states of their own sampling, and clips made with any net in its place.

Weights are those of `training/runs`. A net is called as diffusers calls it; everything lies on one device.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from clip_pool import recipe_of
from emoji_clips import FRAMES, Recipe
from image_video import ImageVideo, PICTURE_NOISE
from judging import first_frames, picture_recipes
from layout import Layout
from models import LATENT_CHANNELS, LATENT_SIZE, SIGMA_MAX, build_image_scheduler, build_scheduler, load_vae
from noise import Noise
from sample import held_out_recipes, trained_recipes
from stepping import load_averaged
from text_training import load_few_steps

AT_ONCE = 128  # clips that are sampled together
CAPTIONS = 460  # that the text models were trained on
PICTURE = "emoji-i2v"


@dataclass
class States:
    """Calls of the teacher's sampling: `latent`, `target` [calls, ...], `timestep` [calls], `clip` [calls] (row of `conditions`)."""

    latent: torch.Tensor
    target: torch.Tensor
    timestep: torch.Tensor
    clip: torch.Tensor
    conditions: dict[str, torch.Tensor]

    def rows(self, pick: torch.Tensor, latent: str) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Inputs of the denoiser and the teacher's outputs of these calls."""
        clip = self.clip[pick]
        given = {name: values[clip] for name, values in self.conditions.items()}
        return {latent: self.latent[pick], "timestep": self.timestep[pick], **given}, self.target[pick]


class Taught:
    """What both kinds share. `net`: the frozen denoiser; `latent`: the input that carries the clip."""

    latent = "sample"
    levels: list[float]
    net: nn.Module
    noise: Noise

    def __init__(self, runs: Path, device: str) -> None:
        self.device = device
        self.vae = load_vae(runs / "vae.pt", device)

    @property
    def config(self) -> dict:
        return dict(self.net.config) | {"_class_name": type(self.net).__name__}

    def judged(self, trained: int, held_out: int) -> list[Recipe]:
        """What clips are made of when they are judged: of trained pairs first."""
        raise NotImplementedError

    def learnt(self, clips: int) -> list[Recipe]:
        """What clips are made of that are learnt from."""
        raise NotImplementedError

    def conditions(self, recipes: list[Recipe]) -> dict[str, torch.Tensor]:
        raise NotImplementedError

    def start(self, clips: int, generator: torch.Generator) -> torch.Tensor:
        raise NotImplementedError

    def calls(self, net: nn.Module, given: dict[str, torch.Tensor], noise: torch.Tensor):
        """Yields (latent, timestep, output) of each call; returns the clean latents."""
        raise NotImplementedError

    def match(self, student: nn.Module, layout: Layout) -> None:
        """Sets what no config of the class can say."""

    @torch.no_grad()
    def states(self, recipes: list[Recipe], seed: int) -> States:
        """Of the teacher's own sampling, one clip a recipe."""
        generator = torch.Generator().manual_seed(seed)
        parts, kept = [], []
        for at in range(0, len(recipes), AT_ONCE):
            given = self.conditions(recipes[at : at + AT_ONCE])
            count = len(recipes[at : at + AT_ONCE])
            rows = torch.arange(at, at + count, device=self.device)
            kept.append(given)
            parts += [(latent, output, time, rows) for latent, time, output in self.calls(self.net, given, self.start(count, generator))]
        columns = (torch.cat(column) for column in zip(*parts, strict=True))
        return States(*columns, {name: torch.cat([one[name] for one in kept]) for name in kept[0]})

    @torch.no_grad()
    def clips(self, net: nn.Module, recipes: list[Recipe], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents [clips, FRAMES, channels, h, w] and pixels [clips, FRAMES, 3, SIZE, SIZE] in -1..1."""
        generator = torch.Generator().manual_seed(seed)
        latents = []
        for at in range(0, len(recipes), AT_ONCE):
            part = recipes[at : at + AT_ONCE]
            latents.append(self.clean(net, self.conditions(part), self.start(len(part), generator)))
        made = torch.cat(latents)
        pixels = torch.cat([self.vae.decode(one.flatten(0, 1)).sample.clamp(-1, 1).unflatten(0, (-1, FRAMES)) for one in made.split(AT_ONCE)])
        return made, pixels

    def clean(self, net: nn.Module, given: dict[str, torch.Tensor], noise: torch.Tensor) -> torch.Tensor:
        calls = self.calls(net, given, noise)
        while True:
            try:
                next(calls)
            except StopIteration as end:
                return end.value


class TaughtByWords(Taught):
    """emoji-t2v and emoji-hy: flow matching in four steps, without a second call for guidance."""

    def __init__(self, runs: Path, name: str, device: str) -> None:
        super().__init__(runs, device)
        self.model = load_few_steps(runs, name, device)
        self.net = self.model.modules["net"]
        self.latent = "sample" if name == "emoji-t2v" else "hidden_states"
        self.levels = self.model.few_levels()
        self.noise = Noise(dict(build_scheduler().config) | {"_class_name": "FlowMatchEulerDiscreteScheduler"})

    def judged(self, trained: int, held_out: int) -> list[Recipe]:
        return trained_recipes(trained) + held_out_recipes(held_out)

    def learnt(self, clips: int) -> list[Recipe]:
        return [trained_recipes(CAPTIONS)[index % CAPTIONS] for index in range(clips)]

    @torch.no_grad()
    def conditions(self, recipes: list[Recipe]) -> dict[str, torch.Tensor]:
        model = self.model
        ids = model.captions.ids(torch.tensor([(r.content, r.motion, r.scene) for r in recipes], device=self.device))
        words = {"encoder_hidden_states": model.modules["text"](ids, attention_mask=model.causal).last_hidden_state}
        if "text_2" not in model.modules:
            return words
        return words | {
            "encoder_attention_mask": (ids != 0).to(torch.int64),
            "pooled_projections": model.modules["text_2"](ids, attention_mask=model.causal).pooler_output,
            "guidance": torch.full((len(ids),), 1000 * model.few_guidance, device=self.device),
        }

    def start(self, clips: int, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(clips, LATENT_CHANNELS, FRAMES, LATENT_SIZE, LATENT_SIZE, generator=generator).to(self.device)

    def calls(self, net: nn.Module, given: dict[str, torch.Tensor], noise: torch.Tensor):
        latents = noise
        for level, following in zip(self.levels, self.levels[1:]):
            time = torch.full((len(noise),), 1000 * level, device=self.device)
            velocity = net(**{self.latent: latents, "timestep": time}, **given, return_dict=False)[0].float()
            yield latents, time, velocity
            latents = latents + (following - level) * velocity
        return latents.transpose(1, 2)


class TaughtByPictures(Taught):
    """emoji-i2v: Stable Video Diffusion's inputs, one step from the largest sigma. `which`: the checkpoint."""

    def __init__(self, runs: Path, which: str, device: str) -> None:
        super().__init__(runs, device)
        self.model = ImageVideo(device)
        load_averaged(runs / f"{PICTURE}.{which}.pt", self.model.modules, device)
        self.net = self.model.modules["net"]
        self.noise = Noise(dict(build_image_scheduler().config) | {"_class_name": "EulerDiscreteScheduler"})

    def judged(self, trained: int, held_out: int) -> list[Recipe]:
        return picture_recipes(trained, False) + picture_recipes(held_out, True)

    def learnt(self, clips: int) -> list[Recipe]:
        return [recipe_of(index, False) for index in range(clips)]

    @torch.no_grad()
    def conditions(self, recipes: list[Recipe]) -> dict[str, torch.Tensor]:
        pictures = first_frames(recipes).to(self.device)
        strength = torch.full((len(recipes),), PICTURE_NOISE, device=self.device)
        rough = pictures + PICTURE_NOISE * torch.randn(pictures.shape, generator=torch.Generator().manual_seed(len(recipes))).to(self.device)
        return {
            "encoder_hidden_states": self.model.embed(pictures),
            "added_time_ids": self.model.time_ids(strength),
            "beside": self.vae.encode(rough).latent_dist.mean,
        }

    def start(self, clips: int, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(clips, FRAMES, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE, generator=generator).to(self.device)

    def calls(self, net: nn.Module, given: dict[str, torch.Tensor], noise: torch.Tensor):
        words = {name: value for name, value in given.items() if name != "beside"}
        beside = given["beside"].unsqueeze(1).expand(-1, FRAMES, -1, -1, -1)
        sigma = torch.full((len(noise),), SIGMA_MAX, device=self.device)
        inputs = torch.cat([noise, beside], 2)  # noise * sqrt(sigma^2 + 1), scaled by its inverse
        time = 0.25 * sigma.log()
        v = net(**{self.latent: inputs, "timestep": time}, **words, return_dict=False)[0].float()
        yield inputs, time, v
        return self.noise.clean(noise, v, time)

    @torch.no_grad()
    def states(self, recipes: list[Recipe], seed: int) -> States:
        whole = super().states(recipes, seed)
        whole.conditions.pop("beside")  # in the latents by now
        return whole

    def match(self, student: nn.Module, layout: Layout) -> None:
        """Group norms have other groups than the class gives them (models.py)."""
        groups = {name: module.num_groups for name, module in self.net.named_modules() if isinstance(module, nn.GroupNorm)}
        for name, module in student.named_modules():
            if isinstance(module, nn.GroupNorm):
                module.num_groups = groups[layout.original(name)]


def load_taught(runs: Path, name: str, device: str, which: str = "coupled") -> Taught:
    return TaughtByPictures(runs, which, device) if name == PICTURE else TaughtByWords(runs, name, device)
