"""Trains the autoencoder, and later its decoder alone for sharper pictures (latents stay as they are)."""
from __future__ import annotations

import random
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from checkpoint import Average, save
from emoji_clips import random_recipe, render
from models import build_vae
from workers import Budget, Worker

BATCH = 16  # frames a worker and step
RENDERED = 2500  # clips drawn ahead, half the frames of each
SAVE_EVERY = 60.0  # seconds


def _frames(seed: int, clips: int) -> torch.Tensor:
    """uint8 [frames, 3, SIZE, SIZE]; all pairs, since a picture alone tells nothing of composition."""
    rng = random.Random(seed)
    halves = [torch.from_numpy(render(random_recipe(rng, include_held_out=True))[rng.randrange(2) :: 2]) for _ in range(clips)]
    return torch.cat(halves).permute(0, 3, 1, 2).contiguous()


def _edges(error: torch.Tensor) -> torch.Tensor:
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


def _emoji_weight(frames: torch.Tensor) -> torch.Tensor:
    """5 on pixels that differ from their row's border, else 1: the emoji fills a small part of the picture."""
    return 1 + 4 * ((frames - frames[..., :1]).abs().amax(1, keepdim=True) > 0.1)


def train_autoencoder(worker: Worker, runs: Path, seconds: float, clips: int = RENDERED) -> None:
    """Writes vae.pt (averaged weights) when the time is used up; vae.train.pt is where a cut run goes on from."""
    _train(worker, runs, "vae.train.pt", seconds, clips, decoder_only=False)


def train_decoder(worker: Worker, runs: Path, seconds: float, clips: int = RENDERED) -> None:
    """Encoder frozen, latents slightly noisy as sampled ones are; rewrites vae.pt, whose encoder stays bit for bit.

    L1 and edges alone: squared error is what made the pictures soft.
    """
    _train(worker, runs, "decoder.train.pt", seconds, clips, decoder_only=True)


def _train(worker: Worker, runs: Path, resume_name: str, seconds: float, clips: int, *, decoder_only: bool) -> None:
    torch.manual_seed(0)
    vae = build_vae().to(worker.device)
    path, resume = runs / "vae.pt", runs / resume_name
    rate, used, step = (1e-3 if decoder_only else 2e-3), 0.0, 0
    if decoder_only:
        vae.load_state_dict(torch.load(path, map_location=worker.device))
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
    trained = {name: value for name, value in vae.named_parameters() if value.requires_grad}
    optimizer = torch.optim.AdamW(trained.values(), lr=rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    average = Average(trained, 0.995)
    if resume.exists():
        state = torch.load(resume, map_location=worker.device)
        vae.load_state_dict(state["vae"])
        optimizer.load_state_dict(state["opt"])
        for name, value in state["ema"].items():
            average.values[name].copy_(value)
        used, step = state["used"], state["step"]
    budget = Budget(worker, seconds, used=used)
    if budget.done(0) >= 1:
        return
    frames = _frames(100 * worker.rank + step, clips)
    torch.manual_seed(10_000 * worker.rank + step)
    saved = budget.used

    def keep() -> None:
        save(resume, {"vae": vae.state_dict(), "opt": optimizer.state_dict(), "ema": average.values, "used": budget.used, "step": step})
        save(path, vae.state_dict() | average.values)

    while (done := budget.done(0)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 50) * max(0.02, 1 - done)
        real = frames[torch.randint(len(frames), (BATCH,))].to(worker.device).float() / 127.5 - 1
        with torch.autocast(worker.device, torch.bfloat16):
            if decoder_only:
                with torch.no_grad():
                    latent = vae.encode(real).latent_dist.mean
                    latent = latent + 0.05 * latent.float().std() * torch.randn_like(latent)
            else:
                posterior = vae.encode(real).latent_dist
                latent = posterior.mean + torch.exp(0.5 * posterior.logvar) * torch.randn_like(posterior.mean)
            made = vae.decode(latent).sample
        error = made.float() - real
        weight = _emoji_weight(real)
        if decoder_only:
            coarse = F.avg_pool2d(error, 2)
            loss = (weight * error.abs()).mean() + 2 * _edges(error) + _edges(coarse)
        else:
            mean, logvar = posterior.mean.float(), posterior.logvar.float()
            divergence = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean()
            loss = (weight * (error.abs() + error**2)).mean() + _edges(error) + 2e-4 * divergence
        optimizer.zero_grad()
        loss.backward()
        worker.average_gradients(list(trained.values()))
        nn.utils.clip_grad_norm_(trained.values(), 1.0)
        optimizer.step()
        step += 1
        average.update(step)
        if worker.rank == 0:
            if step % 50 == 0:
                print(f"{'decoder' if decoder_only else 'autoencoder'} step {step} {budget.used:.0f} s loss {loss.item():.4f} mse {(error**2).mean().item():.5f} l1 {error.abs().mean().item():.4f}", flush=True)
            if budget.used - saved > SAVE_EVERY:
                keep()
                saved = budget.used
    if worker.rank == 0:
        keep()
    worker.wait_for_all()
