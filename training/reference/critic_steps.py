"""Three steps of the critic of training/heal in PyTorch, and the gradient of -D by the clip, on a backbone of two convolutions.

    python critic_steps.py > ../../src/passes/training/fixtures/critic-steps.json

The studio's critic graphs are tested against these numbers. All weights and clips are sines, so that both sides can write them down.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parent.parent / "heal"))

from critic import NUDGE_WEIGHT, Critic  # noqa: E402

CLIPS, FRAMES, SIZE, STEPS, RATE = 2, 3, 4, 3, 1e-2
EPSILON = 1e-2  # so that gradients of next to nothing do not become steps by their sign


def sines(length: int, phase: float, scale: float) -> torch.Tensor:
    return torch.sin(torch.arange(length, dtype=torch.float64) * 0.731 + phase).mul(scale).float()


def stages(clips: torch.Tensor) -> list[torch.Tensor]:
    """Two convolutions over frames: features [clips, frames, channels, height, width]."""
    count = clips.shape[0]
    frames = clips.transpose(1, 2).flatten(0, 1)
    first = torch.tanh(F.conv2d(frames, sines(8 * 4 * 9, 0.1, 0.3).view(8, 4, 3, 3), padding=1))
    second = torch.tanh(F.conv2d(first, sines(16 * 8 * 9, 0.2, 0.2).view(16, 8, 3, 3), padding=1, stride=2))
    return [one.unflatten(0, (count, FRAMES)) for one in (first, second)]


def main() -> None:
    critic = Critic([8, 16])
    weights = dict(critic.named_parameters())
    for name, weight in weights.items():
        norm = ".layers.1." in name
        fan_in = 1 if norm else critic.get_parameter(name.replace("bias", "weight"))[0].numel()
        with torch.no_grad():
            weight.copy_((norm * name.endswith("weight") + sines(weight.numel(), len(name), fan_in**-0.5)).view_as(weight))
    optimiser = torch.optim.AdamW(weights.values(), lr=RATE, betas=(0.0, 0.99), eps=EPSILON, weight_decay=0.0)
    clips = sines(3 * CLIPS * 4 * FRAMES * SIZE * SIZE, 0.5, 1.0).view(3 * CLIPS, 4, FRAMES, SIZE, SIZE)
    steps = []
    for _ in range(STEPS):
        judged = critic(stages(clips))
        real, fake, nudged = judged.chunk(3)
        hinge, nudge = F.relu(1 - real).mean() + F.relu(1 + fake).mean(), (nudged - real).square().mean()
        optimiser.zero_grad()
        (hinge + NUDGE_WEIGHT * nudge).backward()
        norm = torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        steps.append({"judged": judged.flatten().tolist(), "hinge": hinge.item(), "nudge": nudge.item(), "gradientNorm": norm.item()})
        optimiser.step()
    fake = clips[:CLIPS].clone().requires_grad_()
    (-critic(stages(fake)).mean()).backward()
    sums = {name: [weight.sum().item(), weight.square().sum().item()] for name, weight in weights.items()}
    print(json.dumps({"steps": steps, "sums": sums, "gradient": fake.grad.flatten().tolist()}))


if __name__ == "__main__":
    main()
