"""Checks noise.py against diffusers' own schedulers: noising, and the clean latents that an output means.

    python check_noise.py
"""
from __future__ import annotations

import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler

from noise import SMALLEST_SHARE, Noise

SVD = {
    "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "prediction_type": "v_prediction", "timestep_type": "continuous",
    "use_karras_sigmas": True, "sigma_min": 0.002, "sigma_max": 700.0, "timestep_spacing": "leading", "interpolation_type": "linear",
}


def config_of(scheduler) -> dict:
    return dict(scheduler.config) | {"_class_name": type(scheduler).__name__}


def close(ours: torch.Tensor, theirs: torch.Tensor, what: str) -> None:
    away = ((ours - theirs).abs().max() / theirs.abs().max()).item()
    assert away < 1e-3, f"{what}: off by {away:.1e}"


def check_variance_preserving(predicts: str) -> None:
    scheduler = DDIMScheduler(prediction_type=predicts, clip_sample=False)
    scheduler.set_timesteps(10)
    noise = Noise(config_of(scheduler))
    clean, random, output = torch.randn(3, 2, 4, 3, 6, 5)
    for timestep in scheduler.timesteps[1::2]:
        at = timestep.expand(2)
        state = scheduler.add_noise(clean, random, at)
        close(noise.noised(clean, random, at), state, f"DDIM {predicts} noised")
        if predicts != "epsilon" or noise.shares(at)[0].min() > SMALLEST_SHARE:  # nearer to pure noise estimates are held back
            close(noise.clean(state, output, at), scheduler.step(output, timestep, state).pred_original_sample, f"DDIM {predicts} clean")
        assert torch.equal(noise.timestep(noise.level(at)), at), "a timestep's level leads back to it"


def check_svd() -> None:
    scheduler = EulerDiscreteScheduler(**SVD)
    scheduler.set_timesteps(8)
    noise = Noise(config_of(scheduler))
    clean, random, output = torch.randn(3, 2, 3, 4, 6, 5)
    for index, timestep in enumerate(scheduler.timesteps):
        at = timestep.expand(2)
        state = clean + scheduler.sigmas[index] * random
        scaled = scheduler.scale_model_input(state, timestep)
        close(noise.noised(clean, random, at), scaled, "SVD noised")
        close(noise.clean(scaled, output, at), scheduler.step(output, timestep, state).pred_original_sample, "SVD clean")
        close(noise.timestep(noise.level(at)).float(), at.float(), "SVD timestep")


def check_flow() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    scheduler.set_timesteps(5)
    noise = Noise(config_of(scheduler))
    clean, random, output = torch.randn(3, 2, 4, 3, 6, 5)
    for index, timestep in enumerate(scheduler.timesteps):
        at = timestep.expand(2)
        state = scheduler.scale_noise(clean, at, random)
        close(noise.noised(clean, random, at), state, "flow noised")
        close(noise.level(at).float(), scheduler.sigmas[index].expand(2), "flow level")
        rest = scheduler.sigmas[index + 1] - scheduler.sigmas[index]
        scheduler._step_index = index
        onward = scheduler.step(output, timestep, state, return_dict=False)[0]
        # One Euler step goes along the line to the clean estimate: compare where it would end at sigma 0.
        close(noise.clean(state, output, at), state + (onward - state) / rest * -scheduler.sigmas[index], "flow clean")


def main() -> None:
    torch.manual_seed(0)
    for predicts in ("epsilon", "v_prediction", "sample"):
        check_variance_preserving(predicts)
    check_svd()
    check_flow()
    print("noise as diffusers has it")


if __name__ == "__main__":
    main()
