"""Reference gradients from PyTorch, in float64, for the exports in a folder made by export.py.

    python gradients.py --exports ../../fixtures/exports [--family svd ...]

The loss is the mean squared difference of the output to a seeded target. Writes FAMILY/gradients.bin (the target, and for
each parameter its gradient's norm, how far float32 is from it, and some of its entries) and FAMILY/gradients.json.gz (what is where, and for each export
which initializer holds which parameter, found by equal values). fixtures/exports/README.md describes both.
"""

import argparse
import gzip
import json
import logging
import os
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch

from families import FAMILIES
from family import Family, noise
from weights import randomise

SAMPLES = 12


def sample_places(count: int) -> np.ndarray:
    """Up to SAMPLES positions spread over a flat tensor: floor(i * count / samples)."""
    samples = min(SAMPLES, count)
    return (np.arange(samples) * count) // samples


def gradients_of(model: torch.nn.Module, inputs: dict[str, torch.Tensor], dtype: torch.dtype) -> tuple[float, torch.Tensor, dict]:
    """Loss, target and gradients by parameter name (as float64), computed in `dtype`."""
    model = model.to(dtype)
    model.zero_grad(set_to_none=True)
    cast = {name: value.to(dtype) if value.is_floating_point() else value for name, value in inputs.items()}
    result = model(**cast)
    output = result[0] if isinstance(result, tuple) else result
    target = noise(*output.shape, seed=2)
    loss = ((output - target.to(dtype)) ** 2).mean()
    loss.backward()
    gradients = {
        name: parameter.grad.double().numpy() for name, parameter in model.named_parameters() if parameter.grad is not None
    }
    return float(loss.detach()), target, gradients


def case_inputs(folder: Path) -> dict[str, torch.Tensor]:
    """The inputs that the exports were checked with."""
    case = json.loads((folder / "case.json").read_text())
    data = (folder / "case.bin").read_bytes()
    return {
        place["name"]: torch.from_numpy(
            np.frombuffer(data, place["dtype"], int(np.prod(place["shape"])), place["offset"]).reshape(place["shape"]).copy()
        )
        for place in case["inputs"]
    }


def matched(graph: onnx.GraphProto, parameters: dict[str, np.ndarray]) -> dict[str, tuple[tuple[str, ...], bool]]:
    """Initializer -> the parameters that it holds, and whether as their transpose.

    Found by equal values. Exporters keep one initializer for several parameters of equal values: it then stands for those
    that have none of their own name.
    """
    by_value: dict[bytes, list[tuple[str, bool]]] = {}
    for name, value in parameters.items():
        by_value.setdefault((value + 0.0).tobytes(), []).append((name, False))
        if value.ndim == 2 and 1 not in value.shape:
            by_value.setdefault(np.ascontiguousarray(value.T + 0.0).tobytes(), []).append((name, True))
    sharing: dict[bytes, list[str]] = {}
    for tensor in graph.initializer:
        if tensor.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
            value = np.ascontiguousarray(onnx.numpy_helper.to_array(tensor).astype(np.float32)) + 0.0  # no -0
            sharing.setdefault(value.tobytes(), []).append(tensor.name)
    found = {}
    for key, tensors in sharing.items():
        candidates = by_value.get(key, [])
        own = {name for name, _ in candidates} & set(tensors)
        shared = [(name, flipped) for name, flipped in candidates if name not in own]
        for tensor in tensors:
            if len(tensors) == 1:
                if candidates:
                    found[tensor] = (tuple(name for name, _ in candidates), candidates[0][1])
            elif tensor in own and not shared:
                found[tensor] = ((tensor,), False)
    return found


def write_gradients(family: Family, folder: Path) -> None:
    """Both files of one family."""
    model = randomise(family.build())
    values = {name: parameter.detach().numpy().copy() for name, parameter in model.named_parameters()}
    inputs = case_inputs(folder)
    _, _, rounded = gradients_of(model, inputs, torch.float32)
    loss, target, gradients = gradients_of(model, inputs, torch.float64)
    numbers = [target.numpy().astype("<f4").ravel()]
    offset = numbers[0].size
    parameters: dict[tuple[str, ...], list] = {}
    exports = {}

    def add(names: tuple[str, ...]) -> str:
        """Numbers of the sum of these parameters' gradients, once."""
        nonlocal offset
        key = "+".join(names)
        if names not in parameters:
            total = sum(gradients[name] for name in names)
            error = np.linalg.norm(sum(rounded[name] for name in names) - total)
            flat = total.ravel()
            numbers.append(np.concatenate([[np.linalg.norm(flat), error], flat[sample_places(flat.size)]]).astype("<f4"))
            parameters[names] = [key, list(total.shape), offset]
            offset += numbers[-1].size
        return key

    for path in sorted(folder.glob("*/*/model.onnx*")):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found = matched(onnx.load_model_from_string(data).graph, values)
        exports["/".join(path.parts[-3:-1])] = {
            name: [add(names), flipped] for name, (names, flipped) in found.items() if all(other in gradients for other in names)
        }
    description = {
        "loss": loss,
        "samples": SAMPLES,
        "target": list(target.shape),
        "parameters": list(parameters.values()),
        "exports": exports,
    }
    (folder / "gradients.json.gz").write_bytes(gzip.compress(json.dumps(description).encode(), 9, mtime=0))
    (folder / "gradients.bin").write_bytes(np.concatenate(numbers).astype("<f4").tobytes())
    counts = {name: len(found) for name, found in exports.items()}
    print(f"{family.name}: loss {loss:.6f}, {len(gradients)} parameters, matched {counts}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exports", type=Path, required=True)
    parser.add_argument("--family", nargs="*", default=list(FAMILIES), choices=list(FAMILIES))
    options = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    for name in options.family:
        if (options.exports / name).is_dir():
            write_gradients(FAMILIES[name], options.exports / name)


if __name__ == "__main__":
    main()
