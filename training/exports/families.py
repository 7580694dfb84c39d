"""The families: one small specification each, with the published class, a tiny configuration and inputs.

Configurations follow diffusers' own tests; U-Nets have four stages with two layers, so that the paper's preset fits.
The forward methods only fix the argument order and take the tensor out of the result.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from diffusers import UNet3DConditionModel, UNetSpatioTemporalConditionModel


class ModelScopeUNet(UNet3DConditionModel):
    def forward(self, sample, timestep, encoder_hidden_states):
        return super().forward(sample, timestep, encoder_hidden_states, return_dict=False)[0]


class StableVideoUNet(UNetSpatioTemporalConditionModel):
    def forward(self, sample, timestep, encoder_hidden_states, added_time_ids):
        return super().forward(sample, timestep, encoder_hidden_states, added_time_ids, return_dict=False)[0]


@dataclass(frozen=True)
class Family:
    """`inputs` maps the graph's input names to example values; `dynamic` names the axes that may vary."""

    name: str
    build: Callable[[], torch.nn.Module]
    inputs: Callable[[], dict[str, torch.Tensor]]
    dynamic: dict[str, dict[int, str]] = field(default_factory=dict)
    dynamic_output: dict[int, str] = field(default_factory=dict)
    output: str = "out_sample"
    is_unet: bool = False
    unused_inputs: tuple[str, ...] = ()

    def dynamic_shapes(self) -> dict[str, dict[int, object]]:
        """The same axes for torch.export."""
        return {
            name: {axis: torch.export.Dim.DYNAMIC for axis in self.dynamic.get(name, {})} for name in self.inputs()
        }


def _noise(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


MODELSCOPE = Family(
    name="modelscope",
    build=lambda: ModelScopeUNet(
        block_out_channels=(8, 16, 24, 24),
        norm_num_groups=4,
        cross_attention_dim=16,
        attention_head_dim=4,
        layers_per_block=2,
    ),
    inputs=lambda: {
        "sample": _noise(1, 4, 3, 8, 16),
        "timestep": torch.tensor([500], dtype=torch.int64),
        "encoder_hidden_states": _noise(1, 5, 16, seed=2),
    },
    dynamic={
        "sample": {0: "batch", 2: "frames", 3: "height", 4: "width"},
        "encoder_hidden_states": {0: "batch", 1: "tokens"},
    },
    is_unet=True,
)

STABLE_VIDEO = Family(
    name="svd",
    build=lambda: StableVideoUNet(
        block_out_channels=(32, 64, 32, 32),
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=24,
        cross_attention_dim=16,
        num_attention_heads=(2, 4, 2, 2),
        layers_per_block=2,
    ),
    inputs=lambda: {
        "sample": _noise(1, 2, 8, 16, 16),
        "timestep": torch.tensor([1.5], dtype=torch.float32),
        "encoder_hidden_states": _noise(1, 1, 16, seed=2),
        "added_time_ids": torch.tensor([[6.0, 127.0, 0.02]]),
    },
    dynamic={
        "sample": {0: "batch", 1: "frames", 3: "height", 4: "width"},
        "encoder_hidden_states": {0: "batch"},
        "added_time_ids": {0: "batch"},
    },
    is_unet=True,
)

FAMILIES: dict[str, Family] = {family.name: family for family in (MODELSCOPE, STABLE_VIDEO)}
