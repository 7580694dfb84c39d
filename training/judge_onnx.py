"""Exports the judge as ONNX, so that the studio and the command line can judge clips and compute FVD by its features.

    python judge_onnx.py --runs runs --out runs/emoji-judge.onnx

Input `clips` [clips, 16, 3, 64, 64] in -1..1. Outputs: `content` [clips, 16, 16], `scene` [clips, 16, 4] and `motion` [clips, 8] are
logits as in `judge.Verdict`; `features` [clips, 160] describe a clip for Frechet distances: what it shows (96, averaged over
frames) and how it moves (64, averaged over time). The metadata holds the names behind the logits. Not a general video feature:
distances by it compare emoji clips with emoji clips.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from emoji_clips import CONTENTS, FRAMES, MOTIONS, SCENES, SIZE
from judge import Judge, load_judge

OPSET = 18
OUTPUTS = ("content", "scene", "motion", "features")
FEATURES = 96 + 64
SAME = 1e-4  # largest difference of ONNX from PyTorch over the largest value


class JudgeFeatures(nn.Module):
    """The judge with one more output. `Judge.forward` is not called: its steps are, so that they run once."""

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self.judge = judge

    def forward(self, clips: torch.Tensor) -> tuple[torch.Tensor, ...]:
        judge = self.judge
        seen = judge.trunk(clips.flatten(0, 1))
        track = judge.place(seen).view(-1, FRAMES, judge.place[3].out_features).transpose(1, 2)
        moved = judge.follow[:4](track)
        motion = judge.follow[4:](moved)
        looked = judge.look(seen)
        mean = looked.mean((2, 3))
        names = judge.name(torch.cat([mean, looked.amax((2, 3))], 1)).view(-1, FRAMES, len(CONTENTS) + len(SCENES))
        features = torch.cat([mean.view(-1, FRAMES, 96).mean(1), moved.mean(2)], 1)
        return names[..., : len(CONTENTS)], names[..., len(CONTENTS) :], motion, features


def export_judge(judge: Judge, path: Path) -> None:
    """Writes the graph with its weights in it, and checks it against `judge`. Raises ValueError when they differ."""
    example = torch.rand(2, FRAMES, 3, SIZE, SIZE) * 2 - 1
    program = torch.onnx.export(
        JudgeFeatures(judge).eval(), (example,), dynamo=True, opset_version=OPSET, input_names=["clips"], output_names=list(OUTPUTS),
        dynamic_shapes=({0: torch.export.Dim("clips_count", min=1, max=1024)},), external_data=False, verbose=False,
    )
    model = program.model_proto
    for item in (*model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del item.metadata_props[:]  # stack traces
    facts = {"contents": CONTENTS, "scenes": SCENES, "motions": MOTIONS, "frames": FRAMES, "size": SIZE}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {f"judge.{name}": json.dumps(value) for name, value in facts.items()})
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    onnx.save(model, partial)
    check_parity(judge, partial)
    partial.replace(path)


@torch.no_grad()
def check_parity(judge: Judge, path: Path) -> dict[str, float]:
    """By output the largest difference over the largest value, on three clips. Raises ValueError over SAME."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    clips = torch.rand(3, FRAMES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3)) * 2 - 1
    found = dict(zip(OUTPUTS, session.run(list(OUTPUTS), {"clips": clips.numpy()}), strict=True))
    verdict = judge(clips)
    away = {}
    for name in ("content", "scene", "motion"):
        wanted = getattr(verdict, name).numpy()
        away[name] = float(np.abs(found[name] - wanted).max() / np.abs(wanted).max())
    if found["features"].shape != (len(clips), FEATURES) or not np.isfinite(found["features"]).all():
        raise ValueError(f"features of shape {found['features'].shape}")
    if max(away.values()) > SAME:
        raise ValueError(f"ONNX differs from PyTorch: {away}")
    return away


def frechet_distance(ours: np.ndarray, theirs: np.ndarray) -> float:
    """|mean - mean'|^2 + tr(C + C' - 2 (C C')^1/2) of two sets of features [clips, features] (FID's formula, here FVD by the judge's
    features). Biased upwards for few clips: compare equal counts, of at least twice as many clips as features."""
    first, second = (np.asarray(one, dtype=np.float64) for one in (ours, theirs))
    covariances = [np.cov(one, rowvar=False) for one in (first, second)]
    # tr (C C')^1/2 by the symmetric form: eigenvalues of C^1/2 C' C^1/2.
    values, vectors = np.linalg.eigh(covariances[0])
    root = vectors * np.sqrt(values.clip(min=0)) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ covariances[1] @ root).clip(min=0)).sum()
    return float(((first.mean(0) - second.mean(0)) ** 2).sum() + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * cross)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path(__file__).parent / "runs", help="holds judge.pt")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "runs" / "emoji-judge.onnx")
    options = parser.parse_args()
    export_judge(load_judge(options.runs / "judge.pt"), options.out)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
