"""Checks pruned folders against PyTorch with the same modules replaced by hooks (`../exports/identity.py`, code of its own).

    python check_pruning.py [--most N] [FAMILY ...]     all families: each droppable module alone, random sets, the paper's
                                                        preset; with N about that many of them, spread evenly. Families
                                                        of classes that are not pruned here are left out, by name

For each plan: `from_pretrained` and `load_pruned` of the written folder must give the hooked model's output.
"""
from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from pathlib import Path

import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "exports")]

from families import FAMILIES  # noqa: E402
from identity import branch_modules, droppable_modules, dropped  # noqa: E402
from reference import random_drops  # noqa: E402
from shallow import shallow_copy  # noqa: E402
from weights import randomise  # noqa: E402

from lay_out import PRUNED_CLASSES  # noqa: E402
from prune_diffusers import prune_folder  # noqa: E402
from pruned_model import load_pruned  # noqa: E402

TOLERANCE = 2e-5  # of the largest output
PRESET = ["down_blocks.0.pairs.1", "down_blocks.1.pairs.1", "up_blocks.2.pairs.1", "up_blocks.3.pairs.1", "inner_stages.3"]


def published(model: torch.nn.Module) -> torch.nn.Module:
    """The same weights in the published class itself: the families only rearrange arguments."""
    kind = type(model).__mro__[1]
    copy = kind.from_config({key: value for key, value in model.config.items() if not key.startswith("_")})
    copy.load_state_dict(model.state_dict())
    return copy.eval()


def answers(wrapper: type, model: torch.nn.Module, inputs: dict) -> torch.Tensor:
    """The output through the family's own argument order."""
    model.__class__ = type(wrapper.__name__, (wrapper,), {})
    result = model(**inputs)
    return result[0] if isinstance(result, tuple) else result


def check_family(name: str, most: int) -> int:
    """Number of plans checked. Raises AssertionError."""
    family = FAMILIES[name]
    model = randomise(family.build())
    inputs = family.inputs()
    modules = droppable_modules(model)
    plans = [[one] for one in modules] + [[one] for one in branch_modules(model)] + random_drops(modules, 6)
    plans = plans[:: max(1, len(plans) // most)]
    if family.is_unet:
        plans.append(PRESET)
    with tempfile.TemporaryDirectory() as scratch, torch.no_grad():
        published(model).save_pretrained(f"{scratch}/teacher")
        teacher = answers(family.build().__class__, published(model), inputs)
        for number, plan in enumerate(plans):
            if plan is PRESET:
                expected = shallow_copy(model)(**inputs)
            else:
                with dropped(model, plan):
                    expected = model(**inputs)
            expected = expected[0] if isinstance(expected, tuple) else expected
            layout = prune_folder(Path(scratch) / "teacher", plan, Path(scratch) / "student")
            size = expected.abs().max().item()
            assert (expected - teacher).abs().max().item() > 50 * TOLERANCE * size, f"{name} {plan}: the plan changes nothing"
            plain = type(model).__mro__[1].from_pretrained(f"{scratch}/student").eval()
            for how, student in (("from_pretrained", plain), ("load_pruned", load_pruned(Path(scratch) / "student"))):
                away = (answers(type(model), student, inputs) - expected).abs().max().item() / size
                assert away <= TOLERANCE, f"{name} {plan} by {how}: off by {away:.1e}; identities {layout.identity}"
    return len(plans)


def main() -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", choices=[*FAMILIES, []])
    parser.add_argument("--most", type=int, default=10_000)
    options = parser.parse_args()
    for name in options.families or FAMILIES:
        published_class = type(FAMILIES[name].build()).__mro__[1].__name__
        # which modules may go is told by name in the ten families, by trying (`units.py`) in the others
        if not options.families and (FAMILIES[name].generic or published_class not in PRUNED_CLASSES):
            print(f"{name}: left out, {published_class} is not pruned here, or not among the ten families", flush=True)
            continue
        print(f"{name}: {check_family(name, options.most)} plans equal", flush=True)


if __name__ == "__main__":
    main()
