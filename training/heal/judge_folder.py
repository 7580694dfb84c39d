"""Has both judges mark what a text-to-video folder of ONNX graphs makes: a teacher, or a student healed from it.

    python judge_folder.py FOLDER [FOLDER ...] --runs ../runs [--clips 360] [--json FILE]

The studio has no part in it: onnxruntime runs the graphs and diffusers' scheduler the steps, from the same noise for every folder.
Clips are of trained captions and, a third of them, of pairs that training never showed. FVD is by the judge's features against as
many rendered clips of the same captions. All-right shares have Wilson intervals of 95 %, FVD one of 200 bootstrap samples.
"""
from __future__ import annotations

import argparse
import json
import math
import random
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from tokenizers import Tokenizer

sys.path.insert(0, str(Path(__file__).parent.parent))

from emoji_clips import FRAMES, Recipe, caption, render_tensor  # noqa: E402
from judge import load_judge, mark  # noqa: E402
from judge_onnx import JudgeFeatures, frechet_distance  # noqa: E402
from models import LATENT_CHANNELS, LATENT_SIZE, MAX_TOKENS, PAD  # noqa: E402
from sample import held_out_recipes, trained_recipes  # noqa: E402
from strict_judge import load_strict_judge, mark_strictly  # noqa: E402

AT_ONCE = 4
NOISE_SEED = 4242
BOOTSTRAPS = 200


class Folder:
    """A text-to-video pipeline whose denoiser takes any batch: a U-Net without guidance, or a transformer that is told its scale."""

    def __init__(self, path: Path, threads: int) -> None:
        index = json.loads((path / "model_index.json").read_text())
        self.steps, self.guidance = index["_studio"]["steps"], index["_studio"]["guidance"]
        self.denoiser = next((part for part in ("unet", "transformer") if part in index), None)
        if self.denoiser is None or "text_encoder" not in index or (self.denoiser == "unet" and self.guidance != 1):
            raise ValueError(f"{path}: only text-to-video models are judged here, U-Nets without guidance and transformers that are told it")
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        self.sessions = {
            part: onnxruntime.InferenceSession(str(path / part / "model.onnx"), settings, providers=["CPUExecutionProvider"])
            for part in (self.denoiser, "vae_decoder", "text_encoder", "text_encoder_2")
            if (path / part / "model.onnx").exists()
        }
        self.net = self.sessions[self.denoiser]
        self.inputs = {one.name for one in self.net.get_inputs()}
        self.tokenizer = Tokenizer.from_file(str(path / "tokenizer" / "tokenizer.json"))
        self.tokenizer.enable_padding(length=MAX_TOKENS, pad_id=self.tokenizer.token_to_id(PAD), pad_token=PAD)
        self.scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(path / "scheduler")

    def words(self, captions: list[str]) -> dict[str, np.ndarray]:
        """What the denoiser is told of the captions, by its inputs."""
        ids = np.array([one.ids for one in self.tokenizer.encode_batch(captions)], dtype=np.int64)
        told = {"encoder_hidden_states": self.sessions["text_encoder"].run(["last_hidden_state"], {"input_ids": ids})[0]}
        if "text_encoder_2" in self.sessions:
            told["pooled_projections"] = self.sessions["text_encoder_2"].run(["pooler_output"], {"input_ids": ids})[0]
        told["encoder_attention_mask"] = (ids != self.tokenizer.token_to_id(PAD)).astype(np.int64)
        told["guidance"] = np.full(len(captions), 1000 * self.guidance, dtype=np.float32)
        return {name: value for name, value in told.items() if name in self.inputs}

    def grid(self) -> torch.Tensor:
        """Sets the levels: HunyuanVideo's own linspace(1, 1/n, n) for a transformer, the scheduler's otherwise."""
        if self.denoiser == "transformer":
            self.scheduler.set_timesteps(sigmas=np.linspace(1, 1 / self.steps, self.steps))
        else:
            self.scheduler.set_timesteps(self.steps)
        return self.scheduler.timesteps

    def sample(self, captions: list[str], noise: torch.Tensor) -> torch.Tensor:
        """[clips, FRAMES, 3, SIZE, SIZE] in -1..1 from `noise` [clips, channels, FRAMES, h, w]."""
        words, latents = self.words(captions), noise
        clip = "sample" if "sample" in self.inputs else "hidden_states"
        for timestep in self.grid():
            feeds = {clip: latents.numpy(), "timestep": np.full(len(captions), float(timestep), dtype=np.float32), **words}
            velocity = torch.from_numpy(self.net.run(["out_sample"], feeds)[0])
            latents = self.scheduler.step(velocity, timestep, latents).prev_sample
        frames = latents.transpose(1, 2).flatten(0, 1).numpy()
        pixels = torch.from_numpy(self.sessions["vae_decoder"].run(["sample"], {"latent_sample": frames})[0])
        return pixels.clamp(-1, 1).unflatten(0, (-1, FRAMES))


def captions_to_judge(clips: int) -> tuple[list[Recipe], int]:
    """Recipes, and how many of them were trained: those come first."""
    held_out = clips // 3
    return trained_recipes(clips - held_out) + held_out_recipes(held_out), clips - held_out


def rendered(recipes: list[Recipe]) -> torch.Tensor:
    """True clips of the same captions, with the jitter that the teacher's data has."""
    rng = random.Random(31)
    return torch.stack(
        [render_tensor(Recipe(r.content, r.motion, r.scene, rng.uniform(-3, 3), rng.uniform(-3, 3), rng.uniform(0.92, 1.08))) for r in recipes]
    )


def sample_all(folder: Folder, recipes: list[Recipe]) -> torch.Tensor:
    noise = torch.randn((len(recipes), LATENT_CHANNELS, FRAMES, LATENT_SIZE, LATENT_SIZE), generator=torch.Generator().manual_seed(NOISE_SEED))
    parts = []
    for at in range(0, len(recipes), AT_ONCE):
        parts.append(folder.sample([caption(one) for one in recipes[at : at + AT_ONCE]], noise[at : at + AT_ONCE]))
    return torch.cat(parts)


def interval(right: int, count: int) -> tuple[float, float]:
    """Wilson, 95 %."""
    z, share = 1.96, right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return middle - half, middle + half


def shares(marks: torch.Tensor) -> dict:
    content, motion, _, right = marks.mean(0).tolist()
    return {"content": content, "motion": motion, "allRight": right, "interval": interval(round(right * len(marks)), len(marks)), "clips": len(marks)}


@torch.no_grad()
def features_of(judge: JudgeFeatures, clips: torch.Tensor) -> np.ndarray:
    return torch.cat([judge(part)[3] for part in clips.split(AT_ONCE)]).numpy()


def bootstrap(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    rng = np.random.default_rng(7)
    found = [frechet_distance(ours[pick], theirs[pick]) for pick in rng.integers(len(ours), size=(BOOTSTRAPS, len(ours)))]
    return tuple(np.quantile(found, (0.025, 0.975)).tolist())


def judge_folder(path: Path, runs: Path, clips: int, threads: int) -> dict:
    recipes, trained = captions_to_judge(clips)
    made = sample_all(Folder(path, threads), recipes)
    lenient, strict = load_judge(runs / "judge.pt"), load_strict_judge(runs, "cpu")
    marks = {"judge": mark(lenient, made, recipes), "strict": mark_strictly(strict, made, recipes)}
    seer = JudgeFeatures(lenient).eval()
    ours, theirs = features_of(seer, made), features_of(seer, rendered(recipes))
    found = {name: {"trained": shares(rows[:trained]), "heldOut": shares(rows[trained:])} for name, rows in marks.items()}
    return {**found, "fvd": frechet_distance(ours, theirs), "fvdInterval": bootstrap(ours, theirs), "clips": clips}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--runs", type=Path, required=True, help="holds judge.pt and strict-judge.pt")
    parser.add_argument("--clips", type=int, default=360, help="at least twice as many as features (160) for FVD to say much")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    found = {}
    for path in options.folders:
        found[path.name] = one = judge_folder(path, options.runs, options.clips, options.threads)
        print(path.name, json.dumps(one), flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
