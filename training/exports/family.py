"""What the exporter knows of one family: the published class, a tiny configuration, example inputs, axes that may vary."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch


@dataclass(frozen=True)
class Family:
    """`inputs` maps the graph's input names to example values; `dynamic` names the axes that may vary.

    `varied_inputs`: other values of the same inputs for torch.export where axes vary. It fixes an axis that is, or
    becomes on the way down a U-Net, of size 1. `generic`: which modules can go is found by trying (units.py), not listed
    by class (identity.py).
    """

    name: str
    build: Callable[[], torch.nn.Module]
    inputs: Callable[[], dict[str, torch.Tensor]]
    dynamic: dict[str, dict[int, str]] = field(default_factory=dict)
    dynamic_output: dict[int, str] = field(default_factory=dict)
    output: str = "out_sample"
    is_unet: bool = False
    generic: bool = False
    varied_inputs: Callable[[], dict[str, torch.Tensor]] | None = None

    def dynamic_shapes(self) -> dict[str, dict[int, object]]:
        """The same axes for torch.export."""
        return {
            name: {axis: torch.export.Dim.DYNAMIC for axis in self.dynamic.get(name, {})} for name in self.inputs()
        }


def noise(*shape: int, seed: int = 1) -> torch.Tensor:
    """Seeded normal values."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
