"""Runs heal.py under FSDP on CPU processes (gloo), for its check only: Accelerate shards on accelerators alone, though PyTorch's
FSDP2 runs on CPUs. Here Accelerate is told that its CPU processes are such.

    accelerate launch --use_fsdp --fsdp_version 2 --num_processes 2 ... fsdp_on_cpus.py OPTIONS OF heal.py
"""
from __future__ import annotations

import torch
from accelerate.state import PartialState
from accelerate.utils import DistributedType

from heal import arguments, heal


def _as_accelerator(self: PartialState, *_: object, **__: object) -> tuple[str, DistributedType]:
    return "gloo", DistributedType.MULTI_GPU


def _cpu(self: PartialState) -> None:
    self.device = torch.device("cpu")


if __name__ == "__main__":
    torch.distributed.init_process_group("gloo")
    PartialState._prepare_backend = _as_accelerator
    PartialState.set_device = _cpu
    heal(arguments().parse_args())
