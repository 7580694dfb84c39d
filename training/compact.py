"""Makes an exported ONNX file small without changing a value: what the exporter wrote beside the graph goes, and names are short.

Of 20 MB of a U-Net 2 MB were text: a signature of the program, shapes of every value, and the modules of each call as a list
of their full paths. The modules are kept in the nodes' names, in the form that PyTorch's older exporter gives them
(`/down_blocks.0/resnets.1/conv1/Conv`); names of weights, inputs and outputs stay.
"""
from __future__ import annotations

import ast
import re
from collections import Counter

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SCOPES = "pkg.torch.onnx.name_scopes"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def compact(model: onnx.ModelProto) -> None:
    """In place; a second call changes nothing more."""
    graph = model.graph
    del model.metadata_props[:], graph.metadata_props[:], graph.value_info[:]
    _scalars_as_nodes(graph)
    _name_nodes(graph)
    _name_values(graph)
    for item in [*graph.node, *graph.initializer, *graph.input, *graph.output]:
        item.doc_string = ""


def _scalars_as_nodes(graph: onnx.GraphProto) -> None:
    """Single numbers that are no parameter's (those have a path for a name) as Constant nodes, where nobody takes them for weights."""
    scalars = [tensor for tensor in graph.initializer if "." not in tensor.name and tensor.data_type == TensorProto.FLOAT and int(np.prod(tensor.dims)) == 1]
    nodes = [helper.make_node("Constant", [], [tensor.name], value=numpy_helper.from_array(numpy_helper.to_array(tensor))) for tensor in scalars]
    for tensor in scalars:
        graph.initializer.remove(tensor)
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)


def _name_nodes(graph: onnx.GraphProto) -> None:
    """Nodes of which no module is known keep no name of their own but a number."""
    counts: Counter[str] = Counter()
    for node in graph.node:
        scopes = next((prop.value for prop in node.metadata_props if prop.key == SCOPES), None)
        if scopes is None and node.name.startswith("/"):
            continue  # named before
        path = None if scopes is None else _path(scopes)
        if path is not None:
            del node.metadata_props[:]
        name = node.op_type if path is None else "".join(f"/{part}" for part in [*path, node.op_type])
        node.name = name if counts[name] == 0 else f"{name}_{counts[name]}"
        counts[name] += 1


def _path(scopes: str) -> list[str] | None:
    """Each called module's path from the one that called it, or none where that form cannot say it."""
    calls = [path for path in ast.literal_eval(scopes)[:-1] if path != ""]
    parts: list[str] = []
    before = ""
    for call in calls:
        if not call.startswith(before):
            return None
        parts.append(call[len(before) :])
        before = f"{call}."
    safe = all(part and "/" not in part and not re.fullmatch(r"[A-Z][A-Za-z]*(_\d+)?", part) for part in parts)
    repeats = any(later.startswith(f"{earlier}.") for earlier, later in zip(parts, parts[1:]))
    return parts if safe and not repeats else None


def _name_values(graph: onnx.GraphProto) -> None:
    kept = {value.name for value in [*graph.input, *graph.output, *graph.initializer]}
    names: dict[str, str] = {name: name for name in kept} | {"": ""}
    number = 0
    for node in graph.node:
        if any(attribute.HasField("g") for attribute in node.attribute):
            raise ValueError(f"{node.name} has a branch or a loop, whose names are not followed")
        for index, name in enumerate(node.input):
            node.input[index] = names[name]
        for index, name in enumerate(node.output):
            while name not in names:
                short, number = _digits(number), number + 1
                if short not in kept:
                    names[name] = short
            node.output[index] = names[name]


def _digits(number: int) -> str:
    """0 -> "v0", 36 -> "v10"."""
    text = ""
    while True:
        number, digit = divmod(number, len(DIGITS))
        text = DIGITS[digit] + text
        if number == 0:
            return f"v{text}"
