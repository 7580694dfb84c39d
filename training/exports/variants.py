"""Variants made from an export with fixed axes: other weight types, optimised graphs, stripped names.

Each function reads one ONNX file and writes another.
"""

import logging
from collections.abc import Callable
from pathlib import Path

import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model

from family import Family


class NotApplicable(Exception):
    """The variant does not exist for this model; the message says why."""


def half(family: Family, source: Path, target: Path) -> None:
    """Weights, activations, inputs and outputs in float16."""
    model = onnx.load(source)
    onnx.save(convert_float_to_float16(model, keep_io_types=False, disable_shape_infer=False), target)


def int8(family: Family, source: Path, target: Path) -> None:
    """Dynamic quantisation; unsigned weights, because onnxruntime has no CPU kernel for signed ConvInteger."""
    quantize_dynamic(source, target, weight_type=QuantType.QUInt8)


def int4(family: Family, source: Path, target: Path) -> None:
    """Weights of matrix products in blocks of 16 four-bit numbers (MatMulNBits)."""
    quantizer = MatMulNBitsQuantizer(onnx.load(source), block_size=16, is_symmetric=True)
    quantizer.process()
    model = quantizer.model.model
    if not any(node.op_type == "MatMulNBits" for node in model.graph.node):
        raise NotApplicable("the graph has no matrix product with a constant weight")
    onnx.save(model, target)


def _saved_by_onnxruntime(level: onnxruntime.GraphOptimizationLevel, source: Path, target: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def ort_basic(family: Family, source: Path, target: Path) -> None:
    """Saved by onnxruntime after its hardware-independent optimisations."""
    _saved_by_onnxruntime(onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC, source, target)


def ort_extended(family: Family, source: Path, target: Path) -> None:
    """Saved by onnxruntime after its CPU fusions as well."""
    _saved_by_onnxruntime(onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED, source, target)


def ort_all(family: Family, source: Path, target: Path) -> None:
    """Saved by onnxruntime with layouts made for this processor (nchwc): to be refused."""
    _saved_by_onnxruntime(onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL, source, target)


def _fuse(family: Family, source: Path, target: Path, for_gpu: bool) -> None:
    model_type = "unet" if family.is_unet else "mmdit"
    options = FusionOptions(model_type)
    if not for_gpu:
        options.enable_group_norm = False
        options.enable_skip_group_norm = False
        options.enable_bias_add = False
        options.enable_bias_splitgelu = False
        options.enable_nhwc_conv = False
        options.enable_packed_kv = False
        options.enable_packed_qkv = False
    optimized = optimize_model(str(source), model_type=model_type, opt_level=0, optimization_options=options)
    optimized.topological_sort()
    optimized.save_model_to_file(str(target))
    fused = [node for node in optimized.model.graph.node if node.domain == "com.microsoft"]
    if not fused and not any(node.op_type == "LayerNormalization" for node in optimized.model.graph.node):
        raise NotApplicable("no fusion matches this graph")


def fused(family: Family, source: Path, target: Path) -> None:
    """onnxruntime.transformers, with the fusions that have CPU kernels."""
    _fuse(family, source, target, for_gpu=False)


def fused_gpu(family: Family, source: Path, target: Path) -> None:
    """onnxruntime.transformers with all fusions; some operators exist for GPUs only, so nothing can run it here."""
    _fuse(family, source, target, for_gpu=True)


def stripped(family: Family, source: Path, target: Path) -> None:
    """Every name replaced by a number; metadata, documentation and value types removed."""
    model = onnx.load(source)
    _strip_graph(model.graph, {})
    del model.metadata_props[:]
    model.producer_name = model.producer_version = model.doc_string = model.domain = ""
    onnx.save(model, target)


def _strip_graph(graph: onnx.GraphProto, outer: dict[str, str], prefix: str = "v") -> None:
    names = dict(outer)

    def fresh(name: str) -> str:
        if name and name not in names:
            names[name] = f"{prefix}{len(names)}"
        return names.get(name, "")

    for value in [*graph.input, *graph.initializer, *graph.output]:
        value.name = fresh(value.name)
        value.doc_string = ""
        del value.metadata_props[:]
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = fresh(name)
        for index, name in enumerate(node.output):
            node.output[index] = fresh(name)
        node.name = node.doc_string = ""
        del node.metadata_props[:]
    for node in graph.node:
        for attribute in node.attribute:
            attribute.doc_string = ""
            if attribute.HasField("g"):
                _strip_graph(attribute.g, names, prefix + "_")
            if attribute.HasField("t"):
                attribute.t.name = attribute.t.doc_string = ""
    graph.name = "g"
    graph.doc_string = ""
    del graph.value_info[:]
    del graph.quantization_annotation[:]
    del graph.metadata_props[:]


logging.getLogger("onnxruntime.transformers").setLevel(logging.ERROR)

DERIVED: dict[str, Callable[[Family, Path, Path], None]] = {
    "stripped": stripped,
    "fp16": half,
    "int8": int8,
    "int4": int4,
    "ort-basic": ort_basic,
    "ort-extended": ort_extended,
    "fused": fused,
    "fused-gpu": fused_gpu,
    "ort-all": ort_all,
}

# Written for discovery or refusal only: not comparable with PyTorch on a CPU.
NOT_RUN = ("fused-gpu",)
