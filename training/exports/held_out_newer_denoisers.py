"""Denoisers of held_out.py that came with diffusers 0.37 to 0.42, and some older ones that no other file has."""

import torch
from diffusers import (
    AnyFlowFARTransformer3DModel,
    AnyFlowTransformer3DModel,
    BriaFiboTransformer2DModel,
    ConsisIDTransformer3DModel,
    Cosmos3OmniTransformer,
    DreamLiteUNetModel,
    ErnieImageTransformer2DModel,
    Flux3Transformer2DModel,
    GlmImageTransformer2DModel,
    HeliosTransformer3DModel,
    HiDreamImageTransformer2DModel,
    Ideogram4Transformer2DModel,
    JoyImageEditTransformer3DModel,
    Kandinsky6Transformer3DModel,
    Krea2Transformer2DModel,
    LongCatImageTransformer2DModel,
    MiniMaxH3Transformer3DModel,
    MotifVideoTransformer3DModel,
    OmniGenTransformer2DModel,
    OvisImageTransformer2DModel,
    SanaWMTransformer3DModel,
    SparseControlNetModel,
    WanAnimateTransformer3DModel,
    ZImageTransformer2DModel,
)

from family import Family, noise
from held_out_family import held

WAN_LIKE = dict(
    patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=4, text_dim=16,
    freq_dim=16, ffn_dim=32, num_layers=3,
)
FLUX_LIKE = dict(in_channels=4, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
                 joint_attention_dim=16)


def _text(width: int = 16, tokens: int = 7) -> dict[str, torch.Tensor]:
    return {"encoder_hidden_states": noise(1, tokens, width, seed=2)}


def _flow_map() -> dict[str, torch.Tensor]:
    return {
        "hidden_states": noise(1, 2, 4, 4, 6), "timestep": torch.full((1, 2), 500.0),
        "r_timestep": torch.full((1, 2), 250.0), **_text(),
    }


def _places(axes: int, tokens: int, text: int, time: float = 0.0) -> dict[str, torch.Tensor]:
    rows = [[time, float(at // 4), float(at % 4), 0.0][:axes] for at in range(tokens)]
    return {"img_ids": torch.tensor(rows), "txt_ids": torch.zeros(text, axes)}


def _tokens(axes: int) -> dict[str, torch.Tensor]:
    return {
        "hidden_states": noise(1, 12, 4), **_text(), "timestep": torch.tensor([0.5]), **_places(axes, 12, 7),
    }


def _history() -> dict[str, torch.Tensor]:
    one, four = torch.ones(1, 1), torch.ones(1, 4)
    return {
        "hidden_states": noise(1, 4, 2, 16, 16), "timestep": torch.tensor([20]), **_text(),
        "indices_hidden_states": torch.ones(1, 2), "indices_latents_history_short": one,
        "indices_latents_history_mid": one.clone(), "indices_latents_history_long": four,
        "latents_history_short": noise(1, 4, 1, 16, 16, seed=3), "latents_history_mid": noise(1, 4, 1, 16, 16, seed=4),
        "latents_history_long": noise(1, 4, 4, 16, 16, seed=5),
    }


# One packed sequence: 7 tokens of text, 5 of sound, 8 of video.
TEXT, SOUND, FILM = torch.arange(7), torch.arange(7, 12), torch.arange(12, 20)
PACKED = dict(
    timestep_indices=torch.tensor([0] * 7 + [1] * 5 + [0] * 8), token_tags=torch.tensor([1] * 7 + [2] * 5 + [0] * 8),
    position_ids=torch.stack([torch.arange(20.0), torch.arange(20.0) % 4, torch.arange(20.0) % 2], dim=1),
    video_indices=FILM, audio_indices=SOUND, text_indices=TEXT,
)

VIDEO = (
    held("anyflow", AnyFlowTransformer3DModel, dict(**WAN_LIKE, rope_max_seq_len=32), _flow_map),
    held("anyflow-far", AnyFlowFARTransformer3DModel, dict(**WAN_LIKE, rope_max_seq_len=32, compressed_patch_size=(1, 4, 4)),
        _flow_map, fixed={"chunk_partition": [1, 1]}),
    held("motif-video", MotifVideoTransformer3DModel, dict(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=16, num_layers=2, num_single_layers=2,
        num_decoder_layers=1, text_embed_dim=16, rope_axes_dim=(4, 6, 6), enable_text_cross_attention_dual=True,
        enable_text_cross_attention_single=True),
        lambda: {"hidden_states": noise(1, 4, 2, 4, 6), "timestep": torch.tensor([20]), **_text()}),
    held("helios", HeliosTransformer3DModel, dict(**WAN_LIKE, rope_dim=(4, 4, 4)), _history),
    held("wan-animate", WanAnimateTransformer3DModel, dict(
        **{**WAN_LIKE, "in_channels": 12, "num_layers": 4}, latent_channels=4, image_dim=16, rope_max_seq_len=32,
        motion_encoder_channel_sizes={"4": 16, "8": 16, "16": 16}, motion_encoder_size=16, motion_style_dim=8, motion_dim=4,
        motion_encoder_dim=16, face_encoder_hidden_dim=16, face_encoder_num_heads=2, inject_face_latents_blocks=2),
        lambda: {
            "hidden_states": noise(1, 12, 21, 4, 4), "timestep": torch.tensor([20]), **_text(),
            "encoder_hidden_states_image": noise(1, 7, 16, seed=3), "pose_hidden_states": noise(1, 4, 20, 4, 4, seed=4),
            "face_pixel_values": noise(1, 3, 77, 16, 16, seed=5),
        }),
    held("kandinsky-6", Kandinsky6Transformer3DModel, dict(
        in_visual_dim=4, out_visual_dim=4, in_text_dim=12, in_text_dim2=8, time_dim=16, model_dim=32, ff_dim=64,
        num_text_blocks=2, num_visual_blocks=3, axes_dims=(4, 6, 6), visual_cond=False, in_audio_dim=4, out_audio_dim=4,
        text_token_padding=True, ca_rope=True, cross_gates=True, fix_modulation=True),
        lambda: {
            "hidden_states": noise(1, 2, 4, 6, 4), **_text(12), "pooled_projections": noise(1, 8, seed=3),
            "timestep": torch.tensor([20.0]), "audio_hidden_states": noise(1, 5, 4, seed=4),
        }),
    held("minimax-h3", MiniMaxH3Transformer3DModel, dict(
        num_attention_heads=2, attention_head_dim=16, hidden_size=24, num_layers=3, num_refiner_layers=2, ffn_dim=32,
        in_channels=4, audio_in_channels=6, text_dim=8, freq_dim=8, time_embed_hidden_dim=24, time_embed_dim=16,
        rope_freq_dim=2),
        lambda: {
            "hidden_states": noise(1, 8, 16), "audio_hidden_states": noise(1, 5, 6, seed=3), **_text(8),
            "timestep": torch.tensor([0.7, 0.3]),
        },
        fixed=PACKED),
    held("sana-wm", SanaWMTransformer3DModel, dict(
        in_channels=4, num_layers=3, hidden_size=32, num_attention_heads=2, softmax_every_n=2, linear_head_dim=16,
        caption_channels=8, use_chunk_plucker_post_attn=False),
        lambda: {
            "hidden_states": noise(1, 4, 3, 4, 6), "timestep": torch.full((1, 1, 3), 20.0),
            "encoder_hidden_states": noise(1, 1, 7, 8, seed=2), "encoder_attention_mask": torch.ones(1, 7),
        }),
    held("consis-id-face", ConsisIDTransformer3DModel, dict(
        num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=4, time_embed_dim=2, text_embed_dim=8,
        num_layers=2, sample_width=8, sample_height=8, sample_frames=8, patch_size=2, temporal_compression_ratio=4,
        max_text_seq_length=8, cross_attn_interval=1, is_kps=False, is_train_face=True, cross_attn_dim_head=8,
        cross_attn_num_heads=2, LFE_id_dim=4, LFE_vit_dim=4, LFE_depth=5, LFE_dim_head=8, LFE_num_heads=2,
        LFE_num_id_token=1, LFE_num_querie=3, LFE_output_dim=21, LFE_ff_mult=2, LFE_num_scale=1),
        lambda: {
            "hidden_states": noise(1, 2, 4, 8, 8), **_text(8, 8), "timestep": torch.tensor([20]),
            "id_cond": noise(1, 4, seed=3), "id_vit_hidden": noise(1, 5, 4, seed=4),
        },
        arrange=lambda given: {**given, "id_vit_hidden": [given["id_vit_hidden"]]}),
    held("cosmos-3", Cosmos3OmniTransformer, dict(
        head_dim=8, hidden_size=16, intermediate_size=24, latent_channel=2, latent_patch_size=1, num_attention_heads=2,
        num_hidden_layers=3, num_key_value_heads=1, patch_latent_dim=2, rope_axes_dim=[2, 1, 1], vocab_size=32),
        lambda: {
            "input_ids": torch.tensor([1, 2, 5]), "vision_tokens": noise(1, 2, 1, 2, 3), "vision_timesteps": torch.ones(6),
        },
        fixed=dict(
            text_indexes=torch.arange(3), position_ids=torch.arange(9).expand(3, 9), und_len=3, sequence_length=9,
            vision_token_shapes=[(1, 2, 3)], vision_sequence_indexes=torch.arange(3, 9),
            vision_mse_loss_indexes=torch.arange(3, 9), vision_noisy_frame_indexes=[torch.tensor([0])]),
        first=lambda result: result[0][0],
        arrange=lambda given: {**given, "vision_tokens": [given["vision_tokens"]]}),
    held("sparse-control", SparseControlNetModel, dict(
        block_out_channels=(8, 16), norm_num_groups=4, cross_attention_dim=16, attention_head_dim=4,
        down_block_types=("CrossAttnDownBlockMotion", "DownBlockMotion"), motion_num_attention_heads=2,
        conditioning_embedding_out_channels=(4, 8)),
        lambda: {
            "sample": noise(1, 4, 2, 8, 8), "timestep": torch.tensor([20]), "encoder_hidden_states": noise(2, 7, 16, seed=2),
            "controlnet_cond": noise(1, 4, 2, 8, 8, seed=3), "conditioning_mask": noise(1, 1, 2, 8, 8, seed=4),
        },
        first=lambda result: result[1]),
)

PICTURES = (
    held("z-image", ZImageTransformer2DModel, dict(
        in_channels=4, dim=32, n_layers=3, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=16,
        axes_dims=[8, 4, 4], axes_lens=[64, 32, 32]),
        lambda: {"x": noise(4, 1, 4, 6), "t": torch.tensor([0.5]), "cap_feats": noise(7, 16, seed=2)},
        first=lambda result: result[0][0],
        arrange=lambda given: {**given, "x": [given["x"]], "cap_feats": [given["cap_feats"]]}),
    held("omnigen", OmniGenTransformer2DModel, dict(
        hidden_size=16, num_attention_heads=4, num_key_value_heads=4, intermediate_size=32, num_layers=3, pad_token_id=0,
        vocab_size=100, in_channels=4, time_step_dim=4, rope_scaling={"long_factor": [1, 2], "short_factor": [1, 2]}),
        lambda: {
            "hidden_states": noise(1, 4, 8, 8), "timestep": torch.tensor([0.5]), "input_ids": torch.arange(7)[None],
            "attention_mask": torch.ones(1, 24, 24), "position_ids": torch.arange(24)[None],
        },
        fixed={"input_img_latents": [], "input_image_sizes": {}}),
    held("hidream", HiDreamImageTransformer2DModel, dict(
        patch_size=2, in_channels=4, out_channels=4, num_layers=2, num_single_layers=2, attention_head_dim=8,
        num_attention_heads=4, caption_channels=[8, 4], text_emb_dim=8, num_routed_experts=2, num_activated_experts=2,
        axes_dims_rope=(4, 2, 2), max_resolution=(8, 8), llama_layers=(0, 1, 0, 1), force_inference_output=True),
        lambda: {
            "hidden_states": noise(1, 4, 8, 8), "timesteps": torch.tensor([20]),
            "encoder_hidden_states_t5": noise(1, 7, 8, seed=2), "encoder_hidden_states_llama3": noise(2, 1, 7, 4, seed=3),
            "pooled_embeds": noise(1, 8, seed=4),
        }),
    held("longcat-image", LongCatImageTransformer2DModel, dict(
        **FLUX_LIKE, pooled_projection_dim=16, axes_dims_rope=[4, 4, 8]), lambda: _tokens(3)),
    held("ovis-image", OvisImageTransformer2DModel, dict(**FLUX_LIKE, out_channels=4, axes_dims_rope=(4, 4, 8)),
        lambda: _tokens(3)),
    held("krea-2", Krea2Transformer2DModel, dict(
        in_channels=4, num_layers=3, attention_head_dim=8, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=32, timestep_embed_dim=8, text_hidden_dim=16, num_text_layers=3, text_num_attention_heads=2,
        text_num_key_value_heads=1, text_intermediate_size=16, num_layerwise_text_blocks=1, num_refiner_text_blocks=1,
        axes_dims_rope=(4, 2, 2)),
        lambda: {
            "hidden_states": noise(1, 12, 4), "encoder_hidden_states": noise(1, 7, 3, 16, seed=2),
            "timestep": torch.tensor([0.5]),
            "position_ids": torch.cat([torch.zeros(7, 3), _places(3, 12, 7)["img_ids"]]),
        }),
    held("flux-3", Flux3Transformer2DModel, dict(
        **FLUX_LIKE, cond_in_channels=4, timestep_channels=16, axes_dims_rope=(4, 4, 4, 4)),
        lambda: {
            **_tokens(4), "image_cond_hidden_states": noise(1, 8, 4, seed=3),
            "image_cond_ids": _places(4, 8, 0, 1.0)["img_ids"],
        }),
    held("ernie-image", ErnieImageTransformer2DModel, dict(
        hidden_size=32, num_attention_heads=2, num_layers=3, ffn_hidden_size=48, in_channels=4, out_channels=4,
        text_in_dim=16, rope_axes_dim=(8, 4, 4)),
        lambda: {
            "hidden_states": noise(1, 4, 4, 6), "timestep": torch.tensor([1.0]), "text_bth": noise(1, 7, 16, seed=2),
            "text_lens": torch.tensor([7]),
        }),
    held("glm-image", GlmImageTransformer2DModel, dict(
        in_channels=4, out_channels=4, num_layers=3, attention_head_dim=8, num_attention_heads=2, text_embed_dim=32,
        time_embed_dim=16, condition_dim=8, prior_vq_quantizer_codebook_size=64),
        lambda: {
            "hidden_states": noise(1, 4, 8, 8), **_text(32), "prior_token_id": torch.tensor([[5]]),
            "prior_token_drop": torch.zeros(1, dtype=torch.bool), "timestep": torch.tensor([20]),
            "target_size": torch.tensor([[8.0, 8.0]]), "crop_coords": torch.tensor([[0.0, 0.0]]),
        }),
    held("ideogram-4", Ideogram4Transformer2DModel, dict(
        in_channels=16, num_layers=3, attention_head_dim=8, num_attention_heads=4, intermediate_size=32, adaln_dim=16,
        llm_features_dim=24, rope_theta=10000, mrope_section=(2, 1, 1)),
        lambda: {
            "hidden_states": noise(1, 8, 16), "timestep": torch.tensor([0.5]), **_text(24, 8),
            "position_ids": torch.tensor([[[at] * 3 for at in range(4)] + [[65536, 65536 + y, 65536 + x] for y in (0, 1)
                                                                           for x in (0, 1)]]),
            "segment_ids": torch.ones(1, 8, dtype=torch.int64), "indicator": torch.tensor([[3] * 4 + [2] * 4]),
        }),
    held("bria-fibo", BriaFiboTransformer2DModel, dict(
        **{**FLUX_LIKE, "joint_attention_dim": 16}, text_encoder_dim=8, axes_dims_rope=[4, 4, 8]),
        lambda: {
            **_tokens(3), "text_encoder_layers": noise(4, 1, 7, 8, seed=3),
        },
        arrange=lambda given: {**given, "text_encoder_layers": list(given["text_encoder_layers"])}),
    held("joy-image", JoyImageEditTransformer3DModel, dict(
        in_channels=4, hidden_size=32, num_attention_heads=2, text_dim=16, num_layers=3, rope_dim_list=[4, 6, 6]),
        lambda: {"hidden_states": noise(1, 4, 1, 4, 6), "timestep": torch.tensor([1.0]), **_text()}),
    held("dream-lite", DreamLiteUNetModel, dict(
        block_out_channels=(8, 16), norm_num_groups=4, cross_attention_dim=16, attention_head_dim=4,
        down_block_types=("DreamLiteCrossAttnNoSelfAttnDownBlock2D", "DreamLiteCrossAttnDownBlock2D"),
        up_block_types=("DreamLiteCrossAttnUpBlock2D", "DreamLiteCrossAttnNoSelfAttnUpBlock2D"), ff_mult=2),
        lambda: {"sample": noise(1, 4, 8, 16), "timestep": torch.tensor([20]), **_text()}, is_unet=True),
)

NEWER_HELD_OUT: tuple[Family, ...] = (*VIDEO, *PICTURES)
