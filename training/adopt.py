"""Begins from weights made elsewhere: the autoencoder of a shipped ONNX folder, a denoiser of a safetensors file.

    python train.py adopt --folder ../public/models/emoji-t2v --weights emoji-t2v.safetensors
"""
from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from checkpoint import save
from export import read_weights
from models import build_vae


def adopt(runs: Path, folder: Path, weights: Path | None, name: str) -> None:
    """Writes vae.pt, and {name}.start.pt from `weights`, whose names begin with the module's ("net.", "text.")."""
    vae = build_vae()
    read_weights(folder / "vae_encoder" / "model.onnx", vae)
    read_weights(folder / "vae_decoder" / "model.onnx", vae)
    save(runs / "vae.pt", vae.state_dict())
    if weights is None:
        return
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in load_file(weights).items():
        part, name_there = key.split(".", 1)
        parts.setdefault(part, {})[name_there] = value.float()
    save(runs / f"{name}.start.pt", parts)
