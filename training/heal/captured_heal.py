"""One student that heals on a GPU: its step and its critic's as CUDA graphs on a stream of their own, so that several heal side by side.

The losses, the critic and the recipe (rates, warm-up, averages, the critic's pace) are the studio's; `heal.py` is the same for models
of any size. On the CPU the steps are called as they are.
"""
from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from critic import CLEAN_SIGMA, NUDGE, Backbone, Critic, critic_loss, told_apart
from features import Features, Grid, icd
from heal import channel_axis, denoise, rate_at
from layout import Layout
from taught import States, Taught

AVERAGE = 0.99
CRITIC_RATE = 1e-3
TRUSTED, MEMORY = 0.65, 0.9  # share of clips told rightly before the critic's gradient counts; of its running mean
UPDATES_BEFORE = 4  # of the critic in a step, until it counts
LOOK_EVERY = 5  # steps between two looks at whether it counts
WARM_UP = 2  # steps before a capture


@dataclass(frozen=True)
class Way:
    """Weights of the losses beside the output's, and where the student begins."""

    icd: float = 0.0
    mca: float = 0.0
    from_scratch: bool = False


WAYS = {"output": Way(), "icd": Way(icd=0.1), "mca": Way(mca=1.0), "both": Way(icd=0.1, mca=1.0), "scratch": Way(from_scratch=True)}
WAYS |= {f"{name}-{weight:g}": Way(WAYS[name].icd, weight) for weight in (0.1, 0.01) for name in ("mca", "both")}  # MCA at less than the paper's weight


def captured(step: Callable[[], None], stream: torch.cuda.Stream | None, generator: torch.Generator) -> Callable[[], None]:
    """`step` as a graph's replay on `stream`."""
    if stream is None:
        return step
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            step()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(generator)
    with torch.cuda.graph(graph, stream=stream):
        step()
    return graph.replay


class CapturedHeal:
    """`student` heals on `states`; `average` are the weights that count."""

    def __init__(self, taught: Taught, student: nn.Module, layout: Layout, states: States, way: Way, seed: int, rate: float, batch: int, steps: int) -> None:
        self.taught, self.student, self.states, self.way = taught, student, states, way
        self.full_rate, self.batch, self.steps = rate, batch, steps
        device = taught.device
        self.stream = torch.cuda.Stream() if device == "cuda" else None
        self.generator = torch.Generator(device).manual_seed(seed)
        self.pairs = [(tap.student, tap.teacher) for tap in layout.taps]
        self.ours, self.theirs = Features(student, {a for a, _ in self.pairs}), Features(taught.net, {b for _, b in self.pairs})
        self.ours.listening = self.theirs.listening = False
        self.parameters = [value for value in student.parameters() if value.requires_grad]
        self.average = [value.detach().clone() for value in self.parameters]
        self.rate = torch.zeros((), device=device)
        self.adam = torch.optim.AdamW(self.parameters, lr=self.rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True, capturable=device == "cuda")
        self.accuracy = torch.full((), 0.5, device=device)
        self.counts, self.done = False, 0
        inputs, target = self._rows()
        self.axis = channel_axis(taught.config, inputs[taught.latent])
        if way.mca > 0:
            self.backbone = Backbone(taught.net, taught.config, denoise)
            with torch.no_grad():
                stages = self.backbone.look(inputs, taught.latent, {})
            torch.manual_seed(0)
            self.critic = Critic([stage.shape[2] for stage in stages]).to(device)
            self.critic_rate = torch.tensor(CRITIC_RATE, device=device)
            self.critic_adam = torch.optim.AdamW(self.critic.parameters(), lr=self.critic_rate, betas=(0.0, 0.99), weight_decay=0.0, fused=True, capturable=device == "cuda")
            self.real, self.fake = torch.zeros_like(target), torch.zeros_like(target)
            self.seen = {name: value.clone() for name, value in inputs.items()}
        self._learn = captured(self._student_step, self.stream, self.generator)
        self._judge = captured(self._critic_step, self.stream, self.generator) if way.mca > 0 else None
        with torch.no_grad():  # what warmed up begins again
            self.accuracy.fill_(0.5)

    def _rows(self) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        pick = torch.randint(len(self.states.clip), (self.batch,), generator=self.generator, device=self.taught.device)
        return self.states.rows(pick, self.taught.latent)

    def _student_step(self) -> None:
        taught, way = self.taught, self.way
        inputs, target = self._rows()
        theirs: dict[str, torch.Tensor] = {}
        if way.icd > 0:
            self.theirs.listening = True
            with torch.no_grad():
                denoise(taught.net, inputs)
            theirs, self.theirs.listening = self.theirs.take(), False
        self.ours.listening = way.icd > 0
        output = denoise(self.student, inputs).float()
        self.ours.listening = False
        loss = F.mse_loss(output, target)
        if way.icd > 0:
            grid = Grid(taught.config, inputs[taught.latent], {})
            loss = loss + way.icd * sum(icd(self.ours.take(), theirs, self.pairs, grid, False).values())
        if way.mca > 0:
            state = inputs[taught.latent].narrow(self.axis, 0, output.shape[self.axis])
            real, fake = (taught.noise.clean(state, one, inputs["timestep"]) for one in (target, output))
            self.critic.requires_grad_(False)
            logits = self._judged(fake, inputs, *self._fresh(fake))
            self.critic.requires_grad_(True)
            loss = loss + way.mca * (self.accuracy > TRUSTED) * -logits.mean()
            with torch.no_grad():
                self.real.copy_(real)
                self.fake.copy_(fake)
                for name, value in inputs.items():
                    self.seen[name].copy_(value)
        self.adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.adam.step()

    def _critic_step(self) -> None:
        timestep, noise = self._fresh(self.real)
        nudge = torch.randn(self.real.shape, generator=self.generator, device=self.real.device)
        judged = [self._judged(clean, self.seen, timestep, noise) for clean in (self.real, self.fake, self.real + NUDGE * nudge)]
        self.critic_adam.zero_grad()
        critic_loss(*judged).backward()
        nn.utils.clip_grad_norm_(self.critic.parameters(), 1.0)
        self.critic_adam.step()
        with torch.no_grad():
            self.accuracy.mul_(MEMORY).add_((1 - MEMORY) * told_apart(*judged[:2]))

    def _fresh(self, clean: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Timesteps [clips] of log-normal noise levels, and noise."""
        mean, deviation = CLEAN_SIGMA
        sigma = (mean + deviation * torch.randn(len(clean), generator=self.generator, device=clean.device)).exp()
        noise = torch.randn(clean.shape, generator=self.generator, device=clean.device)
        return self.taught.noise.timestep(sigma / (1 + sigma)).float(), noise

    def _judged(self, clean: torch.Tensor, inputs: dict[str, torch.Tensor], timestep: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        latent = self.taught.latent
        state, whole = self.taught.noise.noised(clean, noise, timestep), inputs[latent]
        extra = whole.narrow(self.axis, clean.shape[self.axis], whole.shape[self.axis] - clean.shape[self.axis])
        return self.critic(self.backbone.look(inputs | {latent: torch.cat([state, extra], self.axis), "timestep": timestep}, latent, {}))

    def step(self) -> None:
        """One step of the student, and the critic's; returns before a GPU has done it."""
        with torch.cuda.stream(self.stream) if self.stream else nullcontext():
            self.rate.fill_(self.full_rate * rate_at(self.done, self.steps))
            self._learn()
            if self._judge:
                for _ in range(1 if self.counts else UPDATES_BEFORE):
                    self._judge()
            self.done += 1
            decay = min(AVERAGE, (1 + self.done) / (10 + self.done))
            torch._foreach_lerp_(self.average, [value.detach() for value in self.parameters], 1 - decay)
            if self._judge and self.done % LOOK_EVERY == 0:
                self.counts = bool(self.accuracy > TRUSTED)

    @torch.no_grad()
    def swap(self) -> None:
        """Averaged weights into the student, and its own to where they were."""
        self.wait()
        for mean, value in zip(self.average, self.parameters, strict=True):
            kept = value.detach().clone()
            value.copy_(mean)
            mean.copy_(kept)
        if self.stream:
            torch.cuda.current_stream().synchronize()

    def wait(self) -> None:
        """Until all steps are done."""
        if self.stream:
            self.stream.synchronize()

    def end(self) -> None:
        """Takes its hooks away."""
        for features in (self.ours, self.theirs, *([self.backbone.features] if self.way.mca > 0 else [])):
            features.remove()
