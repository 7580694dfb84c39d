"""The transformer families (DiT), three or four blocks of each kind.

The forward methods only fix the order of arguments and take the tensor out of the result; LTX bakes in the size of the
video, CogVideoX 1.5 takes its rotary embedding as two graph inputs.
"""

import torch
from diffusers import (
    CogVideoXTransformer3DModel,
    HunyuanVideoTransformer3DModel,
    LatteTransformer3DModel,
    LTXVideoTransformer3DModel,
    MochiTransformer3DModel,
    WanTransformer3DModel,
)
from diffusers.models.embeddings import get_3d_rotary_pos_embed

from family import Family, noise
from workarounds import boolean_fill_as_logic, repeats_count_from_the_front

VIDEO_AXES = {0: "batch", 2: "frames", 3: "height", 4: "width"}
TEXT_AXES = {0: "batch", 1: "tokens"}


class HunyuanVideo(HunyuanVideoTransformer3DModel):
    def forward(
        self, hidden_states, timestep, encoder_hidden_states, encoder_attention_mask, pooled_projections, guidance
    ):
        with boolean_fill_as_logic():
            return super().forward(
                hidden_states, timestep, encoder_hidden_states, encoder_attention_mask, pooled_projections, guidance,
                return_dict=False,
            )[0]


class CogVideoX10(CogVideoXTransformer3DModel):
    def forward(self, hidden_states, encoder_hidden_states, timestep):
        return super().forward(hidden_states, encoder_hidden_states, timestep, return_dict=False)[0]


class CogVideoX15(CogVideoXTransformer3DModel):
    def forward(self, hidden_states, encoder_hidden_states, timestep, rotary_cos, rotary_sin):
        return super().forward(
            hidden_states, encoder_hidden_states, timestep,
            image_rotary_emb=(rotary_cos, rotary_sin), return_dict=False,
        )[0]


class LTXVideo(LTXVideoTransformer3DModel):
    def forward(self, hidden_states, encoder_hidden_states, timestep, encoder_attention_mask):
        with repeats_count_from_the_front():
            return super().forward(
                hidden_states, encoder_hidden_states, timestep, encoder_attention_mask,
                num_frames=2, height=3, width=4, return_dict=False,
            )[0]


class Wan(WanTransformer3DModel):
    def forward(self, hidden_states, timestep, encoder_hidden_states):
        return super().forward(hidden_states, timestep, encoder_hidden_states, return_dict=False)[0]


class Mochi(MochiTransformer3DModel):
    def forward(self, hidden_states, encoder_hidden_states, timestep, encoder_attention_mask):
        return super().forward(
            hidden_states, encoder_hidden_states, timestep, encoder_attention_mask, return_dict=False
        )[0]


class Latte(LatteTransformer3DModel):
    def forward(self, hidden_states, timestep, encoder_hidden_states):
        return super().forward(hidden_states, timestep, encoder_hidden_states, return_dict=False)[0]


HUNYUAN = Family(
    name="hunyuan",
    build=lambda: HunyuanVideo(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=16, num_layers=3, num_single_layers=3,
        num_refiner_layers=2, patch_size=2, patch_size_t=1, guidance_embeds=True, text_embed_dim=16,
        pooled_projection_dim=8, rope_axes_dim=(4, 6, 6),
    ),
    inputs=lambda: {
        "hidden_states": noise(1, 4, 3, 4, 6),
        "timestep": torch.tensor([20]),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
        "encoder_attention_mask": torch.tensor([[1, 1, 1, 1, 0]]),
        "pooled_projections": noise(1, 8, seed=3),
        "guidance": torch.tensor([60.0]),
    },
    dynamic={
        "hidden_states": VIDEO_AXES, "timestep": {0: "batch"}, "encoder_hidden_states": TEXT_AXES,
        "encoder_attention_mask": TEXT_AXES, "pooled_projections": {0: "batch"}, "guidance": {0: "batch"},
    },
    dynamic_output=VIDEO_AXES,
)

COGVIDEOX_AXES = {0: "batch", 1: "frames", 3: "height", 4: "width"}

COGVIDEOX_10 = Family(
    name="cogvideox-1.0",
    build=lambda: CogVideoX10(
        num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=4, time_embed_dim=16,
        text_embed_dim=16, num_layers=4, sample_width=6, sample_height=4, sample_frames=9, patch_size=2,
        temporal_compression_ratio=4, max_text_seq_length=5,
    ),
    inputs=lambda: {
        "hidden_states": noise(1, 3, 4, 4, 6),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
        "timestep": torch.tensor([20]),
    },
    # The position table is fixed to one size: other sizes trace to wrong numbers or not at all.
    dynamic={"hidden_states": {0: "batch"}, "encoder_hidden_states": {0: "batch"}, "timestep": {0: "batch"}},
    dynamic_output={0: "batch"},
)


def _rotary() -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines [tokens, head size] for 2 x 2 x 3 patches."""
    return get_3d_rotary_pos_embed(
        embed_dim=16, crops_coords=None, grid_size=(2, 3), temporal_size=2, grid_type="slice", max_size=(2, 3)
    )


COGVIDEOX_15 = Family(
    name="cogvideox-1.5",
    build=lambda: CogVideoX15(
        num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=4, time_embed_dim=16,
        text_embed_dim=16, num_layers=4, sample_width=6, sample_height=4, sample_frames=13, patch_size=2,
        patch_size_t=2, temporal_compression_ratio=4, max_text_seq_length=5, patch_bias=False,
        use_rotary_positional_embeddings=True,
    ),
    inputs=lambda: {
        "hidden_states": noise(1, 4, 4, 4, 6),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
        "timestep": torch.tensor([20]),
        "rotary_cos": _rotary()[0],
        "rotary_sin": _rotary()[1],
    },
    dynamic={
        "hidden_states": COGVIDEOX_AXES, "encoder_hidden_states": TEXT_AXES, "timestep": {0: "batch"},
        "rotary_cos": {0: "patches"}, "rotary_sin": {0: "patches"},
    },
    dynamic_output=COGVIDEOX_AXES,
)

LTX = Family(
    name="ltx",
    build=lambda: LTXVideo(
        in_channels=8, out_channels=8, num_attention_heads=2, attention_head_dim=16, cross_attention_dim=32,
        num_layers=4, caption_channels=16,
    ),
    inputs=lambda: {
        "hidden_states": noise(1, 24, 8),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
        "timestep": torch.tensor([20]),
        "encoder_attention_mask": torch.tensor([[1, 1, 1, 1, 0]]),
    },
    # The size of the video is fixed, and torch.export cannot vary the batch: the rotary table is built per batch.
    dynamic={"encoder_hidden_states": {1: "tokens"}, "encoder_attention_mask": {1: "tokens"}},
)

WAN = Family(
    name="wan",
    build=lambda: Wan(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=4, text_dim=16,
        freq_dim=16, ffn_dim=64, num_layers=4, cross_attn_norm=True, qk_norm="rms_norm_across_heads",
        rope_max_seq_len=16,
    ),
    inputs=lambda: {
        "hidden_states": noise(1, 4, 3, 4, 6),
        "timestep": torch.tensor([20]),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
    },
    dynamic={"hidden_states": VIDEO_AXES, "timestep": {0: "batch"}, "encoder_hidden_states": TEXT_AXES},
    dynamic_output=VIDEO_AXES,
)

MOCHI = Family(
    name="mochi",
    build=lambda: Mochi(
        patch_size=2, num_attention_heads=2, attention_head_dim=16, num_layers=4, pooled_projection_dim=24,
        in_channels=4, text_embed_dim=16, time_embed_dim=16, max_sequence_length=8,
    ),
    inputs=lambda: {
        "hidden_states": noise(1, 4, 3, 4, 6),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
        "timestep": torch.tensor([20]),
        "encoder_attention_mask": torch.tensor([[1, 1, 1, 1, 0]]),
    },
    dynamic={
        "hidden_states": {2: "frames", 3: "height", 4: "width"}, "encoder_hidden_states": {1: "tokens"},
        "encoder_attention_mask": {1: "tokens"},
    },
    dynamic_output={2: "frames", 3: "height", 4: "width"},
)

LATTE = Family(
    name="latte",
    build=lambda: Latte(
        num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=8, num_layers=3,
        cross_attention_dim=32, attention_bias=True, sample_size=8, patch_size=2, activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000, norm_type="ada_norm_single", norm_elementwise_affine=False, norm_eps=1e-6,
        caption_channels=16, video_length=3,
    ),
    inputs=lambda: {
        "hidden_states": noise(1, 4, 3, 8, 8),
        "timestep": torch.tensor([20]),
        "encoder_hidden_states": noise(1, 5, 16, seed=2),
    },
    dynamic={"hidden_states": {0: "batch"}, "timestep": {0: "batch"}, "encoder_hidden_states": TEXT_AXES},
    dynamic_output={0: "batch"},
)
