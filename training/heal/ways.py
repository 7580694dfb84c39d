"""Heals one of our teachers in every way that the paper compares, all seeds side by side on a GPU, and marks what comes out.

    python ways.py emoji-t2v --runs ../runs --cut vdmini=vdmini.json --cut measured=plan.json --out results/emoji-t2v [--steps 400 --batch 16]

`ways_table.py` makes docs/healing.md's tables of it. For every run OUT/NAME.json has settings and held-out errors (mean squares of
the raw output, content: the part that is the same in every frame, and motion: the rest), OUT/NAME.npz the judge's features of all clips, both judges'
marks, and the latents of the first clips. Runs that are there already are passed over. `science.py` asks the same of the studio itself, on CPUs.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.append(str(Path(__file__).parent.parent))

from captured_heal import WAYS, CapturedHeal  # noqa: E402
from clip_marks import Marker  # noqa: E402
from emoji_clips import render_tensor  # noqa: E402
from judge_folder import rendered  # noqa: E402
from plan_file import read_plan  # noqa: E402
from prune_diffusers import prune_folder  # noqa: E402
from pruned_model import load_pruned, read_plan_map  # noqa: E402
from speed import speed_up  # noqa: E402
from stepping import device_here  # noqa: E402
from taught import PICTURE, States, Taught, load_taught  # noqa: E402

LEARNT_SEED, HELD_OUT_SEED, JUDGED_SEED = 11, 1001, 4242
HELD_OUT_CLIPS = 48  # two thirds of trained captions, one third of held-out ones
KEPT_CLIPS = 24
CHECKS = 4  # held-out errors on the way
RATES, RATE_STEPS = (1.25e-4, 2.5e-4, 5e-4, 1e-3, 2e-3, 4e-3), 24  # the lower ones for cuts that leave little to heal
PROBE = 6  # steps that tell how long one takes


@dataclass
class Job:
    """A student that heals."""

    way: str
    cut: str
    seed: int
    net: nn.Module
    run: CapturedHeal
    before: dict[str, float]
    untouched: list[torch.Tensor]
    curve: list[dict] = field(default_factory=list)


def together(calls: list[Callable[[], None]]) -> None:
    """Each in a thread of its own: handing a graph to the GPU takes the processor long enough for that. Raises what one of them raised."""
    with ThreadPoolExecutor(len(calls) if torch.cuda.is_available() else 1) as pool:
        for done in [pool.submit(call) for call in calls]:
            done.result()


def memory() -> str:
    return f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if torch.cuda.is_available() else "on the CPU"


class Ways:
    """One teacher, its states, and the students made of it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.device = options, device_here()
        torch.backends.cudnn.benchmark = False  # every batch has its own sizes, and few steps
        self.taught: Taught = load_taught(options.runs, options.teacher, self.device, options.which)
        self.marker = Marker(options.runs, self.device)
        self.states = self.taught.states(self.taught.learnt(options.clips), LEARNT_SEED)
        third = HELD_OUT_CLIPS // 3
        self.held_out = self.taught.states(self.taught.judged(HELD_OUT_CLIPS - third, third), HELD_OUT_SEED)
        self.recipes = self.taught.judged(options.judged - options.judged // 3, options.judged // 3)
        self.folder = options.scratch / options.teacher
        self.taught.net.save_pretrained(self.folder)

    def student(self, cut: str, seed: int, from_scratch: bool) -> tuple[nn.Module, object]:
        path = self.options.scratch / f"{self.options.teacher}-{cut}"
        if not (path / "plan-map.json").exists():
            prune_folder(self.folder, read_plan(self.options.cut[cut]), path)
        layout = read_plan_map(path).layout
        net = load_pruned(path, torch.float32)
        self.taught.match(net, layout)
        if from_scratch:
            torch.manual_seed(seed)
            for module in net.modules():
                if hasattr(module, "reset_parameters"):
                    module.reset_parameters()
        speed_up(net)
        return net.to(self.device).eval().requires_grad_(True), layout

    @torch.no_grad()
    def error(self, net: nn.Module) -> dict[str, float]:
        """Mean squares per element of student less teacher, on the held-out states."""
        held: States = self.held_out
        total = content = 0.0
        for rows in torch.arange(len(held.clip), device=self.device).split(self.options.batch * 4):
            inputs, target = held.rows(rows, self.taught.latent)
            apart = net(**inputs, return_dict=False)[0].float() - target
            frames = 1 if self.options.teacher == PICTURE else 2
            total += apart.square().mean((1, 2, 3, 4)).sum().item()
            content += apart.mean(frames).square().flatten(1).mean(1).sum().item()
        total, content = total / len(held.clip), content / len(held.clip)
        return {"total": total, "content": content, "motion": total - content}

    def begin(self, way: str, cut: str, seed: int, rate: float) -> Job:
        net, layout = self.student(cut, seed, WAYS[way].from_scratch)
        before, untouched = self.error(net), [value.detach().clone() for value in net.parameters()]
        options = self.options
        run = CapturedHeal(self.taught, net, layout, self.states, WAYS[way], seed, rate, options.batch, options.steps)
        return Job(way, cut, seed, net, run, before, untouched)

    def best_rate(self, cut: str) -> float:
        """Of RATES, each for a few steps of ICD, side by side; the first that did best."""
        jobs = [self.begin("icd", cut, 1, rate) for rate in RATES]
        for job in jobs:
            job.run.steps = RATE_STEPS
        together([lambda job=job: self.train(job, RATE_STEPS, 1) for job in jobs])
        errors = [job.curve[-1]["total"] for job in jobs]
        for job in jobs:
            job.run.end()
        print(f"{self.options.teacher} {cut} rates {dict(zip(RATES, [round(error, 4) for error in errors]))}", flush=True)
        return RATES[errors.index(min(errors))]

    def heal(self, asked: list[tuple[str, str, int]], seconds: float) -> None:
        """All of (way, cut, seed) at once, in as many steps as the first few say that there is time for."""
        asked = [one for one in asked if not self._path(*one).exists()]
        if not asked:
            return
        began = time.time()
        rates = {cut: self.options.rate or self.best_rate(cut) for cut in dict.fromkeys(cut for _, cut, _ in asked)}
        jobs = [self.begin(*one, rates[one[1]]) for one in asked]
        captured = time.time()
        together([lambda job=job: self.train(job, PROBE, 0) for job in jobs])
        each = (time.time() - captured) / PROBE
        steps = int(max(PROBE + 1, min(self.options.steps, (seconds - (time.time() - began)) / each)))
        print(f"{self.options.teacher}: {len(jobs)} students after {captured - began:.0f} s, {each:.3f} s a step of all, {steps} steps at {rates}, {memory()}", flush=True)
        for job in jobs:
            job.run.steps = steps
        together([lambda job=job: self.train(job, steps, CHECKS) for job in jobs])
        took = time.time() - captured
        for job in jobs:
            self.finish(job, {"steps": steps, "rate": rates[job.cut], "batch": self.options.batch, "seconds": took, "students": len(jobs)})

    def train(self, job: Job, until: int, checks: int) -> None:
        """Up to step `until`, with as many looks at the held-out error."""
        looks = {round(until * (index + 1) / checks) for index in range(checks)} if checks else set()
        while job.run.done < until:
            job.run.step()
            if job.run.done in looks:
                job.run.swap()
                job.curve.append({"step": job.run.done, "accuracy": job.run.accuracy.item(), "counts": job.run.counts, **self.error(job.net)})
                job.run.swap()
        job.run.wait()

    def finish(self, job: Job, facts: dict) -> None:
        job.run.swap()
        job.run.end()
        last = job.curve[-1]
        gained = last["total"] < job.before["total"]
        if not gained:
            with torch.no_grad():
                for value, kept in zip(job.net.parameters(), job.untouched, strict=True):
                    value.copy_(kept)
        told = {"before": job.before, "best": last if gained else job.before, "gained": gained, "curve": job.curve}
        critic = {"criticAccuracy": last["accuracy"]} if WAYS[job.way].mca else {}
        self._keep(job.way, job.cut, job.seed, job.net, told | critic | facts)
        print(f"{self.options.teacher} {job.cut} {job.way} {job.seed}: error {job.before['total']:.4f} -> {last['total']:.4f}", flush=True)

    def as_it_is(self, what: str, cut: str | None) -> None:
        """The teacher itself, or what the cut leaves."""
        if self._path(what, cut or "whole", 0).exists():
            return
        net = self.taught.net if cut is None else self.student(cut, 0, False)[0]
        self._keep(what, cut or "whole", 0, net, {"best": self.error(net)})
        if cut is None:
            as_they_are = self.options.teacher == PICTURE
            true = torch.stack([render_tensor(one) for one in self.recipes]) if as_they_are else rendered(self.recipes)
            features = self.marker.features(true)
            np.savez_compressed(self.options.out / "true.npz", features=features)

    def _path(self, way: str, cut: str, seed: int) -> Path:
        return self.options.out / f"{cut}-{way}-{seed}.json"

    def _keep(self, way: str, cut: str, seed: int, net: nn.Module, facts: dict) -> None:
        options, path = self.options, self._path(way, cut, seed)
        latents, pixels = self.taught.clips(net, self.recipes, JUDGED_SEED)
        marks = self.marker.marks(pixels, self.recipes, options.teacher == PICTURE)
        third = options.judged // 3
        groups = ((0, options.judged - third, KEPT_CLIPS * 2 // 3), (options.judged - third, options.judged, KEPT_CLIPS // 3))
        picked = [index for start, end, kept in groups for index in range(start, min(end, start + kept))]
        arrays = {"features": self.marker.features(pixels).astype(np.float16), "latents": latents[picked].half().cpu().numpy()}
        np.savez(path.with_suffix(".npz"), **arrays, **{judge: rows.half().numpy() for judge, rows in marks.items()})
        shown = {judge: [round(part[:, 3].mean().item(), 4) for part in (rows[: len(rows) - third], rows[len(rows) - third :])] for judge, rows in marks.items()}
        row = {"teacher": options.teacher, "way": way, "cut": cut, "seed": seed, "clips": options.judged, "allRight": shown, **facts}
        path.write_text(json.dumps(row) + "\n")
        if options.weights and way == "both" and seed == 1:
            torch.save({name: value.half().cpu() for name, value in net.state_dict().items()}, options.out / f"{cut}-{way}.weights.pt")
        print(options.teacher, cut, way, seed, json.dumps(shown), flush=True)


def cuts(values: list[str]) -> dict[str, Path]:
    return {name: Path(path) for name, path in (value.split("=", 1) for value in values)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", choices=["emoji-t2v", "emoji-i2v", "emoji-hy"])
    parser.add_argument("--runs", type=Path, required=True, help="checkpoints of ../train.py, with both judges")
    parser.add_argument("--which", default="coupled", help="checkpoint of emoji-i2v")
    parser.add_argument("--cut", action="append", required=True, metavar="NAME=PLAN", help="the first is healed in every way, others with ICD and with both losses")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, default=Path("/tmp/ways"))
    parser.add_argument("--steps", type=int, default=400, help="at most")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, help="(default: of each cut the best of six after a few steps)")
    parser.add_argument("--clips", type=int, default=3680, help="that the teacher makes to learn from")
    parser.add_argument("--judged", type=int, default=360)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--ways", nargs="+", choices=[*WAYS], default=["both", "output", "icd", "mca", "scratch"])
    parser.add_argument("--seconds", type=float, default=float("inf"), help="for healing, captures counted in, judging not")
    parser.add_argument("--weights", action="store_true", help="keep those of both losses, seed 1")
    options = parser.parse_args()
    options.cut = cuts(options.cut)
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.time()
    ways = Ways(options)
    print(f"{options.teacher}: {len(ways.states.clip)} states after {time.time() - began:.0f} s", flush=True)
    first, *others = options.cut
    ways.as_it_is("teacher", None)
    for cut in options.cut:
        ways.as_it_is("pruned", cut)
    asked = [*((way, first) for way in options.ways), *((way, cut) for cut in others for way in ("icd", "both"))]
    ways.heal([(way, cut, seed) for way, cut in asked for seed in options.seeds], options.seconds)


if __name__ == "__main__":
    main()
