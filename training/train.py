"""Trains the three teachers, one stage a call; each goes on where it was cut.

    python train.py all                                 # everything from nothing (a GPU, or days)
    python train.py emoji-hy.flow --minutes 300
    python train.py smoke                               # the chain on tiny budgets in a temporary folder

A stage's budget counts earlier runs in; one whose budget is used up is passed over.
"""
from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from adopt import adopt, adopt_shipped, keep_judges
from autoencoder import train_autoencoder
from clip_pool import make_pool
from coupled_critic import train_coupled_with_critic
from decoder import train_decoder
from folders import export_folder
from image_start import begin
from image_training import make_endpoints, train_coupled, train_image_flow, train_one_step
from judge import train_judge
from judging import judge_pictures, judge_words
from models import load_vae
from report import write_card
from stepping import device_here
from strict_judge import train_strict_judge
from text_training import make_trajectories, train_few_steps, train_flow
from widen import widen
from workers import run

HERE = Path(__file__).parent
WORDS, PICTURE = ("emoji-t2v", "emoji-hy"), "emoji-i2v"


@dataclass(frozen=True)
class Job:
    """What a stage works on: its folder, its time, and sizes that a smoke run makes small."""

    runs: Path
    seconds: float
    clips: int = 24_576  # of the pool of trained pairs; a quarter of them in the other one
    made: int = 8192  # trajectories, endpoints
    judged: int = 256  # clips of trained captions; a fifth of them of held-out pairs
    models: Path = HERE.parent / "public" / "models"
    rate: float | None = None  # of learning, in {PICTURE}.coupled; none: as from the start


@dataclass(frozen=True)
class Stage:
    minutes: float  # of one GPU; ten times as much on a CPU falls short of it
    work: Callable[[Job], object]


def _make_pools(job: Job) -> None:
    device = device_here()
    vae = load_vae(job.runs / "vae.pt")  # to the device after the rendering: processes are forked before
    make_pool(job.runs, "trained", job.clips, vae, device)
    make_pool(job.runs, "all", job.clips // 4, vae, device)


def _first_judge(job: Job) -> None:
    device = device_here()
    train_judge(job.runs / "judge.pt", load_vae(job.runs / "vae.pt", device), job.seconds, device)


STAGES: dict[str, Stage] = {
    "autoencoder": Stage(10, lambda job: run(train_autoencoder, job.runs, job.seconds, job.clips // 10)),
    "pools": Stage(1, _make_pools),
    "judge": Stage(2, _first_judge),
    "strict-judge": Stage(2, lambda job: train_strict_judge(job.runs, job.seconds)),
    "decoder": Stage(3, lambda job: train_decoder(job.runs, job.seconds)),
}
for words in WORDS:
    STAGES |= {
        f"{words}.flow": Stage(5, lambda job, name=words: train_flow(job.runs, name, job.seconds)),
        f"{words}.trajectories": Stage(1, lambda job, name=words: make_trajectories(job.runs, name, job.made, job.seconds)),
        f"{words}.steps": Stage(2, lambda job, name=words: train_few_steps(job.runs, name, job.seconds)),
        f"{words}.judge-flow": Stage(1, lambda job, name=words: judge_words(job.runs, name, "flow", job.judged, max(1, job.judged // 5))),
        f"{words}.judge": Stage(1, lambda job, name=words: judge_words(job.runs, name, "steps", job.judged, max(1, job.judged // 5))),
    }
STAGES |= {
    f"{PICTURE}.start": Stage(1, lambda job: begin(job.runs, PICTURE, "emoji-t2v", job.seconds)),
    f"{PICTURE}.flow": Stage(5, lambda job: train_image_flow(job.runs, PICTURE, job.seconds)),
    f"{PICTURE}.endpoints": Stage(1, lambda job: make_endpoints(job.runs, PICTURE, job.made, job.seconds)),
    f"{PICTURE}.steps": Stage(3, lambda job: train_one_step(job.runs, PICTURE, job.seconds)),
    f"{PICTURE}.coupled": Stage(3, lambda job: train_coupled(job.runs, PICTURE, job.seconds, job.rate)),
    f"{PICTURE}.backbone": Stage(2, lambda job: train_image_flow(job.runs, PICTURE, job.seconds, "coupled", "backbone")),
    f"{PICTURE}.critic": Stage(3, lambda job: train_coupled_with_critic(job.runs, PICTURE, job.seconds)),
    f"{PICTURE}.judge-flow": Stage(1, lambda job: judge_pictures(job.runs, PICTURE, "flow", 16, job.judged, max(1, job.judged // 5))),
    f"{PICTURE}.judge-regression": Stage(1, lambda job: judge_pictures(job.runs, PICTURE, "regression", 1, job.judged, max(1, job.judged // 5))),
    f"{PICTURE}.judge-coupled": Stage(1, lambda job: judge_pictures(job.runs, PICTURE, "coupled", 1, job.judged, max(1, job.judged // 5))),
    f"{PICTURE}.judge-critic": Stage(1, lambda job: judge_pictures(job.runs, PICTURE, "critic", 1, job.judged, max(1, job.judged // 5))),
    f"{PICTURE}.judge": Stage(1, lambda job: judge_pictures(job.runs, PICTURE, "steps", 1, job.judged, max(1, job.judged // 5))),
}

SHIPPED = {words: "steps" for words in WORDS} | {PICTURE: "coupled"}  # the weights that are shipped
SHIPPING = {"judges.keep": Stage(0, lambda job: keep_judges(job.runs))} | {
    f"{name}.{ending}": Stage(0, work)
    for name, what in SHIPPED.items()
    for ending, work in (
        ("card", lambda job, name=name, what=what: write_card(job.runs, job.models / name, name, what)),
        ("export", lambda job, name=name, what=what: export_folder(job.runs, job.models / name, name, what)),
    )
}


def train(stage: str, job: Job) -> None:
    job.runs.mkdir(parents=True, exist_ok=True)
    start = time.time()
    print(f"-- {stage}", flush=True)
    (STAGES | SHIPPING)[stage].work(job)
    print(f"-- {stage}: {time.time() - start:.0f} s", flush=True)


def main() -> None:
    named = [*STAGES, *SHIPPING, "all", "smoke", "adopt", "widen"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="+", choices=named, metavar="STAGE", help=", ".join(named))
    parser.add_argument("--runs", type=Path, default=HERE / "runs", help="checkpoints")
    parser.add_argument("--minutes", type=float, help="of each stage named, earlier runs counted in")
    parser.add_argument("--clips", type=int, default=Job.clips, help="rendered")
    parser.add_argument("--made", type=int, default=Job.made, help="trajectories, endpoints")
    parser.add_argument("--judged", type=int, default=Job.judged, help="clips of trained captions that are judged")
    parser.add_argument("--folder", type=Path, default=HERE.parent / "public" / "models" / "emoji-t2v", help="adopt --weights: whose autoencoder")
    parser.add_argument("--weights", type=Path, help="adopt: a denoiser to begin with; widen: a checkpoint of narrower nets")
    parser.add_argument("--rate", type=float, help="of learning, for weights that were trained before (emoji-i2v.coupled)")
    parser.add_argument("--threads", type=int, help="on the CPU")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.stages == ["adopt"]:
        if options.weights:
            adopt(options.runs, options.folder, options.weights, "emoji-t2v")
        else:
            adopt_shipped(options.runs, Job.models)
        return
    if options.stages == ["widen"]:
        widen(options.runs, PICTURE, options.weights)
        return
    if options.stages == ["smoke"]:
        with tempfile.TemporaryDirectory() as folder:
            for stage in STAGES:
                train(stage, Job(Path(folder), 4, clips=80, made=8, judged=5))
        return
    for stage in [*STAGES, *SHIPPING] if options.stages == ["all"] else options.stages:
        minutes = (STAGES | SHIPPING)[stage].minutes if options.minutes is None else options.minutes
        train(stage, Job(options.runs, minutes * 60, options.clips, options.made, options.judged, rate=options.rate))


if __name__ == "__main__":
    main()
