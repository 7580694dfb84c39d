"""What "this module is replaced by the identity" means, per class of module.

A replaced module still runs; a forward hook swaps its result, so neither the graph of calls nor any shape changes.
"""

from collections.abc import Callable, Iterable
from contextlib import contextmanager

import torch

Replacement = Callable[[torch.nn.Module, tuple, dict, object], object]


def _argument(args: tuple, kwargs: dict, position: int, name: str):
    return args[position] if len(args) > position else kwargs[name]


def _hidden(module, args, kwargs, output):
    """The first argument, wrapped as the module wraps its result."""
    hidden = _argument(args, kwargs, 0, "hidden_states")
    return (hidden,) if isinstance(output, tuple) else hidden


def _resnet(module, args, kwargs, output):
    """The hidden state; in an up block that is the first operand of the concatenation, its skip is discarded."""
    hidden = args[0] if args else next(iter(kwargs.values()))
    return hidden[:, : output.shape[1]]


def _spatial_side(module, args, kwargs, output):
    """A blend without its temporal side."""
    return _argument(args, kwargs, 0, "x_spatial")


def _two_streams(module, args, kwargs, output):
    """Both streams; the last block of some models has no result for the text."""
    hidden = _argument(args, kwargs, 0, "hidden_states")
    text = _argument(args, kwargs, 1, "encoder_hidden_states")
    return (hidden, text if output[1] is not None else None)


def _nothing(module, args, kwargs, output):
    """A branch (attention, feed-forward) inside a block: zeros, so that the residual passes alone."""
    if isinstance(output, tuple):
        return tuple(None if part is None else torch.zeros_like(part) for part in output)
    return torch.zeros_like(output)


REPLACEMENTS: dict[str, Replacement] = {
    "ResnetBlock2D": _resnet,
    "SpatioTemporalResBlock": _resnet,
    "TemporalResnetBlock": _resnet,
    "AlphaBlender": _spatial_side,
    "TemporalConvLayer": _hidden,
    "Transformer2DModel": _hidden,
    "TransformerTemporalModel": _hidden,
    "TransformerSpatioTemporalModel": _hidden,
    "AnimateDiffTransformer3D": _hidden,
    "BasicTransformerBlock": _hidden,
    "TemporalBasicTransformerBlock": _hidden,
    "HunyuanVideoTransformerBlock": _two_streams,
    "HunyuanVideoSingleTransformerBlock": _two_streams,
    "HunyuanVideoIndividualTokenRefinerBlock": _hidden,
    "CogVideoXBlock": _two_streams,
    "MochiTransformerBlock": _two_streams,
    "LTXVideoTransformerBlock": _hidden,
    "WanTransformerBlock": _hidden,
}

# Blocks whose attention and feed-forward each end in an addition of their own.
BRANCHES: dict[str, tuple[str, ...]] = {
    "HunyuanVideoTransformerBlock": ("attn", "ff", "ff_context"),
    "CogVideoXBlock": ("attn1", "ff"),
    "MochiTransformerBlock": ("attn1", "ff", "ff_context"),
    "LTXVideoTransformerBlock": ("attn1", "attn2", "ff"),
    "WanTransformerBlock": ("attn1", "attn2", "ffn"),
    "BasicTransformerBlock": ("attn1", "attn2", "ff"),
}


@contextmanager
def dropped(model: torch.nn.Module, ids: Iterable[str]):
    """While open, the modules of these paths act as the identity."""
    handles = []
    try:
        for path in ids:
            module = model.get_submodule(path)
            replacement = REPLACEMENTS.get(type(module).__name__, _nothing)
            handles.append(module.register_forward_hook(replacement, with_kwargs=True))
        yield model
    finally:
        for handle in handles:
            handle.remove()


def _hidden_channels(model: torch.nn.Module, path: str) -> int:
    """Channels of the hidden state that enters a resnet; for an up resnet those before the concatenation."""
    parts = path.split(".")
    resnet = model.get_submodule(path)
    spatial = getattr(resnet, "spatial_res_block", resnet)
    if parts[0] != "up_blocks":
        return spatial.in_channels
    stage, index = int(parts[1]), int(parts[3])
    if index > 0:
        before = model.up_blocks[stage].resnets[index - 1]
    else:
        before = model.up_blocks[stage - 1].resnets[-1] if stage > 0 else model.mid_block.resnets[-1]
    return getattr(before, "spatial_res_block", before).out_channels


def droppable_modules(model: torch.nn.Module) -> list[str]:
    """Paths of all modules that can be replaced by the identity without changing a shape, in module order."""
    paths = []
    for path, module in model.named_modules():
        if type(module).__name__ not in REPLACEMENTS:
            continue
        if type(module).__name__ == "AlphaBlender" and ".resnets." in path:
            continue  # the same as dropping the temporal residual block
        if type(module).__name__ in ("ResnetBlock2D", "SpatioTemporalResBlock"):
            spatial = getattr(module, "spatial_res_block", module)
            outer = path.removesuffix(".spatial_res_block")
            if _hidden_channels(model, outer) != spatial.out_channels:
                continue
        if type(module).__name__ == "BasicTransformerBlock" and not _is_listed_inside(model, path):
            continue
        paths.append(path)
    return paths


def branch_modules(model: torch.nn.Module) -> list[str]:
    """Paths of the layers that can go one by one in the blocks of a transformer; none for U-Nets, whose blocks nest."""
    return [
        f"{path}.{name}"
        for path, module in model.named_modules()
        if path.count(".") == 1
        for name in BRANCHES.get(type(module).__name__, ())
        if getattr(module, name, None) is not None
    ]


def _is_listed_inside(model: torch.nn.Module, path: str) -> bool:
    """Transformer blocks count on their own in Latte (no parent that is itself listed) and in SVD (two per parent)."""
    parent = path.rsplit(".", 2)[0] if path.count(".") >= 2 else ""
    owner = type(model.get_submodule(parent)).__name__ if parent else ""
    return owner in ("", "TransformerSpatioTemporalModel")
