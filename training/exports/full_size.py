"""Full-size graphs without weights: the real configurations, exported with tensors that have a shape and no memory.

    python full_size.py --out DIR [--model svd svd-fp32 svd-tiny-latent hunyuan]

Writes DIR/MODEL/model.onnx, whose initializers point into `model.onnx.data` (location, offset, length) as torch.onnx
does for large models; that file is not written. A reader needs no weights to open, map and prune the graph; a test that
wants bytes creates the file sparse, `dataBytes` long (DIR/MODEL/full-size.json).
"""

import argparse
import gzip
import json
import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxscript
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from traces import relative_traces
from transformer_families import HunyuanVideo
from unets import StableVideoUNet

DATA_FILE = "model.onnx.data"
ALIGNMENT = 65536  # torch.onnx aligns tensors of external data to pages of this size


@dataclass(frozen=True)
class FullSize:
    """`inputs` receives the floating-point type of the model."""

    build: Callable[[], torch.nn.Module]
    dtype: torch.dtype
    inputs: Callable[[torch.dtype], dict[str, torch.Tensor]]


def _svd_inputs(dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """14 frames of 576 x 1024 pixels."""
    return {
        "sample": torch.zeros(1, 14, 8, 72, 128, dtype=dtype),
        "timestep": torch.zeros(1),
        "encoder_hidden_states": torch.zeros(1, 1, 1024, dtype=dtype),
        "added_time_ids": torch.zeros(1, 3, dtype=dtype),
    }


def _svd_tiny_inputs(dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Two frames of 8 x 8 latents: all weights and few products, to be stepped without a GPU."""
    return {**_svd_inputs(dtype), "sample": torch.zeros(1, 2, 8, 8, 8, dtype=dtype)}


def _hunyuan_inputs(dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """33 frames (9 latents) of 544 x 960 pixels."""
    return {
        "hidden_states": torch.zeros(1, 16, 9, 68, 120, dtype=dtype),
        "timestep": torch.zeros(1, dtype=torch.int64),
        "encoder_hidden_states": torch.zeros(1, 256, 4096, dtype=dtype),
        "encoder_attention_mask": torch.ones(1, 256, dtype=torch.int64),
        "pooled_projections": torch.zeros(1, 768, dtype=dtype),
        "guidance": torch.zeros(1, dtype=dtype),
    }


MODELS = {
    "svd": FullSize(StableVideoUNet, torch.float16, _svd_inputs),
    "svd-fp32": FullSize(StableVideoUNet, torch.float32, _svd_inputs),
    "svd-tiny-latent": FullSize(StableVideoUNet, torch.float32, _svd_tiny_inputs),
    "hunyuan": FullSize(HunyuanVideo, torch.float16, _hunyuan_inputs),
}


class _Placeholder(ir.LazyTensor):
    """A weight without memory. Asked for values (by an optimiser), it gives one number everywhere, its own.

    Two of one number would be merged, as the weights of a trained model are not.
    """

    _count = 0

    def __init__(self, name: str, dtype: ir.DataType, shape: ir.Shape):
        _Placeholder._count += 1
        number = _numbers_from_one(dtype.numpy(), _Placeholder._count)
        super().__init__(
            lambda: ir.Tensor(np.broadcast_to(number, shape.numpy()), dtype=dtype, shape=shape),
            dtype=dtype, shape=shape, name=name,
        )


def _numbers_from_one(dtype: np.dtype, count: int) -> np.ndarray:
    """The `count`-th number of this type above 1; float16 has 16,383 of them."""
    bits = np.dtype(f"u{dtype.itemsize}")
    return (np.ones((), dtype).view(bits) + bits.type(count)).view(dtype)


def export_without_weights(full: FullSize) -> tuple[ir.Model, int]:
    """The dynamo exporter under fake tensors, then its own optimiser on placeholders; also the number of parameters."""
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        torch.set_default_dtype(full.dtype)
        model = full.build().eval()
        torch.set_default_dtype(torch.float32)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        program = torch.export.export(model, (), kwargs=full.inputs(full.dtype), strict=False)
    graph_model = torch.onnx.export(program, dynamo=True, optimize=False, output_names=["out_sample"]).model
    for value in graph_model.graph.initializers.values():
        if isinstance(getattr(value.const_value, "raw", None), FakeTensor):
            value.const_value = _Placeholder(value.name, value.dtype, value.shape)
    fold_transposed_weights(graph_model)
    onnxscript.optimizer.optimize_ir(graph_model)
    return graph_model, parameters


def fold_transposed_weights(model: ir.Model) -> None:
    """A transposed weight is stored transposed: what the exporter's optimiser does, without touching values."""
    graph = model.graph
    for node in list(graph):
        if node.op_type != "Transpose" or not isinstance(node.inputs[0].const_value, _Placeholder):
            continue
        source, output = node.inputs[0], node.outputs[0]
        shape = ir.Shape([source.shape[axis] for axis in node.attributes["perm"].as_ints()])
        weight = ir.Value(name=output.name, type=source.type, shape=shape)
        weight.const_value = _Placeholder(output.name, source.dtype, shape)
        output.replace_all_uses_with(weight)
        graph.remove(node, safe=True)
        graph.register_initializer(weight)
        if not source.uses():
            del graph.initializers[source.name]


def place_weights(model: ir.Model) -> int:
    """Gives each weight its range in the data file; returns the file's length in bytes."""
    offset = 0
    for value in model.graph.initializers.values():
        tensor = value.const_value
        if not isinstance(tensor, _Placeholder):
            continue
        if tensor.nbytes > ALIGNMENT:
            offset += -offset % ALIGNMENT
        value.const_value = ir.ExternalTensor(
            DATA_FILE, offset, tensor.nbytes, tensor.dtype, shape=tensor.shape, name=value.name
        )
        offset += tensor.nbytes
    return offset


def write(name: str, out: Path, compress: bool) -> dict:
    started = time.time()
    model, parameters = export_without_weights(MODELS[name])
    data_bytes = place_weights(model)
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    ir.save(relative_traces(model), path)
    weights = [value for value in model.graph.initializers.values() if isinstance(value.const_value, ir.ExternalTensor)]
    facts = {
        "model": name,
        "parameters": parameters,
        "weights": len(weights),
        "nodes": sum(1 for _ in model.graph),
        "graphBytes": path.stat().st_size,
        "dataFile": DATA_FILE,
        "dataBytes": data_bytes,
    }
    (folder / "full-size.json").write_text(json.dumps(facts, indent=1) + "\n")
    if compress:
        Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
        path.unlink()
    print(facts, f"{time.time() - started:.0f} s", flush=True)
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--compress", action="store_true", help="write model.onnx.gz (for committed fixtures)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    for name in options.model:
        write(name, options.out, options.compress)


if __name__ == "__main__":
    main()
