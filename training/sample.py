"""Samples clips from a denoiser checkpoint, has them judged, and draws a picture of twelve.

    python sample.py --runs runs --trained 24 --held-out 24 --guidance 2 4 --picture clips.png
"""
from __future__ import annotations

import argparse
import itertools
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet3DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image, ImageDraw, ImageFont
from transformers import CLIPTextModel

from emoji_clips import CONTENTS, FRAMES, HELD_OUT, MOTIONS, SCENES, Recipe, caption, held_out
from judge import Score, load_judge, score
from models import GUIDANCE, LATENT_CHANNELS, LATENT_SIZE, SHIFT, STEPS, build_denoiser, build_scheduler, build_text_encoder, build_tokenizer, load_vae
from speed import speed_up

BATCH = 8
COLUMNS, SHOWN = 2, 6  # of the picture: clips beside each other, frames a clip
CELL = 96  # pixels a frame in the picture


@dataclass
class Teacher:
    """The parts needed to make clips from words; `mean` and `std` [channels, 1, 1, 1] undo the latents' normalisation."""

    net: UNet3DConditionModel
    text: CLIPTextModel
    vae: AutoencoderKL
    mean: torch.Tensor
    std: torch.Tensor

    @torch.no_grad()
    def sample(self, recipes: list[Recipe], seed: int, *, steps: int = STEPS, guidance: float = GUIDANCE, shift: float = SHIFT) -> torch.Tensor:
        """Clips [clips, FRAMES, 3, SIZE, SIZE] in -1..1 for the recipes' captions; jitter in the recipes is ignored."""
        device = self.mean.device
        tokenizer = build_tokenizer()
        words = [tokenizer.encode(caption(recipe)).ids for recipe in recipes]
        ids = torch.tensor([tokenizer.encode("").ids] * len(recipes) + words, device=device)
        scheduler = build_scheduler(shift)
        scheduler.set_timesteps(steps)
        generator = torch.Generator().manual_seed(seed)
        latents = torch.randn(len(recipes), LATENT_CHANNELS, FRAMES, LATENT_SIZE, LATENT_SIZE, generator=generator).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            context = self.text(ids).last_hidden_state
            for index, timestep in enumerate(scheduler.timesteps):
                both = self.net(torch.cat([latents, latents]), timestep.to(device), context).sample.float()
                without, with_words = both.chunk(2)
                velocity = without + guidance * (with_words - without)
                latents = latents + (scheduler.sigmas[index + 1] - scheduler.sigmas[index]).item() * velocity
            frames = (latents * self.std + self.mean).permute(0, 2, 1, 3, 4).flatten(0, 1)
            clips = self.vae.decode(frames).sample.float()
        return clips.unflatten(0, (len(recipes), FRAMES)).clamp(-1, 1)

    def sample_many(self, recipes: list[Recipe], seed: int, **how: float) -> torch.Tensor:
        return torch.cat([self.sample(recipes[at : at + BATCH], seed + at, **how) for at in range(0, len(recipes), BATCH)])


def load_averaged(path: Path) -> tuple[UNet3DConditionModel, CLIPTextModel, dict]:
    """Denoiser and text encoder with a checkpoint's averaged weights, and the checkpoint's counters."""
    state = torch.load(path, map_location="cpu")
    net, text = build_denoiser(), build_text_encoder()
    for name, module in (("net.", net), ("text.", text)):
        averaged = {key.removeprefix(name): value for key, value in state["ema"].items() if key.startswith(name)}
        module.load_state_dict(module.state_dict() | averaged)
        module.eval().requires_grad_(False)
    return net, text, {key: state[key] for key in ("step", "clips", "used")}


def load_teacher(runs: Path, device: str = "cpu", denoiser: Path | None = None) -> Teacher:
    """From vae.pt, norm.pt and denoiser.pt of a runs folder; `denoiser` names another checkpoint."""
    net, text, _ = load_averaged(denoiser or runs / "denoiser.pt")
    speed_up(net)
    net.set_attn_processor(AttnProcessor())
    mean, std = (value.view(-1, 1, 1, 1).to(device) for value in torch.load(runs / "norm.pt", map_location="cpu"))
    return Teacher(net.to(device), text.to(device), load_vae(runs / "vae.pt", device), mean, std)


def trained_recipes(count: int, seed: int = 21) -> list[Recipe]:
    """Captions that training shows, spread evenly over emoji, motions and backgrounds."""
    rng = random.Random(seed)
    pairs = [(c, m) for c in range(len(CONTENTS)) for m in range(len(MOTIONS)) if not held_out(c, m)]
    rng.shuffle(pairs)
    return [Recipe(*pairs[index % len(pairs)], (index + index // len(pairs)) % len(SCENES)) for index in range(count)]


def held_out_recipes(count: int | None = None) -> list[Recipe]:
    """Captions of the held-out pairs: each pair on one background after another; without `count`, each on two."""
    pairs = sorted(HELD_OUT)
    count = 2 * len(pairs) if count is None else count
    return [Recipe(*pairs[index % len(pairs)], (index + index // len(pairs)) % len(SCENES)) for index in range(count)]


def picture(clips: torch.Tensor, recipes: list[Recipe], path: Path) -> None:
    """A few frames of each clip under its caption, as a PNG of at most 256 colours."""
    font = ImageFont.load_default(15)
    gap, title = 10, 22
    rows = -(-len(clips) // COLUMNS)
    wide, high = SHOWN * CELL + gap, CELL + title + gap
    sheet = Image.new("RGB", (COLUMNS * wide + gap, rows * high + gap), (17, 18, 22))
    draw = ImageDraw.Draw(sheet)
    for index, (clip, recipe) in enumerate(zip(clips, recipes, strict=True)):
        left, top = gap + index % COLUMNS * wide, gap + index // COLUMNS * high
        unseen = "  (pair never trained)" if held_out(recipe.content, recipe.motion) else ""
        draw.text((left + 2, top), caption(recipe) + unseen, font=font, fill=(225, 228, 235))
        for column, frame in enumerate(np.linspace(0, FRAMES - 1, SHOWN).round().astype(int)):
            pixels = ((clip[frame].permute(1, 2, 0).cpu().numpy() + 1) * 127.5).round().astype(np.uint8)
            sheet.paste(Image.fromarray(pixels).resize((CELL - 2, CELL - 2), Image.Resampling.BICUBIC), (left + column * CELL, top + title))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path(__file__).parent / "runs")
    parser.add_argument("--denoiser", type=Path, help="another checkpoint than the one in --runs")
    parser.add_argument("--trained", type=int, default=24)
    parser.add_argument("--held-out", type=int, default=24)
    parser.add_argument("--guidance", type=float, nargs="+", default=[GUIDANCE])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--shift", type=float, nargs="+", default=[SHIFT], help="of the scheduler's noise levels")
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        torch.set_num_threads(1)
    judge, teacher = load_judge(options.runs / "judge.pt", device), load_teacher(options.runs, device, options.denoiser)
    groups = {"trained": trained_recipes(options.trained), "held out": held_out_recipes(options.held_out)}
    groups = {name: recipes for name, recipes in groups.items() if recipes}
    for guidance, shift in itertools.product(options.guidance, options.shift):
        made: dict[str, torch.Tensor] = {}
        for name, recipes in groups.items():
            made[name] = teacher.sample_many(recipes, 77, steps=options.steps, guidance=guidance, shift=shift)
            print(f"guidance {guidance}, shift {shift}, {name}: {describe(score(judge, made[name], recipes))}", flush=True)
        if options.picture:
            draw_twelve(groups, made, options.picture)


def describe(result: Score) -> str:
    parts = ("content", "motion", "scene", "all_right")
    return f"{result.clips} clips: " + ", ".join(f"{part.replace('_', ' ')} {getattr(result, part):.1%}" for part in parts)


def draw_twelve(groups: dict[str, list[Recipe]], made: dict[str, torch.Tensor], path: Path) -> None:
    """The first nine trained and the first three held-out clips: drawn as they come, none picked."""
    shown = [(name, index) for name, count in (("trained", 9), ("held out", 3)) for index in range(min(count, len(groups.get(name, []))))]
    picture(torch.stack([made[name][index] for name, index in shown]), [groups[name][index] for name, index in shown], path)


if __name__ == "__main__":
    main()
