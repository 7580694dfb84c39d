"""The layout of a pruned video U-Net: fewer stages, fewer layers a stage, and bypasses for the rest.

A down layer can be absent only together with an up layer of its level, since each up layer takes one skip. Which of them can go
is found by following the skips: every up layer that stays must get the value that it gets in the teacher under the plan.
"""
from __future__ import annotations

import itertools
import re

import torch

from layout import Layout, Tap, droppable_path, outermost, renumbered
from plan_file import PlanError

LAYERS_BY_STAGE = ("UNetSpatioTemporalConditionModel", "UNetMotionModel")  # the others take one number for all stages
SAMPLERS = ("downsamplers", "upsamplers")
RUNS_LAST = ("motion_modules", "temp_attentions", "attentions", "temp_convs", "resnets")  # of a layer, the last first


def lay_out_unet(config: dict, teacher: torch.nn.Module, dropped: list[str]) -> Layout:
    """Raises PlanError for ids that the model lacks or that cannot go."""
    stages = len(teacher.down_blocks)
    levels = _kept_levels(stages, dropped)
    paths = [path for one in dropped for path in _modules(teacher, one) if not _is_inner(path, stages, levels)]
    if levels < stages:
        paths.append("mid_block")
    paths = outermost(paths)
    down = [_whole_layers(teacher.down_blocks[level], f"down_blocks.{level}", paths) for level in range(levels)]
    up = [_whole_layers(teacher.up_blocks[stages - 1 - level], f"up_blocks.{stages - 1 - level}", paths) for level in range(levels)]
    absent = _choose(teacher, down, up, same=config["_class_name"] not in LAYERS_BY_STAGE)
    kept = _kept_entries(teacher, stages, levels, absent)
    present = [path for path in paths if not _is_absent(path, stages, absent)]
    counts = [len(teacher.down_blocks[level].resnets) - len(absent[level][0]) for level in range(levels)]
    return Layout(_smaller_config(config, stages, levels, counts), kept, renumbered(kept, present), _taps(teacher, stages, levels, kept))


def _kept_levels(stages: int, dropped: list[str]) -> int:
    """Levels outside the widest `inner_stages.N` of the plan (N is the first level that goes)."""
    inner = [int(match[1]) for one in dropped if (match := re.fullmatch(r"inner_stages\.(\d+)", one))]
    levels = min([stages, *inner])
    if levels < 1 or any(level >= stages for level in inner):
        raise PlanError(f"This U-Net has the levels 0 to {stages - 1}; inner stages can go from level 1 on.")
    return levels


def _modules(teacher: torch.nn.Module, block: str) -> list[str]:
    """Module paths of a block of the plan: a pair is all layers of one index, a stage all its pairs."""
    if re.fullmatch(r"inner_stages\.\d+", block):
        return []
    pair = re.fullmatch(r"((?:down|up)_blocks\.\d+)\.pairs\.(\d+)", block)
    stage = re.fullmatch(r"(?:down|up)_blocks\.\d+", block)
    if not pair and not stage:
        return [droppable_path(teacher, block)]
    owner = pair[1] if pair else block
    try:
        module = teacher.get_submodule(owner)
    except AttributeError as error:
        raise PlanError(f"This model has no {owner}.") from error
    if stage and any(getattr(module, name, None) is not None for name in SAMPLERS):
        raise PlanError(f"{block} cannot be dropped: its sampler changes the resolution.")
    indices = [int(pair[2])] if pair else range(len(module.resnets))
    paths = [f"{owner}.{name}.{index}" for index in indices for name, entries in layer_lists(module) if index < len(entries)]
    if not paths:
        raise PlanError(f"This model has no block {block}.")
    return [droppable_path(teacher, path) for path in paths]


def layer_lists(stage: torch.nn.Module) -> list[tuple[str, torch.nn.ModuleList]]:
    """The lists with one entry a layer: resnets, attentions, temp_convs, motion_modules..."""
    return [(name, child) for name, child in stage.named_children() if isinstance(child, torch.nn.ModuleList) and name not in SAMPLERS]


def _is_inner(path: str, stages: int, levels: int) -> bool:
    side, index = (path.split(".") + ["0"])[:2]
    if levels == stages:
        return False
    return side == "mid_block" or (side == "down_blocks" and int(index) >= levels) or (side == "up_blocks" and int(index) < stages - levels)


def _whole_layers(stage: torch.nn.Module, path: str, dropped: list[str]) -> set[int]:
    """Indices of which every part is dropped."""
    return {
        index for index in range(len(stage.resnets))
        if all(f"{path}.{name}.{index}" in dropped for name, entries in layer_lists(stage) if index < len(entries))
    }


def _choose(teacher: torch.nn.Module, down: list[set[int]], up: list[set[int]], same: bool) -> list[tuple[set[int], set[int]]]:
    """By level: the most layers (down, up) that can be absent; with `same`, equally many on every level."""
    options = [_options(teacher, level, down[level], up[level]) for level in range(len(down))]
    if not same:
        return [by_count[max(by_count)] for by_count in options]
    most = max(set.intersection(*(set(by_count) for by_count in options)))
    return [by_count[most] for by_count in options]


def _options(teacher: torch.nn.Module, level: int, down: set[int], up: set[int]) -> dict[int, tuple[set[int], set[int]]]:
    """Number of absent layers -> which, for one level."""
    below = teacher.down_blocks[level].resnets
    above = teacher.up_blocks[len(teacher.down_blocks) - 1 - level].resnets
    found: dict[int, tuple[set[int], set[int]]] = {}
    for count in range(min(len(down), len(up), len(below) - 1) + 1):
        for gone_down, gone_up in itertools.product(itertools.combinations(sorted(down), count), itertools.combinations(sorted(up), count)):
            fits = _channels_fit(below, set(gone_down)) and _channels_fit(above, set(gone_up), skips=True)
            if fits and _skips_fit(len(below), len(above), down, up, set(gone_down), set(gone_up)):
                found[count] = set(gone_down), set(gone_up)
                break
    return found


def _channels_fit(resnets: torch.nn.ModuleList, gone: set[int], skips: bool = False) -> bool:
    """Whether what stays has the input widths of the places that it moves to."""
    stay = [index for index in range(len(resnets)) if index not in gone]
    width = [getattr(one, "spatial_res_block", one).in_channels for one in resnets]
    place = [0, *[1] * (len(stay) - 1)] if not skips else [0, *[1] * (len(stay) - 2), len(width) - 1][: len(stay)]
    return all(width[old] == width[new] for old, new in zip(stay, place, strict=True))


def _skips_fit(below: int, above: int, down: set[int], up: set[int], gone_down: set[int], gone_up: set[int]) -> bool:
    """Follows the skips of one level: the value from outside, then one a down layer; a dropped layer hands on what it got."""
    skips, smaller, value = ["outside"], ["outside"], "outside"
    for index in range(below):
        value = value if index in down else f"layer {index}"
        skips.append(value)
        if index not in gone_down:
            smaller.append(value)
    for index in range(above):
        skip = skips.pop()
        if index not in gone_up and smaller.pop() != skip and index not in up:
            return False
    return True


def _kept_entries(teacher: torch.nn.Module, stages: int, levels: int, absent: list[tuple[set[int], set[int]]]) -> dict[str, str]:
    kept = {}
    for level, (gone_down, gone_up) in enumerate(absent):
        sides = (f"down_blocks.{level}", f"down_blocks.{level}", gone_down), (f"up_blocks.{levels - 1 - level}", f"up_blocks.{stages - 1 - level}", gone_up)
        for new, old, gone in sides:
            stage = teacher.get_submodule(old)
            for name, child in stage.named_children():
                if not isinstance(child, torch.nn.ModuleList) or (name == "downsamplers" and level == levels - 1):
                    continue
                stay = [index for index in range(len(child)) if name in SAMPLERS or index not in gone]
                kept |= {f"{new}.{name}.{at}": f"{old}.{name}.{index}" for at, index in enumerate(stay)}
    return kept


def _is_absent(path: str, stages: int, absent: list[tuple[set[int], set[int]]]) -> bool:
    parts = path.split(".")
    if parts[0] not in ("down_blocks", "up_blocks") or len(parts) < 4 or parts[2] in SAMPLERS:
        return False
    level = int(parts[1]) if parts[0] == "down_blocks" else stages - 1 - int(parts[1])
    return int(parts[3]) in absent[level][0 if parts[0] == "down_blocks" else 1]


def _smaller_config(config: dict, stages: int, levels: int, counts: list[int]) -> dict:
    """One entry a stage in every list of the config; the lists of the up side are counted from the inside."""
    smaller = {}
    for key, value in config.items():
        if isinstance(value, (list, tuple)) and len(value) == stages:
            value = list(value[stages - levels :] if key == "up_block_types" or key.startswith("reverse_") else value[:levels])
        smaller[key] = value
    smaller["layers_per_block"] = counts[0] if len(set(counts)) == 1 else counts
    return smaller


def _taps(teacher: torch.nn.Module, stages: int, levels: int, kept: dict[str, str]) -> list[Tap]:
    """The ends of all stages that are there on both sides; of the last down stage its last layer, where its sampler is gone."""
    shift = stages - levels
    taps = [Tap(f"down_blocks.{level}", f"down_blocks.{level}") for level in range(levels if shift == 0 else levels - 1)]
    if shift:
        deepest = levels - 1
        names = dict(layer_lists(teacher.down_blocks[deepest]))
        name = next(one for one in RUNS_LAST if one in names)
        student = max((path for path in kept if path.startswith(f"down_blocks.{deepest}.{name}.")), key=lambda path: int(path.rpartition(".")[2]))
        taps.append(Tap(student, f"down_blocks.{deepest}.{name}.{len(names[name]) - 1}"))
    return taps + [Tap(f"up_blocks.{index}", f"up_blocks.{index + shift}") for index in range(levels)]
