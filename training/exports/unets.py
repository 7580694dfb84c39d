"""The U-Net families. Four stages with two layers each, as the published models have, so that the paper's preset fits.

The forward methods only fix the order of arguments and take the tensor out of the result.
"""

import torch
from diffusers import UNet3DConditionModel, UNetMotionModel, UNetSpatioTemporalConditionModel

from family import Family, noise


class StableVideoUNet(UNetSpatioTemporalConditionModel):
    def forward(self, sample, timestep, encoder_hidden_states, added_time_ids):
        return super().forward(sample, timestep, encoder_hidden_states, added_time_ids, return_dict=False)[0]


class AnimateDiffUNet(UNetMotionModel):
    def forward(self, sample, timestep, encoder_hidden_states):
        return super().forward(sample, timestep, encoder_hidden_states, return_dict=False)[0]


class ModelScopeUNet(UNet3DConditionModel):
    def forward(self, sample, timestep, encoder_hidden_states):
        return super().forward(sample, timestep, encoder_hidden_states, return_dict=False)[0]


# The class fixes 32 groups in its norms, hence widths of 32 and more.
SVD = Family(
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
        "sample": noise(1, 2, 8, 16, 16),
        "timestep": torch.tensor([1.5]),
        "encoder_hidden_states": noise(1, 1, 16, seed=2),
        "added_time_ids": torch.tensor([[6.0, 127.0, 0.02]]),
    },
    varied_inputs=lambda: {
        "sample": noise(2, 3, 8, 16, 32),
        "timestep": torch.tensor([1.5]),
        "encoder_hidden_states": noise(2, 1, 16),
        "added_time_ids": torch.tensor([[6.0, 127.0, 0.02]]).repeat(2, 1),
    },
    dynamic={
        "sample": {0: "batch", 1: "frames", 3: "height", 4: "width"},
        "encoder_hidden_states": {0: "batch"},
        "added_time_ids": {0: "batch"},
    },
    dynamic_output={0: "batch", 1: "frames", 3: "height", 4: "width"},
    is_unet=True,
)

VIDEO_AXES = {0: "batch", 2: "frames", 3: "height", 4: "width"}

ANIMATEDIFF = Family(
    name="animatediff",
    build=lambda: AnimateDiffUNet(
        block_out_channels=(8, 16, 24, 24),
        norm_num_groups=4,
        cross_attention_dim=16,
        num_attention_heads=4,
        motion_num_attention_heads=4,
        motion_max_seq_length=8,
        layers_per_block=2,
    ),
    inputs=lambda: {
        "sample": noise(1, 4, 3, 8, 16),
        "timestep": torch.tensor([20]),
        "encoder_hidden_states": noise(1, 5, 16, seed=2).repeat(3, 1, 1),
    },
    varied_inputs=lambda: {
        "sample": noise(2, 4, 3, 16, 16),
        "timestep": torch.tensor([20]),
        "encoder_hidden_states": noise(6, 5, 16),
    },
    dynamic={"sample": VIDEO_AXES, "encoder_hidden_states": {0: "batch_frames", 1: "tokens"}},
    dynamic_output=VIDEO_AXES,
    is_unet=True,
)

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
        "sample": noise(1, 4, 3, 8, 16),
        "timestep": torch.tensor([20]),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
    },
    varied_inputs=lambda: {
        "sample": noise(2, 4, 3, 16, 16),
        "timestep": torch.tensor([20]),
        "encoder_hidden_states": noise(2, 5, 16),
    },
    dynamic={"sample": VIDEO_AXES, "encoder_hidden_states": {0: "batch", 1: "tokens"}},
    dynamic_output=VIDEO_AXES,
    is_unet=True,
)
