"""The four parts of the teacher, each a published class at small width; nothing here knows how it is trained."""
from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, UNet3DConditionModel
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import CLIPTextConfig, CLIPTextModel

from emoji_clips import CONTENTS, FRAMES, MOTIONS, SCENES, SIZE

LATENT_CHANNELS, LATENT_SIZE = 8, 8
TEXT_WIDTH, MAX_TOKENS = 64, 16
STEPS, GUIDANCE = 16, 2.0  # of sampling, as judged and as the studio begins with
SHIFT = 1.0  # of the sampler's noise levels; above 1 it takes more of its steps at high noise
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


def build_text_encoder() -> CLIPTextModel:
    tokenizer = build_tokenizer()
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=MAX_TOKENS,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


def build_scheduler(shift: float = SHIFT) -> FlowMatchEulerDiscreteScheduler:
    return FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=shift)


def build_tokenizer() -> Tokenizer:
    """Word level, lower case: the captions' vocabulary is closed."""
    words = sorted({word for phrase in (*CONTENTS, *MOTIONS, *SCENES) for word in phrase.split()} | {"a", "an", "on", "background"})
    vocabulary = {word: index for index, word in enumerate([PAD, START, END, UNKNOWN, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, vocabulary[START]), (END, vocabulary[END])]
    )
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.enable_padding(length=MAX_TOKENS, pad_id=0, pad_token=PAD)
    return tokenizer
