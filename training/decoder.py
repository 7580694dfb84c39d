"""Trains the autoencoder's decoder alone for sharper pictures: the encoder, and so every latent, stays as it is."""
from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F

from checkpoint import save
from clip_pool import load_pool
from models import load_vae
from stepping import device_here, fit, load_averaged

BATCH = {"cpu": 16, "cuda": 256}  # frames
CLIPS = {"cpu": 200, "cuda": 6000}
NOISE = 0.12  # largest deviation of the noise on latents: sampled ones have some
RATE = 1e-3


def train_decoder(runs: Path, seconds: float) -> None:
    """Writes decoder.pt and rewrites vae.pt, whose encoder stays bit for bit. L1 and edges: squared error makes pictures soft."""
    device = device_here()
    pool, vae = load_pool(runs, "all", device), load_vae(runs / "vae.pt", device)
    count = min(len(pool), CLIPS[device])
    frames = pool.clips(count, device).flatten(0, 1)
    latents = pool.latents[:count].transpose(1, 2).flatten(0, 1)
    modules = {"decoder": vae.decoder.requires_grad_(True).train(), "post_quant_conv": vae.post_quant_conv.requires_grad_(True)}
    batch = BATCH[device]

    def loss() -> torch.Tensor:
        pick = torch.randint(len(frames), (batch,), device=device)
        real = frames[pick].float() / 127.5 - 1
        latent = latents[pick].float()
        latent = latent + NOISE * torch.rand(batch, 1, 1, 1, device=device) * torch.randn_like(latent)
        with torch.autocast(device, torch.bfloat16):
            made = vae.decode(latent).sample
        error = made.float() - real
        return (emoji_weight(real) * error.abs()).mean() + 2 * edges(error) + edges(F.avg_pool2d(error, 2))

    fit(runs / "decoder.pt", modules, loss, seconds=seconds, rate=RATE, batch=batch, device=device, decay=0.995, warm_up=50)
    load_averaged(runs / "decoder.pt", modules, device)
    save(runs / "vae.pt", {name: value.cpu() for name, value in vae.state_dict().items()})


def edges(error: torch.Tensor) -> torch.Tensor:
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


def emoji_weight(frames: torch.Tensor) -> torch.Tensor:
    """5 on pixels that differ from their row's border, else 1: the emoji fills a small part of the picture."""
    return 1 + 4 * ((frames - frames[..., :1]).abs().amax(1, keepdim=True) > 0.1)
