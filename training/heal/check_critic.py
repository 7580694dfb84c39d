"""Checks the critic and the features on planted differences.

    python check_critic.py

Clips that stand still ("real") and clips of the same frames shuffled among clips ("fake") differ in time alone: the critic must
learn to tell them, and its gradient must reach the clip. Where both are drawn alike it must stay untrusted.
"""
from __future__ import annotations

import sys
import warnings
from pathlib import Path

import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "exports")]

from families import FAMILIES  # noqa: E402
from weights import randomise  # noqa: E402

from check_pruning import published  # noqa: E402
from critic import Backbone, Critic, Trust, critic_loss, new_noise_levels, told_apart  # noqa: E402
from features import Grid, icd  # noqa: E402
from noise import Noise  # noqa: E402

CLIPS, STEPS = 8, 70
FLOW = Noise({"_class_name": "FlowMatchEulerDiscreteScheduler"})


def denoise(model: torch.nn.Module, inputs: dict) -> torch.Tensor:
    return model(**inputs, return_dict=False)[0]


def still(count: int) -> torch.Tensor:
    return torch.randn(count, 4, 1, 8, 16).repeat(1, 1, 3, 1, 1)


def shuffled(clips: torch.Tensor) -> torch.Tensor:
    """Each frame of another clip: the same frames, no continuity."""
    return torch.stack([clips[:, :, frame].roll(frame, 0) for frame in range(clips.shape[2])], 2)


def accuracy_after(make_fake) -> tuple[Trust, float]:
    """The critic's trust after training, and the size of its gradient at a fake clip."""
    torch.manual_seed(1)
    teacher = published(randomise(FAMILIES["modelscope"].build())).requires_grad_(False)
    config = dict(teacher.config) | {"_class_name": "UNet3DConditionModel"}
    backbone, trust = Backbone(teacher, config, denoise), Trust()
    generator = torch.Generator().manual_seed(2)
    text = torch.randn(CLIPS, 5, 16)

    def look(clean: torch.Tensor, timestep: torch.Tensor, random: torch.Tensor) -> list[torch.Tensor]:
        inputs = {"sample": FLOW.noised(clean, random, timestep).float(), "timestep": timestep.float(), "encoder_hidden_states": text}
        return backbone.look(inputs, "sample", {})

    first = look(still(CLIPS), torch.full((CLIPS,), 500.0), still(CLIPS))
    assert [stage.shape[:3] for stage in first] == [(CLIPS, 3, width) for width in (8, 16, 24, 24)], "one feature a stage of the encoder"
    critic = Critic([stage.shape[2] for stage in first])
    optimizer = torch.optim.AdamW(critic.parameters(), lr=1e-2, betas=(0.0, 0.99))
    for _ in range(STEPS):
        real, fake = still(CLIPS), make_fake(still(CLIPS))
        timestep = FLOW.timestep(0.3 * new_noise_levels(CLIPS, generator))
        random = torch.randn(real.shape)
        judged = [critic(look(clean, timestep, random)) for clean in (real, fake, real + 0.1 * torch.randn_like(real))]
        optimizer.zero_grad()
        critic_loss(*judged).backward()
        optimizer.step()
        trust.update(told_apart(*judged[:2]).item())
    fake = make_fake(still(CLIPS)).requires_grad_()
    (-critic(look(fake, timestep, random)).mean()).backward()
    return trust, fake.grad.abs().max().item()


def check_grid() -> None:
    """Tokens land on their frame: a latent that differs in one frame changes the embedding of that frame alone."""
    teacher = published(randomise(FAMILIES["hunyuan"].build()))
    config = dict(teacher.config) | {"_class_name": "HunyuanVideoTransformer3DModel"}
    latent = torch.randn(2, 4, 3, 4, 6)
    other = latent.clone()
    other[:, :, 1, 2:, 4:] += 1
    grid = Grid(config, latent, {})
    with torch.no_grad():
        change = (grid.by_frame(teacher.x_embedder(latent)) - grid.by_frame(teacher.x_embedder(other))).abs().amax((0, 2))
    assert change.shape == (3, 2, 3) and (change > 0).nonzero().tolist() == [[1, 1, 2]], change


def check_icd() -> None:
    """Against the sum written out: the first frame is off by 1, the second by 2 in one of two clips."""
    config = {"_class_name": "UNet3DConditionModel"}
    teacher = torch.full((4, 3, 2, 2), 2.0)
    student = teacher.clone()
    student[0] += 1
    student[1] += 2
    grid = Grid(config, torch.zeros(2, 4, 2, 2, 2), {})
    raw = icd({"a": student}, {"b": teacher}, [("a", "b")], grid, normalised=False)["a"].item()
    share = icd({"a": student}, {"b": teacher}, [("a", "b")], grid, normalised=True)["a"].item()
    assert abs(raw - (1 + 4) / 4) < 1e-6 and abs(share - (1 + 4) / 4 / 4) < 1e-6, (raw, share)


def main() -> None:
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    check_icd()
    check_grid()
    apart, gradient = accuracy_after(shuffled)
    assert apart.counts and gradient > 0, f"accuracy {apart.accuracy}, gradient {gradient}"
    alike, _ = accuracy_after(lambda clips: clips)
    assert not alike.counts, f"accuracy {alike.accuracy} where there is nothing to tell"
    print(f"critic: {apart.accuracy:.2f} on clips without continuity, {alike.accuracy:.2f} on clips that are alike")


if __name__ == "__main__":
    main()
