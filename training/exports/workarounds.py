"""What the published models need before torch.onnx can export them. Each entry names the failure it avoids.

* legacy, LTX and Wan: "Exporting the operator 'aten::rms_norm' to ONNX opset version 17 is not supported".
* legacy, Wan's decoder: "Exporting the operator 'aten::_upsample_nearest_exact2d' to ONNX opset version 17 is not supported".
* both, HunyuanVideo: filling a boolean mask. The legacy exporter stops with an internal assertion ("We don't have an op
  for aten::masked_fill"); the dynamo exporter writes Where on booleans, which onnxruntime has no CPU kernel for.
* legacy, LTX and LTX 2: `repeat_interleave(2, dim=-1)`. The exporter turns the -1 into an axis in place, and with it every other -1 of the model
  ("Op (Concat) [ShapeInferenceError] axis must be in [-rank, rank-1]").
"""

from contextlib import contextmanager

import torch


def _rms_norm(graph, input, normalized_shape, weight, eps):
    """x / sqrt(mean(x^2) + eps) * weight, over the last axis."""
    helper = torch.onnx.symbolic_helper
    if isinstance(eps, torch._C.Value) and helper._is_none(eps):
        epsilon = torch.finfo(torch.float32).eps
    else:
        epsilon = eps if isinstance(eps, float) else helper._maybe_get_const(eps, "f")
    square = graph.op("Pow", input, graph.op("Constant", value_t=torch.tensor(2.0)))
    mean = graph.op("ReduceMean", square, axes_i=[-1])
    constant = graph.op("Constant", value_t=torch.tensor(epsilon, dtype=torch.float32))
    root = graph.op("Sqrt", graph.op("Add", mean, constant))
    normal = graph.op("Div", input, root)
    has_weight = weight is not None and not torch.onnx.symbolic_helper._is_none(weight)
    return graph.op("Mul", normal, weight) if has_weight else normal


def _nearest_exact(graph, input, output_size, scale_factors):
    """The source pixel under the middle of each target pixel; scales are constants, as in every published decoder."""
    scales = [1.0, 1.0, *torch.onnx.symbolic_helper._maybe_get_const(scale_factors, "fs")]
    constant = graph.op("Constant", value_t=torch.tensor(scales, dtype=torch.float32))
    empty = graph.op("Constant", value_t=torch.tensor([], dtype=torch.float32))
    return graph.op(
        "Resize", input, empty, constant, coordinate_transformation_mode_s="half_pixel", mode_s="nearest",
        nearest_mode_s="round_prefer_ceil",
    )


def register_legacy_symbolics() -> None:
    """Once per process, before a legacy export."""
    torch.onnx.register_custom_op_symbolic("aten::rms_norm", _rms_norm, 17)
    torch.onnx.register_custom_op_symbolic("aten::_upsample_nearest_exact2d", _nearest_exact, 17)


@contextmanager
def _tensor_method(name, make):
    """While open, the method of all tensors is what `make` builds from the original."""
    original = getattr(torch.Tensor, name)
    setattr(torch.Tensor, name, make(original))
    try:
        yield
    finally:
        setattr(torch.Tensor, name, original)


def boolean_fill_as_logic():
    """While open, `mask.masked_fill(where, False)` on a boolean mask is `mask & ~where`."""

    def make(original):
        def masked_fill(tensor, mask, value):
            if tensor.dtype == torch.bool and value is False:
                return torch.logical_and(tensor, torch.logical_not(mask))
            return original(tensor, mask, value)

        return masked_fill

    return _tensor_method("masked_fill", make)


def repeats_count_from_the_front():
    """While open, repeat_interleave never sees a negative axis."""

    def make(original):
        def repeat_interleave(tensor, repeats, dim=None, **options):
            return original(tensor, repeats, None if dim is None else dim % tensor.dim(), **options)

        return repeat_interleave

    return _tensor_method("repeat_interleave", make)
