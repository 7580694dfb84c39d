"""Which modules of any model can be bypassed, found by trying; and what the model gives without them.

A module is a unit when, with all its parameters at zero, it returns what it was given (it holds its own skip
connection), or when it is an attention or a feed-forward that gives zeros then, inside such a module (its result is what
gets added). No class is named, but for those whose norm comes last and for blends.
"""

import re
from contextlib import contextmanager

import torch

from identity import _hidden_channels, _spatial_side

Replacement = object
BRANCH = re.compile(r"Attention|Attn|FeedForward|FFN|MLP|Mlp|GLUMBConv|SwiGLU|MoE")
# Norm(x + f(x)): with all parameters at zero they give zeros, not what they were given.
POST_NORM = re.compile(r"^(Bert|Roberta|Distil\w*|Electra|Albert)(Layer|Attention)$|^TransformerBlock$|^TransformerEncoderLayer$")
LEAVES = re.compile(r"Norm|^Linear|^Conv\d|Embed|^Sequential$|Sampl|^ModuleList$|Proj$|Projection$")


def tensors_of(value) -> list[torch.Tensor]:
    """Tensors in arguments or results, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (tuple, list)):
        return [tensor for item in value for tensor in tensors_of(item)]
    if isinstance(value, dict):
        return [tensor for item in value.values() for tensor in tensors_of(item)]
    return []


def _given(args, kwargs) -> list[torch.Tensor]:
    """What a module was called with, the hidden state first and the text second."""
    first = [kwargs[name] for name in ("hidden_states", "x", "encoder_hidden_states") if name in kwargs]
    rest = [value for name, value in kwargs.items() if name not in ("hidden_states", "x", "encoder_hidden_states")]
    # A list is a cache that the module keeps, not what it was given.
    return tensors_of([one for one in args if not isinstance(one, list)]) + tensors_of(first) + tensors_of(rest)


def bypass(args, kwargs, output):
    """The result with every tensor replaced by the argument of its shape; None when the first has none.

    What is behind the first and of no given shape is a table that the module makes for others (T5's position bias): it stays.
    """
    left = _given(args, kwargs)
    shapes = {tensor.shape for tensor in left}
    seen = 0

    def swap(value):
        nonlocal seen
        if isinstance(value, torch.Tensor):
            seen += 1
            for at, tensor in enumerate(left):
                if tensor.shape == value.shape and tensor.dtype == value.dtype:
                    return left.pop(at).clone()  # what reads it may add to it in place, and others keep what was given
            if seen > 1 and value.shape not in shapes:
                return value
            raise LookupError
        if isinstance(value, (tuple, list)):
            return type(value)(swap(item) for item in value)
        return value

    try:
        return swap(output)
    except LookupError:
        return None


def zeros(output, is_hidden=lambda tensor: True):
    """The result with the tensors that are a hidden state replaced by zeros."""
    if isinstance(output, torch.Tensor):
        return torch.zeros_like(output) if is_hidden(output) else output
    if isinstance(output, (tuple, list)):
        return type(output)(zeros(item, is_hidden) for item in output)
    return output


def _is_hidden(args, kwargs, output):
    """Is a result of a module a hidden state: the first one, and what has the shape of something given and is not that itself?"""
    given = _given(args, kwargs)
    shapes = {tensor.shape for tensor in given}
    results = tensors_of(output)
    passed_on = {id(tensor) for tensor in given}
    return lambda tensor: tensor is results[0] or (tensor.shape in shapes and id(tensor) not in passed_on)


def identity_hook(model, path):
    """A forward hook that makes the module of this path act as the identity."""
    module = model.get_submodule(path)
    kind = type(module).__name__

    def hook(module, args, kwargs, output):
        if kind == "AlphaBlender":
            return _spatial_side(module, args, kwargs, output)
        if "Resnet" in kind or "ResBlock" in kind:
            hidden = _given(args, kwargs)[0]
            if isinstance(output, torch.Tensor) and hidden.shape != output.shape:
                return hidden[:, : output.shape[1]]
        swapped = bypass(args, kwargs, output)
        if swapped is None:
            raise LookupError(f"{path} has a result of another shape than what it was given")
        return swapped

    return hook


def zero_hook(module, args, kwargs, output):
    return zeros(output, _is_hidden(args, kwargs, output))


@contextmanager
def hooks(model, replaced: dict[str, object]):
    handles = [model.get_submodule(path).register_forward_hook(hook, with_kwargs=True) for path, hook in replaced.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _acts(model, module, inputs) -> str:
    """'identity', 'zeros' or '' for a module whose parameters are all zero."""
    saved = [parameter.detach().clone() for parameter in module.parameters()]
    found: list[str] = []

    def watch(module, args, kwargs, output):
        results = tensors_of(output)
        floats = [result for result in results if result.is_floating_point()]
        swapped = bypass(args, kwargs, output)
        if swapped is not None and floats and all(
            torch.allclose(a, b, atol=1e-5) for a, b in zip(results, tensors_of(swapped))
        ):
            found.append("identity")
        elif swapped is not None and len(floats) == 1 and _is_sum_of_two(floats[0], _given(args, kwargs)):
            found.append("identity")
        elif floats and not floats[0].any() and all(
            not result.any() for result in floats if _is_hidden(args, kwargs, output)(result)
        ):
            found.append("zeros")
        else:
            found.append("")

    handle = module.register_forward_hook(watch, with_kwargs=True)
    try:
        for parameter in module.parameters():
            parameter.zero_()
        model(**inputs)
    except Exception:  # a result that is not finite may stop the rest of the model; what was seen counts
        pass
    finally:
        handle.remove()
        for parameter, value in zip(module.parameters(), saved):
            parameter.copy_(value)
    return found[0] if found and all(one == found[0] for one in found) else ""


def _is_sum_of_two(result: torch.Tensor, given: list[torch.Tensor]) -> bool:
    """What came in plus something else that was given: a position embedding at the block's start (Cosmos)."""
    return any(
        other.shape == result.shape and torch.allclose(result, given[0] + other, atol=1e-5)
        for other in given[1:] if given[0].shape == result.shape
    )


def units_of(model: torch.nn.Module, inputs: dict, is_unet: bool) -> dict[str, str]:
    """Module path -> 'identity' or 'branch', in module order."""
    called: set[str] = set()
    watchers = [
        module.register_forward_hook(lambda *_, path=path: called.add(path)) for path, module in model.named_modules()
    ]
    with torch.no_grad():
        model(**inputs)
        for watcher in watchers:
            watcher.remove()
        units: dict[str, str] = {}
        for path, module in model.named_modules():
            kind = type(module).__name__
            if path == "" or path not in called or not any(True for _ in module.parameters()):
                continue
            around = [units[parent] for parent in _parents(path) if parent in units]
            if "branch" in around and kind != "AlphaBlender":
                continue
            if kind == "AlphaBlender" and ".resnets." not in path:
                units[path] = "identity"
                continue
            if POST_NORM.search(kind):
                units[path] = "identity"
                continue
            if LEAVES.search(kind) and not BRANCH.search(kind):
                continue
            acts = _acts(model, module, inputs)
            if acts == "identity":
                units[path] = "identity"
            elif is_unet and "Resnet" in kind or kind == "SpatioTemporalResBlock":
                if _matches_hidden(model, path):
                    units[path] = "identity"
            elif acts == "zeros" and BRANCH.search(kind) and around and not _is_parallel(model, path):
                units[path] = "branch"
    return units


def _matches_hidden(model, path) -> bool:
    try:
        module = model.get_submodule(path)
        if getattr(module, "up", False) or getattr(module, "down", False):
            return False  # it resamples
        return _hidden_channels(model, path) == getattr(module, "spatial_res_block", module).out_channels
    except (AttributeError, ValueError, IndexError):
        return False


def _is_parallel(model, path) -> bool:
    """An attention beside a feed-forward whose results one projection mixes: neither is added by itself."""
    return "Single" in type(model.get_submodule(path.rpartition(".")[0])).__name__


def _parents(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def without(model, inputs, units: dict[str, str]) -> torch.Tensor:
    """The model's output with these modules bypassed."""
    replaced = {path: identity_hook(model, path) if kind == "identity" else zero_hook for path, kind in units.items()}
    with torch.no_grad(), hooks(model, replaced):
        result = model(**inputs)
    return tensors_of(result)[0]
