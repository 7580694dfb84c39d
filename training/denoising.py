"""Trains denoiser and text encoder by flow matching on latents of the trained autoencoder."""
from __future__ import annotations

import random
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import AttnProcessor
from torch import nn

from checkpoint import Average, save
from emoji_clips import caption, random_recipe, render_tensor
from models import build_denoiser, build_text_encoder, build_tokenizer, load_vae
from speed import speed_up
from workers import Budget, Worker

BATCH = 8  # clips a CPU worker and step
GPU_BATCH = 64
POOL = 1500  # latents a worker keeps ready; one is replaced each step
RATE = 2e-3
WITHOUT_WORDS = 0.1  # share of captions left out, for guidance
HIGH_NOISE = 0.55  # share of samples above 0.88
SAVE_EVERY = 180.0  # seconds


def train_denoiser(worker: Worker, runs: Path, seconds: float, clips: float = float("inf"), pool: int = POOL) -> None:
    """Until `seconds` or `clips` are used up, earlier runs counted in. denoiser.pt is checkpoint and result in one."""
    rng = random.Random(100 + worker.rank)
    vae = load_vae(runs / "vae.pt", worker.device)
    tokenizer = build_tokenizer()

    @torch.no_grad()
    def fresh() -> tuple[torch.Tensor, torch.Tensor]:
        recipe = random_recipe(rng)
        latent = vae.encode(render_tensor(recipe).to(worker.device)).latent_dist.mean
        return latent.permute(1, 0, 2, 3).contiguous().cpu(), torch.tensor(tokenizer.encode(caption(recipe)).ids)

    latents, captions = _pool(runs / f"pool{worker.rank}.pt", fresh, pool)
    if worker.rank == 0 and not (runs / "norm.pt").exists():
        save(runs / "norm.pt", (latents.mean((0, 2, 3, 4)), latents.std((0, 2, 3, 4))))
    worker.wait_for_all()
    mean, std = (value.view(-1, 1, 1, 1) for value in torch.load(runs / "norm.pt", map_location="cpu"))
    no_words = torch.tensor(tokenizer.encode("").ids)

    torch.manual_seed(0)
    net, text = build_denoiser().to(worker.device), build_text_encoder().to(worker.device)
    speed_up(net)
    net.set_attn_processor(AttnProcessor())
    named = {f"net.{name}": value for name, value in net.named_parameters()} | {f"text.{name}": value for name, value in text.named_parameters()}
    parameters = list(named.values())
    optimizer = torch.optim.AdamW(parameters, lr=RATE, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    average = Average(named, 0.998)
    step, seen, used = 0, 0, 0.0
    path = runs / "denoiser.pt"
    if path.exists():
        state = torch.load(path, map_location=worker.device)
        net.load_state_dict(state["net"])
        text.load_state_dict(state["text"])
        optimizer.load_state_dict(state["opt"])
        for name, value in state["ema"].items():
            average.values[name].copy_(value)
        step, seen, used = state["step"], state["clips"], state["used"]
    worker.wait_for_all()
    torch.manual_seed(1000 + worker.rank + step)
    budget = Budget(worker, seconds, clips, used)
    saved, losses = budget.used, []
    batch = BATCH if worker.device == "cpu" else GPU_BATCH

    def keep() -> None:
        save(path, {"net": net.state_dict(), "text": text.state_dict(), "opt": optimizer.state_dict(), "ema": average.values, "step": step, "clips": seen, "used": budget.used})

    while (done := budget.done(seen)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 100) * max(0.01, 1 - done)
        slot = rng.randrange(len(latents))
        latents[slot], captions[slot] = fresh()  # a little new each step, so that nothing is learnt by heart
        pick = torch.randint(len(latents), (batch,))
        clean = ((latents[pick] - mean) / std).to(worker.device)
        words = torch.where((torch.rand(batch) < WITHOUT_WORDS)[:, None], no_words, captions[pick]).to(worker.device)
        sigma = noise_levels(batch).to(worker.device)
        share, noise = sigma.view(-1, 1, 1, 1, 1), torch.randn_like(clean)
        with torch.autocast(worker.device, torch.bfloat16):
            context = text(words).last_hidden_state
            velocity = net((1 - share) * clean + share * noise, sigma * 1000, context).sample
        loss = F.mse_loss(velocity.float(), noise - clean)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        worker.average_gradients(parameters)
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        seen += batch * worker.count
        average.update(step)
        losses.append(loss.item())
        if worker.rank == 0:
            if step % 20 == 0:
                print(f"denoiser step {step} clips {seen} {budget.used:.0f} s loss {sum(losses[-20:]) / 20:.4f}", flush=True)
            if budget.used - saved > SAVE_EVERY:
                keep()
                saved = budget.used
    if worker.rank == 0 and losses:
        keep()
    worker.wait_for_all()


def noise_levels(count: int) -> torch.Tensor:
    """sigma [count]. Half of them very high: a clip is so many numbers that its motion can be read off it at any sigma
    below 0.9, so that above alone the caption's verb is needed; with logit-normal levels it was never learnt."""
    level = torch.rand(count)
    return torch.where(torch.rand(count) < HIGH_NOISE, 0.88 + 0.12 * level, 4 * level / (1 + 3 * level))


def _pool(path: Path, fresh, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents [count, channels, frames, h, w] and token ids [count, MAX_TOKENS], kept on disk."""
    if path.exists():
        return torch.load(path, map_location="cpu")
    items = [fresh() for _ in range(count)]
    pool = torch.stack([latent for latent, _ in items]), torch.stack([ids for _, ids in items])
    save(path, pool)
    return pool
