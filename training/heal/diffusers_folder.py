"""A model's diffusers folder (config.json, safetensors in one file or in shards), read and written tensor by tensor.

Knows files, not models. A pipeline's folder (model_index.json) is accepted too: its denoiser is found, the rest copied.
"""
from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from plan_file import PlanError

STEM = "diffusion_pytorch_model"
DENOISERS = ("unet", "transformer")


class DiffusersFolder:
    """One component's folder, opened for reading; no tensor is in memory before it is asked for."""

    def __init__(self, folder: Path, variant: str | None = None) -> None:
        self.folder = folder
        try:
            self.config: dict = json.loads((folder / "config.json").read_text())
        except OSError as error:
            raise PlanError(f"{folder} holds no config.json: give a model's diffusers folder, or its pipeline's.") from error
        self._file_of = self._index(f".{variant}" if variant else "")
        self._open: dict[str, object] = {}

    def _index(self, variant: str) -> dict[str, str]:
        listing = self.folder / f"{STEM}.safetensors.index{variant}.json"
        if listing.exists():
            return json.loads(listing.read_text())["weight_map"]
        single = f"{STEM}{variant}.safetensors"
        if not (self.folder / single).exists():
            raise PlanError(f"{self.folder} holds neither {single} nor its index; save the model with safe_serialization=True.")
        with safe_open(self.folder / single, "pt") as file:
            return dict.fromkeys(file.keys(), single)

    def names(self) -> Iterable[str]:
        return self._file_of.keys()

    def _file(self, name: str):
        if name not in self._file_of:
            raise PlanError(f"{self.folder} holds no weight {name}; its files do not fit its config.json.")
        file = self._file_of[name]
        if file not in self._open:
            self._open[file] = safe_open(self.folder / file, "pt")
        return self._open[file]

    def tensor(self, name: str) -> torch.Tensor:
        return self._file(name).get_tensor(name)

    def shape(self, name: str) -> list[int]:
        return self._file(name).get_slice(name).get_shape()

    def fingerprint(self) -> str:
        """SHA-256 over names and bytes of all tensors, sorted by name: independent of files and shards."""
        total = hashlib.sha256()
        for name in sorted(self.names()):
            value = self.tensor(name).contiguous()
            total.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
            total.update(value.view(torch.uint8).numpy().data if value.ndim else value.reshape(1).view(torch.uint8).numpy().data)
        return total.hexdigest()


def denoiser_folder(path: Path, component: str | None = None) -> Path:
    """The denoiser's folder in a pipeline's, or `path` itself. Raises PlanError."""
    if component is None and (path / "config.json").exists():
        return path
    names = [component] if component else [name for name in DENOISERS if (path / name / "config.json").exists()]
    if len(names) != 1 or not (path / names[0] / "config.json").exists():
        raise PlanError(f"{path} is neither a model's folder nor a pipeline's with one of {', '.join(DENOISERS)}; say --component NAME.")
    return path / names[0]


def write_weights(folder: Path, names: list[str], make: Callable[[str], torch.Tensor], bytes_of: Callable[[str], int], shard_bytes: float) -> None:
    """Writes the tensors that `make` gives, at most about `shard_bytes` at a time, in diffusers' naming."""
    groups: list[list[str]] = [[]]
    size = 0
    for name in names:
        if groups[-1] and size + bytes_of(name) > shard_bytes:
            groups.append([])
            size = 0
        groups[-1].append(name)
        size += bytes_of(name)
    files = [f"{STEM}.safetensors"] if len(groups) == 1 else [f"{STEM}-{at + 1:05}-of-{len(groups):05}.safetensors" for at in range(len(groups))]
    total = 0
    for file, group in zip(files, groups, strict=True):
        tensors = {name: make(name).contiguous() for name in group}
        total += sum(value.nbytes for value in tensors.values())
        save_file(tensors, folder / file, metadata={"format": "pt"})
    if len(groups) > 1:
        places = {name: file for file, group in zip(files, groups, strict=True) for name in group}
        write_json(folder / f"{STEM}.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": places})


def write_json(path: Path, value: object) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(value, indent=2) + "\n")
    os.replace(partial, path)


def copy_rest(pipeline: Path, component: str, out: Path) -> None:
    """All of a pipeline's folder but the component."""
    shutil.copytree(pipeline, out, dirs_exist_ok=True, ignore=lambda folder, _: [component] if Path(folder) == pipeline else [])
