"""SF-V's critic: the frozen teacher's encoder, and after each of its stages a spatial and a temporal head."""
from __future__ import annotations

import copy

import torch
from torch import nn

from emoji_clips import FRAMES
from image_video import ImageVideo

WIDTH = 64
REAL_PENALTY, REAL_NUDGE = 1.0, 0.1  # R1 by a finite difference, wide enough for bf16
Conditions = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # picture's latent, its embedding, time ids


class Critic(nn.Module):
    """Only the heads are trained. Heads see the features of a clip that was noised again."""

    def __init__(self, teacher: ImageVideo) -> None:
        super().__init__()
        self.backbone = [copy.copy(teacher)]  # in a list, so that its weights are not this module's
        self.features: list[torch.Tensor] = []
        net = teacher.modules["net"]
        for block in [*net.down_blocks, net.mid_block]:
            block.register_forward_hook(lambda _module, _inputs, output: self.features.append(output[0] if isinstance(output, tuple) else output))
        widths = [*net.config.block_out_channels, net.config.block_out_channels[-1]]
        self.spatial = nn.ModuleList(_head(nn.Conv2d, width) for width in widths)
        self.temporal = nn.ModuleList(_head(nn.Conv1d, width) for width in widths)

    def forward(self, latents: torch.Tensor, sigma: torch.Tensor, conditions: Conditions) -> torch.Tensor:
        """[batch] for `latents` = clip + sigma noise, [batch, FRAMES, channels, h, w]."""
        self.features.clear()
        spread = sigma.view(-1, 1, 1, 1, 1)
        self.backbone[0].output(latents * (spread**2 + 1).rsqrt(), sigma, *conditions)
        count, verdicts = len(latents), []
        for features, spatial, temporal in zip(self.features, self.spatial, self.temporal, strict=True):
            verdicts.append(spatial(features).mean((1, 2, 3)).view(count, FRAMES).mean(1))
            paths = features.unflatten(0, (count, FRAMES)).permute(0, 3, 4, 2, 1)  # batch, h, w, channels, frames
            verdicts.append(temporal(paths.flatten(0, 2)).mean((1, 2)).view(count, -1).mean(1))
        self.features.clear()
        return torch.stack(verdicts).mean(0)


def renoised(clips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """`clips` [batch, ...] at a log-normal sigma [batch] each, and that sigma."""
    sigma = torch.exp(torch.randn(len(clips), device=clips.device) - 0.5)
    return clips + sigma.view(-1, 1, 1, 1, 1) * torch.randn_like(clips), sigma


def hinge(critic: Critic, real: torch.Tensor, given_real: Conditions, made: torch.Tensor, given: Conditions) -> torch.Tensor:
    """The critic's loss on clips renoised: max(0, 1 - D(real)) + max(0, 1 + D(made)), and R1 on the real ones by a finite difference."""
    rough, sigma = renoised(real)
    on_real = critic(rough, sigma, given_real)
    nudged = critic(rough + REAL_NUDGE * torch.randn_like(rough), sigma, given_real)
    on_made = critic(*renoised(made), given)
    penalty = ((on_real - nudged).float() ** 2).mean() / REAL_NUDGE**2
    return (1 - on_real.float()).relu().mean() + (1 + on_made.float()).relu().mean() + REAL_PENALTY * penalty


def _head(convolution: type[nn.Module], width: int) -> nn.Sequential:
    return nn.Sequential(
        convolution(width, WIDTH, 3, padding=1), nn.GroupNorm(8, WIDTH), nn.LeakyReLU(0.2),
        convolution(WIDTH, WIDTH, 3, padding=1), nn.GroupNorm(8, WIDTH), nn.LeakyReLU(0.2),
        convolution(WIDTH, 1, 1),
    )
