"""What both judges say of many clips at once, and the features that FVD compares; the same marks as `judge.mark` and `mark_strictly`."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from emoji_clips import Recipe
from judge import load_judge
from judge_onnx import JudgeFeatures
from judging import seen_as
from strict_judge import FRAMES_RIGHT, load_strict_judge

AT_ONCE = 64


class Marker:
    def __init__(self, runs: Path, device: str) -> None:
        self.device = device
        self.judge, self.strict = load_judge(runs / "judge.pt", device), load_strict_judge(runs, device)
        self.seer = JudgeFeatures(self.judge).eval()

    @torch.no_grad()
    def features(self, clips: torch.Tensor) -> np.ndarray:
        """[clips, features] of `clips` [clips, FRAMES, 3, SIZE, SIZE] in -1..1."""
        return torch.cat([self.seer(part.to(self.device))[3] for part in clips.split(AT_ONCE)]).cpu().numpy()

    @torch.no_grad()
    def marks(self, clips: torch.Tensor, recipes: list[Recipe], of_pictures: bool) -> dict[str, torch.Tensor]:
        """[clips, 4] by judge: share of frames with the right content, motion, share of frames with the right background, all right."""
        lenient, strict = [], []
        for at in range(0, len(recipes), AT_ONCE):
            part = clips[at : at + AT_ONCE].to(self.device).float().clamp(-1, 1)
            moved = self.strict.motion(part).argmax(-1)
            asked = recipes[at : at + AT_ONCE]
            if of_pictures:
                asked = [seen_as(recipe, motion) for recipe, motion in zip(asked, moved.tolist(), strict=True)]
            wanted = torch.tensor([(r.content, r.motion, r.scene) for r in asked], device=self.device)
            content, motion, scene = wanted[:, :1], wanted[:, 1], wanted[:, 2:]
            names, scenes = (logits.argmax(-1).unflatten(0, (len(part), -1)) for logits in self.strict.frames(part.flatten(0, 1)))
            right, there, whole = names == content, (scenes == scene).float().mean(1), moved == motion
            strict.append(torch.stack([right.float().mean(1), whole.float(), there, (whole & (right.sum(1) >= FRAMES_RIGHT) & (there > 0.5)).float()], 1))
            verdict = self.judge(part)
            moves = verdict.motion.argmax(-1) == motion
            clip = (verdict.content.mean(1).argmax(-1) == content[:, 0]) & (verdict.scene.mean(1).argmax(-1) == scene[:, 0])
            frames = [(logits.argmax(-1) == one).float().mean(1) for logits, one in ((verdict.content, content), (verdict.scene, scene))]
            lenient.append(torch.stack([frames[0], moves.float(), frames[1], (moves & clip).float()], 1))
        return {"judge": torch.cat(lenient).cpu(), "strict": torch.cat(strict).cpu()}
