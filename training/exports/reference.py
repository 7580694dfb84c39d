"""Reference results from PyTorch: inputs, and outputs with modules replaced by the identity.

Writes `case.json` (what is where) and `case.bin` (little-endian arrays, one after the other). See
fixtures/exports/README.md for the format.
"""

import json
import random
from pathlib import Path

import numpy as np
import torch

from family import Family
from identity import branch_modules, droppable_modules, dropped
from shallow import preset_modules, shallow_copy
from units import units_of, without

RANDOM_DROPS = 6
# Of a drop that changes less than this, equality would prove nothing.
FAINT = 1e-3


class ArrayFile:
    """Collects arrays and says where each lies."""

    def __init__(self):
        self.chunks: list[bytes] = []
        self.size = 0

    def add(self, tensor: torch.Tensor) -> dict:
        array = np.ascontiguousarray(tensor.detach().numpy())
        if array.dtype.kind == "f":
            array = array.astype("<f4")
        place = {"dtype": str(array.dtype), "shape": list(array.shape), "offset": self.size}
        data = array.tobytes()
        data += bytes(-len(data) % 8)
        self.chunks.append(data)
        self.size += len(data)
        return place


def _outputs(result) -> torch.Tensor:
    return result[0] if isinstance(result, tuple) else result


def random_drops(ids: list[str], count: int, seed: int = 7) -> list[list[str]]:
    """Sets of two to six modules, none inside another; fewer than `count` where a thousand tries find no more."""
    generator = random.Random(seed)
    drops = []
    for _ in range(1000):
        if len(drops) == count:
            break
        chosen: list[str] = []
        for path in generator.sample(ids, min(len(ids), generator.randint(2, 6))):
            if not any(path.startswith(f"{other}.") or other.startswith(f"{path}.") for other in chosen):
                chosen.append(path)
        drop = sorted(chosen, key=ids.index)
        if len(drop) >= 2 and drop not in drops:
            drops.append(drop)
    return drops


def write_reference(family: Family, model: torch.nn.Module, folder: Path) -> dict:
    """Runs every case and writes both files. Each case carries its effect: the largest change of the output."""
    if family.generic:
        return _write_generic(family, model, folder)
    inputs = family.inputs()
    arrays = ArrayFile()
    ids = droppable_modules(model)
    cases = []

    def add(kind: str, drop: list[str], output: torch.Tensor) -> None:
        effect = float((output - teacher).abs().max())
        if not torch.isfinite(output).all() or (drop and effect < 1e-3):
            raise ValueError(f"{family.name}: dropping {drop} changes the output by {effect}")
        cases.append({"kind": kind, "dropped": drop, "effect": effect, "output": arrays.add(output)})

    with torch.no_grad():
        input_places = [{"name": name, **arrays.add(value)} for name, value in inputs.items()]
        teacher = _outputs(model(**inputs))
        add("none", [], teacher)
        planned = {
            "single": [[path] for path in ids],
            "branch": [[path] for path in branch_modules(model)],
            "random": random_drops(ids, RANDOM_DROPS),
        }
        for kind, drops in planned.items():
            for drop in drops:
                with dropped(model, drop):
                    add(kind, drop, _outputs(model(**inputs)))
        if family.is_unet:
            add("preset", preset_modules(model), _outputs(shallow_copy(model)(**inputs)))

    return _store(family, input_places, cases, arrays, folder)


def _write_generic(family: Family, model: torch.nn.Module, folder: Path) -> dict:
    """Of a family whose modules are found by trying: each that changes the output alone, and random sets of blocks."""
    inputs = family.inputs()
    arrays = ArrayFile()
    units = units_of(model, inputs, family.is_unet or "down_blocks" in dict(model.named_children()))
    with torch.no_grad():
        teacher = _outputs(model(**inputs))
    input_places = [{"name": name, **arrays.add(value)} for name, value in inputs.items()]
    cases = [{"kind": "none", "dropped": [], "effect": 0.0, "output": arrays.add(teacher)}]
    told = []
    for path, kind in units.items():
        output = without(model, inputs, {path: kind})
        effect = float((output - teacher).abs().max())
        if effect > FAINT:
            told.append(path)
            place = {"effect": effect, "output": arrays.add(output)}
            cases.append({"kind": "single" if kind == "identity" else "branch", "dropped": [path], **place})
    for drop in random_drops(told, RANDOM_DROPS):
        output = without(model, inputs, {path: units[path] for path in drop})
        effect = float((output - teacher).abs().max())
        if effect > FAINT:
            cases.append({"kind": "random", "dropped": drop, "effect": effect, "output": arrays.add(output)})
    return _store(family, input_places, cases, arrays, folder)


def _store(family: Family, input_places: list[dict], cases: list[dict], arrays: ArrayFile, folder: Path) -> dict:
    description = {"family": family.name, "inputs": input_places, "cases": cases}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "case.json").write_text(json.dumps(description, indent=1) + "\n")
    (folder / "case.bin").write_bytes(b"".join(arrays.chunks))
    return description
