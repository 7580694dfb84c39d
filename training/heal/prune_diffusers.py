"""Prunes a diffusers denoiser by a plan of the studio: a smaller folder that `from_pretrained` loads, equal to the pruned ONNX.

    python prune_diffusers.py --model FOLDER --plan plan.json --out FOLDER2

FOLDER is a model's diffusers folder or a pipeline's; of a pipeline the rest is copied. FOLDER2 gets config.json, the renumbered
weights and plan-map.json (kept -> original, taps of the losses). What no config can express is written as weights that make
a module the identity, and named; `load_pruned` and heal.py leave such modules out. With --strict it is refused instead.
"""
from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import torch

from bypass import identity_weights
from diffusers_folder import DiffusersFolder, copy_rest, denoiser_folder, write_json, write_weights
from lay_out import lay_out
from layout import Layout, empty_model
from plan_file import PlanError, plan_hash, read_plan
from pruned_model import PLAN_MAP, check_shapes

SHARD_BYTES = 5e9
LOSS_WEIGHTS = {"output": 1.0, "icd": 0.1, "mca": 1.0}  # of the paper; heal.py starts from them


def prune_folder(model: Path, dropped: list[str], out: Path, variant: str | None = None, strict: bool = False) -> Layout:
    """Writes `out`. Raises PlanError; with `strict` also when a published config alone cannot express the plan."""
    files = DiffusersFolder(model, variant)
    layout = lay_out(files.config, dropped)
    if strict and layout.identity:
        raise PlanError(
            f"A config of {files.config['_class_name']} cannot leave out {', '.join(layout.identity)} (numbered as in the smaller "
            "model). Drop whole layers on both sides of a level, or leave out --strict: such modules are then written as identities."
        )
    shapes = check_shapes(files, layout)
    smaller = empty_model(layout.config)
    dtype = next(files.tensor(name).dtype for name in files.names())
    silent = {
        f"{path}.{name}": value.to(dtype) for path in layout.identity for name, value in identity_weights(smaller, path).items()
    }

    def make(name: str) -> torch.Tensor:
        return silent[name] if name in silent else files.tensor(layout.original(name))

    def bytes_of(name: str) -> int:
        return math.prod(shapes[name]) * dtype.itemsize

    out.mkdir(parents=True, exist_ok=True)
    write_weights(out, list(shapes), make, bytes_of, SHARD_BYTES)
    write_json(out / "config.json", layout.config)
    write_json(out / PLAN_MAP, plan_map(files, layout, dropped, shapes))
    return layout


def plan_map(files: DiffusersFolder, layout: Layout, dropped: list[str], shapes: dict[str, list[int]]) -> dict:
    bypassed = sum(math.prod(shape) for name, shape in shapes.items() if layout.is_bypassed(name))
    return {
        "format": "vdmini-plan-map",
        "version": 1,
        "class": files.config["_class_name"],
        "plan": {"dropped": dropped, "sha256": plan_hash(dropped)},
        "source": {"weights_sha256": files.fingerprint(), "parameters": sum(math.prod(files.shape(name)) for name in files.names())},
        "parameters": sum(map(math.prod, shapes.values())) - bypassed,
        "identity_parameters": bypassed,
        "kept": layout.kept,
        "identity": layout.identity,
        "taps": [{"student": tap.student, "teacher": tap.teacher} for tap in layout.taps],
        "loss_weights": LOSS_WEIGHTS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--component", help="of a pipeline: the folder to prune (default: unet or transformer)")
    parser.add_argument("--variant", help="of the weight files, such as fp16")
    parser.add_argument("--strict", action="store_true", help="refuse what a shallower config alone cannot express")
    options = parser.parse_args()
    try:
        source = denoiser_folder(options.model, options.component)
        inside = source != options.model
        if options.out.resolve() in (source.resolve(), options.model.resolve()):
            raise PlanError("--out is the model itself; name another folder.")
        target = options.out / source.name if inside else options.out
        layout = prune_folder(source, read_plan(options.plan), target, options.variant, options.strict)
        if inside:
            copy_rest(options.model, source.name, options.out)
    except PlanError as error:
        sys.exit(f"prune_diffusers: {error}")
    print(f"Wrote {target}: {len(layout.kept)} entries renumbered, {len(layout.taps)} taps.")
    if layout.identity:
        print(f"Identities with weights, which load_pruned leaves out: {', '.join(layout.identity)}")


if __name__ == "__main__":
    main()
