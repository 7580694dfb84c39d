"""Seeded random weights that make every block matter.

Published classes start some outputs at zero (temporal convolutions, motion modules, gates), so that a fresh model hides
whether a block was dropped. Here every parameter is drawn anew. Values lie on a coarse binary grid: exact in half
precision, and small once compressed.
"""

import math

import torch


def _on_grid(values: torch.Tensor, deviation: float) -> torch.Tensor:
    """Rounds to multiples of the power of two just below the deviation."""
    step = 2.0 ** math.floor(math.log2(deviation))
    return torch.round(values / step) * step


def randomise(model: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Fills all parameters in place: matrices with 1/sqrt(fan in), scales near 1, biases and gates near 0.3."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() >= 2 and "scale_shift_table" not in name:
                deviation = 1.0 / math.sqrt(parameter[0].numel())
                parameter.copy_(_on_grid(noise * deviation, deviation))
            elif name.endswith("mix_factor"):
                parameter.copy_(_on_grid(noise, 1.0))
            else:
                is_scale = "norm" in name and name.endswith("weight")
                parameter.copy_(_on_grid(noise * 0.25, 0.25) + (1.0 if is_scale else 0.0))
    return model.eval()
