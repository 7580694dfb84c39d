"""Makes the exports: family x exporter x variant, each checked against PyTorch with onnxruntime.

    python export.py --out DIR [--family svd ...] [--exporter legacy dynamo] [--variant fixed fp16 ...] [--compress]

Writes DIR/FAMILY/case.{json,bin} once, and DIR/FAMILY/EXPORTER/VARIANT/{model.onnx,export.json} for each export. What
could not be made is listed with its reason in DIR/failures.json.
"""

import argparse
import gzip
import json
import logging
import os
import shutil
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from families import FAMILIES
from family import Family
from reference import write_reference
from traces import relative_traces
from variants import DERIVED, NOT_RUN, NotApplicable
from weights import randomise
from workarounds import register_legacy_symbolics

EXPORTERS = ("legacy", "dynamo")
TRACED = ("fixed", "dynamic")


def trace(family: Family, model: torch.nn.Module, exporter: str, variant: str, path: Path) -> None:
    """torch.onnx.export with fixed or dynamic axes. `exporter`: legacy, dynamo, or dynamo-OPSET for another opset than its own."""
    inputs = family.inputs()
    options = {"input_names": list(inputs), "output_names": [family.output]}
    dynamic = variant == "dynamic"
    with torch.no_grad():
        if exporter == "legacy":
            axes = {**family.dynamic, family.output: family.dynamic_output} if dynamic else None
            torch.onnx.export(
                model, tuple(inputs.values()), str(path), opset_version=17, dynamo=False, dynamic_axes=axes, **options
            )
        else:
            shapes = family.dynamic_shapes() if dynamic else None
            if dynamic and family.varied_inputs:
                inputs = family.varied_inputs()
            opset = {"opset_version": int(exporter.partition("-")[2])} if "-" in exporter else {}
            program = torch.onnx.export(
                model, (), kwargs=inputs, dynamo=True, dynamic_shapes=shapes, verbose=False, **opset, **options
            )
            relative_traces(program.model)
            program.save(path, external_data=False)


def onnxruntime_session(path: Path) -> onnxruntime.InferenceSession:
    """A session that runs the graph as it is written: no optimisation."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def describe(family: Family, path: Path, expected: np.ndarray, runs: bool) -> dict:
    """Facts of one export; `error` is its largest difference from PyTorch with nothing dropped, null when not run."""
    model = onnx.load(path)
    values = family.inputs()
    inputs, feeds = [], {}
    for index, value in enumerate(model.graph.input):
        case_input = value.name if value.name in values else list(values)[index]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        feeds[value.name] = values[case_input].numpy().astype(dtype)
        inputs.append({"name": value.name, "case": case_input, "dtype": str(dtype)})
    error = None
    if runs:
        output = onnxruntime_session(path).run(None, feeds)[0]
        error = float(np.abs(output.astype(np.float32) - expected).max())
        if not np.isfinite(error):
            raise NotApplicable("the exported graph gives values that are not finite")
    return {
        "opsets": {entry.domain or "ai.onnx": entry.version for entry in model.opset_import},
        "nodes": len(model.graph.node),
        "inputs": inputs,
        "output": model.graph.output[0].name,
        "error": error,
    }


def _expected(case: dict, folder: Path) -> np.ndarray:
    place = case["cases"][0]["output"]
    data = (folder / "case.bin").read_bytes()
    return np.frombuffer(data, "<f4", int(np.prod(place["shape"])), place["offset"]).reshape(place["shape"])


def _store(family: Family, exporter: str, variant: str, path: Path, case: dict, out: Path, compress: bool) -> dict:
    folder = out / family.name
    facts = describe(family, path, _expected(case, folder), runs=variant not in NOT_RUN)
    target = folder / exporter / variant
    target.mkdir(parents=True, exist_ok=True)
    if compress:
        (target / "model.onnx.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    else:
        shutil.copyfile(path, target / "model.onnx")
    facts = {"family": family.name, "exporter": exporter, "variant": variant, **facts}
    (target / "export.json").write_text(json.dumps(facts, indent=1) + "\n")
    return facts


def export_family(family: Family, exporters: list[str], variants: list[str], out: Path, compress: bool) -> dict:
    """All asked exports of one family; returns {family/exporter/variant: reason} for those that could not be made.

    Derived variants start from the export with fixed axes: the one in `out` when it is not asked for anew.
    """
    model = randomise(family.build())
    case = write_reference(family, model, out / family.name)
    failures = {}
    for exporter in exporters:
        with tempfile.TemporaryDirectory() as scratch:
            kept = out / family.name / exporter / "fixed" / "model.onnx"
            fixed = kept if "fixed" not in variants and kept.exists() else Path(scratch) / "fixed.onnx"
            for variant in variants if "fixed" in variants or fixed == kept else ["fixed", *variants]:
                started = time.time()
                try:
                    path = fixed if variant == "fixed" else Path(scratch) / f"{variant}.onnx"
                    if variant in TRACED:
                        trace(family, model, exporter, variant, path)
                    else:
                        DERIVED[variant](family, fixed, path)
                    if variant not in variants:
                        continue
                    facts = _store(family, exporter, variant, path, case, out, compress)
                    print(f"{family.name} {exporter} {variant}: {facts['nodes']} nodes, error {facts['error']}, "
                          f"{time.time() - started:.0f} s", flush=True)
                except Exception as error:  # any exporter's own failure is a result of this script
                    failures[f"{family.name}/{exporter}/{variant}"] = _reason(error)
                    print(f"{family.name} {exporter} {variant}: {_reason(error)}", flush=True)
                    if variant == "fixed":
                        break
    return failures


def _reason(error: Exception) -> str:
    """The innermost cause, in one line: the exporters wrap it in advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--family", nargs="*", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--exporter", nargs="*", default=list(EXPORTERS), choices=EXPORTERS)
    parser.add_argument("--variant", nargs="*", default=[*TRACED, *DERIVED], choices=[*TRACED, *DERIVED])
    parser.add_argument("--compress", action="store_true", help="write model.onnx.gz (for committed fixtures)")
    options = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    register_legacy_symbolics()
    options.out.mkdir(parents=True, exist_ok=True)
    record = options.out / "failures.json"
    failures = json.loads(record.read_text()) if record.exists() else {}
    for name in options.family:
        for exporter in options.exporter:
            for variant in options.variant:
                failures.pop(f"{name}/{exporter}/{variant}", None)
        failures.update(export_family(FAMILIES[name], options.exporter, options.variant, options.out, options.compress))
        record.write_text(json.dumps(failures, indent=1) + "\n")


if __name__ == "__main__":
    main()
