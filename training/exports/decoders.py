"""VAE decoders, as pipelines use them: latent in, pictures or frames out. One to four latent frames where time is cut in chunks.

The forward method is the model's `decode`; paths of modules are those of the whole autoencoder (`decoder.mid_block`).
"""

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLCogVideoX,
    AutoencoderKLHunyuanVideo,
    AutoencoderKLLTXVideo,
    AutoencoderKLTemporalDecoder,
    AutoencoderKLWan,
)

from family import Family, noise


def _decode(self, latent_sample):
    return self.decode(latent_sample, return_dict=False)[0]


class KLDecoder(AutoencoderKL):
    forward = _decode


class CogVideoXDecoder(AutoencoderKLCogVideoX):
    forward = _decode


class WanDecoder(AutoencoderKLWan):
    forward = _decode


class HunyuanVideoDecoder(AutoencoderKLHunyuanVideo):
    forward = _decode


class LTXVideoDecoder(AutoencoderKLLTXVideo):
    forward = _decode


class StableVideoDecoder(AutoencoderKLTemporalDecoder):
    def forward(self, latent_sample):
        return self.decode(latent_sample, num_frames=latent_sample.shape[0], return_dict=False)[0]


def _decoder(name: str, build, *shape: int) -> Family:
    return Family(name=name, build=build, inputs=lambda: {"latent_sample": noise(*shape)}, generic=True)


KL_DECODER = _decoder(
    "decoder-kl",
    lambda: KLDecoder(
        block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    ),
    1, 4, 4, 6,
)

SVD_DECODER = _decoder(
    "decoder-svd",
    # The class fixes 32 groups in its norms, hence widths of 32 and more.
    lambda: StableVideoDecoder(
        block_out_channels=(32, 64), layers_per_block=1, down_block_types=("DownEncoderBlock2D",) * 2
    ),
    3, 4, 2, 3,
)


def _cogvideox(frames: int) -> Family:
    return _decoder(
        f"decoder-cogvideox-{frames}",
        lambda: CogVideoXDecoder(
            block_out_channels=(8, 16), latent_channels=4, layers_per_block=1, norm_num_groups=4,
            down_block_types=("CogVideoXDownBlock3D",) * 2, up_block_types=("CogVideoXUpBlock3D",) * 2,
            temporal_compression_ratio=2,
        ),
        1, 4, frames, 3, 4,
    )


def _wan(frames: int) -> Family:
    return _decoder(
        f"decoder-wan-{frames}",
        lambda: WanDecoder(
            base_dim=8, z_dim=4, dim_mult=[1, 2, 2], num_res_blocks=1, temperal_downsample=[False, True],
            latents_mean=[0.0] * 4, latents_std=[1.0] * 4,
        ),
        1, 4, frames, 3, 4,
    )


COGVIDEOX_DECODERS = (_cogvideox(2), _cogvideox(4))
WAN_DECODERS = (_wan(1), _wan(3))

HUNYUAN_DECODER = _decoder(
    "decoder-hunyuan",
    lambda: HunyuanVideoDecoder(
        latent_channels=4, block_out_channels=(8, 8, 16, 16), layers_per_block=1, norm_num_groups=4,
        down_block_types=("HunyuanVideoDownBlock3D",) * 4, up_block_types=("HunyuanVideoUpBlock3D",) * 4,
    ),
    1, 4, 2, 2, 3,
)

LTX_DECODER = _decoder(
    "decoder-ltx",
    lambda: LTXVideoDecoder(
        latent_channels=8, block_out_channels=(8, 16), decoder_block_out_channels=(8, 16),
        down_block_types=("LTXVideoDownBlock3D",) * 2, layers_per_block=(1, 1, 1), decoder_layers_per_block=(2, 1, 1),
        spatio_temporal_scaling=(True, True), decoder_spatio_temporal_scaling=(True, True),
        decoder_inject_noise=(False, False, False), downsample_type=("conv", "conv"), upsample_residual=(False, False),
        upsample_factor=(1, 1), patch_size=2,
    ),
    1, 8, 2, 3, 4,
)

DECODERS = (
    KL_DECODER, SVD_DECODER, *COGVIDEOX_DECODERS, *WAN_DECODERS, HUNYUAN_DECODER, LTX_DECODER,
)
