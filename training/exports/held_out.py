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
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel, ViTConfig, ViTModel

from family import Family, noise


def _calling(cls, names, first=lambda result: result[0]):
    """The class with a forward method of positional tensors, in the order of the inputs."""

    def forward(self, *args):
        return first(cls.forward(self, **dict(zip(names, args)), return_dict=False))

    # torch.onnx reads the names of inputs from the signature.
    source = f"def forward(self, {', '.join(names)}): return _forward(self, {', '.join(names)})"
    scope = {"_forward": forward}
    exec(source, scope)  # noqa: S102  the names are those below
    return type(f"Held{cls.__name__}", (cls,), {"forward": scope["forward"]})


def _held(name, cls, configuration, inputs, is_unet=False) -> Family:
    made = _calling(cls, list(inputs()))
    return Family(name=name, build=lambda: made(**configuration), inputs=inputs, is_unet=is_unet, generic=True)


PIXART = _held(
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

SANA = _held(
    "sana", SanaTransformer2DModel,
    dict(
        patch_size=1, in_channels=4, out_channels=4, num_layers=3, attention_head_dim=4, num_attention_heads=2,
        num_cross_attention_heads=2, cross_attention_head_dim=4, cross_attention_dim=8, caption_channels=8, sample_size=8,
    ),
    lambda: {
        "hidden_states": noise(1, 4, 8, 8), "encoder_hidden_states": noise(1, 7, 8, seed=2), "timestep": torch.tensor([20]),
    },
)

ALLEGRO = _held(
    "allegro", AllegroTransformer3DModel,
    dict(
        num_attention_heads=2, attention_head_dim=24, in_channels=4, out_channels=4, num_layers=3, cross_attention_dim=16,
        sample_width=8, sample_height=8, sample_frames=8, caption_channels=24,
    ),
    lambda: {
        "hidden_states": noise(1, 4, 2, 8, 8), "encoder_hidden_states": noise(1, 7, 24, seed=2),
        "timestep": torch.tensor([20]),
    },
)

AURA_FLOW = _held(
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

CONSIS_ID = _held(
    "consis-id", ConsisIDTransformer3DModel,
    dict(
        num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=4, time_embed_dim=2, text_embed_dim=8,
        num_layers=2, sample_width=8, sample_height=8, sample_frames=8, patch_size=2, temporal_compression_ratio=4,
        max_text_seq_length=8, cross_attn_interval=1, is_kps=False, is_train_face=False, is_train_lfe=False,
    ),
    lambda: {
        "hidden_states": noise(1, 2, 4, 8, 8), "encoder_hidden_states": noise(1, 8, 8, seed=2),
        "timestep": torch.tensor([20]),
    },
)

LUMINA2 = _held(
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

COGVIEW4 = _held(
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

EASY_ANIMATE = _held(
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

STABLE_AUDIO = _held(
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


class ClipText(CLIPTextModel):
    def forward(self, input_ids):
        return super().forward(input_ids).last_hidden_state


class T5Text(T5EncoderModel):
    def forward(self, input_ids):
        return super().forward(input_ids).last_hidden_state


class Vision(ViTModel):
    def forward(self, pixel_values):
        return super().forward(pixel_values).last_hidden_state


CLIP_TEXT = Family(
    name="clip-text",
    build=lambda: ClipText(CLIPTextConfig(
        vocab_size=99, hidden_size=32, intermediate_size=37, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=16, projection_dim=32, attn_implementation="eager",
    )),
    inputs=lambda: {"input_ids": torch.tensor([[1, 5, 17, 23, 42, 60, 71, 98]])},
    generic=True,
)

T5_TEXT = Family(
    name="t5-text",
    build=lambda: T5Text(T5Config(
        vocab_size=99, d_model=32, d_ff=37, d_kv=8, num_layers=3, num_heads=4, feed_forward_proj="gated-gelu",
        is_encoder_decoder=False, use_cache=False,
    )),
    inputs=lambda: {"input_ids": torch.tensor([[1, 5, 17, 23, 42, 60, 71, 98]])},
    generic=True,
)

VIT = Family(
    name="vit",
    build=lambda: Vision(ViTConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=37, image_size=16, patch_size=4,
        attn_implementation="eager",
    ), add_pooling_layer=False),
    inputs=lambda: {"pixel_values": noise(1, 3, 16, 16)},
    generic=True,
)

HELD_OUT: dict[str, Family] = {
    family.name: family
    for family in (
        PIXART, SANA, ALLEGRO, AURA_FLOW, CONSIS_ID, LUMINA2, COGVIEW4, EASY_ANIMATE, STABLE_AUDIO, CLIP_TEXT, T5_TEXT, VIT,
    )
}
