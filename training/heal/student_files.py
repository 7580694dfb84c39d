"""What a healing run keeps: averaged weights, checkpoints that a cut cannot spoil, the best student as a diffusers folder."""
from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path

import torch
from accelerate import Accelerator

from bypass import identity_weights
from diffusers_folder import write_json, write_weights
from layout import empty_model
from pruned_model import PLAN_MAP, read_plan_map

LATEST = "latest.json"


class Average:
    """Exponential moving average of a model's parameters, on this process' shards; early steps weigh less."""

    def __init__(self, parameters: list[torch.Tensor], decay: float) -> None:
        self.parameters, self.decay = parameters, decay
        self.values = [_local(value).detach().clone() for value in parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        decay = min(self.decay, (step + 1) / (step + 10))
        for mean, value in zip(self.values, self.parameters, strict=True):
            mean.lerp_(_local(value), 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Average and weights change places: call it twice."""
        for mean, value in zip(self.values, self.parameters, strict=True):
            kept = _local(value).clone()
            _local(value).copy_(mean)
            mean.copy_(kept)


def _local(value: torch.Tensor) -> torch.Tensor:
    return value.to_local() if hasattr(value, "to_local") else value


def save_checkpoint(accelerator: Accelerator, folder: Path, step: int, rest: dict) -> None:
    """Accelerate's state (weights, optimiser, random numbers; sharded under FSDP) and `rest`, this process' own. The pointer is
    written last, the checkpoint before is removed after that."""
    target = folder / f"step-{step}"
    accelerator.save_state(str(target))
    torch.save(rest, target / f"rest-{accelerator.process_index}.pt")
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        write_json(folder / LATEST, {"step": step, "processes": accelerator.num_processes})
        for old in folder.glob("step-*"):
            if old != target:
                shutil.rmtree(old)
    accelerator.wait_for_everyone()


def load_checkpoint(accelerator: Accelerator, folder: Path) -> tuple[int, dict]:
    """Raises ValueError for another number of processes: which rows are drawn depends on it."""
    latest = json.loads((folder / LATEST).read_text())
    if latest["processes"] != accelerator.num_processes:
        raise ValueError(f"The checkpoint is of {latest['processes']} processes, this run has {accelerator.num_processes}.")
    target = folder / f"step-{latest['step']}"
    accelerator.load_state(str(target))
    return latest["step"], torch.load(target / f"rest-{accelerator.process_index}.pt", map_location="cpu", weights_only=True)


def write_student(pruned: Path, out: Path, weights: dict[str, torch.Tensor], dtype: torch.dtype, healed: dict) -> None:
    """The healed weights in the pruned folder's form: bypassed modules get identity weights again, so that plain
    `from_pretrained` and the exporters take it. Written beside, then renamed."""
    plan = read_plan_map(pruned)
    smaller = empty_model(plan.layout.config)
    shapes = {name: math.prod(value.shape) * dtype.itemsize for name, value in smaller.state_dict().items()}
    silent = {f"{path}.{name}": value for path in plan.layout.identity for name, value in identity_weights(smaller, path).items()}
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write_weights(partial, list(shapes), lambda name: (silent if name in silent else weights)[name].to("cpu", dtype), shapes.__getitem__, 5e9)
    shutil.copyfile(pruned / "config.json", partial / "config.json")
    write_json(partial / PLAN_MAP, plan.raw | {"healed": healed})
    old = out.with_name(f"{out.name}.old")
    if out.exists():
        os.replace(out, old)
    os.replace(partial, out)
    shutil.rmtree(old, ignore_errors=True)
