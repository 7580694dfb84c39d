"""Trains a text-to-video model by flow matching, then the same model in four steps by trajectory distillation."""
from __future__ import annotations

import time
from pathlib import Path

import torch
import torch.nn.functional as F

from checkpoint import save
from clip_pool import load_pool
from stepping import device_here, falling, falling_late, fit, load_averaged
from text_video import BUILDERS, TextVideo, noise_like_clips
from words import HIDDEN, WITHOUT_WORDS

HIGH_NOISE = 0.55  # share of samples above 0.88
BATCH = {"cpu": 16, "cuda": 128}
FLOW_RATE = {"emoji-t2v": 1e-3, "emoji-hy": 1.5e-3}
STEPS_RATE = 5e-4
MADE_AT_ONCE = {"cpu": 8, "cuda": 512}  # trajectories
FINE = 4  # Euler steps of the teacher in each stretch
SCALES = {"emoji-t2v": (2.0,), "emoji-hy": (1.0, 1.5, 2.0, 3.0, 4.0)}  # guidance of the trajectories


def train_flow(runs: Path, name: str, seconds: float) -> None:
    """Writes {name}.flow.pt; begins from {name}.start.pt where that is (weights made elsewhere)."""
    device = device_here()
    pool = load_pool(runs, "trained", device)
    torch.manual_seed(0)
    model = BUILDERS[name](device)
    batch = BATCH[device]
    start = runs / f"{name}.start.pt"
    if start.exists():
        for part, weights in torch.load(start, map_location=device).items():
            model.modules[part].load_state_dict(model.modules[part].state_dict() | weights)
    for module in model.modules.values():
        module.train()
    unguided = torch.ones(batch, device=device)

    def loss() -> torch.Tensor:
        pick = torch.randint(len(pool), (batch,), device=device)
        clean = pool.latents[pick].float()
        ids = model.captions.ids(pool.labels[pick], HIDDEN, WITHOUT_WORDS)
        sigma = noise_levels(batch, device)
        share, noise = sigma.view(-1, 1, 1, 1, 1), torch.randn_like(clean)
        with torch.autocast(device, torch.bfloat16):
            velocity = model.velocity((1 - share) * clean + share * noise, sigma, ids, unguided)
        return F.mse_loss(velocity.float(), noise - clean)

    fit(runs / f"{name}.flow.pt", model.modules, loss, seconds=seconds, rate=FLOW_RATE[name], batch=batch, device=device, schedule=falling)


def noise_levels(count: int, device: str) -> torch.Tensor:
    """sigma [count]. Half of them very high: a clip is so many numbers that its motion can be read off it at any sigma
    below 0.9, so that above alone the caption's verb is needed; with logit-normal levels it was never learnt."""
    level = torch.rand(count, device=device)
    return torch.where(torch.rand(count, device=device) < HIGH_NOISE, 0.88 + 0.12 * level, 4 * level / (1 + 3 * level))


def make_trajectories(runs: Path, name: str, count: int, seconds: float) -> None:
    """The guided teacher's states at the student's levels for trained captions, in parts: {name}.trajectories.*.pt.

    Stops early when `seconds` are used up, but never before one part is made.
    """
    device = device_here()
    model = load_flow(runs, name, device)
    labels = load_pool(runs, "trained", device).labels
    levels = model.few_levels()
    at_once = min(count, MADE_AT_ONCE[device])
    began = time.time()
    for part in range(-(-count // at_once)):
        path = runs / f"{name}.trajectories.{part}.pt"
        if path.exists():
            continue
        if part > 0 and time.time() - began > seconds:
            break
        torch.manual_seed(50_000 + part)
        picked = labels[torch.randint(len(labels), (at_once,), device=device)]
        scale = torch.tensor(SCALES[name], device=device)[torch.randint(len(SCALES[name]), (at_once,), device=device)]
        states = follow(model, model.captions.ids(picked), scale, noise_like_clips(at_once, device), levels)
        save(path, {"states": states.half().cpu(), "labels": picked.cpu(), "scale": scale.cpu()})
        print(f"{name} trajectories {(part + 1) * at_once} {time.time() - began:.0f} s", flush=True)


@torch.no_grad()
def follow(model: TextVideo, ids: torch.Tensor, scale: torch.Tensor, noise: torch.Tensor, levels: list[float]) -> torch.Tensor:
    """[clips, levels, channels, FRAMES, h, w]: Euler, FINE steps in each stretch."""
    latents, states = noise, [noise]
    unguided = torch.ones_like(scale)
    for high, low in zip(levels, levels[1:]):
        step = (low - high) / FINE
        for index in range(FINE):
            sigma = torch.full_like(scale, high + index * step)
            latents = latents + step * model.guided(latents, sigma, ids, unguided, scale)
        states.append(latents)
    return torch.stack(states, 1)


def train_few_steps(runs: Path, name: str, seconds: float) -> None:
    """Writes {name}.steps.pt: with words alone, the mean velocity from each level to the next. Text encoders stay."""
    device = device_here()
    model = load_flow(runs, name, device)
    model.modules["net"].requires_grad_(True).train()
    parts = [torch.load(path, map_location=device) for path in sorted(runs.glob(f"{name}.trajectories.*.pt"))]
    states, labels, scale = (torch.cat([part[key] for part in parts]) for key in ("states", "labels", "scale"))
    levels = torch.tensor(model.few_levels(), device=device)
    batch = BATCH[device]

    def loss() -> torch.Tensor:
        pick = torch.randint(len(states), (batch,), device=device)
        stretch = torch.randint(len(levels) - 1, (batch,), device=device)
        here, there = states[pick, stretch].float(), states[pick, stretch + 1].float()
        high, low = levels[stretch], levels[stretch + 1]
        with torch.autocast(device, torch.bfloat16):
            velocity = model.velocity(here, high, model.captions.ids(labels[pick]), scale[pick])
        return F.mse_loss(velocity.float(), (there - here) / (low - high).view(-1, 1, 1, 1, 1))

    fit(runs / f"{name}.steps.pt", {"net": model.modules["net"]}, loss, seconds=seconds, rate=STEPS_RATE, batch=batch, device=device, decay=0.99, warm_up=50, schedule=falling_late)


def load_flow(runs: Path, name: str, device: str) -> TextVideo:
    model = BUILDERS[name](device)
    load_averaged(runs / f"{name}.flow.pt", model.modules, device)
    return model


def load_few_steps(runs: Path, name: str, device: str) -> TextVideo:
    model = load_flow(runs, name, device)
    load_averaged(runs / f"{name}.steps.pt", {"net": model.modules["net"]}, device)
    return model
