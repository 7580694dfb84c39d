"""What a plan makes of a diffusers model: the smaller config, where each kept module came from, and what must be bypassed.

Most plans are a shallower config and nothing else. What no config of the published class can say (a mid block that is not
there, one temporal layer off) stays in the smaller model as a module that acts as the identity: see `bypass.py`.
Nothing here touches weights.
"""
from __future__ import annotations

from dataclasses import dataclass, field

import diffusers
import torch
from accelerate import init_empty_weights

from bypass import bypass_for
from plan_file import PlanError


@dataclass(frozen=True)
class Tap:
    """One place where student and teacher are compared: module paths in each one's own numbering."""

    student: str
    teacher: str


@dataclass(frozen=True)
class Layout:
    config: dict
    kept: dict[str, str]  # entry of a module list: path in the smaller model -> path in the original
    identity: list[str] = field(default_factory=list)  # paths in the smaller model that act as the identity
    taps: list[Tap] = field(default_factory=list)

    def original(self, name: str) -> str:
        """The original's name of a module or weight of the smaller model."""
        parts = name.split(".")
        for length in range(len(parts), 0, -1):
            source = self.kept.get(".".join(parts[:length]))
            if source is not None:
                return ".".join([source, *parts[length:]])
        return name

    def is_bypassed(self, name: str) -> bool:
        return any(name == path or name.startswith(f"{path}.") for path in self.identity)


def empty_model(config: dict) -> torch.nn.Module:
    """The published class of `config`, its weights on the meta device: shapes only. Raises PlanError for an unknown class."""
    name = config.get("_class_name", "")
    published = getattr(diffusers, name, None)
    if published is None:
        raise PlanError(f"diffusers has no class {name!r}; config.json must name the model's class.")
    with init_empty_weights():
        return published.from_config(config)


def droppable_path(model: torch.nn.Module, path: str) -> str:
    """`path` itself when it names a module that can act as the identity. Raises PlanError."""
    try:
        model.get_submodule(path)
    except AttributeError as error:
        raise PlanError(
            f"This model has no module {path}. Ids are module paths only where the ONNX graph kept its names: make the plan on an "
            "export with names (training/exports/README.md)."
        ) from error
    bypass_for(model, path)
    return path


def renumbered(kept: dict[str, str], paths: list[str]) -> list[str]:
    """Original paths in the smaller model's numbering."""
    back = {source: target for target, source in kept.items()}
    found = []
    for path in paths:
        parts = path.split(".")
        heads = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
        head = next((one for one in heads if one in back), None)
        found.append(path if head is None else back[head] + path[len(head):])
    return outermost(found)


def outermost(paths: list[str]) -> list[str]:
    """Without those that lie inside another one, in a stable order."""
    unique = list(dict.fromkeys(paths))
    return [one for one in unique if not any(one.startswith(f"{other}.") for other in unique)]
