"""Checks heal.py on tiny teachers with random weights, through `accelerate launch` as a person runs it.

    python check_healing.py [unet] [transformer] [resume] [processes] [sharded] [--export healed.onnx]

unet, transformer: error falls on held-out clips, the healed folder loads with from_pretrained and gives that error.
resume: cut after half of the steps and gone on with, every weight of the result is bit-equal to an uninterrupted run's.
processes: two processes (gloo) heal as well. sharded: the same under FSDP2. --export: the healed transformer as ONNX, by the snippet
of ../exports/README.md, with the healed folder's output.
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import torch
from safetensors.torch import load_file

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "exports")]

from families import FAMILIES  # noqa: E402
from weights import randomise  # noqa: E402

from check_onnx import export, from_onnx  # noqa: E402
from check_pruning import PRESET, published  # noqa: E402
from pruned_model import load_published, load_pruned  # noqa: E402
from record_states import record_denoiser  # noqa: E402

SCHEDULER = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 1.0}
PLANS = {"modelscope": PRESET, "hunyuan": ["transformer_blocks.1", "single_transformer_blocks.0", "single_transformer_blocks.2"]}
LATENTS = {"modelscope": [4, 3, 8, 16], "hunyuan": [4, 3, 4, 6]}
CLIPS, SAMPLING_STEPS = 12, 3
# accelerate's --cpu starts one process whatever is asked: its launcher of several is the one for GPUs, told to take CPUs.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "ACCELERATE_USE_CPU": "true"}


def prepare(family: str, folder: Path) -> None:
    """Teacher, scheduler, plan and recorded states in `folder`."""
    model = published(randomise(FAMILIES[family].build()))
    model.save_pretrained(folder / "teacher")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER))
    (folder / "plan.json").write_text(json.dumps({"dropped": PLANS[family]}))
    generator = torch.Generator().manual_seed(5)
    conditions = {}
    for name, value in FAMILIES[family].inputs().items():
        if name in ("sample", "hidden_states", "timestep"):
            continue
        rows = value.repeat(CLIPS, *[1] * (value.ndim - 1))
        conditions[name] = torch.randn(rows.shape, generator=generator) if rows.is_floating_point() and rows.ndim > 1 else rows
    record_denoiser(model, SCHEDULER, conditions, LATENTS[family], folder / "states.safetensors", SAMPLING_STEPS, 1.0, 1)


def heal(folder: Path, out: str, steps: int, *more: str, processes: int = 1, launch: tuple[str, ...] = ("--cpu",), script: str = "heal.py") -> list[dict]:
    """Runs heal.py; the lines of its log."""
    command = [
        sys.executable, "-m", "accelerate.commands.launch", *launch, "--num_processes", str(processes), "--num_machines", "1",
        "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0", str(HERE / script),
        "--model", str(folder / "teacher"), "--plan", str(folder / "plan.json"), "--states", str(folder / "states.safetensors"),
        "--scheduler", str(folder / "scheduler"), "--out", str(folder / out), "--steps", str(steps), "--batch", "2", "--rate", "5e-4",
        "--check-every", "10", "--average", "0.8", *more,
    ]
    (folder / out).mkdir(exist_ok=True)
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | ENVIRONMENT)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return [json.loads(line) for line in (folder / out / "log.jsonl").read_text().splitlines()]


def healed(folder: Path, out: str) -> dict[str, torch.Tensor]:
    return load_file(folder / out / "healed" / "diffusion_pytorch_model.safetensors")


@torch.no_grad()
def error_of(folder: Path, student: torch.nn.Module) -> float:
    """Held-out error counted apart from heal.py: the last two clips' rows, one by one."""
    teacher = load_published(folder / "teacher")
    rows = load_file(folder / "states.safetensors")
    chosen = (rows.pop("clip") >= CLIPS - 2).nonzero().flatten().tolist()
    difference = size = 0.0
    for row in chosen:
        inputs = {name: value[row] for name, value in rows.items()}
        target, output = (model(**inputs, return_dict=False)[0] for model in (teacher, student))
        difference += (output - target).square().sum().item()
        size += target.square().sum().item()
    return difference / size


def check_healing(family: str, export_to: Path | None = None) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(family, folder)
        log = heal(folder, "run", 40)
        errors = [line["held_out_error"] for line in log if "held_out_error" in line]
        assert min(errors) < 0.8 * errors[0], f"not healed: {errors}"
        assert all(line["icd"] > 0 for line in log[1:]) and any("critic" in line for line in log)
        plain = load_published(folder / "run" / "healed")
        for how, student in (("from_pretrained", plain), ("load_pruned", load_pruned(folder / "run" / "healed"))):
            again = error_of(folder, student)
            assert abs(again - min(errors)) < 1e-4 * errors[0], f"{how}: {again}, but the log says {min(errors)}"
        before = error_of(folder, load_pruned(folder / "run" / "pruned"))
        assert abs(before - errors[0]) < 1e-4 * errors[0], f"before: {before} and {errors[0]}"
        if export_to:
            export(family, folder / "run" / "healed", export_to)
            inputs = FAMILIES[family].inputs()
            with torch.no_grad():
                wanted = plain(**inputs, return_dict=False)[0]
            away = (from_onnx(export_to, inputs, {name: name for name in inputs}) - wanted).abs().max() / wanted.abs().max()
            assert away < 2e-5, f"the export is off by {away:.1e}"
        return f"held-out error {errors[0]:.4f} -> {min(errors):.4f}, critic {log[-1]['critic_accuracy']:.2f}"


def check_resume() -> str:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare("hunyuan", folder)
        heal(folder, "whole", 8, "--save-every", "4", "--check-every", "4")
        cut = folder / "cut"
        often = ("--save-every", "4", "--check-every", "4")
        heal(folder, "cut", 8, *often, "--stop-after", "4")
        assert json.loads((cut / "checkpoints" / "latest.json").read_text())["step"] == 4
        log = heal(folder, "cut", 8, *often, "--resume")
        whole = [json.loads(line) for line in (folder / "whole" / "log.jsonl").read_text().splitlines()]
        assert log == whole, "the logs differ"
        first, second = (load_file(folder / out / "checkpoints" / "step-8" / "model.safetensors") for out in ("whole", "cut"))
        assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first), "weights differ"
        start = load_file(folder / "cut" / "pruned" / "diffusion_pytorch_model.safetensors")
        assert not all(torch.equal(first[name], start[name]) for name in first), "nothing was trained"
        return f"{len(first)} weights bit-equal after a cut at step 4 of 8"


def check_processes(launch: tuple[str, ...] = ("--multi_gpu",), script: str = "heal.py") -> str:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare("hunyuan", folder)
        log = heal(folder, "run", 20, processes=2, launch=launch, script=script)
        errors = [line["held_out_error"] for line in log if "held_out_error" in line]
        assert min(errors) < 0.9 * errors[0], f"not healed: {errors}"
        recipe = json.loads((folder / "run" / "healed" / "plan-map.json").read_text())["healed"]
        assert recipe["processes"] == 2 and recipe["healed"], recipe
        assert abs(error_of(folder, load_pruned(folder / "run" / "healed")) - min(errors)) < 1e-4 * errors[0]
        return f"two processes: held-out error {errors[0]:.4f} -> {min(errors):.4f}"


SHARDED = ("--use_fsdp", "--fsdp_version", "2", "--fsdp_auto_wrap_policy", "TRANSFORMER_BASED_WRAP", "--fsdp_reshard_after_forward", "true", "--fsdp_state_dict_type", "FULL_STATE_DICT")
CHECKS = {
    "unet": lambda: check_healing("modelscope"),
    "transformer": lambda: check_healing("hunyuan"),
    "resume": check_resume,
    "processes": check_processes,
    "sharded": lambda: check_processes(SHARDED, "fsdp_on_cpus.py"),
}


def main() -> None:
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checks", nargs="*", choices=[*CHECKS, []])
    parser.add_argument("--export", type=Path)
    options = parser.parse_args()
    for name in options.checks or CHECKS:
        result = check_healing("hunyuan", options.export) if name == "transformer" else CHECKS[name]()
        print(f"{name}: {result}", flush=True)


if __name__ == "__main__":
    main()
