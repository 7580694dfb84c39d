"""Begins from weights made elsewhere: the autoencoder of a shipped ONNX folder, a denoiser of a safetensors file.

    python train.py adopt --folder ../public/models/emoji-t2v --weights emoji-t2v.safetensors
"""
from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import load_file
from torch import nn

from checkpoint import save
from export import as_trained, parameter_of
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


def read_weights(path: Path, module: nn.Module) -> None:
    """Puts the weights of an ONNX file of ours into the parameters that they are named after."""
    targets = module.state_dict()
    for tensor in onnx.load(path).graph.initializer:
        name = parameter_of(tensor.name)
        if name not in targets:
            continue
        value = torch.from_numpy(numpy_helper.to_array(tensor).copy()).float()
        targets[name].copy_(as_trained(tensor.name, value).reshape(targets[name].shape))
