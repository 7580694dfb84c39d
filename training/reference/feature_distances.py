"""Writes src/metrics/fixtures/featureDistances.json: Frechet distances and KID-style MMD of drawn features, by numpy and scipy.

Features are a formula of clip and place, so that the test computes the same ones: no random numbers to agree on.
Run from the repository root: python training/reference/feature_distances.py
"""
import json
from pathlib import Path

import numpy as np
import scipy.linalg

OUT = Path(__file__).resolve().parents[2] / "src/metrics/fixtures/featureDistances.json"


def features(clips: int, length: int, shift: float, spread: float, phase: float) -> np.ndarray:
    """Deterministic and of full rank: sines of products that never line up."""
    clip, place = np.meshgrid(np.arange(clips) + 1.0, np.arange(length) + 1.0, indexing="ij")
    mixed = np.sin(clip * 12.9898 + place * 78.233 + phase) * 43758.5453
    return spread * (mixed - np.floor(mixed) - 0.5) * (1 + place / length) + 0.3 * np.sin(clip * 0.7 + phase) + shift


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    """FID's formula with scipy's general square root of a matrix."""
    covariances = [np.cov(one, rowvar=False) for one in (first, second)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    away = first.mean(0) - second.mean(0)
    return float(away @ away + np.trace(covariances[0] + covariances[1] - 2 * np.real(root)))


def discrepancy(first: np.ndarray, second: np.ndarray) -> float:
    """KID's polynomial kernel; the unbiased estimate, written with whole matrices."""
    kernel = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3  # noqa: E731
    m, n = len(first), len(second)
    ours, theirs, between = kernel(first, first), kernel(second, second), kernel(first, second)
    return float((ours.sum() - np.trace(ours)) / (m * (m - 1)) + (theirs.sum() - np.trace(theirs)) / (n * (n - 1)) - 2 * between.mean())


CASES = [  # clips, other clips, length, (shift, spread, phase) of the second; the first is (0, 1, 0)
    (256, 256, 12, (0.0, 1.0, 0.0)), (256, 256, 12, (0.0, 1.0, 3.0)), (256, 300, 12, (0.2, 1.0, 3.0)), (300, 256, 40, (0.0, 1.4, 5.0)),
    (256, 256, 160, (0.05, 1.1, 2.0)), (12, 12, 20, (0.0, 1.0, 3.0)), (12, 9, 20, (0.5, 1.0, 3.0)),
]


def main() -> None:
    cases = []
    for clips, others, length, (shift, spread, phase) in CASES:
        first, second = features(clips, length, 0, 1, 0), features(others, length, shift, spread, phase)
        cases.append(dict(clips=clips, others=others, length=length, shift=shift, spread=spread, phase=phase,
                          first=first[3, 5], second=second[3, 5], frechet=frechet(first, second), mmd=discrepancy(first, second)))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    for case in cases:
        print(case)


if __name__ == "__main__":
    main()
