"""Checkpoints that a cut cannot spoil, and weights averaged over the steps."""
from __future__ import annotations

import os
from pathlib import Path

import torch


def save(path: Path, state: object) -> None:
    """Whole or not at all: written beside `path`, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


class Average:
    """Exponential moving average of named parameters; early steps weigh less."""

    def __init__(self, parameters: dict[str, torch.Tensor], decay: float) -> None:
        self.parameters, self.decay = parameters, decay
        self.values = {name: value.detach().clone() for name, value in parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        decay = min(self.decay, (step + 1) / (step + 10))
        torch._foreach_lerp_(list(self.values.values()), [value.detach() for value in self.parameters.values()], 1 - decay)
