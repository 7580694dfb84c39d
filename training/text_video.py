"""The two text-to-video models under one call: words and a noisy clip in, velocity out. Sampling, too; no training."""
from __future__ import annotations

import torch
from diffusers.models.attention_processor import AttnProcessor
from torch import nn

from emoji_clips import FRAMES
from models import (
    FEW_STEPS,
    LATENT_CHANNELS,
    LATENT_SIZE,
    MAX_TOKENS,
    build_denoiser,
    build_few_step_scheduler,
    build_scheduler,
    build_text_encoder,
    build_tokenizer,
    build_transformer,
    build_transformer_scheduler,
)
from speed import speed_up
from words import Captions


class TextVideo:
    """`modules` by name: what is trained, saved and exported. `captions`: their ids on the device."""

    few_guidance = 1.0  # after distillation

    def __init__(self, modules: dict[str, nn.Module], captions: Captions, device: str) -> None:
        self.modules, self.captions, self.device = modules, captions, device
        for module in modules.values():
            module.to(device)
        # A mask of four dimensions goes through transformers as it is; one that it makes itself asks the device for values.
        later = torch.ones(MAX_TOKENS, MAX_TOKENS, dtype=torch.bool, device=device).triu(1)
        self.causal = torch.zeros(1, 1, MAX_TOKENS, MAX_TOKENS, device=device).masked_fill(later, torch.finfo(torch.float32).min)

    def velocity(self, noisy: torch.Tensor, sigma: torch.Tensor, ids: torch.Tensor, guidance: torch.Tensor) -> torch.Tensor:
        """noise - data, for `noisy` [batch, channels, FRAMES, h, w], `sigma` and `guidance` [batch], `ids` [batch, MAX_TOKENS]."""
        raise NotImplementedError

    def levels(self, steps: int) -> list[float]:
        """Before distillation: sigmas from 1 to 0, one more than steps."""
        scheduler = build_scheduler()
        scheduler.set_timesteps(steps)
        return scheduler.sigmas.tolist()

    def few_levels(self) -> list[float]:
        """The distilled model's."""
        raise NotImplementedError

    @torch.no_grad()
    def sample(self, ids: torch.Tensor, noise: torch.Tensor, levels: list[float], *, scale: float = 1.0, embedded: float = 1.0) -> torch.Tensor:
        """Latents along Euler steps over `levels`; `scale` guides with a second call, `embedded` is told to the model."""
        latents, count = noise, len(noise)
        told = torch.full((count,), embedded, device=self.device)
        for level, following in zip(levels, levels[1:]):
            sigma = torch.full((count,), level, device=self.device)
            latents = latents + (following - level) * self.guided(latents, sigma, ids, told, torch.full_like(sigma, scale))
        return latents

    @torch.no_grad()
    def guided(self, latents: torch.Tensor, sigma: torch.Tensor, ids: torch.Tensor, told: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        with torch.autocast(self.device, torch.bfloat16):
            if bool((scale == 1).all()):
                return self.velocity(latents, sigma, ids, told).float()
            both = self.velocity(
                torch.cat([latents, latents]), torch.cat([sigma, sigma]), torch.cat([self.captions.none(len(ids)), ids]), torch.cat([told, told])
            ).float()
        without, with_words = both.chunk(2)
        return without + scale.view(-1, 1, 1, 1, 1) * (with_words - without)


class UNetTextVideo(TextVideo):
    def __init__(self, device: str) -> None:
        net = build_denoiser()
        speed_up(net)
        net.set_attn_processor(AttnProcessor())
        super().__init__({"net": net, "text": build_text_encoder()}, Captions(build_tokenizer(), device), device)

    def velocity(self, noisy: torch.Tensor, sigma: torch.Tensor, ids: torch.Tensor, guidance: torch.Tensor) -> torch.Tensor:
        context = self.modules["text"](ids, attention_mask=self.causal).last_hidden_state
        return self.modules["net"](noisy, sigma * 1000, context).sample

    def few_levels(self) -> list[float]:
        scheduler = build_few_step_scheduler()
        scheduler.set_timesteps(FEW_STEPS)
        return scheduler.sigmas.tolist()


class TransformerTextVideo(TextVideo):
    """HunyuanVideo's parts: a text encoder for the tokens, a second one for the pooled state, guidance as an input."""

    few_guidance = 2.0

    def __init__(self, device: str) -> None:
        modules = {"net": build_transformer(), "text": build_text_encoder(end=3), "text_2": build_text_encoder(layers=1, end=3)}
        super().__init__(modules, Captions(build_tokenizer(end_last=True), device), device)

    def velocity(self, noisy: torch.Tensor, sigma: torch.Tensor, ids: torch.Tensor, guidance: torch.Tensor) -> torch.Tensor:
        return self.modules["net"](
            noisy,
            timestep=sigma * 1000,
            encoder_hidden_states=self.modules["text"](ids, attention_mask=self.causal).last_hidden_state,
            encoder_attention_mask=(ids != 0).to(torch.int64),
            pooled_projections=self.modules["text_2"](ids, attention_mask=self.causal).pooler_output,
            guidance=guidance * 1000,
        ).sample

    def few_levels(self) -> list[float]:
        scheduler = build_transformer_scheduler()
        scheduler.set_timesteps(sigmas=[1 - index / FEW_STEPS for index in range(FEW_STEPS)])
        return scheduler.sigmas.tolist()


BUILDERS = {"emoji-t2v": UNetTextVideo, "emoji-hy": TransformerTextVideo}


def noise_like_clips(count: int, device: str, seed: int | None = None) -> torch.Tensor:
    shape = (count, LATENT_CHANNELS, FRAMES, LATENT_SIZE, LATENT_SIZE)
    if seed is None:
        return torch.randn(shape, device=device)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device)
