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

sys.path.insert(0, str(Path(__file__).parents[1]))

from adopt import read_weights  # noqa: E402
from emoji_clips import FRAMES  # noqa: E402
from folders import TextPart  # noqa: E402
from models import LATENT_CHANNELS, LATENT_SIZE, build_tokenizer, build_vae  # noqa: E402
from text_video import BUILDERS  # noqa: E402

MODELS = Path(__file__).parents[2] / "public" / "models"
SEED, PROMPT = 1, "a red apple bounces on a dark background"
GRAPHS = {"emoji-t2v": {"net": "unet", "text": "text_encoder"}, "emoji-hy": {"net": "transformer", "text": "text_encoder", "text_2": "text_encoder_2"}}
CELLS = 8


def philox(seed: int, blocks: int) -> np.ndarray:
    """uint64 [blocks, 4] of 32-bit words, for the counters 0, 1, ..."""
    mask = np.uint64(0xFFFFFFFF)
    counter = [np.arange(blocks, dtype=np.uint64), *(np.zeros(blocks, np.uint64) for _ in range(3))]
    keys = [seed, 0]
    for _ in range(10):
        first, second = counter[0] * np.uint64(0xD2511F53), counter[2] * np.uint64(0xCD9E8D57)
        counter = [
            (second >> np.uint64(32)) ^ counter[1] ^ np.uint64(keys[0]), second & mask,
            (first >> np.uint64(32)) ^ counter[3] ^ np.uint64(keys[1]), first & mask,
        ]
        keys = [(keys[0] + 0x9E3779B9) & 0xFFFFFFFF, (keys[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(counter, 1)


def normals(seed: int, count: int) -> np.ndarray:
    uniform = (philox(seed, count // 4).astype(np.float64) + 0.5) / 2**32
    radius, angle = np.sqrt(-2 * np.log(uniform[:, 0::2])), 2 * np.pi * uniform[:, 1::2]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 2).reshape(-1).astype(np.float32)


@torch.no_grad()
def clip(name: str) -> np.ndarray:
    """[FRAMES, 3, CELLS, CELLS] in 8-bit levels."""
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
    frames = vae.decode(latents.transpose(1, 2).flatten(0, 1)).sample.clamp(-1, 1)
    return torch.nn.functional.adaptive_avg_pool2d((frames + 1) * 127.5, CELLS).numpy()


def main() -> None:
    clips = {name: clip(name).round(1).reshape(FRAMES, -1).tolist() for name in GRAPHS}
    print(json.dumps({"seed": SEED, "prompt": PROMPT, "cells": CELLS, "clips": clips}))


if __name__ == "__main__":
    main()
