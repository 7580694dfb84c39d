"""Checks of what `ways.py` measures: many clips marked at once as each alone, both judges; planted students found better and worse."""
from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

sys.path.append(str(Path(__file__).parent.parent))

from captured_heal import AVERAGE, WAYS, CapturedHeal  # noqa: E402
from clip_marks import Marker  # noqa: E402
from emoji_clips import FRAMES, SIZE, Recipe  # noqa: E402
from judge import Judge, mark  # noqa: E402
from layout import Layout, Tap  # noqa: E402
from strict_judge import StrictJudge, mark_strictly  # noqa: E402
from taught import States, Taught  # noqa: E402


def check_marks() -> None:
    torch.manual_seed(1)
    judge, strict = Judge(), StrictJudge()
    with tempfile.TemporaryDirectory() as folder:
        torch.save({"judge": judge.state_dict()}, Path(folder) / "judge.pt")
        weights = {f"judge.{name}": value for name, value in strict.state_dict().items()}
        torch.save({"ema": weights, "step": 0, "clips": 0, "used": 0.0}, Path(folder) / "strict-judge.pt")
        marker = Marker(Path(folder), "cpu")
    clips = torch.rand(70, FRAMES, 3, SIZE, SIZE) * 2 - 1
    with torch.no_grad():  # what an untrained judge says: asked for that, marks are of both kinds
        said = judge(clips[:40])
        named = [(int(c), int(m), int(s)) for c, m, s in zip(said.content.mean(1).argmax(-1), said.motion.argmax(-1), said.scene.mean(1).argmax(-1))]
    recipes = [Recipe(*one) for one in named] + [Recipe(index % 16, index % 8, index % 4) for index in range(30)]
    found = marker.marks(clips, recipes, False)
    for name, alone in (("judge", mark(judge.eval(), clips, recipes)), ("strict", mark_strictly(strict, clips, recipes))):
        assert torch.allclose(found[name], alone), name
    assert 0 < found["judge"][:, 3].mean() < 1
    assert np.isfinite(marker.features(clips[:2])).all()


class Net(torch.nn.Module):
    """Two layers in a row, called as a denoiser."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Conv3d(2, 2, 1), torch.nn.Conv3d(2, 2, 1)

    def forward(self, sample: torch.Tensor, timestep: torch.Tensor, return_dict: bool = True) -> tuple[torch.Tensor]:
        return (self.second(self.first(sample)),)


class Planted(Taught):
    """A teacher of one linear map."""

    def __init__(self) -> None:
        self.device, self.net = "cpu", Net().requires_grad_(False)

    @property
    def config(self) -> dict:
        return {"_class_name": "UNet3DConditionModel"}


def check_healing() -> None:
    """The student learns the map; the average is that of the steps; ICD brings the first layer nearer than the output alone does."""
    torch.manual_seed(2)
    taught = Planted()
    latent = torch.randn(64, 2, 4, 3, 3)
    states = States(latent, taught.net(latent, latent)[0], torch.zeros(64), torch.arange(64), {})
    layout = Layout({}, {}, [], [Tap("first", "first")])
    inner = {}
    for way in ("output", "icd"):
        torch.manual_seed(3)
        student = Net()
        before = (student(latent, latent)[0] - states.target).square().mean()
        run = CapturedHeal(taught, student, layout, states, WAYS[way], 1, 2e-2, 8, 200)
        mean = [value.detach().clone() for value in student.parameters()]
        while run.done < 200:
            run.step()
            decay = min(AVERAGE, (1 + run.done) / (10 + run.done))
            mean = [decay * one + (1 - decay) * value.detach() for one, value in zip(mean, student.parameters(), strict=True)]
        run.swap()
        assert all(torch.allclose(one, value, atol=1e-5) for one, value in zip(mean, student.parameters(), strict=True))
        after = (student(latent, latent)[0] - states.target).square().mean()
        assert after < 0.05 * before, (way, before, after)
        inner[way] = (student.first(latent) - taught.net.first(latent)).square().mean()
        run.end()
    assert inner["icd"] < 0.2 * inner["output"], inner


if __name__ == "__main__":
    check_marks()
    check_healing()
    print("ways: marks of many clips are those of each alone; planted students learn")
