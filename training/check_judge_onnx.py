"""Checks judge_onnx.py: an export equals the judge, a spoilt one is refused, and the distance is that of known Gaussians.

    python check_judge_onnx.py
"""
from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch

from judge import Judge
from judge_onnx import check_parity, export_judge, frechet_distance


def check_distance() -> None:
    """Closed form for axis-aligned Gaussians: |shift|^2 + sum (s - s')^2."""
    rng = np.random.default_rng(0)
    spread, other, shift = np.array([1.0, 2.0, 0.5]), np.array([1.5, 1.0, 0.5]), np.array([0.3, 0.0, -1.0])
    first, second = rng.standard_normal((2, 200_000, 3))
    wanted = (shift**2).sum() + ((spread - other) ** 2).sum()
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    found = frechet_distance(first * spread @ turn, (second * other + shift) @ turn)
    assert abs(found - wanted) < 0.02 * wanted, (found, wanted)
    assert abs(frechet_distance(first, first)) < 1e-9


def main() -> None:
    torch.set_num_threads(1)
    check_distance()
    torch.manual_seed(4)
    judge = Judge().eval()
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "judge.onnx"
        export_judge(judge, path)
        away, size = check_parity(judge, path), path.stat().st_size
        model = onnx.load(path)
        values = {prop.key: prop.value for prop in model.metadata_props}
        assert '"spins"' in values["judge.motions"] and '"panda"' in values["judge.contents"], values
        weight = next(one for one in model.graph.initializer if sorted(one.dims) == [8, 1024])  # the last layer of the motion
        array = onnx.numpy_helper.to_array(weight).copy()
        array.flat[np.abs(array).argmax()] *= -1
        weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))
        onnx.save(model, path)
        try:
            check_parity(judge, path)
        except ValueError:
            print(f"judge: ONNX equals PyTorch to {max(away.values()):.0e}, {size / 1e6:.1f} MB; one turned weight is noticed")
        else:
            raise AssertionError("one turned weight was not noticed")


if __name__ == "__main__":
    main()
