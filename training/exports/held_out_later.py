"""Families of held_out.py that were taken last: control networks, sound, upscalers, U-Nets of other blocks, picture decoders."""

import torch
from diffusers import (
    AceStepTransformer1DModel,
    AutoencoderKLKVAE,
    AutoencoderKLLTX2Audio,
    FluxControlNetModel,
    HunyuanDiT2DControlNetModel,
    Kandinsky6SRTransformer3DModel,
    LongCatAudioDiTTransformer,
    NucleusMoEImageTransformer2DModel,
    SanaControlNetModel,
    SD3ControlNetModel,
    UNet2DConditionModel,
    UNet2DModel,
    UNetControlNetXSModel,
)

from family import Family, noise
from held_out_family import held, held_decoder


def _text(width: int = 16, tokens: int = 7) -> dict[str, torch.Tensor]:
    return {"encoder_hidden_states": noise(1, tokens, width, seed=2)}


LATER_HELD_OUT: tuple[Family, ...] = (
    held("longcat-audio", LongCatAudioDiTTransformer, dict(
        dit_dim=32, dit_depth=3, dit_heads=2, dit_text_dim=16, latent_dim=8, text_conv=False),
        lambda: {
            "hidden_states": noise(1, 12, 8), **_text(), "encoder_attention_mask": torch.ones(1, 7, dtype=torch.bool),
            "timestep": torch.tensor([0.5]), "attention_mask": torch.ones(1, 12, dtype=torch.bool),
            "latent_cond": noise(1, 12, 8, seed=3),
        }),
    held("ace-step", AceStepTransformer1DModel, dict(
        hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
        in_channels=24, audio_acoustic_hidden_dim=8, sliding_window=8),
        lambda: {
            "hidden_states": noise(1, 8, 8), "timestep": torch.tensor([0.5]), "timestep_r": torch.tensor([0.25]),
            **_text(32), "context_latents": noise(1, 8, 16, seed=3),
        }),
    held("kandinsky-6-sr", Kandinsky6SRTransformer3DModel, dict(
        in_visual_dim=4, out_visual_dim=4, time_dim=16, model_dim=32, ff_dim=64, num_visual_blocks=3, axes_dims=(4, 6, 6)),
        lambda: {"hidden_states": noise(1, 2, 8, 8, 9), "timestep": torch.tensor([20.0])}),
    held("sd3-control", SD3ControlNetModel, dict(
        sample_size=8, in_channels=4, out_channels=4, num_layers=3, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=16, caption_projection_dim=16, pooled_projection_dim=8, pos_embed_max_size=8),
        lambda: {
            "hidden_states": noise(1, 4, 8, 8), "controlnet_cond": noise(1, 4, 8, 8, seed=3), **_text(),
            "pooled_projections": noise(1, 8, seed=4), "timestep": torch.tensor([20]),
        },
        first=lambda result: result[0][-1]),
    held("flux-control", FluxControlNetModel, dict(
        in_channels=4, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=16, pooled_projection_dim=8, axes_dims_rope=[4, 4, 8]),
        lambda: {
            "hidden_states": noise(1, 12, 4), "controlnet_cond": noise(1, 12, 4, seed=3), **_text(),
            "pooled_projections": noise(1, 8, seed=4), "timestep": torch.tensor([0.5]),
            "img_ids": torch.tensor([[0.0, float(y), float(x)] for y in range(3) for x in range(4)]),
            "txt_ids": torch.zeros(7, 3),
        },
        first=lambda result: result[1][-1]),
    held("sana-control", SanaControlNetModel, dict(
        in_channels=4, out_channels=4, num_layers=3, attention_head_dim=4, num_attention_heads=2,
        num_cross_attention_heads=2, cross_attention_head_dim=4, cross_attention_dim=8, caption_channels=8, sample_size=8),
        lambda: {
            "hidden_states": noise(1, 4, 8, 8), **_text(8), "timestep": torch.tensor([20]),
            "controlnet_cond": noise(1, 4, 8, 8, seed=3),
        },
        first=lambda result: result[0][-1]),
    held("hunyuan-dit-control", HunyuanDiT2DControlNetModel, dict(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, patch_size=2, sample_size=8, hidden_size=16,
        transformer_num_layers=6, cross_attention_dim=8, cross_attention_dim_t5=8, pooled_projection_dim=4, text_len=4,
        text_len_t5=4, use_style_cond_and_image_meta_size=False),
        lambda: {
            "hidden_states": noise(1, 4, 8, 8), "timestep": torch.tensor([20.0]),
            "controlnet_cond": noise(1, 4, 8, 8, seed=5), "encoder_hidden_states": noise(1, 4, 8, seed=2),
            "text_embedding_mask": torch.ones(1, 4), "encoder_hidden_states_t5": noise(1, 4, 8, seed=3),
            "text_embedding_mask_t5": torch.ones(1, 4),
        },
        fixed={"image_rotary_emb": (torch.ones(16, 8) * 0.8, torch.ones(16, 8) * 0.6)},
        first=lambda result: result[0][-1]),
    held("nucleus-image", NucleusMoEImageTransformer2DModel, dict(
        in_channels=4, out_channels=1, num_layers=3, attention_head_dim=32, num_attention_heads=2, num_key_value_heads=2,
        joint_attention_dim=16, axes_dims_rope=(8, 12, 12), moe_enabled=False),
        lambda: {"hidden_states": noise(1, 12, 4), **_text(), "timestep": torch.tensor([0.5])},
        fixed={"img_shapes": [[(1, 3, 4)]]}),
    held("deep-floyd", UNet2DConditionModel, dict(
        block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=2, cross_attention_dim=16, attention_head_dim=4,
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn", resnet_time_scale_shift="scale_shift"),
        lambda: {"sample": noise(1, 4, 8, 16), "timestep": torch.tensor([20]), **_text()}, is_unet=True),
    held("unet-2d-resampling", UNet2DModel, dict(
        in_channels=4, out_channels=4, block_out_channels=(8, 16, 16), norm_num_groups=4, attention_head_dim=4,
        down_block_types=("ResnetDownsampleBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"),
        up_block_types=("ResnetUpsampleBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D")),
        lambda: {"sample": noise(1, 4, 8, 16), "timestep": torch.tensor([20])}, is_unet=True),
    held("controlnet-xs", UNetControlNetXSModel, dict(
        sample_size=16, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), block_out_channels=(8, 16), norm_num_groups=4,
        cross_attention_dim=16, num_attention_heads=2, ctrl_conditioning_embedding_out_channels=(2, 2),
        ctrl_block_out_channels=(4, 8), ctrl_num_attention_heads=2, ctrl_max_norm_num_groups=4, upcast_attention=False),
        lambda: {
            "sample": noise(1, 4, 8, 16), "timestep": torch.tensor([20]), **_text(),
            "controlnet_cond": noise(1, 3, 16, 32, seed=3),
        },
        is_unet=True),
    held_decoder("decoder-kvae", AutoencoderKLKVAE, dict(
        channels=32, num_enc_blocks=1, num_dec_blocks=1, z_channels=4, ch_mult=(1, 2)),
        lambda: {"latent_sample": noise(1, 4, 4, 6)}),
    held_decoder("decoder-ltx-2-audio", AutoencoderKLLTX2Audio, dict(
        base_channels=8, ch_mult=(1, 2), num_res_blocks=1, resolution=32, latent_channels=4, mel_bins=16),
        lambda: {"latent_sample": noise(1, 4, 4, 8)}),
)
