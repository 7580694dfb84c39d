"""Features inside a denoiser: kept by hooks, brought to [clip, frame, ...]; and the ICD loss on them.

ICD (Individual Content Distillation, arXiv 2411.18375): L2 between student and teacher frame by frame at tapped outputs.
"""
from __future__ import annotations

from collections.abc import Iterable

import torch


class Enough(Exception):
    """Raised by a hook when nothing behind it is needed."""


class Features:
    """Outputs of the modules at `paths` during a call; of several results the first (the video stream)."""

    def __init__(self, model: torch.nn.Module, paths: Iterable[str]) -> None:
        self.values: dict[str, torch.Tensor] = {}
        self.paths = list(paths)
        self.stop_after: str | None = None
        self.listening = True
        self._handles = [model.get_submodule(path).register_forward_hook(self._keeper(path)) for path in self.paths]

    def _keeper(self, path: str):
        def keep(module: torch.nn.Module, inputs: tuple, output: object) -> None:
            if not self.listening:
                return
            self.values[path] = output[0] if isinstance(output, tuple) else output
            if path == self.stop_after:
                raise Enough
        return keep

    def take(self) -> dict[str, torch.Tensor]:
        """What was kept since the last take."""
        values, self.values = self.values, {}
        return values

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()


class Grid:
    """Clips, frames, height and width of a call's tokens or feature maps."""

    def __init__(self, config: dict, latent: torch.Tensor, constants: dict) -> None:
        name = config["_class_name"]
        self.clips = len(latent)
        if latent.ndim == 3:  # tokens already; the size is told apart
            frames, height, width = (constants[key] for key in ("num_frames", "height", "width"))
        elif name in ("UNetSpatioTemporalConditionModel", "CogVideoXTransformer3DModel"):
            frames, height, width = latent.shape[1], *latent.shape[3:]
        else:
            frames, height, width = latent.shape[2:]
        patch = config.get("patch_size") or 1
        in_time = config.get("patch_size_t") or 1
        in_time, high, wide = patch if isinstance(patch, (list, tuple)) else (in_time, patch, patch)
        self.frames = frames // in_time
        self.tokens = (height // high, width // wide)

    def by_frame(self, feature: torch.Tensor) -> torch.Tensor | None:
        """[clips, frames, channels, height, width]; None for what is no clip (text)."""
        count, (height, width) = self.clips * self.frames, self.tokens
        if feature.ndim == 4 and len(feature) == count:
            return feature.unflatten(0, (self.clips, self.frames))
        if feature.ndim == 3 and len(feature) == self.clips and feature.shape[1] == self.frames * height * width:
            return feature.unflatten(1, (self.frames, height, width)).permute(0, 1, 4, 2, 3)
        if feature.ndim == 3 and len(feature) == count and feature.shape[1] == height * width:
            return feature.unflatten(1, (height, width)).permute(0, 3, 1, 2).unflatten(0, (self.clips, self.frames))
        return None


def icd(student: dict[str, torch.Tensor], teacher: dict[str, torch.Tensor], pairs: Iterable[tuple[str, str]], grid: Grid, normalised: bool) -> dict[str, torch.Tensor]:
    """Loss by tap: the squared difference of each frame, averaged over clips and frames; `normalised` divides a frame's by the
    mean square of the teacher's frame."""
    losses = {}
    for ours, theirs in pairs:
        mine, target = student[ours].float(), teacher[theirs].detach().float()
        if mine.shape != target.shape:
            raise ValueError(f"The taps {ours} and {theirs} differ in shape: {list(mine.shape)} and {list(target.shape)}.")
        by_frame = grid.by_frame(target)
        folded = (grid.clips * grid.frames,) if by_frame is not None else (len(target),)
        mine = (grid.by_frame(mine) if by_frame is not None else mine).reshape(*folded, -1)
        target = (by_frame if by_frame is not None else target).reshape(*folded, -1)
        distance = (mine - target).square().mean(1)
        losses[ours] = (distance / target.square().mean(1).clamp(min=1e-6)).mean() if normalised else distance.mean()
    return losses
