"""The parts of the teachers, each a published class at small width; nothing here knows how they are trained."""
from __future__ import annotations

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideoTransformer3DModel,
    UNet3DConditionModel,
    UNetSpatioTemporalConditionModel,
)
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

from emoji_clips import CONTENTS, FRAMES, MOTIONS, SCENES, SIZE

LATENT_CHANNELS, LATENT_SIZE = 8, 8
TEXT_WIDTH, MAX_TOKENS = 64, 16
STEPS, GUIDANCE = 16, 2.0  # of sampling before distillation
FEW_STEPS = 4  # after it
SIGMA_MAX, SIGMA_MIN = 80.0, 0.002  # of the image-to-video model, whose latents have a deviation of 1
DEEPEST = ("down_blocks.3.", "mid_block.", "up_blocks.0.")  # of a U-Net with four stages; VDMini's preset takes them out
PAD, START, END, UNKNOWN = "<pad>", "<start>", "<end>", "<unk>"


def build_vae() -> AutoencoderKL:
    """64x64x3 -> 8x8x8: f = 8, light at full resolution because the studio decodes while it samples."""
    return AutoencoderKL(
        sample_size=SIZE,
        latent_channels=LATENT_CHANNELS,
        block_out_channels=(16, 32, 48, 64),
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=8,
        scaling_factor=1.0,
    )


def load_vae(path: Path, device: str = "cpu") -> AutoencoderKL:
    """Frozen, in evaluation mode."""
    vae = build_vae().to(device).eval().requires_grad_(False)
    vae.load_state_dict(torch.load(path, map_location=device))
    return vae


def build_denoiser(widths: tuple[int, int, int, int] = (32, 64, 96, 96)) -> UNet3DConditionModel:
    """Four stages, two layers per down stage and three per up stage, as the paper's preset expects."""
    return UNet3DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=widths,
        layers_per_block=2,
        down_block_types=("CrossAttnDownBlock3D",) * 3 + ("DownBlock3D",),
        up_block_types=("UpBlock3D",) + ("CrossAttnUpBlock3D",) * 3,
        norm_num_groups=8,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=16,
    )


def build_image_denoiser(widths: tuple[int, int, int, int] = (32, 64, 96, 96)) -> UNetSpatioTemporalConditionModel:
    """Stable Video Diffusion's net: the picture's latent beside the noisy one, its embedding in the attention. Its group
    norms have 32 groups whatever the width; of 32 channels that would leave no channel its mean, so they have 8 here, and
    in the deepest stage groups of 8 channels."""
    net = UNetSpatioTemporalConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=2 * LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=widths,
        addition_time_embed_dim=16,
        projection_class_embeddings_input_dim=3 * 16,
        layers_per_block=2,
        cross_attention_dim=TEXT_WIDTH,
        num_attention_heads=tuple(width // 16 for width in widths),
        num_frames=FRAMES,
    )
    for name, module in net.named_modules():
        if isinstance(module, nn.GroupNorm):
            module.num_groups = widths[-1] // 8 if name.startswith(DEEPEST) else 8
    return net


def build_image_encoder() -> CLIPVisionModelWithProjection:
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=SIZE,
            patch_size=16,
        )
    )


def build_transformer() -> HunyuanVideoTransformer3DModel:
    """HunyuanVideo's transformer: 4 two-stream and 8 one-stream blocks, 256 tokens of video. Its gates begin at zero, as
    in DiT (diffusers' class leaves them random, since it is never trained there)."""
    net = HunyuanVideoTransformer3DModel(
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_attention_heads=4,
        attention_head_dim=32,
        num_layers=4,
        num_single_layers=8,
        num_refiner_layers=1,
        patch_size=2,
        patch_size_t=1,
        text_embed_dim=TEXT_WIDTH,
        pooled_projection_dim=TEXT_WIDTH,
        rope_axes_dim=(8, 12, 12),
    )
    gates = [block.norm.linear for block in net.single_transformer_blocks]
    gates += [norm.linear for block in net.transformer_blocks for norm in (block.norm1, block.norm1_context)]
    for layer in [*gates, net.proj_out]:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    return net


def build_text_encoder(layers: int = 2, *, end: int = 2) -> CLIPTextModel:
    """`end`: the token whose state is the pooled one; CLIPTextModel takes 2 for "the largest id", an old mistake kept."""
    tokenizer = build_tokenizer()
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=layers,
            num_attention_heads=2,
            max_position_embeddings=MAX_TOKENS,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=end,
        )
    )


def build_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """Before distillation."""
    return FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000)


def build_few_step_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """Four steps on 1, 0.9, 0.75, 0.5, 0. Said in the scheduler's own fields: a grid shifted by 2 whose last level is
    stretched to 0.5; any sampler that reads a diffusers folder follows it."""
    return FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=2.0, shift_terminal=0.5)


def build_transformer_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """For HunyuanVideo's own grid, linspace(1, 1/n, n), which its pipeline passes: four steps on 1, 0.9, 0.75, 0.5, 0."""
    return FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0)


def build_image_scheduler() -> EulerDiscreteScheduler:
    """Stable Video Diffusion's, with another largest sigma."""
    return EulerDiscreteScheduler(
        num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
        sigma_max=SIGMA_MAX, sigma_min=SIGMA_MIN, steps_offset=1, timestep_spacing="leading", timestep_type="continuous", use_karras_sigmas=True,
    )


def build_tokenizer(*, end_last: bool = False) -> Tokenizer:
    """Word level, lower case: the captions' vocabulary is closed. `end_last`: the end has id 3, not 2."""
    words = sorted({word for phrase in (*CONTENTS, *MOTIONS, *SCENES) for word in phrase.split()} | {"a", "an", "on", "background"})
    special = [PAD, START, UNKNOWN, END] if end_last else [PAD, START, END, UNKNOWN]
    vocabulary = {word: index for index, word in enumerate([*special, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, vocabulary[START]), (END, vocabulary[END])]
    )
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding(length=MAX_TOKENS, pad_id=0, pad_token=PAD)
    return tokenizer
