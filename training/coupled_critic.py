"""SF-V's second half for the coupled one-step model: a critic that sees frames and paths through time, on a teacher's frozen encoder.

The one step was learnt from clips themselves, and a robust error leaves the average where several clips would do. So it goes on with
that error and a critic, whose backbone is the same net trained on as a many-step model ({name}.backbone.pt), since features of noised
clips need a net that knows all noise levels.
"""
from __future__ import annotations

from pathlib import Path

import torch

from clip_pool import load_pool
from image_training import BATCH, CRITIC_WEIGHT, HUBER, REAL_NUDGE, REAL_PENALTY, coupling, fit_both, load_one_step
from image_video import PICTURE_NOISE, ImageVideo
from models import SIGMA_MAX, load_vae
from one_step_critic import Critic
from stepping import device_here, load_averaged

Conditions = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def train_coupled_with_critic(runs: Path, name: str, seconds: float) -> None:
    """Writes {name}.critic.pt, the net alone, from {name}.coupled.pt on."""
    device = device_here()
    pool, vae = load_pool(runs, "trained", device), load_vae(runs / "vae.pt", device)
    pictures = pool.first_frames(device)
    model = load_one_step(runs, name, device, "coupled")
    model.modules["net"].requires_grad_(True).train()
    teacher = ImageVideo(device)
    load_averaged(runs / f"{name}.backbone.pt", teacher.modules, device)
    torch.manual_seed(1)
    critic, couple = Critic(teacher).to(device), coupling(device)
    batch = BATCH[device]
    largest = torch.full((batch,), SIGMA_MAX, device=device)
    strength = torch.full((batch,), PICTURE_NOISE, device=device)
    begin = (SIGMA_MAX**2 + 1) ** 0.5

    def conditions(of: ImageVideo, pick: torch.Tensor) -> Conditions:
        picture = pictures[pick].float() / 127.5 - 1
        return of.encode_pictures(vae, picture, strength), of.embed(picture), of.time_ids(strength)

    def made(pick: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        clean = pool.latents[pick].float().transpose(1, 2)
        noise = couple(torch.randn_like(clean), pool.labels[pick, 1])
        clip = model.denoised(noise * begin, largest, *conditions(model, pick))
        return clip, (((clip - clean) ** 2 + HUBER**2).sqrt() - HUBER).mean()

    def drawn() -> torch.Tensor:
        return torch.randint(len(pool), (batch,), device=device)

    def noised(clips: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        sigma = torch.exp(torch.randn(batch, device=device) - 0.5)
        return clips + sigma.view(-1, 1, 1, 1, 1) * torch.randn_like(clips), sigma

    def critic_loss() -> torch.Tensor:
        critic.requires_grad_(True)
        with torch.autocast(device, torch.bfloat16):
            with torch.no_grad():
                pick = drawn()
                clip, _ = made(pick)
                given, others = conditions(teacher, pick), drawn()
                given_real = conditions(teacher, others)
            real, sigma = noised(pool.latents[others].float().transpose(1, 2))
            on_real = critic(real, sigma, given_real)
            nudged = critic(real + REAL_NUDGE * torch.randn_like(real), sigma, given_real)
            on_made = critic(*noised(clip), given)
        penalty = ((on_real - nudged).float() ** 2).mean() / REAL_NUDGE**2
        return (1 - on_real.float()).relu().mean() + (1 + on_made.float()).relu().mean() + REAL_PENALTY * penalty

    def student_loss() -> torch.Tensor:
        critic.requires_grad_(False)
        with torch.autocast(device, torch.bfloat16):
            pick = drawn()
            clip, error = made(pick)
            return error - CRITIC_WEIGHT * critic(*noised(clip), conditions(teacher, pick)).float().mean()

    fit_both(runs / f"{name}.critic.pt", model.modules["net"], critic, student_loss, critic_loss, seconds, batch, device)
