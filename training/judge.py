"""The judge: a small classifier that says which emoji, which background and which motion a clip shows.

It is trained on rendered clips only, never on a generated one. Some of them go through the autoencoder, all of them
through blur, noise and shifts of colour, so that it judges what a clip shows and not how sharp it is.

    python judge.py --runs runs --minutes 8
"""
from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import nn

from checkpoint import save
from emoji_clips import CONTENTS, FRAMES, MOTIONS, SCENES, SIZE, Recipe, held_out, random_recipe, render_tensor
from models import load_vae

BATCH = 12
POOL = 600  # clips kept ready; one is replaced each step
DECODED = 200  # of these, passed through the autoencoder once
FRAMES_JUDGED = 4  # frames a clip whose content is learnt per step (all 16 are judged later)


class Verdict(NamedTuple):
    """Logits: content [clips, frames, 16], scene [clips, frames, 4], motion [clips, 8]."""

    content: torch.Tensor
    scene: torch.Tensor
    motion: torch.Tensor


class Judge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 24, 3, 2, 1), nn.GroupNorm(4, 24), nn.SiLU(),
            nn.Conv2d(24, 48, 3, 2, 1), nn.GroupNorm(8, 48), nn.SiLU(),
            nn.Conv2d(48, 64, 3, 2, 1), nn.GroupNorm(8, 64), nn.SiLU(),
        )
        self.look = nn.Sequential(nn.Conv2d(64, 96, 3, 1, 1), nn.GroupNorm(8, 96), nn.SiLU())
        self.name = nn.Linear(2 * 96, len(CONTENTS) + len(SCENES))
        # Where and how turned: the grid is kept, not pooled.
        self.place = nn.Sequential(nn.Conv2d(64, 16, 1), nn.SiLU(), nn.Flatten(), nn.Linear(16 * (SIZE // 8) ** 2, 64), nn.SiLU())
        self.follow = nn.Sequential(nn.Conv1d(64, 64, 5, 1, 2), nn.SiLU(), nn.Conv1d(64, 64, 5, 1, 2), nn.SiLU(), nn.Flatten(), nn.Linear(64 * FRAMES, len(MOTIONS)))

    def forward(self, clips: torch.Tensor, look_at: torch.Tensor | None = None) -> Verdict:
        """`clips` [clips, FRAMES, 3, SIZE, SIZE] in -1..1; `look_at` restricts content and scene to these frames."""
        count = len(clips)
        features = self.trunk(clips.flatten(0, 1))
        motion = self.follow(self.place(features).view(count, FRAMES, -1).transpose(1, 2))
        seen = features.view(count, FRAMES, *features.shape[1:])
        if look_at is not None:
            seen = seen[:, look_at]
        looked = self.look(seen.flatten(0, 1))
        names = self.name(torch.cat([looked.mean((2, 3)), looked.amax((2, 3))], 1)).view(count, seen.shape[1], -1)
        return Verdict(names[..., : len(CONTENTS)], names[..., len(CONTENTS) :], motion)


@torch.no_grad()
def through_autoencoder(vae: AutoencoderKL, clip: torch.Tensor) -> torch.Tensor:
    """The clip encoded and decoded, with a little noise on the latent as sampling leaves some."""
    latent = vae.encode(clip).latent_dist.mean
    latent = latent + 0.1 * torch.rand(()) * latent.std() * torch.randn_like(latent)
    return vae.decode(latent).sample.clamp(-1, 1)


def roughen(clips: torch.Tensor) -> torch.Tensor:
    """Blur, noise, brightness and contrast, drawn per clip; [clips, FRAMES, 3, SIZE, SIZE] in and out."""
    rough = []
    for clip in clips:
        if torch.rand(()) < 0.5:
            small = int(torch.randint(SIZE // 3, SIZE, ()))
            clip = F.interpolate(F.interpolate(clip, small, mode="bilinear", antialias=True), SIZE, mode="bilinear")
        if torch.rand(()) < 0.5:
            coarse = torch.randn(FRAMES, 3, SIZE // 4, SIZE // 4, device=clip.device)
            clip = clip + 0.25 * torch.rand(()) * F.interpolate(coarse, SIZE, mode="bilinear")
        clip = clip + 0.15 * torch.rand(()) * torch.randn_like(clip)
        gain = 1 + 0.1 * torch.randn(3, 1, 1, device=clip.device)
        rough.append((clip * gain + 0.08 * torch.randn(3, 1, 1, device=clip.device)).clamp(-1, 1))
    return torch.stack(rough)


def _wide_recipe(rng: random.Random) -> Recipe:
    """All pairs, with more jitter than the teacher's data has."""
    recipe = random_recipe(rng, include_held_out=True)
    return Recipe(recipe.content, recipe.motion, recipe.scene, rng.uniform(-5, 5), rng.uniform(-5, 5), rng.uniform(0.85, 1.15))


def train_judge(path: Path, vae: AutoencoderKL, seconds: float, device: str = "cpu") -> None:
    """Trains for about `seconds`, or goes on from `path` where that was cut; `path` says how much was spent."""
    torch.manual_seed(3)
    judge = Judge().to(device)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=2e-3, weight_decay=0.01)
    used, step = 0.0, 0
    if path.exists():
        state = torch.load(path, map_location=device)
        if state["used"] >= seconds:
            return
        judge.load_state_dict(state["judge"])
        optimizer.load_state_dict(state["opt"])
        used, step = state["used"], state["step"]
    start = saved = time.time()
    rng = random.Random(11 + step)
    recipes = [_wide_recipe(rng) for _ in range(POOL)]
    share = min(1.0, seconds / (400 if device == "cpu" else 30))  # a smoke run prepares less
    recipes = recipes[: max(BATCH, int(POOL * share))]
    clips = torch.stack([render_tensor(recipe) for recipe in recipes]).half().to(device)
    decoded = int(DECODED * share)
    for index in range(decoded):
        clips[index] = through_autoencoder(vae, clips[index].float()).half()
    labels = torch.tensor([(r.content, r.motion, r.scene) for r in recipes], device=device)

    def keep() -> None:
        save(path, {"judge": judge.state_dict(), "opt": optimizer.state_dict(), "used": used + time.time() - start, "step": step})

    while (done := (used + time.time() - start) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1, (step + 1) / 50) * max(0.02, 1 - done)
        for _ in range(2 if decoded < len(recipes) else 0):
            slot, recipe = rng.randrange(decoded, len(recipes)), _wide_recipe(rng)
            clips[slot], labels[slot] = render_tensor(recipe).half(), torch.tensor((recipe.content, recipe.motion, recipe.scene))
        pick = torch.randint(len(clips), (BATCH,))
        content, motion, scene = labels[pick].T
        look_at = torch.randperm(FRAMES)[:FRAMES_JUDGED]
        verdict = judge(roughen(clips[pick].float()), look_at)
        loss = (
            F.cross_entropy(verdict.content.flatten(0, 1), content.repeat_interleave(FRAMES_JUDGED))
            + F.cross_entropy(verdict.scene.flatten(0, 1), scene.repeat_interleave(FRAMES_JUDGED))
            + F.cross_entropy(verdict.motion, motion)
        )
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(judge.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 50 == 0:
            print(f"judge step {step} {time.time() - start:.0f} s loss {loss.item():.3f}", flush=True)
        if time.time() - saved > 60:
            keep()
            saved = time.time()
    keep()


def load_judge(path: Path, device: str = "cpu") -> Judge:
    judge = Judge().to(device).eval()
    judge.load_state_dict(torch.load(path, map_location=device)["judge"])
    return judge


class Score(NamedTuple):
    """Fractions of 1: content and scene per frame, motion per clip, and clips where all three are right."""

    clips: int
    content: float
    motion: float
    scene: float
    all_right: float


@torch.no_grad()
def mark(judge: Judge, clips: torch.Tensor, recipes: list[Recipe]) -> torch.Tensor:
    """[clips, 4]: share of frames with the right content, motion right, share of frames with the right background, all
    right (a clip's content and background are those with the highest mean logit). `clips` as in `Judge.forward`."""
    rows = []
    for clip, recipe in zip(clips, recipes, strict=True):
        verdict = judge(clip[None].float().clamp(-1, 1))
        motion = verdict.motion[0].argmax().item() == recipe.motion
        whole = verdict.content[0].mean(0).argmax().item() == recipe.content and verdict.scene[0].mean(0).argmax().item() == recipe.scene
        rows.append([
            (verdict.content[0].argmax(-1) == recipe.content).float().mean().item(),
            float(motion),
            (verdict.scene[0].argmax(-1) == recipe.scene).float().mean().item(),
            float(motion and whole),
        ])
    return torch.tensor(rows).view(-1, 4)


def total(marks: torch.Tensor) -> Score:
    return Score(len(marks), *marks.mean(0).tolist())


def score(judge: Judge, clips: torch.Tensor, recipes: list[Recipe]) -> Score:
    return total(mark(judge, clips, recipes))


def check_judge(judge: Judge, vae: AutoencoderKL, count: int, device: str = "cpu") -> dict[str, Score]:
    """On rendered clips that it never saw: as they are, through the autoencoder, and roughened."""
    rng = random.Random(987_654)
    recipes = [random_recipe(rng, include_held_out=True) for _ in range(count)]
    clips = torch.stack([render_tensor(recipe) for recipe in recipes]).to(device)
    decoded = torch.stack([through_autoencoder(vae, clip) for clip in clips[: max(1, count // 3)]])
    unseen = [index for index, recipe in enumerate(recipes) if held_out(recipe.content, recipe.motion)]
    return {
        "rendered": score(judge, clips, recipes),
        "rendered, pairs held out from the teacher": score(judge, clips[unseen], [recipes[i] for i in unseen]),
        "through the autoencoder": score(judge, decoded, recipes[: len(decoded)]),
        "roughened": score(judge, roughen(clips), recipes),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path(__file__).parent / "runs", help="holds vae.pt; judge.pt goes there")
    parser.add_argument("--minutes", type=float, default=8)
    options = parser.parse_args()
    torch.set_num_threads(1)
    autoencoder = load_vae(options.runs / "vae.pt")
    train_judge(options.runs / "judge.pt", autoencoder, options.minutes * 60)
    for what, result in check_judge(load_judge(options.runs / "judge.pt"), autoencoder, 150).items():
        print(f"{what}: {result}")
