"""Clips rendered once by all cores and kept with their latents: what every denoiser, the decoder and the judges learn from.

Two pools: `trained` holds the pairs that denoisers may see, `all` every pair with more jitter (judges, decoder).
"""
from __future__ import annotations

import multiprocessing
import os
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from checkpoint import save
from emoji_clips import FRAMES, SIZE, Recipe, random_recipe, render

ENCODED_AT_ONCE = 64  # clips
CHUNK = 64  # clips a task of a rendering process


@dataclass(frozen=True)
class Pool:
    """`latents` fp16 [clips, channels, FRAMES, h, w]; `labels` [clips, 3] (content, motion, scene), both on the device;
    `frames` uint8 [clips, FRAMES, SIZE, SIZE, 3] on disk."""

    latents: torch.Tensor
    labels: torch.Tensor
    frames: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def clips(self, count: int, device: str) -> torch.Tensor:
        """The first `count` clips, uint8 [count, FRAMES, 3, SIZE, SIZE]."""
        return torch.from_numpy(self.frames[:count]).to(device).permute(0, 1, 4, 2, 3).contiguous()

    def first_frames(self, device: str) -> torch.Tensor:
        """uint8 [clips, 3, SIZE, SIZE]."""
        return torch.from_numpy(np.ascontiguousarray(self.frames[:, 0])).to(device).permute(0, 3, 1, 2).contiguous()


def recipe_of(index: int, wide: bool) -> Recipe:
    """Clip `index` of a pool, always the same. `wide`: all pairs, and more jitter than the denoisers' data has."""
    rng = random.Random(f"{wide} {index}")
    recipe = random_recipe(rng, include_held_out=wide)
    if not wide:
        return recipe
    return Recipe(recipe.content, recipe.motion, recipe.scene, rng.uniform(-5, 5), rng.uniform(-5, 5), rng.uniform(0.85, 1.15))


def make_pool(runs: Path, name: str, count: int, vae: AutoencoderKL, device: str) -> None:
    """Writes {name}.frames.npy and {name}.pool.pt; does nothing where they are there already. Moves `vae` to the device."""
    path, frames_path = runs / f"{name}.pool.pt", runs / f"{name}.frames.npy"
    if path.exists():
        return
    runs.mkdir(parents=True, exist_ok=True)
    wide = name == "all"
    frames = np.lib.format.open_memmap(frames_path, mode="w+", dtype=np.uint8, shape=(count, FRAMES, SIZE, SIZE, 3))
    tasks = [(frames_path, at, min(count, at + CHUNK), wide) for at in range(0, count, CHUNK)]
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        pool.starmap(_render_into, tasks, chunksize=1)
    labels = torch.tensor([(r.content, r.motion, r.scene) for r in (recipe_of(index, wide) for index in range(count))])
    save(path, {"latents": _encode(vae, frames, device), "labels": labels})


def _render_into(path: Path, start: int, end: int, wide: bool) -> None:
    frames = np.lib.format.open_memmap(path, mode="r+")
    for index in range(start, end):
        frames[index] = render(recipe_of(index, wide))


@torch.no_grad()
def _encode(vae: AutoencoderKL, frames: np.ndarray, device: str) -> torch.Tensor:
    parts = []
    vae = vae.to(device)
    for at in range(0, len(frames), ENCODED_AT_ONCE):
        pixels = torch.from_numpy(frames[at : at + ENCODED_AT_ONCE]).to(device).flatten(0, 1).permute(0, 3, 1, 2).float() / 127.5 - 1
        latent = vae.encode(pixels).latent_dist.mean.unflatten(0, (-1, FRAMES))
        parts.append(latent.transpose(1, 2).half().cpu())
    return torch.cat(parts)


def load_pool(runs: Path, name: str, device: str) -> Pool:
    state = torch.load(runs / f"{name}.pool.pt", map_location=device)
    return Pool(state["latents"], state["labels"], np.load(runs / f"{name}.frames.npy", mmap_mode="r"))
