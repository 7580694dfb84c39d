"""SF-V's second half for the coupled one-step model: a critic that sees frames and paths through time, on a teacher's frozen encoder.

The one step was learnt from clips themselves, and a robust error leaves the average where several clips would do. So it goes on with
that error and a critic, whose backbone is the same net trained on as a many-step model ({name}.backbone.pt), since features of noised
clips need a net that knows all noise levels.
"""
from __future__ import annotations

from pathlib import Path

import torch

from clip_pool import load_pool
from image_training import BATCH, CRITIC_WEIGHT, HUBER, coupling, fit_both, load_one_step
from image_video import PICTURE_NOISE, ImageVideo
from models import SIGMA_MAX, load_vae
from one_step_critic import Conditions, Critic, hinge, renoised
from stepping import device_here, load_averaged


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

    def critic_loss() -> torch.Tensor:
        critic.requires_grad_(True)
        with torch.autocast(device, torch.bfloat16):
            with torch.no_grad():
                pick = drawn()
                clip, _ = made(pick)
                given, others = conditions(teacher, pick), drawn()
                given_real = conditions(teacher, others)
            real = pool.latents[others].float().transpose(1, 2)
            return hinge(critic, real, given_real, clip, given)

    def student_loss() -> torch.Tensor:
        critic.requires_grad_(False)
        with torch.autocast(device, torch.bfloat16):
            pick = drawn()
            clip, error = made(pick)
            return error - CRITIC_WEIGHT * critic(*renoised(clip), conditions(teacher, pick)).float().mean()

    fit_both(runs / f"{name}.critic.pt", model.modules["net"], critic, student_loss, critic_loss, seconds, batch, device)
