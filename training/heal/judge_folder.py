"""Has both judges mark what a folder of ONNX graphs makes, from words or from pictures: a teacher, or a student healed from it.

    python judge_folder.py FOLDER [FOLDER ...] --runs ../runs [--clips 360] [--json FILE]

The studio has no part in it: onnxruntime runs the graphs and diffusers' scheduler the steps, from the same noise for every folder.
Clips are of trained captions and, a third of them, of pairs that training never showed; an image-to-video model is given
their first frames, and a motion counts as right when it is one of those that begin there. FVD is by the judge's features against as
many rendered clips of the same captions. All-right shares have Wilson intervals of 95 %, FVD one of 200 bootstrap samples.
"""
from __future__ import annotations

import argparse
import json
import math
import random
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent.parent))

from emoji_clips import FRAMES, Recipe, caption, render_tensor  # noqa: E402
from judge import load_judge, mark  # noqa: E402
from judge_onnx import JudgeFeatures, frechet_distance  # noqa: E402
from judging import asked_of_pictures, first_frames, picture_recipes  # noqa: E402
from models import LATENT_CHANNELS, LATENT_SIZE  # noqa: E402
from sample import held_out_recipes, trained_recipes  # noqa: E402
from sampled_folder import PictureFolder, WordFolder, open_folder  # noqa: E402
from strict_judge import load_strict_judge, mark_strictly  # noqa: E402

AT_ONCE = 4
NOISE_SEED = 4242
BOOTSTRAPS = 200


def rendered(recipes: list[Recipe]) -> torch.Tensor:
    """True clips of the same captions, with the jitter that the teacher's data has."""
    rng = random.Random(31)
    return torch.stack(
        [render_tensor(Recipe(r.content, r.motion, r.scene, rng.uniform(-3, 3), rng.uniform(-3, 3), rng.uniform(0.92, 1.08))) for r in recipes]
    )


class Judged(NamedTuple):
    """Clips of a folder, of trained captions first; what each is marked against; true clips."""

    made: torch.Tensor
    asked: list[Recipe]
    true: torch.Tensor


def judged_words(folder: WordFolder, trained: int, held_out: int) -> Judged:
    recipes = trained_recipes(trained) + held_out_recipes(held_out)
    noise = _noise(len(recipes), LATENT_CHANNELS, FRAMES)
    made = torch.cat([folder.sample([caption(one) for one in recipes[at : at + AT_ONCE]], noise[at : at + AT_ONCE]) for at in range(0, len(recipes), AT_ONCE)])
    return Judged(made, recipes, rendered(recipes))


def judged_pictures(folder: PictureFolder, trained: int, held_out: int, strict: nn.Module) -> Judged:
    recipes = picture_recipes(trained, False) + picture_recipes(held_out, True)
    pictures, noise = first_frames(recipes), _noise(len(recipes), FRAMES, LATENT_CHANNELS)
    made = torch.cat([folder.sample(pictures[at : at + AT_ONCE], noise[at : at + AT_ONCE]) for at in range(0, len(recipes), AT_ONCE)])
    return Judged(made, asked_of_pictures(strict, made, recipes), torch.stack([render_tensor(one) for one in recipes]))


def _noise(clips: int, *axes: int) -> torch.Tensor:
    return torch.randn((clips, *axes, LATENT_SIZE, LATENT_SIZE), generator=torch.Generator().manual_seed(NOISE_SEED))


def interval(right: int, count: int) -> tuple[float, float]:
    """Wilson, 95 %."""
    z, share = 1.96, right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return middle - half, middle + half


def shares(marks: torch.Tensor) -> dict:
    content, motion, _, right = marks.mean(0).tolist()
    return {"content": content, "motion": motion, "allRight": right, "interval": interval(round(right * len(marks)), len(marks)), "clips": len(marks)}


@torch.no_grad()
def features_of(judge: JudgeFeatures, clips: torch.Tensor) -> np.ndarray:
    return torch.cat([judge(part)[3] for part in clips.split(AT_ONCE)]).numpy()


def bootstrap(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    rng = np.random.default_rng(7)
    found = [frechet_distance(ours[pick], theirs[pick]) for pick in rng.integers(len(ours), size=(BOOTSTRAPS, len(ours)))]
    return tuple(np.quantile(found, (0.025, 0.975)).tolist())


def judge_folder(path: Path, runs: Path, clips: int, threads: int) -> dict:
    held_out = clips // 3
    trained = clips - held_out
    lenient, strict = load_judge(runs / "judge.pt"), load_strict_judge(runs, "cpu")
    folder = open_folder(path, threads)
    pictures = isinstance(folder, PictureFolder)
    made, asked, true = judged_pictures(folder, trained, held_out, strict) if pictures else judged_words(folder, trained, held_out)
    marks = {"judge": mark(lenient, made, asked), "strict": mark_strictly(strict, made, asked)}
    seer = JudgeFeatures(lenient).eval()
    ours, theirs = features_of(seer, made), features_of(seer, true)
    found = {name: {"trained": shares(rows[:trained]), "heldOut": shares(rows[trained:])} for name, rows in marks.items()}
    return {**found, "fvd": frechet_distance(ours, theirs), "fvdInterval": bootstrap(ours, theirs), "clips": clips}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--runs", type=Path, required=True, help="holds judge.pt and strict-judge.pt")
    parser.add_argument("--clips", type=int, default=360, help="at least twice as many as features (160) for FVD to say much")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found = {}
    for path in options.folders:
        found[path.name] = one = judge_folder(path, options.runs, options.clips, options.threads)
        print(path.name, json.dumps(one), flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
