"""How a denoiser's inputs are made of clean latents and noise, and how clean latents are read off its output.

Every published schedule is x = a * clean + b * noise; they differ in a and b, in what a timestep means, and in what the model
predicts. EulerDiscrete scales its states by 1 / sqrt(sigma^2 + 1), which makes them variance-preserving ones.
"""
from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import DDPMScheduler

from plan_file import PlanError

SMALLEST_SHARE = 0.05  # of the clean latents in x, where an estimate divides by it


class Noise:
    """From a scheduler's config. `level` is b / (a + b): 0 clean, 1 noise only; rows by [batch]."""

    def __init__(self, config: dict) -> None:
        name = config.get("_class_name", "")
        self.steps = config.get("num_train_timesteps", 1000)
        self.inverted = bool(config.get("invert_sigmas"))
        self.is_flow = "FlowMatch" in name or config.get("use_flow_sigmas", False) or config.get("prediction_type") == "flow_prediction"
        self.predicts = "flow" if self.is_flow else config.get("prediction_type", "epsilon")
        self.continuous = config.get("timestep_type") == "continuous"  # timestep = log(sigma) / 4, as SVD has it
        if self.predicts not in ("flow", "epsilon", "v_prediction", "sample"):
            raise PlanError(f"A scheduler that predicts {self.predicts!r} is not known here.")
        if not self.is_flow:
            shared = {key: config[key] for key in ("beta_start", "beta_end", "beta_schedule", "trained_betas", "num_train_timesteps") if key in config}
            self.kept_share = DDPMScheduler(**shared).alphas_cumprod

    def shares(self, timestep: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """a and b [batch] at `timestep` [batch]."""
        timestep = timestep.double()
        if self.is_flow:
            sigma = timestep / self.steps
            sigma = 1 - sigma if self.inverted else sigma
            return 1 - sigma, sigma
        if self.continuous:
            sigma = (4 * timestep).exp()
            return (1 + sigma**2).rsqrt(), sigma * (1 + sigma**2).rsqrt()
        kept = self.kept_share.to(timestep.device).double()[timestep.round().long().clamp(0, self.steps - 1)]
        return kept.sqrt(), (1 - kept).sqrt()

    def level(self, timestep: torch.Tensor) -> torch.Tensor:
        a, b = self.shares(timestep)
        return b / (a + b)

    def timestep(self, level: torch.Tensor) -> torch.Tensor:
        """The timestep [batch] of a level; the nearest one where they are counted."""
        level = level.double().clamp(1e-4, 1 - 1e-4)
        if self.is_flow:
            return ((1 - level) if self.inverted else level) * self.steps
        if self.continuous:
            return (level / (1 - level)).log() / 4
        every = self.level(torch.arange(self.steps, device=level.device))
        return torch.searchsorted(every, level).clamp(max=self.steps - 1)

    def noised(self, clean: torch.Tensor, noise: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        a, b = (_along(share, clean) for share in self.shares(timestep))
        return a * clean + b * noise

    def clean(self, state: torch.Tensor, output: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """The clean latents that `output` means at `state`."""
        a, b = (_along(share, state) for share in self.shares(timestep))
        if self.predicts == "flow":
            return state + b * output if self.inverted else state - b * output
        if self.predicts == "v_prediction":
            return a * state - b * output
        return output if self.predicts == "sample" else (state - b * output) / a.clamp(min=SMALLEST_SHARE)


def _along(share: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return share.to(like.dtype).view(-1, *[1] * (like.ndim - 1))


def read_scheduler_config(folder: Path) -> dict:
    """Of a scheduler's folder. Raises PlanError."""
    try:
        return json.loads((folder / "scheduler_config.json").read_text())
    except OSError as error:
        raise PlanError(f"{folder} holds no scheduler_config.json; give the pipeline's folder, or --scheduler FOLDER.") from error
