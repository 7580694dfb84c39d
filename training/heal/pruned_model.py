"""Loads a pruned folder as the student that heals: like `from_pretrained`, with bypasses in place of identities that have weights.

A folder without `plan-map.json` is loaded as it is. Weights of bypassed modules are neither read nor kept.
"""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import diffusers
import torch

from bypass import insert_bypasses
from diffusers_folder import DiffusersFolder
from layout import Layout, Tap, empty_model

PLAN_MAP = "plan-map.json"


@dataclass(frozen=True)
class PlanMap:
    """What `prune_diffusers.py` wrote beside the weights; `raw` is the file as parsed."""

    layout: Layout
    raw: dict


def read_plan_map(folder: Path) -> PlanMap:
    raw = json.loads((folder / PLAN_MAP).read_text())
    taps = [Tap(**tap) for tap in raw["taps"]]
    return PlanMap(Layout(DiffusersFolder(folder).config, raw["kept"], raw["identity"], taps), raw)


def load_pruned(folder: Path, dtype: torch.dtype | None = None) -> torch.nn.Module:
    """The student, in evaluation mode; `dtype` None keeps each weight's own type. Raises PlanError and KeyError."""
    files = DiffusersFolder(folder)
    identity = read_plan_map(folder).layout.identity if (folder / PLAN_MAP).exists() else []
    model = getattr(diffusers, files.config["_class_name"]).from_config(files.config)
    insert_bypasses(model, identity)
    weights = {name: files.tensor(name) for name in model.state_dict()}
    model.load_state_dict(weights, strict=True)
    for name, parameter in model.named_parameters():
        parameter.data = parameter.data.to(dtype or weights[name].dtype)
    return model.eval()


def load_published(folder: Path, dtype: torch.dtype | None = None) -> torch.nn.Module:
    """The teacher: the published class, nothing bypassed."""
    name = DiffusersFolder(folder).config["_class_name"]
    return getattr(diffusers, name).from_pretrained(folder, torch_dtype=dtype).eval()


def check_shapes(files: DiffusersFolder, layout: Layout) -> dict[str, list[int]]:
    """Shapes of all weights of the smaller model by name. Raises ValueError when a kept weight would change its shape."""
    smaller = empty_model(layout.config)
    shapes = {name: list(value.shape) for name, value in smaller.state_dict().items()}
    for name, shape in shapes.items():
        if not layout.is_bypassed(name) and files.shape(layout.original(name)) != shape:
            raise ValueError(f"{name} would have the shape {shape} instead of {files.shape(layout.original(name))}.")
    return shapes
