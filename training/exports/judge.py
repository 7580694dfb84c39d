"""Judges discovery and surgery by PyTorch: every unit that the studio offers, against the module that its id names.

    python judge.py --out DIR [--family NAME ...] [--exporter legacy dynamo] [--held-out]

Exports each family, lets `fixtures/exports/pruneUnits.ts` drop every offered unit one by one, runs the files in
onnxruntime, and compares each with the PyTorch model whose module of that path is bypassed. Prints one line per export:
cases (modules that can be bypassed), how many are offered and equal, refused, wrong; DIR/judged.json has all of it.
"""

import argparse
import json
import logging
import os
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

from export import onnxruntime_session, trace
from units import identity_hook, hooks, tensors_of, units_of, without, zero_hook
from weights import randomise
from workarounds import register_legacy_symbolics

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 3e-5
# Of an export that is off by more, nothing can be told: it computes something else.
MOST_OWN_ERROR = 1e-3


def all_blocks(blocks: list[dict]) -> list[dict]:
    return [one for block in blocks for one in (block, *all_blocks(block.get("children", [])))]


def outputs_of(path: Path, feeds: dict[str, np.ndarray]) -> np.ndarray:
    session = onnxruntime_session(path)
    wanted = [value.name for value in session.get_inputs()]
    by_place = dict(zip(wanted, feeds.values())) if not set(wanted) <= set(feeds) else feeds
    return session.run(None, {name: by_place[name] for name in wanted})[0]


def expected_of(model, inputs, path: str, units: dict[str, str]) -> list[torch.Tensor]:
    """What dropping this module may mean: the identity, zeros, or every unit inside it bypassed."""
    ways = []
    for make in (lambda: identity_hook(model, path), lambda: zero_hook):
        try:
            with torch.no_grad(), hooks(model, {path: make()}):
                ways.append(tensors_of(model(**inputs))[0])
        except Exception:  # a module that has no such way
            pass
    inside = {one: kind for one, kind in units.items() if one.startswith(f"{path}.")}
    outer = {one: kind for one, kind in inside.items() if not any(one.startswith(f"{other}.") for other in inside)}
    if outer:
        ways.append(without(model, inputs, outer))
    return ways


def judge(family, exporter: str, folder: Path) -> dict:
    """The verdict on one export; `failed` when the exporter gives none."""
    model = randomise(family.build())
    inputs = family.inputs()
    with torch.no_grad():
        whole = tensors_of(model(**inputs))[0].numpy()
    units = units_of(model, inputs, family.is_unet or "down_blocks" in dict(model.named_children()))
    path = folder / "model.onnx"
    trace(family, model, exporter, "fixed", path)
    feeds = {name: value.numpy() for name, value in inputs.items()}
    own_error = float(np.abs(outputs_of(path, feeds) - whole).max())
    if not own_error < MOST_OWN_ERROR:
        raise ArithmeticError(f"the whole graph, as exported, is off from PyTorch by {own_error:.1e}")
    (folder / "asked.json").write_text(json.dumps(list(units)))
    subprocess.run(["npx", "tsx", "fixtures/exports/pruneUnits.ts", str(path), str(folder)], cwd=ROOT, check=True)
    tree = json.loads((folder / "blocks.json").read_text())
    offered = {block["id"]: block for block in tree}
    modules = dict(model.named_modules())
    result = {"cases": 0, "equal": [], "refused": {}, "wrong": {}, "faint": [], "unjudged": [], "error": own_error}
    reasons = json.loads((folder / "refusals.json").read_text())
    for one in units:
        effect = float(np.abs(without(model, inputs, {one: units[one]}).numpy() - whole).max())
        if not effect > 1e-3:
            result["faint"].append(one)
            continue
        result["cases"] += 1
        if not offered.get(one, {}).get("droppable"):
            result["refused"][one] = reasons[one]
    for at, block in enumerate(tree):
        if not block["droppable"]:
            continue
        name = block["id"]
        if name not in modules:
            result["unjudged"].append(name)
            continue
        output = outputs_of(folder / f"{at}.onnx", feeds)
        if name in units:
            ways = [without(model, inputs, {name: units[name]})]
        else:
            ways = expected_of(model, inputs, name, units)
        error = min((float(np.abs(output - way.numpy()).max()) for way in ways), default=float("inf"))
        if error <= max(TOLERANCE, 3 * own_error):
            if name in units and name not in result["faint"]:
                result["equal"].append(name)
        else:
            result["wrong"][name] = error
    result["ids"] = len(tree) - len({block["id"] for block in tree})
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--family", nargs="*")
    parser.add_argument("--exporter", nargs="*", default=["legacy", "dynamo"])
    parser.add_argument("--held-out", action="store_true", help="families that discovery was not made on")
    options = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    register_legacy_symbolics()
    if options.held_out:
        from held_out import HELD_OUT as families
    else:
        from families import FAMILIES as families
    options.out.mkdir(parents=True, exist_ok=True)
    record = options.out / ("held-out.json" if options.held_out else "judged.json")
    results = json.loads(record.read_text()) if record.exists() else {}
    for name in options.family or list(families):
        for exporter in options.exporter:
            key = f"{name}/{exporter}"
            folder = options.out / name / exporter
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.glob("*.onnx"):
                old.unlink()
            try:
                results[key] = judge(families[name], exporter, folder)
                one = results[key]
                print(f"{key}: {one['cases']} cases, {len(one['equal'])} equal, {len(one['refused'])} refused, "
                      f"{len(one['wrong'])} wrong, {len(one['faint'])} faint, {len(one['unjudged'])} other ids, "
                      f"{one['ids']} double ids, error {one['error']:.1e}", flush=True)
                for module, error in one["wrong"].items():
                    print(f"    WRONG {module}: {error:.1e}")
                for module, reason in one["refused"].items():
                    print(f"    refused {module}: {reason}")
            except Exception as error:  # an exporter's own failure is a result
                results[key] = {"failed": f"{type(error).__name__}: {str(error)[:300]}"}
                print(f"{key}: FAILED {results[key]['failed']}", flush=True)
            record.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
