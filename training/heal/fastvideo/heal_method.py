"""FastVideo's training method for healing: the student's output and block features follow the teacher's at the same noisy clip.

Roles: `student`, the pruned folder of prune_diffusers.py, and `teacher`, the whole model, frozen. Blocks are compared by the taps of
`plan-map.json`. Loss: output + icd_weight * ICD, the frames of a block's tokens weighing alike. No MCA critic: heal.py has it.
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from fastvideo.train.methods.base import LogScalar
from fastvideo.train.methods.fine_tuning.finetune import FineTuneMethod
from fastvideo.train.models.base import ModelBase


class HealMethod(FineTuneMethod):
    """`method` of the yaml: `plan_map` (path), `icd_weight` (0.1), `icd_normalised` (false)."""

    def __init__(self, *, cfg: Any, role_models: dict[str, ModelBase]) -> None:
        super().__init__(cfg=cfg, role_models=role_models)
        if "teacher" not in role_models:
            raise ValueError("HealMethod needs the role 'teacher': the whole model, trainable: false")
        self.teacher = role_models["teacher"]
        self._icd_weight = float(self.method_config.get("icd_weight", 0.1))
        self._icd_normalised = bool(self.method_config.get("icd_normalised", False))
        plan = json.loads(Path(str(self.method_config["plan_map"])).read_text())
        if plan["identity"]:
            raise ValueError(f"FastVideo computes identities too; plan whole blocks only, or use heal.py: {', '.join(plan['identity'])}")
        self._pairs = [(tap["student"], tap["teacher"]) for tap in plan["taps"]]
        self._student_features = _listen(self.student.transformer, [ours for ours, _ in self._pairs])
        self._teacher_features = _listen(self.teacher.transformer, [theirs for _, theirs in self._pairs])

    def single_train_step(
        self, batch: dict[str, Any], iteration: int
    ) -> tuple[dict[str, torch.Tensor], dict[str, Any], dict[str, LogScalar]]:
        """Both models at one noisy clip; shapes as FastVideo has them, [batch, frames, channels, height, width]."""
        del iteration
        data = self.student.prepare_batch(batch, generator=self.cuda_generator, latents_source="data")
        noisy = data.noisy_model_input.permute(0, 2, 1, 3, 4)
        with torch.no_grad():
            target = self.teacher.predict_noise(noisy, data.timesteps, data, conditional=True, attn_kind=self._attn_kind)
        output = self.student.predict_noise(noisy, data.timesteps, data, conditional=True, attn_kind=self._attn_kind)
        output_loss = F.mse_loss(output.float(), target.float())
        icd_loss = sum((self._icd(ours, theirs) for ours, theirs in self._pairs), torch.zeros_like(output_loss))
        total = output_loss + self._icd_weight * icd_loss
        metadata = data.attn_metadata_vsa if self._attn_kind == "vsa" else data.attn_metadata
        losses = {"total_loss": total, "output_loss": output_loss.detach(), "icd_loss": icd_loss.detach()}
        return losses, {"_fv_backward": (data.timesteps, metadata)}, {}

    def _icd(self, ours: str, theirs: str) -> torch.Tensor:
        student, teacher = self._student_features[ours].float(), self._teacher_features[theirs].detach().float()
        distance = (student - teacher).square()
        return distance.mean() / teacher.square().mean().clamp(min=1e-6) if self._icd_normalised else distance.mean()


def _listen(model: torch.nn.Module, paths: list[str]) -> dict[str, torch.Tensor]:
    """Keeps the last output of each module; of several results the first (the video stream)."""
    kept: dict[str, torch.Tensor] = {}

    def keeper(path: str):
        def keep(module: torch.nn.Module, inputs: tuple, output: Any) -> None:
            kept[path] = output[0] if isinstance(output, tuple) else output

        return keep

    for path in dict.fromkeys(paths):
        model.get_submodule(path).register_forward_hook(keeper(path))
    return kept
