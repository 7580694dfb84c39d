"""The image-to-video model as one call: a picture and a noisy clip in, v out. Stable Video Diffusion's inputs. Sampling, too; no training."""
from __future__ import annotations

import torch
from diffusers import AutoencoderKL
from torch import nn

from emoji_clips import FPS, FRAMES
from models import LATENT_CHANNELS, LATENT_SIZE, build_image_denoiser, build_image_encoder, build_image_scheduler
from speed import speed_up

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of openai/clip
MOTION_BUCKET, PICTURE_NOISE = 127.0, 0.02  # as StableVideoDiffusionPipeline has them


class ImageVideo:
    """`modules` by name: what is trained, saved and exported."""

    def __init__(self, device: str) -> None:
        net = build_image_denoiser()
        speed_up(net)
        self.modules: dict[str, nn.Module] = {"net": net, "image": build_image_encoder()}
        self.device = device
        for module in self.modules.values():
            module.to(device)
        self.mean = torch.tensor(CLIP_MEAN, device=device).view(3, 1, 1)
        self.std = torch.tensor(CLIP_STD, device=device).view(3, 1, 1)

    def embed(self, pictures: torch.Tensor) -> torch.Tensor:
        """[batch, 1, width] for `pictures` [batch, 3, SIZE, SIZE] in -1..1."""
        pixels = ((pictures + 1) / 2 - self.mean) / self.std
        return self.modules["image"](pixel_values=pixels).image_embeds.unsqueeze(1)

    def time_ids(self, picture_noise: torch.Tensor) -> torch.Tensor:
        """[batch, 3]: frames per second less one, motion bucket, noise on the picture."""
        ones = torch.ones_like(picture_noise)
        return torch.stack([ones * (FPS - 1), ones * MOTION_BUCKET, picture_noise], 1)

    def output(self, noisy: torch.Tensor, sigma: torch.Tensor, picture: torch.Tensor, embedding: torch.Tensor, time_ids: torch.Tensor) -> torch.Tensor:
        """v for `noisy` [batch, FRAMES, channels, h, w] as scaled by 1 / sqrt(sigma^2 + 1), `picture` [batch, channels, h, w]."""
        beside = picture.unsqueeze(1).expand(-1, FRAMES, -1, -1, -1)
        return self.modules["net"](torch.cat([noisy, beside], 2), 0.25 * sigma.log(), embedding, time_ids).sample

    def denoised(self, latents: torch.Tensor, sigma: torch.Tensor, picture: torch.Tensor, embedding: torch.Tensor, time_ids: torch.Tensor) -> torch.Tensor:
        """The clean clip that the net points at from `latents` = clean + sigma noise (deviation of the data: 1)."""
        spread = sigma.view(-1, 1, 1, 1, 1)
        scale = (spread**2 + 1).rsqrt()
        v = self.output(latents * scale, sigma, picture, embedding, time_ids).float()
        return latents * scale**2 - spread * scale * v

    @torch.no_grad()
    def encode_pictures(self, vae: AutoencoderKL, pictures: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """[batch, channels, h, w]: the picture with `noise` [batch] times a unit normal on its pixels, through the encoder."""
        rough = pictures + noise.view(-1, 1, 1, 1) * torch.randn_like(pictures)
        return vae.encode(rough).latent_dist.mean.float()

    def sigmas(self, steps: int) -> list[float]:
        scheduler = build_image_scheduler()
        scheduler.set_timesteps(steps)
        return scheduler.sigmas.tolist()

    @torch.no_grad()
    def sample(self, vae: AutoencoderKL, pictures: torch.Tensor, noise: torch.Tensor, steps: int) -> torch.Tensor:
        """Latents [batch, FRAMES, channels, h, w]: Euler over Karras sigmas, without guidance."""
        strength = torch.full((len(pictures),), PICTURE_NOISE, device=self.device)
        with torch.autocast(self.device, torch.bfloat16):
            conditions = self.encode_pictures(vae, pictures, strength), self.embed(pictures), self.time_ids(strength)
            sigmas = self.sigmas(steps)
            latents = noise * (sigmas[0] ** 2 + 1) ** 0.5
            for sigma, following in zip(sigmas, sigmas[1:]):
                clean = self.denoised(latents, torch.full_like(strength, sigma), *conditions)
                latents = clean + (following / sigma) * (latents - clean)
        return latents


def image_noise(count: int, device: str, seed: int | None = None) -> torch.Tensor:
    shape = (count, FRAMES, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE)
    if seed is None:
        return torch.randn(shape, device=device)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device)
