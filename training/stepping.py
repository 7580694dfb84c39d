"""Training steps that leave nothing to the host: one step is captured as a CUDA graph and replayed; on the CPU it is called.

It knows nothing of any model. A step must keep all of its tensors on the device, draw its own random numbers there and
never ask for a value. Where a capture fails, the process begins itself again without captures.
"""
from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from checkpoint import save

EAGER = "TRAINING_EAGER"  # environment: no captures
WARM_UP = 3  # eager steps before a capture; they train like others
SAVE_EVERY = 45.0  # seconds
AVERAGE_EVERY = 4  # steps
LOOK_EVERY = 25  # steps between two looks at the clock and the loss


def device_here() -> str:
    """The GPU where there is one; sets what makes it quick."""
    if not torch.cuda.is_available():
        return "cpu"
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    return "cuda"


def captured(step: Callable[[], torch.Tensor], device: str) -> Callable[[], torch.Tensor]:
    """`step` as a graph's replay; the tensor that it returns is the same one each time."""
    if device == "cpu" or os.environ.get(EAGER):
        return step
    try:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = step()
    except RuntimeError as error:
        print(f"no capture, going on without: {error}", flush=True)
        os.environ[EAGER] = "1"
        os.execv(sys.executable, [sys.executable, *sys.argv])

    def replay() -> torch.Tensor:
        graph.replay()
        return result

    return replay


class Optimizer:
    """AdamW with gradients clipped at 1 and averaged weights; the rate lives on the device, so that a graph reads it."""

    def __init__(self, modules: dict[str, nn.Module], decay: float, device: str) -> None:
        self.modules = modules
        self.named = {f"{part}.{name}": value for part, module in modules.items() for name, value in module.named_parameters() if value.requires_grad}
        self.rate = torch.tensor(0.0, device=device) if device == "cuda" else 0.0
        self.adam = torch.optim.AdamW(self.named.values(), lr=self.rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True, capturable=device == "cuda")
        self.decay = decay
        self.average = {name: value.detach().clone() for name, value in self.named.items()}

    def set_rate(self, rate: float) -> None:
        for group in self.adam.param_groups:
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def step(self, loss: torch.Tensor) -> None:
        self.adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(list(self.named.values()), 1.0)
        self.adam.step()

    @torch.no_grad()
    def update_average(self, step: int) -> None:
        decay = min(self.decay, (step + 1) / (step + 10)) ** AVERAGE_EVERY
        torch._foreach_lerp_(list(self.average.values()), [value.detach() for value in self.named.values()], 1 - decay)

    def state(self) -> dict:
        return {"weights": {name: value.detach() for name, value in self.named.items()}, "ema": self.average, "opt": self.adam.state_dict()}

    @torch.no_grad()
    def load(self, state: dict) -> None:
        for name, value in self.named.items():
            value.copy_(state["weights"][name])
            self.average[name].copy_(state["ema"][name])
        rates = [group["lr"] for group in self.adam.param_groups]
        self.adam.load_state_dict(state["opt"])
        for group, rate in zip(self.adam.param_groups, rates, strict=True):
            group["lr"] = rate


def falling(done: float) -> float:
    """Share of the rate: linear to a hundredth."""
    return max(0.01, 1 - done)


def falling_late(done: float) -> float:
    """Share of the rate: whole in the first half, then linear to a hundredth."""
    return max(0.01, min(1.0, 2 * (1 - done)))


def fit(
    path: Path,
    modules: dict[str, nn.Module],
    loss: Callable[[], torch.Tensor],
    *,
    seconds: float,
    rate: float,
    batch: int,
    device: str,
    decay: float = 0.998,
    warm_up: int = 100,
    schedule: Callable[[float], float] = falling,
) -> None:
    """Trains `modules` on `loss` until `seconds` are used up, earlier runs counted in; on the CPU these are of processor
    time, all threads together. `path` is checkpoint and result in one."""
    clock = time.process_time if device == "cpu" else time.time
    optimizer = Optimizer(modules, decay, device)
    number, used = 0, 0.0
    if path.exists():
        state = torch.load(path, map_location=device)
        number, used = state["step"], state["used"]
        if used >= seconds:
            return
        optimizer.load(state)
    torch.manual_seed(1000 + number)

    def step() -> torch.Tensor:
        value = loss()
        optimizer.step(value)
        return value.detach()

    def keep() -> None:
        save(path, optimizer.state() | {"step": number, "clips": number * batch, "used": used + clock() - start})

    start, saved = clock(), time.time()
    optimizer.set_rate(rate / warm_up)
    run = captured(step, device)
    value, told = None, saved
    while True:
        done = (used + clock() - start) / seconds
        if done >= 1:
            break
        optimizer.set_rate(rate * min(1, (number + 1) / warm_up) * schedule(done))
        value = run()
        number += 1
        if number % AVERAGE_EVERY == 0:
            optimizer.update_average(number)
        if number % LOOK_EVERY == 0:
            shown = value.item()
            if time.time() - told > 10:
                told = time.time()
                print(f"{path.stem} step {number} clips {number * batch} {used + clock() - start:.0f} s loss {shown:.4f}", flush=True)
            if time.time() - saved > SAVE_EVERY:
                keep()
                saved = time.time()
    keep()
    print(f"{path.stem} ends at step {number}, clips {number * batch}, {seconds:.0f} s, loss {value.item() if value is not None else float('nan'):.4f}", flush=True)


def load_averaged(path: Path, modules: dict[str, nn.Module], device: str = "cpu") -> dict:
    """Puts a checkpoint's averaged weights into `modules`, frozen and in evaluation mode; returns its counters."""
    state = torch.load(path, map_location=device)
    for part, module in modules.items():
        averaged = {name.removeprefix(f"{part}."): value for name, value in state["ema"].items() if name.startswith(f"{part}.")}
        if averaged:
            module.load_state_dict(module.state_dict() | averaged)
        module.to(device).eval().requires_grad_(False)
    return {key: state[key] for key in ("step", "clips", "used")}
