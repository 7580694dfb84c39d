"""Writes src/pipeline/fixtures/schedulers.json: what diffusers' schedulers do on a toy denoiser.

Each case holds the config, timesteps, and the latent after each step, starting from `start` times the initial
noise scale. The toy denoiser is output = 0.8 sin(3 x + 0.001 t) + 0.1 x on the scaled model input, in float32.
Run from the repository root: python training/reference/schedulers.py
"""
import json
from pathlib import Path

import diffusers
import numpy as np
import torch
from diffusers.pipelines.mochi.pipeline_mochi import linear_quadratic_schedule
from diffusers.schedulers import (
    scheduling_euler_ancestral_discrete, scheduling_flow_match_euler_discrete, scheduling_lcm,
)

START = torch.tensor([-1.7, -0.6, -0.05, 0.3, 1.1, 2.4])
OUT = Path(__file__).resolve().parents[2] / "src/pipeline/fixtures/schedulers.json"

SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000)
SVD = dict(SD, prediction_type="v_prediction", timestep_type="continuous", timestep_spacing="leading", steps_offset=1,
           use_karras_sigmas=True, sigma_min=0.002, sigma_max=700.0, interpolation_type="linear")

CASES = [
    ("DDIMScheduler", 10, dict(SD, clip_sample=False, steps_offset=1)),
    ("DDIMScheduler", 7, dict(clip_sample=True)),
    ("DDIMScheduler", 8, dict(SD, clip_sample=True, clip_sample_range=0.7, set_alpha_to_one=False)),
    ("DDIMScheduler", 9, dict(SD, clip_sample=False, timestep_spacing="linspace", prediction_type="v_prediction")),
    ("DDIMScheduler", 16, dict(SD, clip_sample=False, timestep_spacing="trailing", prediction_type="v_prediction",
                               rescale_betas_zero_snr=True, set_alpha_to_one=True)),
    ("DDIMScheduler", 11, dict(beta_schedule="squaredcos_cap_v2", clip_sample=False, timestep_spacing="trailing")),
    ("DDIMScheduler", 6, dict(SD, clip_sample=False, set_alpha_to_one=False, prediction_type="sample")),
    ("DDIMScheduler", 5, dict(num_train_timesteps=20, trained_betas=np.linspace(0.01, 0.3, 20).tolist(), clip_sample=False)),
    ("CogVideoXDDIMScheduler", 8, dict(SD, prediction_type="v_prediction", timestep_spacing="trailing",
                                       rescale_betas_zero_snr=True, snr_shift_scale=3.0)),
    ("CogVideoXDDIMScheduler", 8, dict(SD, prediction_type="v_prediction", timestep_spacing="linspace", snr_shift_scale=1.0)),
    ("EulerDiscreteScheduler", 10, dict(SD, timestep_spacing="leading", steps_offset=1)),
    ("EulerDiscreteScheduler", 9, dict(SD, timestep_spacing="linspace")),
    ("EulerDiscreteScheduler", 7, dict(SD, timestep_spacing="trailing", prediction_type="v_prediction")),
    ("EulerDiscreteScheduler", 8, dict(SVD)),
    ("EulerDiscreteScheduler", 8, dict(SD, use_karras_sigmas=True, prediction_type="epsilon")),
    ("EulerDiscreteScheduler", 8, dict(SD, use_exponential_sigmas=True, prediction_type="sample", final_sigmas_type="sigma_min")),
    ("EulerDiscreteScheduler", 8, dict(SD, prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing")),
    ("EulerAncestralDiscreteScheduler", 8, dict(SD, timestep_spacing="leading", steps_offset=1)),
    ("EulerAncestralDiscreteScheduler", 9, dict(SD, prediction_type="v_prediction", timestep_spacing="trailing")),
    ("LCMScheduler", 4, dict(SD)),
    ("LCMScheduler", 7, dict(SD, prediction_type="v_prediction", clip_sample=True, original_inference_steps=40)),
    ("LCMScheduler", 1, dict()),
    ("FlowMatchEulerDiscreteScheduler", 10, dict()),
    ("FlowMatchEulerDiscreteScheduler", 8, dict(shift=7.0)),
    ("FlowMatchEulerDiscreteScheduler", 8, dict(shift=3.0, use_karras_sigmas=True)),
    ("FlowMatchEulerDiscreteScheduler", 8, dict(shift=3.0, use_exponential_sigmas=True)),
    ("FlowMatchEulerDiscreteScheduler", 8, dict(invert_sigmas=True)),
    ("FlowMatchEulerDiscreteScheduler", 8, dict(shift=2.0, shift_terminal=0.1)),
    ("FlowMatchEulerDiscreteScheduler", 8, dict(stochastic_sampling=True, shift=2.0)),
    ("FlowMatchEulerDiscreteScheduler", 8, dict(use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05,
                                                base_image_seq_len=1024, max_image_seq_len=4096, shift_terminal=0.1)),
    ("FlowMatchEulerDiscreteScheduler", 8, dict(use_dynamic_shifting=True, time_shift_type="linear")),
    ("DPMSolverMultistepScheduler", 10, dict(SD)),
    ("DPMSolverMultistepScheduler", 20, dict(SD, use_karras_sigmas=True)),
    ("DPMSolverMultistepScheduler", 8, dict(SD, solver_type="heun", timestep_spacing="trailing", prediction_type="v_prediction")),
    ("DPMSolverMultistepScheduler", 16, dict(SD, final_sigmas_type="sigma_min", timestep_spacing="leading", steps_offset=1)),
    ("DPMSolverMultistepScheduler", 8, dict(SD, solver_order=1, prediction_type="sample")),
    ("DPMSolverMultistepScheduler", 8, dict(SD, algorithm_type="sde-dpmsolver++")),
    ("DPMSolverMultistepScheduler", 8, dict(SD, algorithm_type="sde-dpmsolver++", solver_type="heun")),
    ("DPMSolverMultistepScheduler", 8, dict(beta_schedule="squaredcos_cap_v2", lambda_min_clipped=-5.1)),
    ("DPMSolverMultistepScheduler", 8, dict(SD, use_exponential_sigmas=True)),
    ("DPMSolverMultistepScheduler", 8, dict(use_flow_sigmas=True, flow_shift=3.0, prediction_type="flow_prediction")),
]

# Runs on a grid that is handed to set_timesteps: a pipeline's rule, or listed.
DYNAMIC = dict(use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05, base_image_seq_len=1024, max_image_seq_len=4096)
GIVEN_GRIDS = [
    ("FlowMatchEulerDiscreteScheduler", 8, dict(shift=7.0), dict(rule="linspace-above-zero")),
    ("FlowMatchEulerDiscreteScheduler", 8, dict(invert_sigmas=True), dict(rule="linear-quadratic")),
    ("FlowMatchEulerDiscreteScheduler", 5, dict(invert_sigmas=True), dict(rule="linear-quadratic")),
    ("FlowMatchEulerDiscreteScheduler", 8, dict(DYNAMIC, shift_terminal=0.1), dict(rule="linspace-to-step")),
    ("FlowMatchEulerDiscreteScheduler", 6, dict(DYNAMIC), dict(rule="linspace-to-step")),
    ("FlowMatchEulerDiscreteScheduler", 4, dict(), dict(sigmas=[1.0, 0.9, 0.75, 0.5])),
    ("FlowMatchEulerDiscreteScheduler", 3, dict(shift=3.0), dict(sigmas=[1.0, 0.6, 0.2])),
    ("FlowMatchEulerDiscreteScheduler", 3, dict(shift=2.0), dict(timesteps=[1000.0, 700.0, 250.0])),
    ("FlowMatchEulerDiscreteScheduler", 3, dict(), dict(sigmas=[1.0, 0.6, 0.2], timesteps=[999.0, 640.0, 210.0])),
]


def sigmas_of(rule, steps):
    """What the pipelines of diffusers compute before they call set_timesteps."""
    if rule == "linspace-above-zero":
        return np.linspace(1.0, 0.0, steps + 1)[:-1]
    if rule == "linspace-to-step":
        return np.linspace(1.0, 1 / steps, steps)
    return np.array(linear_quadratic_schedule(steps, 0.025))


def given(grid, steps):
    return {"sigmas": sigmas_of(grid["rule"], steps)} if "rule" in grid else {k: list(v) for k, v in grid.items()}

# Modules whose schedulers draw noise in their step: they get ours.
DRAWING = (scheduling_euler_ancestral_discrete, scheduling_flow_match_euler_discrete, scheduling_lcm)

# Number of tokens at which dynamic shifting is evaluated, and the pipelines' linear rule for mu.
TOKENS = 1536


def mu_of(config):
    slope = (config["max_shift"] - config["base_shift"]) / (config["max_image_seq_len"] - config["base_image_seq_len"])
    return config["base_shift"] + slope * (TOKENS - config["base_image_seq_len"])


def denoiser(x, t):
    return 0.8 * torch.sin(3 * x + 0.001 * t) + 0.1 * x


def trajectory(name, steps, settings, grid=None):
    scheduler = getattr(diffusers, name)(**settings)
    dynamic = settings.get("use_dynamic_shifting", False)
    mu = {"mu": mu_of(scheduler.config)} if dynamic else {}
    scheduler.set_timesteps(**(given(grid, steps) if grid else {"num_inference_steps": steps}), **mu)
    initial_scale = float(getattr(scheduler, "init_noise_sigma", 1.0))
    latent = START * initial_scale
    stochastic = settings.get("stochastic_sampling", False) or name in ("EulerAncestralDiscreteScheduler", "LCMScheduler")
    takes_noise = settings.get("algorithm_type", "").startswith("sde")
    generator = torch.Generator().manual_seed(0)
    latents, noises = [], []
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(latent, t) if hasattr(scheduler, "scale_model_input") else latent
        noise = torch.randn(latent.shape, generator=generator)
        noises.append(noise.tolist())
        for module in DRAWING:
            module.randn_tensor = lambda *args, **kwargs: noise
        extra = {"variance_noise": noise} if takes_noise else {}
        latent = scheduler.step(denoiser(scaled, t), t, latent, **extra).prev_sample.to(torch.float32)
        latents.append(latent.tolist())
    config = {"_class_name": name, **settings}
    case = dict(config=config, steps=steps, initialNoiseScale=initial_scale, timesteps=[float(t) for t in scheduler.timesteps], latents=latents)
    if dynamic:
        case["tokens"] = TOKENS
    if grid:
        case["grid"] = grid
    if stochastic or takes_noise:
        case["noises"] = noises
    return case


def main():
    cases = [trajectory(*case) for case in CASES + GIVEN_GRIDS]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    body = ",\n".join(json.dumps(case) for case in cases)
    header = json.dumps({"diffusers": diffusers.__version__, "torch": torch.__version__, "start": START.tolist()})[:-1]
    OUT.write_text(f'{header}, "cases": [\n{body}\n]}}\n')
    print(f"{len(cases)} cases, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
