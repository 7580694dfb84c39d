"""MCA (Multi-frame Content Alignment, arXiv 2411.18375): a critic over the clip, with the teacher's frozen stages as backbone.

As in SF-V: clean latents are noised anew at a log-normal sigma, the teacher's encoder looks at them, and after each of its stages
one head sees frames apart (space) and one sees pixels apart (time). Teacher clips are "real", student clips "fake"; hinge
losses. Instead of a gradient penalty, which needs second derivatives, a finite difference on the real ones.
"""
from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from features import Enough, Features, Grid

WIDTH = 64
CLEAN_SIGMA = (-1.2, 1.2)  # mean and deviation of log sigma for the new noise
NUDGE, NUDGE_WEIGHT = 0.1, 10.0  # of the finite difference
TRUSTED = 0.75  # share of clips told apart before the critic's gradient counts
MEMORY = 0.9  # of that share's running mean
MOST_STAGES = 6


class Head(nn.Module):
    """Logits of one stage in space (2-D, frames folded into the batch) or in time (1-D, pixels folded)."""

    def __init__(self, channels: int, in_time: bool) -> None:
        super().__init__()
        conv = nn.Conv1d if in_time else nn.Conv2d
        self.in_time = in_time
        self.layers = nn.Sequential(
            conv(channels, WIDTH, 1), nn.GroupNorm(8, WIDTH), nn.SiLU(), conv(WIDTH, WIDTH, 3, padding=1), nn.SiLU(), conv(WIDTH, 1, 1)
        )

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        """`clip` [clips, frames, channels, height, width] -> [clips, logits]."""
        folded = clip.permute(0, 3, 4, 2, 1).flatten(0, 2) if self.in_time else clip.flatten(0, 1)
        return self.layers(folded.float()).view(len(clip), -1)


def backbone_stages(model: nn.Module) -> list[str]:
    """The encoder of a U-Net; of a transformer blocks evenly spread over its first half."""
    if hasattr(model, "down_blocks"):
        return [f"down_blocks.{index}" for index in range(len(model.down_blocks))]
    lists = [name for name in ("transformer_blocks", "blocks") if isinstance(getattr(model, name, None), nn.ModuleList)]
    lists += [name for name in ("single_transformer_blocks",) if hasattr(model, name)]
    every = [f"{name}.{index}" for name in lists for index in range(len(getattr(model, name)))]
    half = every[: max(1, len(every) // 2)]
    return half[:: max(1, len(half) // MOST_STAGES)][:MOST_STAGES]


class Critic(nn.Module):
    """Only the heads are its parameters; the teacher is used, not owned."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        self.space = nn.ModuleList(Head(count, in_time=False) for count in channels)
        self.time = nn.ModuleList(Head(count, in_time=True) for count in channels)

    def forward(self, stages: list[torch.Tensor]) -> torch.Tensor:
        """[clips, logits]: each head's logits weigh alike, however many there are."""
        heads = [head(stage) for heads in (self.space, self.time) for head, stage in zip(heads, stages, strict=True)]
        return torch.stack([logits.mean(1) for logits in heads], 1)


class Backbone:
    """The frozen teacher up to its last listened stage."""

    def __init__(self, teacher: nn.Module, config: dict, call: Callable[[nn.Module, dict], torch.Tensor]) -> None:
        self.teacher, self.config, self.call = teacher, config, call
        self.features = Features(teacher, backbone_stages(teacher))
        self.features.listening = False

    def look(self, inputs: dict, latent_name: str, constants: dict) -> list[torch.Tensor]:
        """[clips, frames, channels, height, width] by stage; gradients reach `inputs`."""
        self.features.listening, self.features.stop_after = True, self.features.paths[-1]
        try:
            self.call(self.teacher, inputs)
        except Enough:
            pass
        finally:
            self.features.listening = False
        grid = Grid(self.config, inputs[latent_name], constants)
        return [grid.by_frame(value) for value in self.features.take().values()]


def new_noise_levels(count: int, generator: torch.Generator) -> torch.Tensor:
    """b / (a + b) [count] of a log-normal sigma = b / a."""
    sigma = (CLEAN_SIGMA[0] + CLEAN_SIGMA[1] * torch.randn(count, generator=generator)).exp()
    return sigma / (1 + sigma)


def critic_loss(real: torch.Tensor, fake: torch.Tensor, nudged: torch.Tensor) -> torch.Tensor:
    """max(0, 1 - D(teacher)) + max(0, 1 + D(student)) + finite-difference penalty on the teacher's clips."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean() + NUDGE_WEIGHT * (nudged - real).square().mean()


class Trust:
    """Whether the critic tells real from fake: a running share of clips on the right side of zero."""

    def __init__(self) -> None:
        self.accuracy = 0.5

    def update(self, share: float) -> None:
        self.accuracy = MEMORY * self.accuracy + (1 - MEMORY) * share

    @property
    def counts(self) -> bool:
        return self.accuracy > TRUSTED


def told_apart(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    return torch.cat([real.mean(1) > 0, fake.mean(1) < 0]).float().mean()
