"""Judges the teacher and writes its model card: accuracy, cost, a picture of twelve clips.

    python report.py --runs runs --out ../public/models/emoji-t2v
"""
from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path

import torch

from checkpoint import save
from emoji_clips import CONTENTS, HELD_OUT, MOTIONS, SCENES
from judge import Score, check_judge, load_judge, mark, total
from models import GUIDANCE, STEPS, load_vae
from sample import draw_twelve, held_out_recipes, load_teacher, trained_recipes
from workers import Worker, run

TRAINED_CLIPS = 128
CHECKED_RENDERS = 150
GOAL = 0.9  # for content and motion
GROUPS = ("trained", "held out")


def judge_teacher(worker: Worker, runs: Path, trained: int, held_out: int | None, steps: int) -> None:
    """Writes judged.pt: marks, clips and captions' recipes of both groups. Workers share the clips."""
    judge, teacher = load_judge(runs / "judge.pt", worker.device), load_teacher(runs, worker.device)
    recipes = {"trained": trained_recipes(trained), "held out": held_out_recipes(held_out)}
    mine = {}
    for group, wanted in recipes.items():
        clips = teacher.sample_many(wanted[worker.rank :: worker.count], 1000 * worker.rank + 1, steps=steps, guidance=GUIDANCE)
        mine[group] = (mark(judge, clips, wanted[worker.rank :: worker.count]), clips.half().cpu())
        print(f"judged {len(clips)} clips, {group}", flush=True)
    part = runs / f"judged.{worker.rank}.pt"
    save(part, mine)
    worker.wait_for_all()
    if worker.rank > 0:
        return
    parts = [torch.load(runs / f"judged.{rank}.pt") for rank in range(worker.count)]
    result = {}
    for group, wanted in recipes.items():
        marks, clips = torch.empty(len(wanted), 4), torch.empty(len(wanted), *parts[0][group][1].shape[1:])
        for rank, one in enumerate(parts):
            marks[rank :: worker.count], clips[rank :: worker.count] = one[group][0], one[group][1].float()
        result[group] = (marks, clips)
    save(runs / "judged.pt", result)
    for rank in range(worker.count):
        (runs / f"judged.{rank}.pt").unlink()


def write_card(runs: Path, out: Path, steps: int = STEPS, checked: int = CHECKED_RENDERS) -> None:
    """README.md and clips.png into `out`, figures into report.json of `runs`."""
    judged = torch.load(runs / "judged.pt")
    trained, held_out = len(judged["trained"][0]), len(judged["held out"][0])
    recipes = {"trained": trained_recipes(trained), "held out": held_out_recipes(held_out)}
    draw_twelve(recipes, {group: judged[group][1] for group in GROUPS}, out / "clips.png")
    teacher = {group: total(judged[group][0]) for group in GROUPS}
    by_motion = {
        motion: _share([row[1] for group in GROUPS for row, recipe in zip(judged[group][0].tolist(), recipes[group]) if recipe.motion == index])
        for index, motion in enumerate(MOTIONS)
    }
    judge = check_judge(load_judge(runs / "judge.pt"), load_vae(runs / "vae.pt"), checked)
    cost = _cost(runs)
    history = runs / "history.txt"  # what the checkpoints do not say: kept by hand
    story = history.read_text().strip() + "\n" if history.exists() else ""
    figures = {"teacher": {group: one._asdict() for group, one in teacher.items()}, "motion": by_motion, "judge": {group: one._asdict() for group, one in judge.items()}, "cost": cost, "steps": steps, "guidance": GUIDANCE}
    (runs / "report.json").write_text(json.dumps(figures, indent=2) + "\n")
    (out / "README.md").write_text(_card(teacher, by_motion, judge, cost, steps, story))


def _share(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _cost(runs: Path) -> dict:
    """Minutes by stage and clips seen, as the checkpoints say; the machine is the one this runs on."""
    def minutes(name: str) -> float:
        path = runs / name
        return torch.load(path, map_location="cpu")["used"] / 60 if path.exists() else 0.0

    denoiser = torch.load(runs / "denoiser.pt", map_location="cpu")
    return {
        "clips": denoiser["clips"], "steps": denoiser["step"], "denoiser minutes": denoiser["used"] / 60,
        "autoencoder minutes": minutes("vae.train.pt"), "decoder minutes": minutes("decoder.train.pt"), "judge minutes": minutes("judge.pt"),
        "machine": _machine(),
    }


def _machine() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return f"{os.cpu_count()} cores of {names[0] if names else platform.processor()}, no GPU"


def _table(rows: dict[str, Score]) -> str:
    lines = ["| clips of | number | content, per frame | motion, per clip | background, per frame | all three |", "| --- | --- | --- | --- | --- | --- |"]
    lines += [f"| {name} | {one.clips} | {one.content:.1%} | {one.motion:.1%} | {one.scene:.1%} | {one.all_right:.1%} |" for name, one in rows.items()]
    return "\n".join(lines)


def _card(teacher: dict[str, Score], by_motion: dict[str, float | None], judge: dict[str, Score], cost: dict, steps: int, story: str) -> str:
    below = [f"{what} of {group} captions" for group, one in (("trained", teacher["trained"]), ("held-out", teacher["held out"])) for what, value in (("content", one.content), ("motion", one.motion)) if value < GOAL]
    met = f"**Below the goal of {GOAL:.0%}: {', '.join(below)}.**" if below else f"All reach the goal of {GOAL:.0%}."
    known = [(motion, share) for motion, share in by_motion.items() if share is not None]
    motions = ", ".join(f"{motion} {share:.0%}" for motion, share in sorted(known, key=lambda item: -item[1]))
    stages = {"autoencoder": cost["autoencoder minutes"], "denoiser and text encoder": cost["denoiser minutes"], "decoder alone": cost["decoder minutes"], "judge": cost["judge minutes"]}
    spent = ", ".join(f"{name} {minutes:.0f} min" for name, minutes in stages.items() if minutes > 0)
    held = ", ".join(f"{CONTENTS[c]} {MOTIONS[m]}" for c, m in sorted(HELD_OUT))
    return f"""# emoji-t2v

A small text-to-video latent diffusion model trained from scratch, as ONNX in Optimum's folder layout: the teacher that the
studio opens with. Clips are 64x64 pixels, 16 frames at 8 per second: one of {len(CONTENTS)} emoji, in one of {len(MOTIONS)} motions, on one of
{len(SCENES)} backgrounds, from captions such as "a red apple bounces on a dark background".

![Twelve clips, six frames of each](clips.png)

The first nine trained captions and the first three held-out pairs of the judged set: none picked.

## What the judge says

A separate classifier, trained on rendered clips only, looks at clips sampled with {steps} steps and guidance {GUIDANCE:g}.

{_table({"trained captions": teacher["trained"], "held-out pairs": teacher["held out"]})}

{met} Chance is {1 / len(CONTENTS):.0%} for content, {1 / len(MOTIONS):.0%} for motion, {1 / len(SCENES):.0%} for the background.
Motion right, by motion (both groups): {motions}.

The judge itself, on rendered clips that it never saw:

{_table(judge)}

## Parts

- `unet`: `UNet3DConditionModel`, four stages of widths 32, 64, 96, 96, on latents of 8 channels, 8x8.
- `vae_encoder`, `vae_decoder`: `AutoencoderKL`, f = 8; the latents' normalisation is folded in, so the scaling factor is 1.
- `text_encoder`: a CLIP text model of two layers, 64 wide; `tokenizer`: whole words, a closed vocabulary.
- `scheduler`: flow matching with Euler steps. Weights are stored as fp16 and computed with as fp32.

## Training

Clips are rendered on the fly from Noto Color Emoji. Flow matching, 10 % of the captions left out for guidance, half of the noise
levels above 0.88 (below, the motion can be read off the noisy clip and the verb is not needed), averaged weights.

Cost: {cost["clips"]:,} clips in {cost["steps"]:,} steps of the denoiser; {spent}; on {cost["machine"]}, shared with other work.
{story}
Pairs held out of training: {held}.

## Limits

- It knows these words and nothing else; other words become "unknown".
- Pictures are soft: an 8x8 latent holds little, and small emoji in the first frames of "grows" are blobs.
- Colours of emoji close to the background (blue car, blue fish on blue) fade.
- Use it to see what pruning does to content and motion. It says nothing about the quality of larger models.

Code and weights: MIT. Emoji: Noto Color Emoji, SIL Open Font License 1.1.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path(__file__).parent / "runs")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trained", type=int, default=TRAINED_CLIPS)
    parser.add_argument("--held-out", type=int, help="clips of held-out pairs; default: each pair twice")
    options = parser.parse_args()
    run(judge_teacher, options.runs, options.trained, options.held_out, STEPS)
    options.out.mkdir(parents=True, exist_ok=True)
    write_card(options.runs, options.out)


if __name__ == "__main__":
    main()
