"""A second judge, trained apart from the first, that may also say "none of these".

Another network on other clips: content by frame among 16 emoji and "none" (two emoji mixed, or too blurred to tell),
motion by clip among 8 and "none" (frozen, shuffled, or one motion going over into another). A clip is all right when
motion, background and content are, and the content in at least 12 of its 16 frames.
"""
from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import nn

from clip_pool import Pool, load_pool
from emoji_clips import CONTENTS, FRAMES, MOTIONS, SCENES, SIZE, Recipe
from models import load_vae
from stepping import device_here, fit, load_averaged

NO_CONTENT, NO_MOTION = len(CONTENTS), len(MOTIONS)
FRAMES_RIGHT = 12
SPOILT = 0.15  # share of samples with spoilt content; likewise, by itself, motion
BATCH = {"cpu": 12, "cuda": 96}
CLIPS = {"cpu": 1200, "cuda": 6000}
LOOKED_AT = 4  # frames a clip whose content is learnt per step


class StrictJudge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(3, 32, 3, 2, 1), nn.GroupNorm(4, 32), nn.SiLU(),
            nn.Conv2d(32, 64, 3, 2, 1), nn.GroupNorm(8, 64), nn.SiLU(),
            nn.Conv2d(64, 96, 3, 2, 1), nn.GroupNorm(8, 96), nn.SiLU(),
            nn.Conv2d(96, 128, 3, 1, 1), nn.GroupNorm(8, 128), nn.SiLU(),
        )
        self.name = nn.Linear(2 * 128, len(CONTENTS) + 1 + len(SCENES))
        self.move = nn.Sequential(
            nn.Conv3d(3, 24, 3, (1, 2, 2), 1), nn.GroupNorm(4, 24), nn.SiLU(),
            nn.Conv3d(24, 48, 3, (1, 2, 2), 1), nn.GroupNorm(8, 48), nn.SiLU(),
            nn.Conv3d(48, 64, 3, (2, 2, 2), 1), nn.GroupNorm(8, 64), nn.SiLU(),
            nn.Flatten(), nn.Linear(64 * (FRAMES // 2) * (SIZE // 16) ** 2, len(MOTIONS) + 1),
        )

    def frames(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of content [.., 17] and background [.., 4] for `frames` [.., 3, SIZE, SIZE] in -1..1."""
        looked = self.look(frames)
        names = self.name(torch.cat([looked.mean((2, 3)), looked.amax((2, 3))], 1))
        return names[..., : len(CONTENTS) + 1], names[..., len(CONTENTS) + 1 :]

    def motion(self, clips: torch.Tensor) -> torch.Tensor:
        """Logits [clips, 9] for `clips` [clips, FRAMES, 3, SIZE, SIZE]."""
        return self.move(F.avg_pool3d(clips.transpose(1, 2), (1, 2, 2)))


def train_strict_judge(runs: Path, seconds: float) -> None:
    """Writes strict-judge.pt."""
    device = device_here()
    pool, vae = load_pool(runs, "all", device), load_vae(runs / "vae.pt", device)
    count = min(len(pool), CLIPS[device])
    rendered = pool.clips(count, device)
    decoded = _decoded(vae, pool, count, device)
    labels = pool.labels[:count]
    torch.manual_seed(4)
    judge = StrictJudge().to(device)
    batch = BATCH[device]

    def loss() -> torch.Tensor:
        pick, other = torch.randint(count, (2, batch), device=device)
        through = (torch.rand(batch, device=device) < 0.5).view(-1, 1, 1, 1, 1)
        clips = torch.where(through, decoded[pick], rendered[pick]).float() / 127.5 - 1
        others = torch.where(through, decoded[other], rendered[other]).float() / 127.5 - 1
        clips, content, motion = _spoil(clips, others, labels[pick], labels[other])
        clips = _roughen(clips)
        seen = torch.randint(FRAMES, (LOOKED_AT,), device=device)
        with torch.autocast(device, torch.bfloat16):
            names, scenes = judge.frames(clips[:, seen].flatten(0, 1))
            moved = judge.motion(clips)
        scene = labels[pick, 2].repeat_interleave(LOOKED_AT)
        right_scene = torch.where(content == NO_CONTENT, -1, labels[pick, 2]).repeat_interleave(LOOKED_AT)
        weight = (right_scene >= 0).float()
        return (
            F.cross_entropy(names.float(), content.repeat_interleave(LOOKED_AT))
            + (weight * F.cross_entropy(scenes.float(), scene, reduction="none")).mean()
            + F.cross_entropy(moved.float(), motion)
        )

    fit(runs / "strict-judge.pt", {"judge": judge}, loss, seconds=seconds, rate=2e-3, batch=batch, device=device)


@torch.no_grad()
def _decoded(vae: AutoencoderKL, pool: Pool, count: int, device: str) -> torch.Tensor:
    """uint8 clips through the autoencoder, some noise on the latents as sampling leaves some."""
    parts = []
    for at in range(0, count, 32):
        latents = pool.latents[at : min(count, at + 32)].float().transpose(1, 2)
        latents = latents + 0.1 * torch.rand(len(latents), 1, 1, 1, 1, device=device) * torch.randn_like(latents)
        pixels = vae.decode(latents.flatten(0, 1)).sample.clamp(-1, 1)
        parts.append(((pixels + 1) * 127.5).round().to(torch.uint8).unflatten(0, (-1, FRAMES)))
    return torch.cat(parts)


def _spoil(clips: torch.Tensor, others: torch.Tensor, labels: torch.Tensor, other_labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Clips, some spoilt, with labels of content and motion that say so."""
    count, device = len(clips), clips.device

    def some(share: float) -> torch.Tensor:
        return torch.rand(count, device=device) < share

    def widen(mask: torch.Tensor) -> torch.Tensor:
        return mask.view(-1, 1, 1, 1, 1)

    kind = torch.rand(count, device=device)
    bad = some(SPOILT)
    still, mixed = clips[:, :1].expand_as(clips), clips[:, torch.rand(FRAMES, device=device).argsort()]
    gone_over = torch.cat([clips[:, : FRAMES // 2], others[:, FRAMES // 2 :]], 1)
    spoilt = torch.where(widen(kind < 0.3), still, torch.where(widen(kind < 0.6), mixed, gone_over))
    turned = torch.where(widen(bad), spoilt, clips)
    motion_bad = bad & ((kind < 0.6) | (labels[:, 1] != other_labels[:, 1]))
    motion = torch.where(motion_bad, NO_MOTION, labels[:, 1])
    share = 0.35 + 0.3 * torch.rand(count, device=device)
    blurred = F.interpolate(F.interpolate(clips.flatten(0, 1), SIZE // 10, mode="area"), SIZE, mode="bilinear").unflatten(0, (-1, FRAMES))
    blend = widen(share) * clips + (1 - widen(share)) * others
    unclear = some(SPOILT) & ~bad
    as_blend = (torch.rand(count, device=device) < 0.5) & (labels[:, 0] != other_labels[:, 0])
    turned = torch.where(widen(unclear), torch.where(widen(as_blend), blend, blurred), turned)
    # A clip that goes over into another one shows two emoji: its content is not learnt as one of them.
    content = torch.where(unclear | (bad & (kind >= 0.6)), NO_CONTENT, labels[:, 0])
    motion = torch.where(unclear & as_blend & (labels[:, 1] != other_labels[:, 1]), NO_MOTION, motion)
    return turned, content, motion


def _roughen(clips: torch.Tensor) -> torch.Tensor:
    """A little noise, and shifts of colour: less than the first judge bears."""
    count, device = len(clips), clips.device

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(count, *shape, device=device)

    noise = 0.08 * torch.rand(count, 1, 1, 1, 1, device=device) * torch.randn_like(clips)
    return (clips * (1 + 0.06 * drawn(1, 3, 1, 1)) + 0.05 * drawn(1, 3, 1, 1) + noise).clamp(-1, 1)


def load_strict_judge(runs: Path, device: str) -> StrictJudge:
    judge = StrictJudge()
    load_averaged(runs / "strict-judge.pt", {"judge": judge}, device)
    return judge


@torch.no_grad()
def mark_strictly(judge: StrictJudge, clips: torch.Tensor, recipes: list[Recipe]) -> torch.Tensor:
    """[clips, 4]: as `judge.mark` has them, by this judge's rule."""
    rows = []
    for clip, recipe in zip(clips, recipes, strict=True):
        content, scene, motion = _verdict(judge, clip)
        right, whole = content == recipe.content, int(motion) == recipe.motion
        there = (scene == recipe.scene).float().mean().item()
        rows.append([right.float().mean().item(), float(whole), there, float(whole and int(right.sum()) >= FRAMES_RIGHT and there > 0.5)])
    return torch.tensor(rows).view(-1, 4)


@torch.no_grad()
def _verdict(judge: StrictJudge, clip: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    clip = clip.float().clamp(-1, 1)
    names, scenes = judge.frames(clip)
    return names.argmax(-1), scenes.argmax(-1), judge.motion(clip[None])[0].argmax()


@torch.no_grad()
def motion_of(judge: StrictJudge, clips: torch.Tensor) -> torch.Tensor:
    """[clips]: the motion, NO_MOTION for none of them."""
    return torch.stack([judge.motion(clip[None].float().clamp(-1, 1))[0].argmax() for clip in clips])
