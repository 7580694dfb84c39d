"""Reads a plan as the studio and the command line write it; knows nothing of models."""
from __future__ import annotations

import hashlib
import json
from pathlib import Path


class PlanError(ValueError):
    """The plan and the model do not fit; the message says what to change."""


def read_plan(path: Path) -> list[str]:
    """Ids of the dropped blocks: `{"dropped": [...]}`, `{"plan": {"dropped": [...]}}` or a bare list. Raises PlanError."""
    try:
        parsed = json.loads(path.read_text())
    except OSError as error:
        raise PlanError(f"The plan {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise PlanError(f"{path} is not JSON.") from error
    holder = parsed if isinstance(parsed, dict) else {}
    inner = holder.get("plan")
    ids = parsed if isinstance(parsed, list) else holder.get("dropped", inner.get("dropped") if isinstance(inner, dict) else None)
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise PlanError(f'{path} has no list "dropped" of block ids; the studio and `vdmini` write one.')
    elsewhere = [one for one in ids if "/" in one]
    if elsewhere:
        raise PlanError(f"{', '.join(elsewhere)}: only the denoiser's blocks are pruned here; take the other components out of the plan.")
    return list(dict.fromkeys(ids))


def plan_hash(dropped: list[str]) -> str:
    """SHA-256 of the ids, sorted: the same cut has the same hash in whatever order it was clicked."""
    return hashlib.sha256(json.dumps(sorted(dropped)).encode()).hexdigest()
