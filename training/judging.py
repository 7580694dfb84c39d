"""Samples the three models as they are shipped and has both judges mark the clips. Marks and clips go to {name}.{what}.judged.pt."""
from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import nn

from checkpoint import save
from clip_pool import recipe_of
from emoji_clips import FRAMES, MOTIONS, Recipe, render
from image_training import load_image_flow, load_one_step
from image_video import image_noise
from judge import load_judge, mark, total
from models import GUIDANCE, STEPS, load_vae
from sample import held_out_recipes, trained_recipes
from stepping import device_here
from strict_judge import NO_MOTION, load_strict_judge, mark_strictly, motion_of
from text_training import load_few_steps, load_flow
from text_video import TextVideo, noise_like_clips

AT_ONCE = {"cpu": 4, "cuda": 64}
# Motions that begin in the same place, so that the first frame leaves open which it is.
ALIKE_AT_FIRST = [{"slides left"}, {"slides right"}, {"rises", "bounces"}, {"falls", "circles"}, {"spins"}, {"grows"}]


def judge_words(runs: Path, name: str, what: str, trained: int, held_out: int) -> dict:
    """`what`: "flow" (many steps, guided) or "steps" (few). Returns and prints the shares of right clips."""
    device = device_here()
    model = (load_few_steps if what == "steps" else load_flow)(runs, name, device)
    vae = load_vae(runs / "vae.pt", device)
    groups = {"trained": trained_recipes(trained), "held out": held_out_recipes(held_out)}
    clips = {group: sample_words(model, vae, recipes, what, 700 + index) for index, (group, recipes) in enumerate(groups.items())}
    return _mark(runs, name, what, clips, groups, device)


@torch.no_grad()
def sample_words(model: TextVideo, vae: AutoencoderKL, recipes: list[Recipe], what: str, seed: int) -> torch.Tensor:
    """Clips [clips, FRAMES, 3, SIZE, SIZE] on the CPU."""
    noise = noise_like_clips(len(recipes), "cpu", seed)
    labels = torch.tensor([(r.content, r.motion, r.scene) for r in recipes], device=model.device)
    how = {"levels": model.few_levels(), "embedded": model.few_guidance} if what == "steps" else {"levels": model.levels(STEPS), "scale": GUIDANCE}
    parts = []
    for at in range(0, len(recipes), AT_ONCE[model.device]):
        end = at + AT_ONCE[model.device]
        latents = model.sample(model.captions.ids(labels[at:end]), noise[at:end].to(model.device), **how)
        parts.append(decode(vae, latents.transpose(1, 2)))
    return torch.cat(parts)


@torch.no_grad()
def decode(vae: AutoencoderKL, latents: torch.Tensor) -> torch.Tensor:
    """`latents` [clips, FRAMES, channels, h, w] to clips on the CPU."""
    return vae.decode(latents.float().flatten(0, 1)).sample.clamp(-1, 1).unflatten(0, (-1, FRAMES)).cpu()


def _mark(runs: Path, name: str, what: str, clips: dict[str, torch.Tensor], groups: dict[str, list[Recipe]], device: str) -> dict:
    lenient, strict = load_judge(runs / "judge.pt", device), load_strict_judge(runs, device)
    marks = {
        group: {
            "judge": mark(lenient, made.to(device), groups[group]),
            "strict": mark_strictly(strict, made.to(device), groups[group]),
        }
        for group, made in clips.items()
    }
    save(runs / f"{name}.{what}.judged.pt", {"marks": marks, "clips": {group: made.half() for group, made in clips.items()}})
    figures = {group: {judge: total(rows)._asdict() for judge, rows in both.items()} for group, both in marks.items()}
    print(name, what, json.dumps(figures), flush=True)
    for group, both in marks.items():
        wrong = [f"{recipe.content}/{recipe.motion}/{recipe.scene}" for recipe, row in zip(groups[group], both["judge"].tolist()) if row[3] < 1]
        print(name, what, group, "wrong:", " ".join(wrong), flush=True)
    return figures


def picture_recipes(count: int, held_out: bool) -> list[Recipe]:
    """Recipes with their jitter, from clips that no pool holds."""
    wide = [recipe_of(index, False) for index in range(900_000, 900_000 + count)]
    return wide if not held_out else [Recipe(r.content, r.motion, r.scene, w.dx, w.dy, w.scale) for r, w in zip(held_out_recipes(count), wide)]


def judge_pictures(runs: Path, name: str, what: str, steps: int, trained: int, held_out: int) -> dict:
    """First frames in. Motion counts as right when it is one of the known ones that begin where the picture is."""
    device = device_here()
    model = load_image_flow(runs, name, device) if what == "flow" else load_one_step(runs, name, device, what)
    vae = load_vae(runs / "vae.pt", device)
    groups = {"trained": picture_recipes(trained, False), "held out": picture_recipes(held_out, True)}
    strict = load_strict_judge(runs, device)
    clips, asked, open_choice = {}, {}, {}
    for index, (group, recipes) in enumerate(groups.items()):
        pictures = first_frames(recipes)
        noise, parts = image_noise(len(recipes), "cpu", 800 + index), []
        for at in range(0, len(recipes), AT_ONCE[device]):
            end = at + AT_ONCE[device]
            torch.manual_seed(at)
            latents = model.sample(vae, pictures[at:end].to(device), noise[at:end].to(device), steps)
            parts.append(decode(vae, latents))
        clips[group] = torch.cat(parts)
        seen = motion_of(strict, clips[group].to(device)).tolist()
        asked[group] = [seen_as(recipe, motion) for recipe, motion in zip(recipes, seen)]
        open_choice[group] = [MOTIONS[motion] for recipe, motion in zip(recipes, seen) if MOTIONS[recipe.motion] in ("rises", "bounces", "falls", "circles") and motion != NO_MOTION]
    figures = _mark(runs, name, f"{what}", clips, asked, device)
    for group, motions in open_choice.items():
        print(name, what, group, "where the picture leaves the motion open:", {motion: motions.count(motion) for motion in sorted(set(motions))}, flush=True)
    return figures


def first_frames(recipes: list[Recipe]) -> torch.Tensor:
    """[clips, 3, SIZE, SIZE] in -1..1."""
    return torch.stack([torch.from_numpy(render(recipe)[0]).permute(2, 0, 1).float() / 127.5 - 1 for recipe in recipes])


def asked_of_pictures(strict: nn.Module, clips: torch.Tensor, recipes: list[Recipe]) -> list[Recipe]:
    """What clips that begin with the recipes' first frames are marked against."""
    return [seen_as(recipe, motion) for recipe, motion in zip(recipes, motion_of(strict, clips).tolist())]


def seen_as(recipe: Recipe, seen: int) -> Recipe:
    """The recipe with the motion that was seen, where that one begins alike; else as it was, and the mark says wrong."""
    if seen == NO_MOTION:
        return recipe
    alike = next(one for one in ALIKE_AT_FIRST if MOTIONS[recipe.motion] in one)
    return Recipe(recipe.content, seen, recipe.scene, recipe.dx, recipe.dy, recipe.scale) if MOTIONS[seen] in alike else recipe
