"""Compares a pruned diffusers folder with a pruned ONNX graph of the same model and plan, made by `vdmini prune`.

    python check_onnx.py --family svd --plan plan.json --onnx pruned.onnx --export EXPORT.json [--exported again.onnx]

The model is a family of `../exports` with its seeded weights, as fixtures/exports hold them; the folder is made here by
prune_diffusers.py and read back by `from_pretrained` and by `load_pruned`. --exported also exports it, by the dynamo exporter, as
`../exports/README.md` shows. Prints the differences over the largest output, and that of the whole teacher.
"""
from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import warnings
from pathlib import Path

import onnxruntime
import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "exports")]

from families import FAMILIES  # noqa: E402
from weights import randomise  # noqa: E402
from workarounds import boolean_fill_as_logic  # noqa: E402

from check_pruning import answers, published  # noqa: E402
from plan_file import read_plan  # noqa: E402
from prune_diffusers import prune_folder  # noqa: E402
from pruned_model import load_published, load_pruned  # noqa: E402


def from_onnx(path: Path, inputs: dict[str, torch.Tensor], names: dict[str, str]) -> torch.Tensor:
    """`names`: the family's name of each graph input."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    feeds = {value.name: inputs[names[value.name]].numpy() for value in session.get_inputs()}
    return torch.from_numpy(session.run(None, feeds)[0])


def export(family: str, folder: Path, target: Path) -> None:
    """The snippet of `../exports/README.md`: the published class, keyword arguments, the dynamo exporter."""
    model = load_published(folder)
    inputs = FAMILIES[family].inputs() | {"return_dict": False}
    with boolean_fill_as_logic() if family == "hunyuan" else contextlib.nullcontext():
        torch.onnx.export(model, (), str(target), kwargs=inputs, output_names=["out_sample"], dynamo=True, external_data=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", required=True, choices=list(FAMILIES))
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--onnx", type=Path, required=True)
    parser.add_argument("--export", type=Path, required=True, help="export.json of the fixture: names of its inputs")
    parser.add_argument("--exported", type=Path, help="where the pruned folder is exported to")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    family = FAMILIES[options.family]
    model, inputs = randomise(family.build()), family.inputs()
    names = {one["name"]: one["case"] for one in json.loads(options.export.read_text())["inputs"]}
    with tempfile.TemporaryDirectory() as scratch, torch.no_grad():
        teacher, student = Path(scratch) / "teacher", Path(scratch) / "student"
        published(model).save_pretrained(teacher)
        layout = prune_folder(teacher, read_plan(options.plan), student)
        pruned = from_onnx(options.onnx, inputs, names)
        size = pruned.abs().max().item()
        away = {"from_pretrained": load_published(student), "load_pruned": load_pruned(student), "teacher": load_published(teacher)}
        result = {how: (answers(type(model), one, inputs) - pruned).abs().max().item() / size for how, one in away.items()}
        if options.exported:
            export(options.family, student, options.exported)
            result["exported"] = (from_onnx(options.exported, inputs, {name: name for name in inputs}) - pruned).abs().max().item() / size
    print(json.dumps(result | {"identity": layout.identity, "config": {key: layout.config.get(key) for key in ("layers_per_block", "block_out_channels", "num_layers", "num_single_layers")}}))


if __name__ == "__main__":
    main()
