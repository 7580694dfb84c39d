"""Checkpoints made of weights that are there already: the shipped ONNX folders and judges, or a denoiser made elsewhere.

    python train.py adopt                                                   # all that is shipped: judging and heal/ways.py need no training
    python train.py adopt --weights emoji-t2v.safetensors [--folder ../public/models/emoji-t2v]

Weights are as stored: fp16, some in 8 bits. A stage counts as done whose checkpoint was written here; delete it to train it.
"""
from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from checkpoint import save
from export import read_weights
from folders import parts_of
from image_video import ImageVideo
from models import build_vae
from text_video import BUILDERS

DONE = {"step": 0, "clips": 0, "used": math.inf}
JUDGES = Path(__file__).parent / "judges"


def adopt_shipped(runs: Path, models: Path) -> None:
    """Writes vae.pt, both judges, and for each of the three models {name}.start.pt and what its loader reads. Of a many-step model
    only the text encoders are known: {name}.flow.pt has no denoiser."""
    adopt_vae(runs, models / "emoji-t2v")
    first, strict = (load_file(JUDGES / f"{name}.safetensors") for name in ("judge", "strict-judge"))
    save(runs / "judge.pt", {"judge": _single(first), **DONE})
    save(runs / "strict-judge.pt", {"ema": {f"judge.{name}": value for name, value in _single(strict).items()}, **DONE})
    for name in (*BUILDERS, "emoji-i2v"):
        modules = read_shipped(models, name)
        save(runs / f"{name}.start.pt", {part: module.state_dict() for part, module in modules.items()})
        if name in BUILDERS:
            _keep(runs / f"{name}.flow.pt", {part: module for part, module in modules.items() if part != "net"})
            _keep(runs / f"{name}.steps.pt", {"net": modules["net"]})
        else:
            _keep(runs / f"{name}.coupled.pt", modules)


def adopt(runs: Path, folder: Path, weights: Path, name: str) -> None:
    """Writes vae.pt, and {name}.start.pt from `weights`, whose names begin with the module's ("net.", "text.")."""
    adopt_vae(runs, folder)
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in load_file(weights).items():
        part, name_there = key.split(".", 1)
        parts.setdefault(part, {})[name_there] = value.float()
    save(runs / f"{name}.start.pt", parts)


def adopt_vae(runs: Path, folder: Path) -> None:
    vae = build_vae()
    read_weights(folder / "vae_encoder" / "model.onnx", vae)
    read_weights(folder / "vae_decoder" / "model.onnx", vae)
    save(runs / "vae.pt", vae.state_dict())


def read_shipped(models: Path, name: str) -> dict[str, nn.Module]:
    """The modules of the model called `name` ("net", "text", ..) with the weights of its folder."""
    model = BUILDERS[name]("cpu") if name in BUILDERS else ImageVideo("cpu")
    for part, one in parts_of(model).items():
        read_weights(models / name / part / "model.onnx", one.module)
    return model.modules


def keep_judges(runs: Path) -> None:
    """Writes both judges' weights of `runs` to where they are shipped, in fp16."""
    first = torch.load(runs / "judge.pt", map_location="cpu")["judge"]
    strict = torch.load(runs / "strict-judge.pt", map_location="cpu")["ema"]
    JUDGES.mkdir(exist_ok=True)
    save_file({name: value.half().contiguous() for name, value in first.items()}, JUDGES / "judge.safetensors")
    save_file({name.removeprefix("judge."): value.half().contiguous() for name, value in strict.items()}, JUDGES / "strict-judge.safetensors")


def _single(values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.float() for name, value in values.items()}


def _keep(path: Path, modules: dict[str, nn.Module]) -> None:
    save(path, {"ema": {f"{part}.{name}": value for part, module in modules.items() for name, value in module.state_dict().items()}, **DONE})
