"""Heals a pruned diffusers denoiser: the student learns its teacher's output, stage features (ICD) and clips (MCA).

    accelerate launch heal.py --model FOLDER --plan plan.json --states states.safetensors --out OUT
    accelerate launch --config_file fsdp.yaml heal.py ... --resume

FOLDER is the teacher's diffusers folder, or its pipeline's. States come from record_states.py (the teacher's own sampling), or
--latents gives clean ones with their conditions. OUT gets pruned/, checkpoints/, log.jsonl and healed/, the averaged weights with
the least error on held-out clips; the untouched student is among the candidates. See README.md.
"""
from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from accelerate import Accelerator, DistributedDataParallelKwargs

from calls import NoisedLatents, Rows, States, latent_argument
from critic import Backbone, Critic, Trust, critic_loss, new_noise_levels, told_apart
from diffusers_folder import denoiser_folder
from features import Features, Grid, icd
from noise import Noise, read_scheduler_config
from plan_file import PlanError, plan_hash, read_plan
from prune_diffusers import LOSS_WEIGHTS, prune_folder
from pruned_model import load_published, load_pruned, read_plan_map
from student_files import LATEST, Average, load_checkpoint, save_checkpoint, write_student

WARM_UP, DECAY_FROM = 10, 0.6  # steps; share of the run after which the rate falls linearly
NUDGE = 0.1


def denoise(model: torch.nn.Module, inputs: dict) -> torch.Tensor:
    return model(**inputs, return_dict=False)[0]


@dataclass
class Parts:
    """Everything that a step needs. `student` is prepared; teacher and critic are whole on each process."""

    accelerator: Accelerator
    student: torch.nn.Module
    teacher: torch.nn.Module
    noise: Noise
    data: States | NoisedLatents
    pairs: list[tuple[str, str]]
    ours: Features
    theirs: Features
    config: dict
    latent: str
    weights: dict[str, float]
    normalised: bool


class Mca:
    """The critic, its optimiser and its trustworthiness."""

    def __init__(self, parts: Parts, rate: float) -> None:
        self.parts, self.trust = parts, Trust()
        self.backbone = Backbone(parts.teacher, parts.config, denoise)
        first = parts.data.draw(1, torch.Generator().manual_seed(0))
        with torch.no_grad(), parts.accelerator.autocast():
            stages = self.backbone.look(_on_device(parts, first), parts.latent, parts.data.constants)
        torch.manual_seed(0)
        self.critic = Critic([stage.shape[2] for stage in stages]).to(parts.accelerator.device)
        self.optimizer = torch.optim.AdamW(self.critic.parameters(), lr=rate, betas=(0.0, 0.99), weight_decay=0.0)

    def judged(self, clean: torch.Tensor, inputs: dict, timestep: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Logits of clean latents noised anew; conditions and further channels are those of the row."""
        state = self.parts.noise.noised(clean, noise, timestep)
        whole = inputs[self.parts.latent]
        axis = channel_axis(self.parts.config, whole)
        extra = whole.narrow(axis, clean.shape[axis], whole.shape[axis] - clean.shape[axis])
        again = inputs | {self.parts.latent: torch.cat([state, extra], axis).to(whole.dtype), "timestep": timestep.to(inputs["timestep"].dtype)}
        with self.parts.accelerator.autocast():
            stages = self.backbone.look(again, self.parts.latent, self.parts.data.constants)
        return self.critic(stages)

    def student_loss(self, fake: torch.Tensor, inputs: dict, generator: torch.Generator) -> torch.Tensor:
        """-D(student)."""
        timestep, noise = self._fresh(fake, generator)
        return -self.judged(fake, inputs, timestep, noise).mean()

    def learn(self, real: torch.Tensor, fake: torch.Tensor, inputs: dict, generator: torch.Generator) -> float:
        """One step of the critic; its loss."""
        timestep, noise = self._fresh(real, generator)
        nudged = real + NUDGE * torch.randn(real.shape, generator=generator).to(real)
        judged = [self.judged(clean, inputs, timestep, noise) for clean in (real, fake, nudged)]
        loss = critic_loss(*judged)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for parameter in self.critic.parameters():
            parameter.grad = self.parts.accelerator.reduce(parameter.grad, "mean")
        torch.nn.utils.clip_grad_norm_(self.critic.parameters(), 1.0)
        self.optimizer.step()
        self.trust.update(self.parts.accelerator.reduce(told_apart(*judged[:2]), "mean").item())
        return loss.item()

    def _fresh(self, clean: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        level = new_noise_levels(len(clean), generator).to(clean.device)
        return self.parts.noise.timestep(level), torch.randn(clean.shape, generator=generator).to(clean)

    def state(self) -> dict:
        return {"critic": self.critic.state_dict(), "optimizer": self.optimizer.state_dict(), "accuracy": self.trust.accuracy}

    def load(self, state: dict) -> None:
        self.critic.load_state_dict(state["critic"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.trust.accuracy = state["accuracy"]


def channel_axis(config: dict, latent: torch.Tensor) -> int:
    if latent.ndim == 3:
        return 2
    return 2 if config["_class_name"] in ("UNetSpatioTemporalConditionModel", "CogVideoXTransformer3DModel") else 1


def _on_device(parts: Parts, rows: Rows) -> dict:
    device, dtype = parts.accelerator.device, next(parts.teacher.parameters()).dtype
    moved = {name: value.to(device, dtype if value.is_floating_point() and name != "timestep" else None) for name, value in rows.items()}
    constants = {name: tuple(part.to(device) for part in value) if isinstance(value, tuple) else value for name, value in parts.data.constants.items()}
    return moved | constants


def student_step(parts: Parts, mca: Mca | None, count: int, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, float], tuple]:
    """The student's whole loss at fresh rows, its parts, and what the critic learns from."""
    inputs = _on_device(parts, parts.data.draw(count, generator))
    with torch.no_grad(), parts.accelerator.autocast():
        target = denoise(parts.teacher, inputs).float()
    features = parts.theirs.take()
    with parts.accelerator.autocast():
        output = denoise(parts.student, inputs).float()
    grid = Grid(parts.config, inputs[parts.latent], parts.data.constants)
    losses = {"output": F.mse_loss(output, target)}
    by_tap = icd(parts.ours.take(), features, parts.pairs, grid, parts.normalised)
    losses["icd"] = sum(by_tap.values(), torch.zeros((), device=output.device))
    axis = channel_axis(parts.config, output)
    state, timestep = inputs[parts.latent].float().narrow(axis, 0, output.shape[axis]), inputs["timestep"].flatten()
    real, fake = (parts.noise.clean(state, one, timestep) for one in (target, output))
    if mca is not None and mca.trust.counts:
        losses["mca"] = mca.student_loss(fake, inputs, generator)
    total = sum(parts.weights[name] * loss for name, loss in losses.items())
    shown = {name: loss.item() for name, loss in losses.items()} | {f"icd {name}": loss.item() for name, loss in by_tap.items()}
    return total, shown, (real, fake.detach(), inputs)


@torch.no_grad()
def held_out_error(parts: Parts, count: int) -> float:
    """Mean squared difference of student and teacher on held-out clips over the teacher's mean square; the same on all processes."""
    difference, size = 0.0, 0.0
    parts.ours.listening = parts.theirs.listening = False
    for rows in parts.data.held_out(count):
        inputs = _on_device(parts, rows)
        with parts.accelerator.autocast():
            target, output = denoise(parts.teacher, inputs).float(), denoise(parts.student, inputs).float()
        difference += (output - target).square().sum().item()
        size += target.square().sum().item()
    parts.ours.listening = parts.theirs.listening = True
    return difference / size


def rate_at(step: int, steps: int) -> float:
    """Share of the full rate."""
    rest = (steps - step) / max(1.0, steps * (1 - DECAY_FROM))
    return min(1.0, (step + 1) / WARM_UP, max(0.01, rest))


def build(options: argparse.Namespace, accelerator: Accelerator) -> tuple[Parts, torch.optim.Optimizer]:
    model = denoiser_folder(options.model, options.component)
    dropped = read_plan(options.plan)
    pruned = options.out / "pruned"
    if accelerator.is_main_process and not (pruned / "plan-map.json").exists():
        prune_folder(model, dropped, pruned)
    accelerator.wait_for_everyone()
    plan = read_plan_map(pruned)
    if plan.raw["plan"]["sha256"] != plan_hash(dropped):
        raise PlanError(f"{pruned} is of another plan; give another --out.")
    half = accelerator.mixed_precision == "bf16" and accelerator.device.type != "cpu"
    teacher = load_published(model, torch.bfloat16 if half else torch.float32).requires_grad_(False).to(accelerator.device)
    student = load_pruned(pruned, torch.float32)
    if options.gradient_checkpointing:
        student.enable_gradient_checkpointing()
    noise = Noise(read_scheduler_config(options.scheduler or options.model / "scheduler"))
    latent = latent_argument(teacher)
    if options.states:
        data: States | NoisedLatents = States(options.states, noise, options.high_noise)
    else:
        data = NoisedLatents(options.latents, noise, options.high_noise, latent)
    pairs = [(tap.student, tap.teacher) for tap in plan.layout.taps]
    ours, theirs = Features(student, {a for a, _ in pairs}), Features(teacher, {b for _, b in pairs})
    wrap_by_block(accelerator, student)
    optimizer = torch.optim.AdamW(student.parameters(), lr=options.rate, betas=(0.9, 0.99), weight_decay=0.0)
    student, optimizer = accelerator.prepare(student, optimizer)
    weights = {"output": options.output, "icd": options.icd, "mca": options.mca}
    config = dict(teacher.config) | {"_class_name": type(teacher).__name__}
    return Parts(accelerator, student, teacher, noise, data, pairs, ours, theirs, config, latent, weights, options.icd_normalised), optimizer


def wrap_by_block(accelerator: Accelerator, student: torch.nn.Module) -> None:
    """FSDP shards block by block: what the class names itself, or its stages."""
    plugin = getattr(accelerator.state, "fsdp_plugin", None)
    if plugin is None:
        return
    names = set(getattr(student, "_no_split_modules", None) or [])
    here = {type(module).__name__ for module in student.modules()}
    blocks = (names & here) or {type(stage).__name__ for side in ("down_blocks", "up_blocks") for stage in getattr(student, side, [])}
    plugin.transformer_cls_names_to_wrap = sorted(blocks)


def heal(options: argparse.Namespace) -> float:
    """Runs or goes on; the best held-out error."""
    accelerator = Accelerator(kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)])
    parts, optimizer = build(options, accelerator)
    mca = Mca(parts, options.critic_rate) if options.mca > 0 else None
    average = Average([value for value in parts.student.parameters() if value.requires_grad], options.average)
    checkpoints, step = options.out / "checkpoints", 0
    if options.resume and (checkpoints / LATEST).exists():
        step, rest = load_checkpoint(accelerator, checkpoints)
        for mean, value in zip(average.values, rest["average"], strict=True):
            mean.copy_(value)
        best = rest["best"]
        if mca:
            mca.load(rest["mca"])
    else:
        best = held_out_error(parts, options.batch)
        keep_best(options, parts, {"step": 0, "held_out_error": best, "healed": False})
        note(options, accelerator, {"step": 0, "held_out_error": best})
    while step < min(options.steps, options.stop_after or options.steps):
        generator = torch.Generator().manual_seed((options.seed * 1_000_003 + step) * 1_009 + accelerator.process_index)
        for group in optimizer.param_groups:
            group["lr"] = options.rate * rate_at(step, options.steps)
        loss, shown, seen = student_step(parts, mca, options.batch, generator)
        optimizer.zero_grad(set_to_none=True)
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(parts.student.parameters(), 1.0)
        optimizer.step()
        step += 1
        average.update(step)
        if mca:
            shown |= {"critic": mca.learn(*seen, generator), "critic_accuracy": mca.trust.accuracy, "critic_counts": mca.trust.counts}
        if step % options.check_every == 0 or step == options.steps:
            average.swap()
            error = held_out_error(parts, options.batch)
            if error < best:
                best = error
                keep_best(options, parts, {"step": step, "held_out_error": error, "healed": True})
            average.swap()
            shown["held_out_error"] = error
        note(options, accelerator, {"step": step, **shown})
        if step % options.save_every == 0 or step == options.steps:
            rest = {"average": average.values, "best": best} | ({"mca": mca.state()} if mca else {})
            save_checkpoint(accelerator, checkpoints, step, rest)
    accelerator.end_training()
    return best


def keep_best(options: argparse.Namespace, parts: Parts, healed: dict) -> None:
    """Writes the present weights as OUT/healed."""
    weights = parts.accelerator.get_state_dict(parts.student)
    if parts.accelerator.is_main_process:
        recipe = {"losses": parts.weights, "rate": options.rate, "batch": options.batch, "processes": parts.accelerator.num_processes, "seed": options.seed}
        dtype = torch.float16 if options.half else torch.float32
        write_student(options.out / "pruned", options.out / "healed", weights, dtype, healed | recipe)
    parts.accelerator.wait_for_everyone()


def note(options: argparse.Namespace, accelerator: Accelerator, line: dict) -> None:
    if accelerator.is_main_process:
        with (options.out / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        if "held_out_error" in line:
            print(f"step {line['step']}: held-out error {line['held_out_error']:.5f}", flush=True)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--component", help="of a pipeline (default: unet or transformer)")
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--states", type=Path, help="recorded by record_states.py")
    source.add_argument("--latents", type=Path, help="clean latents and conditions; see calls.py")
    parser.add_argument("--scheduler", type=Path, help="folder of scheduler_config.json (default: the pipeline's)")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=1, help="rows a process and step")
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--critic-rate", type=float, default=1e-3)
    for name, weight in LOSS_WEIGHTS.items():
        parser.add_argument(f"--{name}", type=float, default=weight, help=f"weight of this loss (default {weight})")
    parser.add_argument("--icd-normalised", action="store_true", help="each frame's feature error over the teacher's mean square")
    parser.add_argument("--high-noise", type=float, default=0.0, help="share of rows from the upper half of the noise levels; 0: as they come")
    parser.add_argument("--average", type=float, default=0.99, help="decay of the averaged weights")
    parser.add_argument("--check-every", type=int, default=50, help="steps between held-out errors")
    parser.add_argument("--save-every", type=int, default=200, help="steps between checkpoints")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--half", action="store_true", help="write healed/ in float16")
    parser.add_argument("--gradient-checkpointing", action="store_true")
    parser.add_argument("--stop-after", type=int, help="end here, as a cut would; --resume goes on")
    parser.add_argument("--resume", action="store_true", help="go on from OUT/checkpoints; the same options, please")
    return parser


if __name__ == "__main__":
    try:
        heal(arguments().parse_args())
    except PlanError as error:
        sys.exit(f"heal: {error}")
