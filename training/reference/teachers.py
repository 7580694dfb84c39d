"""What PyTorch makes of the shipped teachers' weights for the studio's noise: one clip each, every frame as 8x8 mean colours.

    python teachers.py > ../../src/cli/fixtures/teachers.json

The weights are read from the ONNX folders into diffusers' and transformers' classes; graphs, tokenizer, grid of noise
levels and noise are not the studio's. Noise: Philox4x32-10 and Box-Muller, from the paper.
"""
from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import EulerDiscreteScheduler
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from export import read_weights  # noqa: E402
from emoji_clips import FRAMES  # noqa: E402
from folders import ImagePart, TextPart  # noqa: E402
from image_video import PICTURE_NOISE, ImageVideo  # noqa: E402
from models import LATENT_CHANNELS, LATENT_SIZE, build_image_denoiser, build_tokenizer, build_vae  # noqa: E402
from text_video import BUILDERS  # noqa: E402

MODELS = Path(__file__).parents[2] / "public" / "models"
SEED, PROMPT = 1, "a red apple bounces on a dark background"
GRAPHS = {"emoji-t2v": {"net": "unet", "text": "text_encoder"}, "emoji-hy": {"net": "transformer", "text": "text_encoder", "text_2": "text_encoder_2"}}
PICTURE, PICTURE_STREAM = "pictures/red-apple.png", 2_000_000
# VDMini's cut of a U-Net with four stages (arXiv 2411.18375, Fig. 2), by the names of diffusers' modules: of the outer stages the
# second pair of two and the middle one of three; the innermost stages whole, and the sampler that led to them.
CUT = (
    *(f"{stage}.{part}.1." for stage in ("down_blocks.0", "down_blocks.1", "up_blocks.2", "up_blocks.3") for part in ("resnets", "attentions")),
    *("down_blocks.2.downsamplers.", "down_blocks.3.", "mid_block.", "up_blocks.0."),
)
CELLS = 8


def philox(seed: int, blocks: int, stream: int) -> np.ndarray:
    """uint64 [blocks, 4] of 32-bit words, for the counters 0, 1, ..."""
    mask = np.uint64(0xFFFFFFFF)
    counter = [np.arange(blocks, dtype=np.uint64), *(np.zeros(blocks, np.uint64) for _ in range(3))]
    keys = [seed, stream]
    for _ in range(10):
        first, second = counter[0] * np.uint64(0xD2511F53), counter[2] * np.uint64(0xCD9E8D57)
        counter = [
            (second >> np.uint64(32)) ^ counter[1] ^ np.uint64(keys[0]), second & mask,
            (first >> np.uint64(32)) ^ counter[3] ^ np.uint64(keys[1]), first & mask,
        ]
        keys = [(keys[0] + 0x9E3779B9) & 0xFFFFFFFF, (keys[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(counter, 1)


def normals(seed: int, count: int, stream: int = 0) -> np.ndarray:
    uniform = (philox(seed, count // 4, stream).astype(np.float64) + 0.5) / 2**32
    radius, angle = np.sqrt(-2 * np.log(uniform[:, 0::2])), 2 * np.pi * uniform[:, 1::2]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 2).reshape(-1).astype(np.float32)


@torch.no_grad()
def clip_of_words(name: str) -> torch.Tensor:
    """Frames [FRAMES, 3, SIZE, SIZE] in -1..1."""
    model, vae = BUILDERS[name]("cpu"), build_vae().eval()
    for part, graph in GRAPHS[name].items():
        module = model.modules[part].eval()
        # A text encoder's graph names its weights after the module that it was exported from.
        read_weights(MODELS / name / graph / "model.onnx", TextPart(module, pooled=False) if part.startswith("text") else module)
    read_weights(MODELS / name / "vae_decoder" / "model.onnx", vae)
    shape = (1, LATENT_CHANNELS, FRAMES, LATENT_SIZE, LATENT_SIZE)
    latents = torch.from_numpy(normals(SEED, int(np.prod(shape)))).view(shape)
    ids = torch.tensor([build_tokenizer(end_last=name != "emoji-t2v").encode(PROMPT).ids])
    levels = model.few_levels()
    for level, following in zip(levels, levels[1:]):
        velocity = model.velocity(latents, torch.full((1,), level), ids, torch.full((1,), model.few_guidance))
        latents = latents + (following - level) * velocity
    return vae.decode(latents.transpose(1, 2).flatten(0, 1)).sample.clamp(-1, 1)


@torch.no_grad()
def clip_of_picture(name: str) -> torch.Tensor:
    """The same, of the picture PICTURE; some noise is on it when it is encoded."""
    model, vae = ImageVideo("cpu"), build_vae().eval()
    net, image = model.modules["net"].eval(), ImagePart(model.modules["image"].eval())
    for graph, module in {"unet": net, "image_encoder": image, "vae_encoder": vae, "vae_decoder": vae}.items():
        read_weights(MODELS / name / graph / "model.onnx", module)
    pixels = np.asarray(Image.open(MODELS / name / PICTURE).convert("RGB"))
    picture = torch.from_numpy(pixels.copy()).permute(2, 0, 1).unsqueeze(0).float() / 127.5 - 1
    strength = torch.full((1,), PICTURE_NOISE)
    noise = torch.from_numpy(normals(SEED, picture.numel(), PICTURE_STREAM)).view(picture.shape)
    beside = vae.encode(picture + PICTURE_NOISE * noise).latent_dist.mean
    shape = (1, FRAMES, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE)
    latents = torch.from_numpy(normals(SEED, int(np.prod(shape)))).view(shape)
    scheduler = EulerDiscreteScheduler.from_pretrained(MODELS / name / "scheduler")
    scheduler.set_timesteps(1)
    latents = latents * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        scaled = scheduler.scale_model_input(latents, timestep)
        given = torch.cat([scaled, beside.unsqueeze(1).expand(-1, FRAMES, -1, -1, -1)], 2)
        v = net(given, timestep, model.embed(picture), model.time_ids(strength)).sample
        latents = scheduler.step(v, timestep, latents).prev_sample
    return vae.decode(latents.flatten(0, 1)).sample.clamp(-1, 1)


def cells(frames: torch.Tensor) -> list[list[float]]:
    """Mean colours [FRAMES, 3 * CELLS * CELLS] in 8-bit levels."""
    means = torch.nn.functional.adaptive_avg_pool2d((frames + 1) * 127.5, CELLS).numpy()
    return means.round(1).reshape(FRAMES, -1).tolist()


def kept_parameters() -> dict[str, int]:
    """Of emoji-i2v's U-Net: all, and what VDMini's cut leaves."""
    sizes = {name: value.numel() for name, value in build_image_denoiser().named_parameters()}
    return {"all": sum(sizes.values()), "withoutCut": sum(size for name, size in sizes.items() if not name.startswith(CUT))}


def main() -> None:
    clips = {name: cells(clip_of_words(name)) for name in GRAPHS} | {"emoji-i2v": cells(clip_of_picture("emoji-i2v"))}
    print(json.dumps({"seed": SEED, "prompt": PROMPT, "picture": PICTURE, "cells": CELLS, "parameters": kept_parameters(), "clips": clips}))


if __name__ == "__main__":
    main()
