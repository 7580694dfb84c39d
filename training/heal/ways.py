"""Heals one of our teachers in every way that the paper compares, several seeds side by side on a GPU, and marks what comes out.

    python ways.py emoji-t2v --runs ../runs --cut vdmini=vdmini.json --cut measured=plan.json --out results/emoji-t2v [--steps 600 --batch 16]

`ways_table.py` makes docs/healing.md's tables of it. For every run OUT/NAME.json has settings and held-out errors (mean squares of
the raw output, content: the part that is the same in every frame, and motion: the rest), OUT/NAME.npz the judge's features of all clips, both judges'
marks, and the latents of the first clips. Runs that are there already are passed over. Where the time of --seconds is up, no run
begins. `science.py` asks the same of the studio itself, on CPUs.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.append(str(Path(__file__).parent.parent))

from captured_heal import WAYS, CapturedHeal  # noqa: E402
from clip_marks import Marker  # noqa: E402
from plan_file import read_plan  # noqa: E402
from prune_diffusers import prune_folder  # noqa: E402
from pruned_model import load_pruned, read_plan_map  # noqa: E402
from stepping import device_here  # noqa: E402
from taught import PICTURE, States, Taught, load_taught  # noqa: E402

LEARNT_SEED, HELD_OUT_SEED, JUDGED_SEED = 11, 1001, 4242
HELD_OUT_CLIPS = 48  # two thirds of trained captions, one third of held-out ones
KEPT_CLIPS = 24
CHECKS = 4  # held-out errors on the way


class Ways:
    """One teacher, its states, and the students made of it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.device = options, device_here()
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

    def heal(self, way: str, cut: str, seeds: list[int]) -> None:
        """All seeds at once."""
        options, chosen = self.options, WAYS[way]
        seeds = [seed for seed in seeds if not self._path(way, cut, seed).exists()]
        if not seeds:
            return
        began, runs = time.time(), []
        for seed in seeds:
            net, layout = self.student(cut, seed, chosen.from_scratch)
            before = self.error(net)
            kept = [value.detach().clone() for value in net.parameters()]
            runs.append((seed, net, CapturedHeal(self.taught, net, layout, self.states, chosen, seed, options.rate, options.batch, options.steps), before, [], kept))
        captured = time.time() - began
        for step in range(options.steps):
            for _, _, run, *_ in runs:
                run.step()
            if (step + 1) % max(1, options.steps // CHECKS) == 0 or step + 1 == options.steps:
                for _, net, run, _, curve, _ in runs:
                    run.swap()
                    curve.append({"step": step + 1, "accuracy": run.accuracy.item(), "counts": run.counts, **self.error(net)})
                    run.swap()
        healed = time.time() - began - captured
        for seed, net, run, before, curve, untouched in runs:
            run.swap()
            run.end()
            gained = curve[-1]["total"] < before["total"]
            if not gained:
                with torch.no_grad():
                    for value, kept in zip(net.parameters(), untouched, strict=True):
                        value.copy_(kept)
            facts = {"before": before, "best": curve[-1] if gained else before, "gained": gained, "curve": curve, "criticAccuracy": curve[-1]["accuracy"] if chosen.mca else None}
            self._keep(way, cut, seed, net, facts | {"steps": options.steps, "rate": options.rate, "batch": options.batch, "seconds": healed, "captured": captured})
        print(f"{options.teacher} {cut} {way}: {captured:.0f} s, {healed:.0f} s, error {before['total']:.4f} -> {[round(curve[-1]['total'], 4) for *_, curve, _ in runs]}", flush=True)

    def as_it_is(self, what: str, cut: str | None) -> None:
        """The teacher itself, or what the cut leaves."""
        if self._path(what, cut or "whole", 0).exists():
            return
        net = self.taught.net if cut is None else self.student(cut, 0, False)[0]
        self._keep(what, cut or "whole", 0, net, {"best": self.error(net)})
        if cut is None:
            features = self.marker.features(self.marker.true_clips(self.recipes, self.options.teacher == PICTURE))
            np.savez_compressed(self.options.out / "true.npz", features=features)

    def _path(self, way: str, cut: str, seed: int) -> Path:
        return self.options.out / f"{cut}-{way}-{seed}.json"

    def _keep(self, way: str, cut: str, seed: int, net: nn.Module, facts: dict) -> None:
        options, path = self.options, self._path(way, cut, seed)
        latents, pixels = self.taught.clips(net, self.recipes, JUDGED_SEED)
        marks = self.marker.marks(pixels, self.recipes, options.teacher == PICTURE)
        third = options.judged // 3
        picked = [*range(KEPT_CLIPS * 2 // 3), *range(options.judged - third, options.judged - third + KEPT_CLIPS // 3)]
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
    parser.add_argument("--cut", action="append", required=True, metavar="NAME=PLAN", help="the first is healed in every way, others with both losses")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, default=Path("/tmp/ways"))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--clips", type=int, default=3680, help="that the teacher makes to learn from")
    parser.add_argument("--judged", type=int, default=480)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--ways", nargs="+", choices=[*WAYS], default=["both", "output", "icd", "mca", "scratch"])
    parser.add_argument("--seconds", type=float, default=float("inf"))
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
    for way, cut in [*((way, first) for way in options.ways), *(("both", cut) for cut in others)]:
        if time.time() - began < options.seconds:
            ways.heal(way, cut, options.seeds)


if __name__ == "__main__":
    main()
