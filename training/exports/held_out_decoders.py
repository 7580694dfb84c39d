"""Decoders of held_out.py: autoencoders of pictures, clips and sound that no rule of discovery was made on."""

from diffusers import (
    AsymmetricAutoencoderKL,
    AutoencoderDC,
    AutoencoderKLAllegro,
    AutoencoderKLCosmos,
    AutoencoderKLFlux2,
    AutoencoderKLHunyuanImage,
    AutoencoderKLHunyuanImageRefiner,
    AutoencoderKLHunyuanVideo15,
    AutoencoderKLKVAEVideo,
    AutoencoderKLLTX2Video,
    AutoencoderKLMagvit,
    AutoencoderKLMiniMaxH3,
    AutoencoderKLMochi,
    AutoencoderKLQwenImage,
    AutoencoderKLQwenImage21,
    AutoencoderOobleck,
    AutoencoderRAE,
    AutoencoderTiny,
    AutoencoderVidTok,
    VQModel,
)

from family import Family, noise
from held_out_family import held_decoder

PAIR = dict(down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)


def _latent(*shape: int):
    return lambda: {"latent_sample": noise(*shape)}


HELD_OUT_DECODERS: tuple[Family, ...] = (
    held_decoder("decoder-mochi", AutoencoderKLMochi, dict(
        latent_channels=4, encoder_block_out_channels=(32,) * 4, decoder_block_out_channels=(32,) * 4,
        layers_per_block=(1,) * 5, latents_mean=(0.0,) * 4, latents_std=(1.0,) * 4), _latent(1, 4, 2, 2, 3)),
    held_decoder("decoder-allegro", AutoencoderKLAllegro, dict(
        block_out_channels=(8,) * 4, latent_channels=4, layers_per_block=1, norm_num_groups=2, sample_size=16),
        _latent(1, 4, 2, 2, 3), lambda self, z: self.decoder(self.post_quant_conv(z.permute(0, 2, 1, 3, 4).flatten(0, 1))
                                                             .unflatten(0, (1, -1)).permute(0, 2, 1, 3, 4))),
    held_decoder("decoder-cosmos", AutoencoderKLCosmos, dict(
        latent_channels=4, encoder_block_out_channels=(8,) * 4, decode_block_out_channels=(8, 8, 8, 8),
        attention_resolutions=(8,), resolution=64, num_layers=2, patch_size=4, spatial_compression_ratio=4,
        temporal_compression_ratio=4), _latent(1, 4, 2, 3, 4)),
    held_decoder("decoder-magvit", AutoencoderKLMagvit, dict(
        latent_channels=4, block_out_channels=(8,) * 4, layers_per_block=1, norm_num_groups=4), _latent(1, 4, 2, 2, 3)),
    held_decoder("decoder-dc", AutoencoderDC, dict(
        latent_channels=4, attention_head_dim=2, encoder_block_types=("ResBlock", "EfficientViTBlock"),
        decoder_block_types=("ResBlock", "EfficientViTBlock"), encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8), encoder_layers_per_block=(2, 2), decoder_layers_per_block=(2, 2),
        encoder_qkv_multiscales=((), (5,)), decoder_qkv_multiscales=((), (5,))), _latent(1, 4, 4, 6)),
    held_decoder("decoder-oobleck", AutoencoderOobleck, dict(
        encoder_hidden_size=12, decoder_channels=12, decoder_input_channels=6, downsampling_ratios=[2, 4],
        channel_multiples=[1, 2]), _latent(1, 6, 8)),
    held_decoder("decoder-tiny", AutoencoderTiny, dict(
        encoder_block_out_channels=(16, 16), decoder_block_out_channels=(16, 16), num_encoder_blocks=(1, 2),
        num_decoder_blocks=(2, 2)), _latent(1, 4, 4, 6)),
    held_decoder("decoder-vq", VQModel, dict(
        block_out_channels=(8, 16), latent_channels=3, norm_num_groups=4, layers_per_block=1, **PAIR), _latent(1, 3, 4, 6),
        lambda self, z: self.decode(z, force_not_quantize=True, return_dict=False)[0]),
    held_decoder("decoder-asymmetric", AsymmetricAutoencoderKL, dict(
        down_block_out_channels=(8, 16), up_block_out_channels=(8, 16), layers_per_down_block=1, layers_per_up_block=1,
        norm_num_groups=4, **PAIR), _latent(1, 4, 4, 6)),
    held_decoder("decoder-hunyuan-image", AutoencoderKLHunyuanImage, dict(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(32, 64, 64, 64), layers_per_block=1,
        spatial_compression_ratio=8, sample_size=16), _latent(1, 4, 2, 3)),
    held_decoder("decoder-hunyuan-1.5", AutoencoderKLHunyuanVideo15, dict(
        latent_channels=4, block_out_channels=(16, 16, 16, 16, 16), layers_per_block=1), _latent(1, 4, 2, 2, 2)),
    held_decoder("decoder-qwen-image", AutoencoderKLQwenImage, dict(
        base_dim=8, z_dim=4, dim_mult=[1, 2, 2], num_res_blocks=1, temperal_downsample=[False, True],
        latents_mean=[0.0] * 4, latents_std=[1.0] * 4), _latent(1, 4, 1, 3, 4)),
    held_decoder("decoder-ltx-2", AutoencoderKLLTX2Video, dict(
        latent_channels=8, block_out_channels=(8,) * 4, decoder_block_out_channels=(8, 8, 8), layers_per_block=(1,) * 5,
        decoder_layers_per_block=(2, 1, 1, 1), patch_size=1, decoder_causal=False), _latent(1, 8, 2, 3, 4)),
    held_decoder("decoder-flux-2", AutoencoderKLFlux2, dict(
        block_out_channels=(8, 16), latent_channels=4, norm_num_groups=4, layers_per_block=1, **PAIR), _latent(1, 4, 4, 6)),
    held_decoder("decoder-minimax-h3", AutoencoderKLMiniMaxH3, dict(
        latent_channels=4, block_out_channels=(8, 16), layers_per_block=1, spatial_downsample_factors=(2, 2),
        temporal_downsample_factors=(2, 2), norm_num_groups=8, decoder_num_layers=3, decoder_num_attention_heads=2,
        decoder_attention_head_dim=8, decoder_num_register_tokens=2, decoder_ffn_mult=2, latents_mean=(0.0,) * 4,
        latents_std=(1.0,) * 4), _latent(1, 4, 7, 2, 3)),
    held_decoder("decoder-kvae-video", AutoencoderKLKVAEVideo, dict(
        ch=32, ch_mult=(1, 2), num_res_blocks=1, z_channels=4, temporal_compress_times=2), _latent(1, 4, 2, 4, 6)),
    held_decoder("decoder-vidtok", AutoencoderVidTok, dict(
        ch=32, ch_mult=[1, 2, 2], z_channels=4, num_res_blocks=1), _latent(1, 4, 2, 3, 4),
        lambda self, z: self.decode(z)),
    held_decoder("decoder-qwen-image-2.1", AutoencoderKLQwenImage21, dict(
        base_dim=8, decoder_base_dim=8, z_dim=4, dim_mult=[1, 2, 2], num_res_blocks=1, temperal_downsample=[False, True],
        latents_mean=[0.0] * 4, latents_std=[1.0] * 4), _latent(1, 4, 1, 3, 4)),
    held_decoder("decoder-rae", AutoencoderRAE, dict(
        encoder_hidden_size=64, encoder_num_hidden_layers=1, encoder_patch_size=14, encoder_input_size=56, patch_size=4,
        image_size=16, decoder_hidden_size=32, decoder_num_hidden_layers=3, decoder_num_attention_heads=4,
        decoder_intermediate_size=64), _latent(1, 64, 4, 4)),
    held_decoder("decoder-hunyuan-refiner", AutoencoderKLHunyuanImageRefiner, dict(
        latent_channels=4, block_out_channels=(16, 16, 32), layers_per_block=1, spatial_compression_ratio=4,
        temporal_compression_ratio=2), _latent(1, 4, 2, 3, 4)),
)
