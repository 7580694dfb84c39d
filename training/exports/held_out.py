"""Families that discovery was not made on: what `judge.py --held-out` asks about. No rule may name any of them.

Tiny random weights, as everywhere; image, audio and video denoisers, text encoders, vision models and further decoders.
"""

import torch
from diffusers import (
    AllegroTransformer3DModel,
    AuraFlowTransformer2DModel,
    CogView4Transformer2DModel,
    ConsisIDTransformer3DModel,
    EasyAnimateTransformer3DModel,
    Lumina2Transformer2DModel,
    PixArtTransformer2DModel,
    SanaTransformer2DModel,
    StableAudioDiTModel,
)

from family import Family, noise
from held_out_decoders import HELD_OUT_DECODERS
from held_out_denoisers import FURTHER_HELD_OUT
from held_out_encoders import HELD_OUT_ENCODERS
from held_out_family import held
from held_out_later import LATER_HELD_OUT
from held_out_newer_denoisers import NEWER_HELD_OUT


PIXART = held(
    "pixart", PixArtTransformer2DModel,
    dict(
        sample_size=8, num_layers=3, patch_size=2, attention_head_dim=8, num_attention_heads=3, caption_channels=32,
        in_channels=4, cross_attention_dim=24, out_channels=8, norm_type="ada_norm_single", use_additional_conditions=False,
    ),
    lambda: {
        "hidden_states": noise(1, 4, 8, 8), "encoder_hidden_states": noise(1, 7, 32, seed=2),
        "timestep": torch.tensor([20]),
    },
)

SANA = held(
    "sana", SanaTransformer2DModel,
    dict(
        patch_size=1, in_channels=4, out_channels=4, num_layers=3, attention_head_dim=4, num_attention_heads=2,
        num_cross_attention_heads=2, cross_attention_head_dim=4, cross_attention_dim=8, caption_channels=8, sample_size=8,
    ),
    lambda: {
        "hidden_states": noise(1, 4, 8, 8), "encoder_hidden_states": noise(1, 7, 8, seed=2), "timestep": torch.tensor([20]),
    },
)

ALLEGRO = held(
    "allegro", AllegroTransformer3DModel,
    dict(
        num_attention_heads=2, attention_head_dim=24, in_channels=4, out_channels=4, num_layers=3, cross_attention_dim=48,
        sample_width=8, sample_height=8, sample_frames=8, caption_channels=24,
    ),
    lambda: {
        "hidden_states": noise(1, 4, 2, 8, 8), "encoder_hidden_states": noise(1, 7, 24, seed=2),
        "timestep": torch.tensor([20]),
    },
)

AURA_FLOW = held(
    "aura-flow", AuraFlowTransformer2DModel,
    dict(
        sample_size=8, patch_size=2, in_channels=4, num_mmdit_layers=2, num_single_dit_layers=2, attention_head_dim=8,
        num_attention_heads=4, caption_projection_dim=32, joint_attention_dim=32, out_channels=4, pos_embed_max_size=64,
    ),
    lambda: {
        "hidden_states": noise(1, 4, 8, 8), "encoder_hidden_states": noise(1, 7, 32, seed=2),
        "timestep": torch.tensor([0.5]),
    },
)

CONSIS_ID = held(
    "consis-id", ConsisIDTransformer3DModel,
    dict(
        num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=4, time_embed_dim=2, text_embed_dim=8,
        num_layers=2, sample_width=8, sample_height=8, sample_frames=8, patch_size=2, temporal_compression_ratio=4,
        max_text_seq_length=8, cross_attn_interval=1, is_kps=False, is_train_face=False,
    ),
    lambda: {
        "hidden_states": noise(1, 2, 4, 8, 8), "encoder_hidden_states": noise(1, 8, 8, seed=2),
        "timestep": torch.tensor([20]),
    },
)

LUMINA2 = held(
    "lumina2", Lumina2Transformer2DModel,
    dict(
        sample_size=8, patch_size=2, in_channels=4, hidden_size=24, num_layers=2, num_refiner_layers=1,
        num_attention_heads=3, num_kv_heads=1, multiple_of=2, ffn_dim_multiplier=None, norm_eps=1e-5,
        scaling_factor=1.0, axes_dim_rope=(4, 2, 2), axes_lens=(128, 128, 128), cap_feat_dim=32,
    ),
    lambda: {
        "hidden_states": noise(1, 4, 8, 8), "timestep": torch.tensor([0.5]),
        "encoder_hidden_states": noise(1, 7, 32, seed=2), "encoder_attention_mask": torch.ones(1, 7, dtype=torch.bool),
    },
)

COGVIEW4 = held(
    "cogview4", CogView4Transformer2DModel,
    dict(
        patch_size=2, in_channels=4, num_layers=2, attention_head_dim=4, num_attention_heads=4, out_channels=4,
        text_embed_dim=8, time_embed_dim=8, condition_dim=4,
    ),
    lambda: {
        "hidden_states": noise(1, 4, 8, 8), "encoder_hidden_states": noise(1, 8, 8, seed=2), "timestep": torch.tensor([20]),
        "original_size": torch.tensor([[20.0, 20.0]]), "target_size": torch.tensor([[20.0, 20.0]]),
        "crop_coords": torch.tensor([[0.0, 0.0]]),
    },
)

EASY_ANIMATE = held(
    "easy-animate", EasyAnimateTransformer3DModel,
    dict(
        attention_head_dim=16, num_attention_heads=2, in_channels=4, mmdit_layers=2, num_layers=2, out_channels=4,
        patch_size=2, sample_height=60, sample_width=90, text_embed_dim=16, time_embed_dim=8, time_position_encoding_type="3d_rope",
        timestep_activation_fn="silu",
    ),
    lambda: {
        "hidden_states": noise(1, 4, 2, 8, 8), "timestep": torch.tensor([20.0]),
        "encoder_hidden_states": noise(1, 8, 16, seed=2),
    },
)

STABLE_AUDIO = held(
    "stable-audio", StableAudioDiTModel,
    dict(
        sample_size=4, in_channels=4, num_layers=3, attention_head_dim=4, num_key_value_attention_heads=4,
        num_attention_heads=4, out_channels=4, cross_attention_input_dim=4, time_proj_dim=8, global_states_input_dim=8,
        cross_attention_dim=4,
    ),
    lambda: {
        "hidden_states": noise(1, 4, 4), "timestep": torch.tensor([0.5]),
        "encoder_hidden_states": noise(1, 6, 4, seed=2), "global_hidden_states": noise(1, 1, 8, seed=3),
    },
)

HELD_OUT: dict[str, Family] = {
    family.name: family
    for family in (
        PIXART, SANA, ALLEGRO, AURA_FLOW, CONSIS_ID, LUMINA2, COGVIEW4, EASY_ANIMATE, STABLE_AUDIO,
        *FURTHER_HELD_OUT, *NEWER_HELD_OUT, *HELD_OUT_DECODERS, *HELD_OUT_ENCODERS, *LATER_HELD_OUT,
    )
}
