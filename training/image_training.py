"""Trains the image-to-video model as Stable Video Diffusion is (EDM's v-prediction), then one step of it as SF-V is."""
from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from checkpoint import save
from clip_pool import load_pool
from one_step_critic import Conditions, Critic, hinge, renoised
from emoji_clips import MOTIONS
from image_start import load_start
from image_video import PICTURE_NOISE, ImageVideo, image_noise
from models import SIGMA_MAX, load_vae
from stepping import Optimizer, captured, device_here, falling, fit, load_averaged

BATCH = {"cpu": 8, "cuda": 96}
FLOW_RATE, STUDENT_RATE, CRITIC_RATE = 1.5e-3, 3e-4, 3e-4
WITHOUT_PICTURE = 0.1  # share without the embedding; likewise, by itself, without the latent
MADE_AT_ONCE = {"cpu": 8, "cuda": 512}
TEACHER_STEPS = 24
FIRST_OF_TWO, SECOND_OF_TWO = ("rises", "falls"), ("bounces", "circles")  # begin in the same place
COUPLED_RATE = {"cpu": 1e-3, "cuda": 1e-3}
CRITIC_WEIGHT = 0.05
HUBER = 0.03


def train_image_flow(runs: Path, name: str, seconds: float, begin: str | None = None, result: str = "flow") -> None:
    """Writes {name}.{result}.pt; begins from {name}.{begin}.pt where one is given."""
    device = device_here()
    pool, vae = load_pool(runs, "trained", device), load_vae(runs / "vae.pt", device)
    pictures = pool.first_frames(device)
    torch.manual_seed(0)
    model = ImageVideo(device)
    if begin is not None:
        load_averaged(runs / f"{name}.{begin}.pt", model.modules, device)
    for module in model.modules.values():
        module.requires_grad_(True).train()
    batch = BATCH[device]

    def loss() -> torch.Tensor:
        pick = torch.randint(len(pool), (batch,), device=device)
        clean = pool.latents[pick].float().transpose(1, 2)
        picture = pictures[pick].float() / 127.5 - 1
        strength = torch.where(torch.rand(batch, device=device) < 0.5, PICTURE_NOISE, torch.exp(0.5 * torch.randn(batch, device=device) - 3))
        sigma = _sigmas(batch, device)
        spread, noise = sigma.view(-1, 1, 1, 1, 1), torch.randn_like(clean)
        scale = (spread**2 + 1).rsqrt()
        with torch.autocast(device, torch.bfloat16):
            beside = model.encode_pictures(vae, picture, strength) * _kept(batch, device).view(-1, 1, 1, 1)
            embedding = model.embed(picture) * _kept(batch, device).view(-1, 1, 1)
            v = model.output((clean + spread * noise) * scale, sigma, beside, embedding, model.time_ids(strength))
        return F.mse_loss(v.float(), scale * (noise - spread * clean))

    fit(runs / f"{name}.{result}.pt", model.modules, loss, seconds=seconds, rate=FLOW_RATE, batch=batch, device=device, schedule=falling)


def _sigmas(count: int, device: str) -> torch.Tensor:
    """Half log-normal, half evenly up to the largest, where the motion is chosen."""
    low = torch.exp(1.2 * torch.randn(count, device=device))
    high = torch.exp(torch.rand(count, device=device) * math.log(SIGMA_MAX))
    return torch.where(torch.rand(count, device=device) < 0.5, low, high).clamp(0.002, SIGMA_MAX)


def _kept(count: int, device: str) -> torch.Tensor:
    return (torch.rand(count, device=device) >= WITHOUT_PICTURE).float()


def make_endpoints(runs: Path, name: str, count: int, seconds: float) -> None:
    """The teacher's clip for each of `count` pictures and starting noises, in parts: {name}.endpoints.*.pt. Stops early
    when `seconds` are used up, but never before one part is made."""
    device = device_here()
    pool, vae = load_pool(runs, "trained", device), load_vae(runs / "vae.pt", device)
    pictures = pool.first_frames(device)
    model = load_image_flow(runs, name, device)
    at_once = min(count, MADE_AT_ONCE[device])
    began = time.time()
    for part in range(-(-count // at_once)):
        path = runs / f"{name}.endpoints.{part}.pt"
        if path.exists():
            continue
        if part > 0 and time.time() - began > seconds:
            break
        torch.manual_seed(60_000 + part)
        pick = torch.randint(len(pool), (at_once,), device=device)
        noise = image_noise(at_once, device)
        clips = model.sample(vae, pictures[pick].float() / 127.5 - 1, noise, TEACHER_STEPS)
        save(path, {"pick": pick.cpu(), "noise": noise.half().cpu(), "clips": clips.half().cpu()})
        print(f"{name} endpoints {(part + 1) * at_once} {time.time() - began:.0f} s", flush=True)


def train_one_step(runs: Path, name: str, seconds: float) -> None:
    """Writes {name}.regression.pt, the teacher's clip from its noise in one step, then {name}.steps.pt, the same with the
    critic. Half of the time each; both begin where they were cut."""
    device = device_here()
    pool, vae = load_pool(runs, "trained", device), load_vae(runs / "vae.pt", device)
    pictures = pool.first_frames(device)
    parts = [torch.load(path, map_location=device) for path in sorted(runs.glob(f"{name}.endpoints.*.pt"))]
    picks, noises, targets = (torch.cat([part[key] for part in parts]) for key in ("pick", "noise", "clips"))
    batch = BATCH[device]
    largest = torch.full((batch,), SIGMA_MAX, device=device)
    strength = torch.full((batch,), PICTURE_NOISE, device=device)
    begin = (SIGMA_MAX**2 + 1) ** 0.5

    def conditions(model: ImageVideo, pick: torch.Tensor) -> Conditions:
        picture = pictures[pick].float() / 127.5 - 1
        return model.encode_pictures(vae, picture, strength), model.embed(picture), model.time_ids(strength)

    def regression(model: ImageVideo) -> tuple[torch.Tensor, torch.Tensor, tuple]:
        pick = torch.randint(len(picks), (batch,), device=device)
        given = conditions(model, picks[pick])
        made = model.denoised(noises[pick].float() * begin, largest, *given)
        error = made - targets[pick].float()
        return ((error**2 + HUBER**2).sqrt() - HUBER).mean(), made, given

    student = load_image_flow(runs, name, device)
    student.modules["net"].requires_grad_(True).train()

    def plain() -> torch.Tensor:
        with torch.autocast(device, torch.bfloat16):
            return regression(student)[0]

    fit(runs / f"{name}.regression.pt", {"net": student.modules["net"]}, plain, seconds=seconds / 2, rate=STUDENT_RATE * 2, batch=batch, device=device, decay=0.99, warm_up=50)
    del student
    model = load_image_flow(runs, name, device)
    load_averaged(runs / f"{name}.regression.pt", {"net": model.modules["net"]}, device)
    model.modules["net"].requires_grad_(True).train()
    teacher = load_image_flow(runs, name, device)
    torch.manual_seed(1)
    critic = Critic(teacher).to(device)

    def critic_loss() -> torch.Tensor:
        critic.requires_grad_(True)
        with torch.autocast(device, torch.bfloat16):
            with torch.no_grad():
                _, made, given = regression(model)
            pick = torch.randint(len(pool), (batch,), device=device)
            real = pool.latents[pick].float().transpose(1, 2)
            return hinge(critic, real, conditions(model, pick), made, given)

    def student_loss() -> torch.Tensor:
        critic.requires_grad_(False)
        with torch.autocast(device, torch.bfloat16):
            value, made, given = regression(model)
            return value - CRITIC_WEIGHT * critic(*renoised(made), given).float().mean()

    fit_both(runs / f"{name}.steps.pt", model.modules["net"], critic, student_loss, critic_loss, seconds / 2, batch, device)


def train_coupled(runs: Path, name: str, seconds: float, rate: float | None = None) -> None:
    """Writes {name}.coupled.pt: one step learnt from the clips themselves, from {name}.start.pt on.

    A first frame leaves two motions open at most, and a plain regression would show both. So the noise chooses: it is
    turned over where its sign (`chooses_second`) does not say which of the two the clip has. Half of the clips have
    either, so the noise stays normal.
    """
    device = device_here()
    pool, vae = load_pool(runs, "trained", device), load_vae(runs / "vae.pt", device)
    pictures = pool.first_frames(device)
    model = ImageVideo(device)
    load_start(runs, name, model)
    for module in model.modules.values():
        module.requires_grad_(True).train()
    batch = BATCH[device]
    largest = torch.full((batch,), SIGMA_MAX, device=device)
    strength = torch.full((batch,), PICTURE_NOISE, device=device)
    begin = (SIGMA_MAX**2 + 1) ** 0.5
    couple = coupling(device)

    def loss() -> torch.Tensor:
        pick = torch.randint(len(pool), (batch,), device=device)
        clean = pool.latents[pick].float().transpose(1, 2)
        noise = couple(torch.randn_like(clean), pool.labels[pick, 1])
        picture = pictures[pick].float() / 127.5 - 1
        with torch.autocast(device, torch.bfloat16):
            given = model.encode_pictures(vae, picture, strength), model.embed(picture), model.time_ids(strength)
            made = model.denoised(noise * begin, largest, *given)
        error = made - clean
        return ((error**2 + HUBER**2).sqrt() - HUBER).mean()

    fit(runs / f"{name}.coupled.pt", model.modules, loss, seconds=seconds, rate=rate or COUPLED_RATE[device], batch=batch, device=device, decay=0.99, warm_up=30)


def chooses_second(noise: torch.Tensor) -> torch.Tensor:
    """[batch]: of two motions that begin alike, the second is shown where the noise's first channel sums to more than 0."""
    return noise[:, :, 0].sum((1, 2, 3)) > 0


def coupling(device: str) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Turns `noise` over where it does not choose the `motion` [batch] of its clip."""
    open_second = torch.tensor([motion in SECOND_OF_TWO for motion in MOTIONS], device=device)
    open_first = torch.tensor([motion in FIRST_OF_TWO for motion in MOTIONS], device=device)

    def couple(noise: torch.Tensor, motion: torch.Tensor) -> torch.Tensor:
        second = chooses_second(noise)
        wrong = (open_second[motion] & ~second) | (open_first[motion] & second)
        return torch.where(wrong.view(-1, 1, 1, 1, 1), -noise, noise)

    return couple


def fit_both(path: Path, student: nn.Module, critic: Critic, student_loss, critic_loss, seconds: float, batch: int, device: str) -> None:
    """Student and critic in turn; one checkpoint for both."""
    ours, theirs = Optimizer({"net": student}, 0.99, device), Optimizer({"critic": critic}, 0.99, device)
    number, used = 0, 0.0
    if path.exists():
        state = torch.load(path, map_location=device)
        ours.load(state)
        theirs.load(state["critic"])
        number, used = state["step"], state["used"]
    if used >= seconds:
        return
    shown: list[float] = []

    def stepping(optimizer: Optimizer, loss):
        def step() -> torch.Tensor:
            value = loss()
            optimizer.step(value)
            return value.detach()
        return captured(step, device)

    def keep() -> None:
        save(path, ours.state() | {"critic": theirs.state(), "step": number, "clips": number * batch, "used": used + time.time() - start})

    start = saved = told = time.time()
    ours.set_rate(STUDENT_RATE / 50)
    theirs.set_rate(CRITIC_RATE / 50)
    judge, improve = stepping(theirs, critic_loss), stepping(ours, student_loss)
    while (done := (used + time.time() - start) / seconds) < 1:
        warm = min(1, (number + 1) / 50) * falling(done)
        theirs.set_rate(CRITIC_RATE * warm)
        ours.set_rate(STUDENT_RATE * warm if number >= 50 else 0.0)  # the critic first learns to tell
        values = judge(), improve()
        number += 1
        if number % 4 == 0:
            ours.update_average(number)
        if number % 25 == 0:
            shown = [value.item() for value in values]
            if time.time() - told > 10:
                told = time.time()
                print(f"{path.stem} step {number} {used + told - start:.0f} s critic {shown[0]:.3f} student {shown[1]:.4f}", flush=True)
            if time.time() - saved > 45:
                keep()
                saved = time.time()
    keep()
    print(f"{path.stem} ends at step {number}, {seconds:.0f} s, critic and student {shown}", flush=True)


def load_image_flow(runs: Path, name: str, device: str) -> ImageVideo:
    model = ImageVideo(device)
    load_averaged(runs / f"{name}.flow.pt", model.modules, device)
    return model


def load_one_step(runs: Path, name: str, device: str, which: str = "steps") -> ImageVideo:
    """`which`: "regression", "steps" (the net of the many-step model trained on), "coupled" (all of it) or "critic" (its net)."""
    if which in ("coupled", "critic"):
        model = ImageVideo(device)
        load_averaged(runs / f"{name}.coupled.pt", model.modules, device)
        if which == "critic":
            load_averaged(runs / f"{name}.critic.pt", {"net": model.modules["net"]}, device)
        return model
    model = load_image_flow(runs, name, device)
    load_averaged(runs / f"{name}.{which}.pt", {"net": model.modules["net"]}, device)
    return model
