"""Records the teacher's own sampling: every input that its denoiser gets, as a states file for heal.py. No data is needed.

    python record_states.py --model PIPELINE_FOLDER --prompts prompts.txt --out states.safetensors [--steps 30]
    python record_states.py --model DENOISER_FOLDER --scheduler FOLDER --conditions conditions.safetensors \
        --latent-shape 8 16 8 8 --out states.safetensors [--guidance 2]

The first form runs the pipeline itself (`--call` gives it more arguments, in JSON). The second is for a denoiser without a
pipeline class: `conditions` holds one tensor [n, ...] for each further input of the denoiser, one row a clip, and for guidance also
`negative:NAME` [1, ...].
"""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import diffusers
import torch
from safetensors.torch import load_file

from calls import Recorder, latent_argument
from diffusers_folder import DENOISERS, denoiser_folder
from noise import read_scheduler_config
from plan_file import PlanError
from pruned_model import load_published


@torch.no_grad()
def record_pipeline(folder: Path, prompts: list[str], out: Path, steps: int, arguments: dict, seed: int, device: str) -> None:
    """One clip a prompt, guidance and all, as the pipeline's class samples."""
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder).to(device)
    pipeline.set_progress_bar_config(disable=True)
    model = next(getattr(pipeline, name) for name in DENOISERS if getattr(pipeline, name, None) is not None)
    with Recorder(model) as recorder:
        for recorder.clip, prompt in enumerate(prompts):
            generator = torch.Generator("cpu").manual_seed(seed + recorder.clip)
            pipeline(prompt=prompt, num_inference_steps=steps, generator=generator, output_type="latent", **arguments)
        recorder.save(out)


@torch.no_grad()
def record_denoiser(model: torch.nn.Module, scheduler_config: dict, conditions: dict[str, torch.Tensor], latent_shape: list[int], out: Path, steps: int, guidance: float, seed: int) -> None:
    """Plain sampling with diffusers' own scheduler; only the noisy part is stepped, further channels are not supported."""
    kind = getattr(diffusers, scheduler_config["_class_name"])
    negative = {name.removeprefix("negative:"): value for name, value in conditions.items() if name.startswith("negative:")}
    given = {name: value for name, value in conditions.items() if not name.startswith("negative:")}
    if guidance != 1 and not negative:
        raise PlanError("Guidance needs negative:NAME tensors in the conditions.")
    device, latent = next(model.parameters()).device, latent_argument(model)
    count = len(next(iter(given.values())))
    with Recorder(model) as recorder:
        for recorder.clip in range(count):
            scheduler = kind.from_config(scheduler_config)
            scheduler.set_timesteps(steps)
            generator = torch.Generator().manual_seed(seed + recorder.clip)
            state = torch.randn(1, *latent_shape, generator=generator).to(device) * getattr(scheduler, "init_noise_sigma", 1.0)
            rows = {name: value[recorder.clip : recorder.clip + 1].to(device) for name, value in given.items()}
            for timestep in scheduler.timesteps:
                scaled = scheduler.scale_model_input(state, timestep) if hasattr(scheduler, "scale_model_input") else state
                inputs = {latent: scaled, "timestep": timestep.to(device).reshape(1), **rows, "return_dict": False}
                output = model(**inputs)[0]
                if guidance != 1:
                    without = model(**inputs | {name: value.to(device) for name, value in negative.items()})[0]
                    output = without + guidance * (output - without)
                state = scheduler.step(output, timestep, state, return_dict=False)[0]
        recorder.save(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--prompts", type=Path, help="one a line")
    parser.add_argument("--call", type=json.loads, default={}, help='of the pipeline, such as {"height": 320, "num_frames": 17}')
    parser.add_argument("--scheduler", type=Path)
    parser.add_argument("--conditions", type=Path)
    parser.add_argument("--latent-shape", type=int, nargs="+")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        if options.prompts:
            prompts = [line for line in options.prompts.read_text().splitlines() if line.strip()]
            record_pipeline(options.model, prompts, options.out, options.steps, options.call, options.seed, device)
        elif options.conditions and options.latent_shape and options.scheduler:
            record_denoiser(
                load_published(denoiser_folder(options.model)).to(device), read_scheduler_config(options.scheduler),
                load_file(options.conditions), options.latent_shape, options.out, options.steps, options.guidance, options.seed,
            )
        else:
            raise PlanError("Give --prompts, or --conditions, --scheduler and --latent-shape.")
    except PlanError as error:
        sys.exit(f"record_states: {error}")


if __name__ == "__main__":
    main()
