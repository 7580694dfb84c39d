"""Further denoisers of held_out.py: U-Nets of pictures, clips and sound, and transformers of the years after."""

import torch
from diffusers import (
    AudioLDM2UNet2DConditionModel,
    BriaTransformer2DModel,
    ChromaTransformer2DModel,
    ChronoEditTransformer3DModel,
    CogView3PlusTransformer2DModel,
    ControlNetModel,
    CosmosTransformer3DModel,
    DiTTransformer2DModel,
    Flux2Transformer2DModel,
    HunyuanDiT2DModel,
    HunyuanImageTransformer2DModel,
    HunyuanVideoFramepackTransformer3DModel,
    I2VGenXLUNet,
    Kandinsky3UNet,
    Kandinsky5Transformer3DModel,
    LTX2VideoTransformer3DModel,
    PriorTransformer,
    PRXTransformer2DModel,
    QwenImageTransformer2DModel,
    SanaVideoTransformer3DModel,
    SkyReelsV2Transformer3DModel,
    StableCascadeUNet,
    UNet1DModel,
    UNet2DModel,
)

from family import Family, noise
from held_out_family import held

WAN_LIKE = dict(
    patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=4, text_dim=16,
    freq_dim=16, ffn_dim=32, num_layers=3, rope_max_seq_len=16,
)


def _video(channels: int = 4, text: int = 16, frames: int = 2) -> dict[str, torch.Tensor]:
    return {
        "hidden_states": noise(1, channels, frames, 4, 6), "timestep": torch.tensor([20]),
        "encoder_hidden_states": noise(1, 7, text, seed=2),
    }


def _picture(text: int) -> dict[str, torch.Tensor]:
    return {
        "hidden_states": noise(1, 4, 8, 8), "encoder_hidden_states": noise(1, 7, text, seed=2),
        "timestep": torch.tensor([20]),
    }


def _patches(axes: int, scale: float = 0.5) -> dict[str, torch.Tensor]:
    """Tokens of a picture with their places, as Flux and its kind take them."""
    places = [[0.0, float(y), float(x), 0.0][:axes] for y in range(3) for x in range(4)]
    return {
        "hidden_states": noise(1, 12, 4), "encoder_hidden_states": noise(1, 7, 16, seed=2),
        "timestep": torch.tensor([scale]), "img_ids": torch.tensor(places), "txt_ids": torch.zeros(7, axes),
    }


def _unet(text: int) -> dict[str, torch.Tensor]:
    return {
        "sample": noise(1, 4, 8, 16), "timestep": torch.tensor([20]), "encoder_hidden_states": noise(1, 7, text, seed=2),
    }


U_NETS = (
    held("unet-2d", UNet2DModel, dict(
        in_channels=4, out_channels=4, block_out_channels=(8, 16, 16), norm_num_groups=4, attention_head_dim=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D")),
        lambda: {"sample": noise(1, 4, 8, 16), "timestep": torch.tensor([20])}, is_unet=True),
    held("unet-1d", UNet1DModel, dict(sample_size=64, extra_in_channels=16),
        lambda: {"sample": noise(1, 2, 64), "timestep": torch.tensor([20])}),
    held("i2vgen-xl", I2VGenXLUNet, dict(
        block_out_channels=(8, 16), norm_num_groups=4, down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"), cross_attention_dim=16, attention_head_dim=4),
        lambda: {
            "sample": noise(1, 4, 2, 32, 32), "timestep": torch.tensor([20]), "fps": torch.tensor([8]),
            "image_latents": noise(1, 4, 2, 32, 32, seed=3), "image_embeddings": noise(1, 16, seed=4),
            "encoder_hidden_states": noise(1, 7, 16, seed=2),
        }, is_unet=True),
    held("audioldm-2", AudioLDM2UNet2DConditionModel, dict(
        block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=(16, 16), attention_head_dim=4), lambda: _unet(16), is_unet=True),
    held("kandinsky-3", Kandinsky3UNet, dict(
        time_embedding_dim=4, groups=2, attention_head_dim=4, layers_per_block=3, block_out_channels=(8, 16),
        cross_attention_dim=4, encoder_hid_dim=8),
        lambda: {**_unet(8), "encoder_attention_mask": torch.ones(1, 7)}, is_unet=True),
    held("stable-cascade", StableCascadeUNet, dict(
        conditioning_dim=16, block_out_channels=(16, 16), num_attention_heads=(2, 2), down_num_layers_per_block=(2, 2),
        up_num_layers_per_block=(2, 2), clip_text_in_channels=16, clip_text_pooled_in_channels=16,
        clip_image_in_channels=16, switch_level=(False,)),
        lambda: {
            "sample": noise(1, 16, 4, 6), "timestep_ratio": torch.tensor([0.5]), "clip_text_pooled": noise(1, 1, 16, seed=2),
            "clip_text": noise(1, 7, 16, seed=3), "clip_img": noise(1, 1, 16, seed=4),
        }),
    held("controlnet", ControlNetModel, dict(
        block_out_channels=(8, 16, 16), norm_num_groups=4, cross_attention_dim=16, attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        conditioning_embedding_out_channels=(4, 8)),
        lambda: {**_unet(16), "controlnet_cond": noise(1, 3, 16, 32, seed=3)}, first=lambda result: result[1]),
)

VIDEO = (
    held("skyreels-2", SkyReelsV2Transformer3DModel, dict(**WAN_LIKE), _video),
    held("chrono-edit", ChronoEditTransformer3DModel, dict(**WAN_LIKE), _video),
    held("cosmos", CosmosTransformer3DModel, dict(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=12, num_layers=3, mlp_ratio=2,
        text_embed_dim=16, adaln_lora_dim=4, max_size=(4, 32, 32), concat_padding_mask=False), _video, fixed={"fps": 30}),
    held("kandinsky-5", Kandinsky5Transformer3DModel, dict(
        in_text_dim=12, in_text_dim2=8, time_dim=16, model_dim=32, ff_dim=64, num_text_blocks=2, num_visual_blocks=3,
        axes_dims=(4, 6, 6)),
        lambda: {
            "hidden_states": noise(1, 2, 4, 6, 4), "encoder_hidden_states": noise(1, 7, 12, seed=2),
            "timestep": torch.tensor([20.0]), "pooled_projections": noise(1, 8, seed=3),
        },
        fixed={"visual_rope_pos": [torch.arange(2), torch.arange(2), torch.arange(3)], "text_rope_pos": torch.arange(7)}),
    held("sana-video", SanaVideoTransformer3DModel, dict(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=12, num_layers=3,
        num_cross_attention_heads=2, cross_attention_head_dim=12, cross_attention_dim=24, caption_channels=16,
        rope_max_seq_len=16), _video),
    held("framepack", HunyuanVideoFramepackTransformer3DModel, dict(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=16, num_layers=2, num_single_layers=2,
        num_refiner_layers=1, text_embed_dim=16, pooled_projection_dim=8, rope_axes_dim=(4, 6, 6), has_image_proj=True,
        image_proj_dim=12),
        lambda: {
            **_video(), "encoder_attention_mask": torch.ones(1, 7, dtype=torch.int64),
            "pooled_projections": noise(1, 8, seed=3), "image_embeds": noise(1, 3, 12, seed=4),
            "indices_latents": torch.arange(2), "guidance": torch.tensor([60.0]),
        }),
    held("ltx-2", LTX2VideoTransformer3DModel, dict(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=8, cross_attention_dim=16,
        audio_in_channels=4, audio_out_channels=4, audio_num_attention_heads=2, audio_attention_head_dim=4,
        audio_cross_attention_dim=8, num_layers=2, caption_channels=16, rope_double_precision=False),
        lambda: {
            "hidden_states": noise(1, 24, 4), "audio_hidden_states": noise(1, 9, 4, seed=5),
            "encoder_hidden_states": noise(1, 7, 16, seed=2), "audio_encoder_hidden_states": noise(1, 7, 16, seed=3),
            "timestep": torch.tensor([[20.0]]),
        },
        fixed={"num_frames": 2, "height": 3, "width": 4, "audio_num_frames": 9, "fps": 25.0}),
)

PICTURES = (
    held("hunyuan-dit", HunyuanDiT2DModel, dict(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, patch_size=2, sample_size=8, hidden_size=16,
        num_layers=4, cross_attention_dim=8, cross_attention_dim_t5=8, pooled_projection_dim=4, text_len=4, text_len_t5=4),
        lambda: {
            "hidden_states": noise(1, 4, 8, 8), "timestep": torch.tensor([20.0]),
            "encoder_hidden_states": noise(1, 4, 8, seed=2), "text_embedding_mask": torch.ones(1, 4),
            "encoder_hidden_states_t5": noise(1, 4, 8, seed=3), "text_embedding_mask_t5": torch.ones(1, 4),
            "image_meta_size": torch.tensor([[8.0, 8.0, 8.0, 8.0, 0.0, 0.0]]), "style": torch.zeros(1, dtype=torch.int64),
        },
        fixed={"image_rotary_emb": (torch.ones(16, 8) * 0.8, torch.ones(16, 8) * 0.6)}),
    held("dit", DiTTransformer2DModel, dict(
        sample_size=8, num_layers=3, attention_head_dim=8, num_attention_heads=3, in_channels=4, out_channels=8),
        lambda: {
            "hidden_states": noise(1, 4, 8, 8), "timestep": torch.tensor([20]), "class_labels": torch.tensor([3]),
        }),
    held("chroma", ChromaTransformer2DModel, dict(
        in_channels=4, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=16, axes_dims_rope=(4, 4, 8), approximator_num_channels=8, approximator_hidden_dim=16,
        approximator_layers=2), lambda: _patches(3)),
    held("bria", BriaTransformer2DModel, dict(
        in_channels=4, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=16, axes_dims_rope=[4, 4, 8]), lambda: _patches(3)),
    held("flux-2", Flux2Transformer2DModel, dict(
        in_channels=4, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=16, timestep_guidance_channels=16, axes_dims_rope=(4, 4, 4, 4)),
        lambda: {**_patches(4), "guidance": torch.tensor([3.5])}),
    held("qwen-image", QwenImageTransformer2DModel, dict(
        in_channels=4, out_channels=1, num_layers=3, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=16,
        axes_dims_rope=(4, 6, 6)),
        lambda: {
            "hidden_states": noise(1, 12, 4), "encoder_hidden_states": noise(1, 7, 16, seed=2),
            "timestep": torch.tensor([0.5]),
        },
        fixed={"img_shapes": [[(1, 3, 4)]]}),
    held("cogview3-plus", CogView3PlusTransformer2DModel, dict(
        in_channels=4, num_layers=3, attention_head_dim=4, num_attention_heads=4, out_channels=4, text_embed_dim=8,
        time_embed_dim=8, condition_dim=4, pos_embed_max_size=8, sample_size=8),
        lambda: {
            **_picture(8), "original_size": torch.tensor([[20.0, 20.0]]), "target_size": torch.tensor([[20.0, 20.0]]),
            "crop_coords": torch.tensor([[0.0, 0.0]]),
        }),
    held("hunyuan-image", HunyuanImageTransformer2DModel, dict(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=16, num_layers=2, num_single_layers=2,
        num_refiner_layers=1, text_embed_dim=16, rope_axes_dim=(8, 8)),
        lambda: {
            "hidden_states": noise(1, 4, 3, 4), "timestep": torch.tensor([20.0]),
            "encoder_hidden_states": noise(1, 7, 16, seed=2), "encoder_attention_mask": torch.ones(1, 7, dtype=torch.int64),
        }),
    held("prx", PRXTransformer2DModel, dict(
        in_channels=4, context_in_dim=8, hidden_size=32, mlp_ratio=2.0, num_heads=2, depth=3, axes_dim=[8, 8]),
        lambda: {**_picture(8), "timestep": torch.tensor([0.5])}),
    held("prior", PriorTransformer, dict(
        num_attention_heads=2, attention_head_dim=8, num_layers=3, embedding_dim=16, num_embeddings=7),
        lambda: {
            "hidden_states": noise(1, 16), "timestep": torch.tensor([2]), "proj_embedding": noise(1, 16, seed=3),
            "encoder_hidden_states": noise(1, 7, 16, seed=2),
        }),
)

FURTHER_HELD_OUT: tuple[Family, ...] = (*VIDEO, *PICTURES, *U_NETS)
