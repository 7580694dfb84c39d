"""One training function on one GPU, or on a few CPU processes that average their gradients."""
from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.multiprocessing as processes


@dataclass(frozen=True)
class Worker:
    rank: int
    count: int
    device: str

    def agree(self, value: float) -> float:
        """The first worker's value, for all (clocks differ, loops must not)."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        dist.broadcast(shared, 0)
        return shared.item()

    def wait_for_all(self) -> None:
        if self.count > 1:
            dist.barrier()

    def average_gradients(self, parameters: list[torch.nn.Parameter]) -> None:
        """In bf16: half the bytes, and the sum is taken in fp32."""
        if self.count == 1:
            return
        present = [parameter for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([parameter.grad.flatten() for parameter in present]).to(torch.bfloat16)
        everyones = [torch.empty_like(flat) for _ in range(self.count)]
        dist.all_gather(everyones, flat)
        mean = torch.stack([one.float() for one in everyones]).mean(0)
        for parameter, part in zip(present, mean.split([parameter.numel() for parameter in present]), strict=True):
            parameter.grad.copy_(part.view_as(parameter))


class Budget:
    """How much of a stage is done, by time and clips, earlier runs counted in."""

    def __init__(self, worker: Worker, seconds: float, clips: float = float("inf"), used: float = 0.0) -> None:
        self.worker, self.seconds, self.clips, self.before = worker, seconds, clips, used
        self.start = time.time()

    @property
    def used(self) -> float:
        """Seconds."""
        return self.before + time.time() - self.start

    def done(self, clips: int) -> float:
        """0..1, the same on every worker."""
        return self.worker.agree(min(1.0, max(self.used / self.seconds, clips / self.clips)))


def run(function: Callable[..., None], *args: object, count: int = 2) -> None:
    """Calls function(worker, *args) on the GPU where there is one, else on `count` processes of one thread each."""
    if torch.cuda.is_available():
        function(Worker(0, 1, "cuda"), *args)
    elif count == 1:
        torch.set_num_threads(1)
        function(Worker(0, 1, "cpu"), *args)
    else:
        with tempfile.TemporaryDirectory() as folder:
            processes.spawn(_work, (count, f"file://{folder}/meet", function, args), nprocs=count)


def _work(rank: int, count: int, meet: str, function: Callable[..., None], args: tuple) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meet, rank=rank, world_size=count)
    try:
        function(Worker(rank, count, "cpu"), *args)
    finally:
        dist.destroy_process_group()
