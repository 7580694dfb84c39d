"""Trains the teacher from nothing to the shipped folder, going on where it was cut.

    python train.py                       # everything, into ../public/models/emoji-t2v
    python train.py --only decoder report export
    python train.py --smoke               # the whole chain in two minutes, in a temporary folder

Each stage has a budget in minutes that earlier runs are counted in; a stage whose budget is used up is passed over.
"""
from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from autoencoder import train_autoencoder, train_decoder
from denoising import train_denoiser
from export import check_parity, export_pipeline, fold_normalisation, swap_weights
from judge import train_judge
from models import STEPS, load_vae
from report import CHECKED_RENDERS, TRAINED_CLIPS, judge_teacher, write_card
from sample import load_averaged
from workers import run

HERE = Path(__file__).parent
STAGES = ("autoencoder", "denoiser", "decoder", "judge", "report", "export")


@dataclass(frozen=True)
class Plan:
    """Minutes by stage, and sizes that a smoke run makes small."""

    autoencoder: float = 10
    denoiser: float = 300
    denoiser_clips: float = float("inf")
    decoder: float = 12
    judge: float = 8
    rendered: int = 2500
    pool: int = 1500
    trained_clips: int = TRAINED_CLIPS
    held_out_clips: int | None = None
    steps: int = STEPS
    checked: int = CHECKED_RENDERS
    whole_export: bool = True


SMOKE = Plan(autoencoder=0.15, denoiser=0.2, decoder=0.1, judge=0.15, rendered=20, pool=16, trained_clips=9, held_out_clips=3, steps=2, checked=12, whole_export=False)


def train(plan: Plan, runs: Path, out: Path, only: tuple[str, ...], count: int) -> None:
    """Runs the stages of `only` in their order; `out` gets the ONNX folder and the model card."""
    runs.mkdir(parents=True, exist_ok=True)
    for stage in (stage for stage in STAGES if stage in only):
        start = time.time()
        print(f"-- {stage}", flush=True)
        if stage == "autoencoder":
            if not (runs / "vae.pt").exists() or (runs / "vae.train.pt").exists() and not (runs / "denoiser.pt").exists():
                run(train_autoencoder, runs, plan.autoencoder * 60, plan.rendered, count=count)
        elif stage == "denoiser":
            run(train_denoiser, runs, plan.denoiser * 60, plan.denoiser_clips, plan.pool, count=count)
        elif stage == "decoder":
            run(train_decoder, runs, plan.decoder * 60, plan.rendered, count=count)
        elif stage == "judge":
            torch.set_num_threads(1)
            device = "cuda" if torch.cuda.is_available() else "cpu"
            train_judge(runs / "judge.pt", load_vae(runs / "vae.pt", device), plan.judge * 60, device)
        elif stage == "report":
            out.mkdir(parents=True, exist_ok=True)
            run(judge_teacher, runs, plan.trained_clips, plan.held_out_clips, plan.steps, count=count)
            write_card(runs, out, plan.steps, plan.checked)
        else:
            export(runs, out, whole=plan.whole_export)
        print(f"-- {stage}: {time.time() - start:.0f} s", flush=True)


def export(runs: Path, out: Path, *, whole: bool) -> None:
    """ONNX folder from the checkpoints; new graphs only where there are none yet. Not `whole`: all but the denoiser, whose
    graph alone takes minutes."""
    net, text, _ = load_averaged(runs / "denoiser.pt")
    vae = load_vae(runs / "vae.pt")
    fold_normalisation(vae, *torch.load(runs / "norm.pt", map_location="cpu"))
    parts = ("unet", "vae_decoder", "vae_encoder", "text_encoder") if whole else ("vae_decoder", "vae_encoder", "text_encoder")
    if all((out / part / "model.onnx").exists() for part in parts):
        swap_weights(out, vae, net, text, parts)
    else:
        export_pipeline(out, vae, net, text, parts)
    for part, one in check_parity(out, vae, net, text, parts).items():
        print(f"{part}: ONNX differs from PyTorch by {one.same_weights:.1e} with the same fp16 weights; rounding them costs {one.rounding:.1e} on average, {one.rounding_worst:.1e} at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=HERE / "runs", help="checkpoints")
    parser.add_argument("--out", type=Path, default=HERE.parent / "public" / "models" / "emoji-t2v")
    parser.add_argument("--only", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--denoiser-minutes", type=float, help="total, earlier runs counted in")
    parser.add_argument("--denoiser-clips", type=float, help="total, earlier runs counted in")
    parser.add_argument("--decoder-minutes", type=float, help="total, earlier runs counted in")
    parser.add_argument("--workers", type=int, default=2, help="processes where there is no GPU")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    if options.smoke:
        with tempfile.TemporaryDirectory() as folder:
            train(SMOKE, Path(folder) / "runs", Path(folder) / "emoji-t2v", STAGES, options.workers)
            print("made:", *sorted(path.relative_to(folder).as_posix() for path in (Path(folder) / "emoji-t2v").rglob("*") if path.is_file()), sep="\n  ")
        return
    plan = Plan()
    if options.denoiser_minutes is not None:
        plan = replace(plan, denoiser=options.denoiser_minutes)
    if options.denoiser_clips is not None:
        plan = replace(plan, denoiser_clips=options.denoiser_clips)
    if options.decoder_minutes is not None:
        plan = replace(plan, decoder=options.decoder_minutes)
    train(plan, options.runs, options.out, tuple(options.only), options.workers)


if __name__ == "__main__":
    main()
