"""Turns a module into an ONNX file with small weights, and puts other weights into such a file later.

Weights are stored as fp16 and cast to fp32 in the graph, so that the files are small and run where there is no fp16
arithmetic; those that a part names are stored in 8 bits, with a scale for each output. It knows no model: what a folder
holds is in `folders.py`.

A graph is exported once, with random weights that tell which initializer holds which parameter (the exporter folds
transposes and names the results `val_123`); trained weights are put in by name, also later: `swap_weights`.
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from compact import compact

TRANSPOSED, RESHAPED, SIGMOID = ".transposed", ".reshaped", ".sigmoid"
SAME_WEIGHTS = 1e-4  # largest difference of ONNX from PyTorch with the weights that are stored, over the largest value
ROUNDING = 1e-3  # mean difference of ONNX from PyTorch with the trained fp32 weights, over the largest value
SCALE = "_scale"  # ends the name of the initializer that an 8-bit weight is multiplied by
LEAST_IN_BYTES = 1024  # values; biases and norms stay as they are
OPSET = 18  # group norm stays InstanceNormalization, which every runtime has


@dataclass(frozen=True)
class Part:
    """One graph of a folder: `module` called with the values of `inputs` in their order; `axis` (the first of each input) is free."""

    module: nn.Module
    inputs: dict[str, torch.Tensor]
    outputs: tuple[str, ...]
    axis: str  # "batch" or "frames"
    in_bytes: re.Pattern | None = None  # parameters whose names it finds are stored in 8 bits


def export_graph(folder: Path, part: Part) -> None:
    """folder/model.onnx with the part's weights. The part's module keeps its weights."""
    folder.mkdir(parents=True, exist_ok=True)
    module, inputs = part.module, part.inputs
    axis = torch.export.Dim(part.axis, min=1, max=64 if part.axis == "batch" else 1024)
    trained = {name: value.clone() for name, value in module.state_dict().items()}
    _mark(module)
    program = torch.onnx.export(
        module, tuple(inputs.values()), dynamo=True, opset_version=OPSET, input_names=list(inputs), output_names=list(part.outputs),
        dynamic_shapes=tuple({0: axis} for _ in inputs), external_data=False, verbose=False,
    )
    model = program.model_proto
    _strip_traces(model)
    _without_logical_where(model)
    _name_folded(model, module.state_dict())
    module.load_state_dict(trained)
    _store_as_half(model, set(trained))
    _finish(model, part, folder / "model.onnx")


def _finish(model: onnx.ModelProto, part: Part, path: Path) -> None:
    _store_as_bytes(model, part.in_bytes)
    _put_in(model, part.module.state_dict())
    compact(model)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _mark(module: nn.Module) -> None:
    """Random weights in place of all, so that a folded initializer can be told by its values."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))


def _name_folded(model: onnx.ModelProto, marks: dict[str, torch.Tensor]) -> None:
    """Names each folded initializer after its parameter. Raises ValueError when a parameter is nowhere in the graph."""
    known = {value.numpy().tobytes(): name for name, value in marks.items() if value.is_floating_point()}
    known_transposed = {value.T.contiguous().numpy().tobytes(): name for name, value in marks.items() if value.ndim == 2}
    taken = {tensor.name for tensor in model.graph.initializer}
    renamed: dict[str, str] = {}
    found = set()
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = np.ascontiguousarray(numpy_helper.to_array(tensor)).tobytes()
        source = known.get(values) or known_transposed.get(values)
        folded = _under_sigmoid(tensor, marks) if source is None else None
        if source is None and folded is None:
            continue
        found.add(source or folded)
        if tensor.name == source:
            continue
        name = f"{folded}{SIGMOID}" if source is None else source + (RESHAPED if values in known else TRANSPOSED)
        if name in taken:
            raise ValueError(f"two initializers hold {name}")
        taken.add(name)
        renamed[tensor.name] = name
        tensor.name = name
    missing = sorted(set(known.values()) - found)
    if missing:
        raise ValueError(f"not found in the exported graph: {', '.join(missing)}")
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = renamed.get(name, name)
    for info in [info for info in model.graph.value_info if info.name in renamed]:
        info.name = renamed[info.name]


def _under_sigmoid(tensor: TensorProto, marks: dict[str, torch.Tensor]) -> str | None:
    """The parameter of one value (a factor that blends) that the exporter has put through a sigmoid, or none."""
    if int(np.prod(tensor.dims)) != 1:
        return None
    value = float(numpy_helper.to_array(tensor).reshape(()))
    single = (name for name, mark in marks.items() if mark.numel() == 1 and mark.is_floating_point())
    return next((name for name in single if abs(float(marks[name].sigmoid()) - value) < 1e-6), None)


def _put_in(model: onnx.ModelProto, weights: dict[str, torch.Tensor]) -> None:
    """Writes `weights` over the initializers that bear their names, in each one's own type and layout. Raises
    ValueError when a weight has no initializer."""
    waiting = {name for name, value in weights.items() if value.is_floating_point()}
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for tensor in tensors.values():
        name = parameter_of(tensor.name)
        if name not in weights:
            continue
        value = as_stored(tensor.name, weights[name].float()).numpy().reshape(tuple(tensor.dims))
        if tensor.data_type == TensorProto.INT8:
            stored, scale = _in_bytes(tensor.name, value)
            tensors[f"{tensor.name}{SCALE}"].CopyFrom(numpy_helper.from_array(scale, f"{tensor.name}{SCALE}"))
        else:
            stored = value.astype(np.float16 if tensor.data_type == TensorProto.FLOAT16 else np.float32)
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(stored), tensor.name))
        waiting.discard(name)
    if waiting:
        raise ValueError(f"no initializer for {', '.join(sorted(waiting))}")


def _in_bytes(initializer: str, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers from -127 to 127, and the scale of each output."""
    axis = output_axis(initializer)
    scale = np.abs(value).max(axis=tuple(other for other in range(value.ndim) if other != axis), keepdims=True) / 127
    scale[scale == 0] = 1
    return np.rint(value / scale).astype(np.int8), scale.reshape(-1).astype(np.float32)


def output_axis(initializer: str) -> int:
    """Which axis of a matrix or a kernel counts the outputs of its layer."""
    return 1 if initializer.endswith(TRANSPOSED) else 0


def stored_weights(path: Path) -> dict[str, torch.Tensor]:
    """Initializer's name -> its values in fp32, for all that hold floating-point numbers or stand for them in 8 bits."""
    tensors = {tensor.name: tensor for tensor in onnx.load(path).graph.initializer}
    values = {}
    for name, tensor in tensors.items():
        if tensor.data_type == TensorProto.INT8:
            scale = numpy_helper.to_array(tensors[f"{name}{SCALE}"])
            axes = [1] * len(tensor.dims)
            axes[output_axis(name)] = -1
            values[name] = torch.from_numpy(numpy_helper.to_array(tensor).astype(np.float32) * scale.reshape(axes))
        elif tensor.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16) and not name.endswith(SCALE):
            values[name] = torch.from_numpy(numpy_helper.to_array(tensor).astype(np.float32))
    return values


def read_weights(path: Path, module: nn.Module) -> None:
    """Puts the weights of an ONNX file of ours into the parameters that they are named after."""
    targets = module.state_dict()
    for initializer, value in stored_weights(path).items():
        name = parameter_of(initializer)
        if name in targets:
            targets[name].copy_(as_trained(initializer, value).reshape(targets[name].shape))


def swap_weights(folder: Path, parts: dict[str, Part]) -> None:
    """Puts other weights into the graphs of `folder`."""
    for name, part in parts.items():
        path = folder / name / "model.onnx"
        _finish(onnx.load(path), part, path)


class Parity(NamedTuple):
    """Differences of ONNX from PyTorch over PyTorch's largest value."""

    same_weights: float  # largest, PyTorch with the weights that are stored: what an export or a swap may get wrong
    rounding: float  # mean, PyTorch's weights as trained
    rounding_worst: float  # largest, likewise: a single pixel of many thousands


@torch.no_grad()
def check_parity(folder: Path, parts: dict[str, Part]) -> dict[str, Parity]:
    """By part, on its example inputs. Raises ValueError over SAME_WEIGHTS or ROUNDING."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    differences = {}
    for name, part in parts.items():
        session = onnxruntime.InferenceSession(str(folder / name / "model.onnx"), settings, providers=["CPUExecutionProvider"])
        ours = session.run(None, {key: value.numpy() for key, value in part.inputs.items()})[0]
        trained = {key: value.clone() for key, value in part.module.state_dict().items()}
        exact = _first(part.module(*part.inputs.values())).numpy()
        read_weights(folder / name / "model.onnx", part.module)
        rounded = _first(part.module(*part.inputs.values())).numpy()
        part.module.load_state_dict(trained)
        size = np.abs(exact).max()
        away = np.abs(ours - exact)
        differences[name] = Parity(float(np.abs(ours - rounded).max() / size), float(away.mean() / size), float(away.max() / size))
    wrong = {name: one for name, one in differences.items() if not (one.same_weights <= SAME_WEIGHTS and one.rounding <= ROUNDING)}
    if wrong:
        raise ValueError(f"ONNX differs from PyTorch: {wrong}")
    return differences


def _first(output: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
    return output if isinstance(output, torch.Tensor) else output[0]


def as_stored(initializer: str, value: torch.Tensor) -> torch.Tensor:
    """A parameter's value as the initializer of that name holds it, but for its shape."""
    if initializer.endswith(TRANSPOSED):
        return value.T
    return value.sigmoid() if initializer.endswith(SIGMOID) else value


def as_trained(initializer: str, value: torch.Tensor) -> torch.Tensor:
    """The inverse of `as_stored`."""
    if initializer.endswith(TRANSPOSED):
        return value.T
    return value.logit() if initializer.endswith(SIGMOID) else value


def parameter_of(initializer: str) -> str:
    return initializer.removesuffix(TRANSPOSED).removesuffix(RESHAPED).removesuffix(SIGMOID)


def _strip_traces(model: onnx.ModelProto) -> None:
    """Stack traces and graph text of the exporter triple the file; module scopes stay, discovery reads them."""
    keep = {"pkg.torch.onnx.name_scopes"}
    for item in [*model.graph.node, *model.graph.value_info, *model.graph.initializer, *model.graph.input, *model.graph.output]:
        kept = [prop for prop in item.metadata_props if prop.key in keep]
        del item.metadata_props[:]
        item.metadata_props.extend(kept)
        item.doc_string = ""


def _without_logical_where(model: onnx.ModelProto) -> None:
    """Where of two booleans (a mask that is filled) as And and Or: onnxruntime has no kernel for it."""
    graph = model.graph
    types = {one.name: one.type.tensor_type.elem_type for one in [*graph.value_info, *graph.output]}
    nodes = []
    for node in graph.node:
        if node.op_type != "Where" or types.get(node.output[0]) != TensorProto.BOOL:
            nodes.append(node)
            continue
        condition, yes, no = node.input
        chosen, other, otherwise = (f"{node.output[0]}.{part}" for part in ("chosen", "not", "otherwise"))
        nodes += [
            helper.make_node("And", [condition, yes], [chosen], name=f"{node.name}.chosen"),
            helper.make_node("Not", [condition], [other], name=f"{node.name}.not"),
            helper.make_node("And", [other, no], [otherwise], name=f"{node.name}.otherwise"),
            helper.make_node("Or", [chosen, otherwise], list(node.output), name=node.name),
        ]
        for made in nodes[-4:]:
            made.metadata_props.extend(node.metadata_props)
    del graph.node[:]
    graph.node.extend(nodes)


def _store_as_half(model: onnx.ModelProto, parameters: set[str]) -> None:
    """fp32 weights of more than 16 values become fp16 with a Cast in front; the rest, tables of positions too, stays exact."""
    graph = model.graph
    casts, renamed = [], {}
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) <= 16 or parameter_of(tensor.name) not in parameters:
            continue
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name)
        tensor.CopyFrom(half)
        renamed[tensor.name] = f"{tensor.name}.float32"
        casts.append(helper.make_node("Cast", [tensor.name], [renamed[tensor.name]], name=f"cast.{tensor.name}", to=TensorProto.FLOAT))
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = renamed.get(name, name)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    stale = [info for info in graph.value_info if info.name in renamed]
    for info in stale:
        graph.value_info.remove(info)


def _store_as_bytes(model: onnx.ModelProto, chosen: re.Pattern | None) -> None:
    """Weights that `chosen` finds become int8 with a DequantizeLinear where their Cast was; values are put in later."""
    if chosen is None:
        return
    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        tensor = tensors.get(node.input[0]) if node.op_type == "Cast" else None
        if tensor is None or tensor.data_type != TensorProto.FLOAT16 or not chosen.search(parameter_of(tensor.name)):
            continue
        if len(tensor.dims) < 2 or int(np.prod(tensor.dims)) < LEAST_IN_BYTES:
            continue
        axis = output_axis(tensor.name)
        scale = f"{tensor.name}{SCALE}"
        node.CopyFrom(helper.make_node("DequantizeLinear", [tensor.name, scale], list(node.output), axis=axis))
        graph.initializer.append(numpy_helper.from_array(np.ones(tensor.dims[axis], np.float32), scale))
        tensor.CopyFrom(numpy_helper.from_array(np.zeros(tuple(tensor.dims), np.int8), tensor.name))
