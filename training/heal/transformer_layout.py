"""The layout of a pruned video transformer: fewer blocks, renumbered. Parts of a block become bypasses."""
from __future__ import annotations

import torch

from layout import Layout, Tap, droppable_path, outermost, renumbered

# Class -> {list of blocks: the config entry that counts them}, in the order in which they run.
BLOCK_LISTS: dict[str, dict[str, str]] = {
    "HunyuanVideoTransformer3DModel": {
        "context_embedder.token_refiner.refiner_blocks": "num_refiner_layers",
        "transformer_blocks": "num_layers",
        "single_transformer_blocks": "num_single_layers",
    },
    "CogVideoXTransformer3DModel": {"transformer_blocks": "num_layers"},
    "LTXVideoTransformer3DModel": {"transformer_blocks": "num_layers"},
    "MochiTransformer3DModel": {"transformer_blocks": "num_layers"},
    "WanTransformer3DModel": {"blocks": "num_layers"},
    "LatteTransformer3DModel": {"transformer_blocks": "num_layers", "temporal_transformer_blocks": "num_layers"},
}


def lay_out_transformer(config: dict, teacher: torch.nn.Module, dropped: list[str]) -> Layout:
    """Raises PlanError for ids that the model lacks or that cannot go."""
    lists = BLOCK_LISTS[config["_class_name"]]
    paths = outermost([droppable_path(teacher, path) for path in dropped])
    gone = _absent(config["_class_name"], teacher, lists, set(paths))
    smaller, kept, taps = dict(config), {}, []
    for name, counter in lists.items():
        count = len(teacher.get_submodule(name))
        stay = [index for index in range(count) if index not in gone[name]]
        smaller[counter] = len(stay)
        kept |= {f"{name}.{new}": f"{name}.{old}" for new, old in enumerate(stay)}
        if taps or len(stay) < count:  # before the first cut there is nothing to compare
            taps += _taps(name, count, stay)
    identity = [path for path in paths if not _is_gone(path, gone)]
    return Layout(smaller, kept, renumbered(kept, identity), taps)


def _absent(model_class: str, teacher: torch.nn.Module, lists: dict[str, str], dropped: set[str]) -> dict[str, set[int]]:
    """Indices that a smaller count can express, by list. The rest of `dropped` is left to bypasses."""
    gone = {name: {index for index in range(len(teacher.get_submodule(name))) if f"{name}.{index}" in dropped} for name in lists}
    if model_class == "MochiTransformer3DModel":  # the last block has other weights: none for the text
        gone["transformer_blocks"].discard(len(teacher.transformer_blocks) - 1)
    if model_class == "LatteTransformer3DModel":  # one count for both lists; positions in time are added after the first block
        both = gone["transformer_blocks"] & gone["temporal_transformer_blocks"] - {0}
        gone = dict.fromkeys(gone, both)
    for name, indices in gone.items():  # a list without blocks is no published model: one stays, as the identity
        if len(indices) == len(teacher.get_submodule(name)):
            indices.discard(0)
    return gone


def _taps(name: str, count: int, stay: list[int]) -> list[Tap]:
    """After the first kept block behind each cut, and at the end of the list, where the original's end is the target."""
    places = [Tap(f"{name}.{new}", f"{name}.{old}") for new, old in enumerate(stay) if old - 1 not in stay and old > 0]
    end = Tap(f"{name}.{len(stay) - 1}", f"{name}.{count - 1}")
    return [tap for tap in places if tap.student != end.student] + [end]


def _is_gone(path: str, gone: dict[str, set[int]]) -> bool:
    return any(path.startswith(f"{name}.") and int(path[len(name) + 1 :].split(".")[0]) in indices for name, indices in gone.items())
