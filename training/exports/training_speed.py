"""PyTorch's training step of a U-Net's shallow student, on request, for `npm run bench -- heal`.

    python training_speed.py UNET_CONFIG.json --batch 4 --threads 2

Prints "ready", then answers each line of stdin: "step" and "bf16" take one step (float32, or bf16 autocast) and print its
milliseconds; "peak" prints the most memory that the process ever held, in MB. Losses, optimiser and clipping are those of
the studio's step: output, distillation at the end of each stage, AdamW, clipping at 1, averaged weights.
"""

import argparse
import json
import resource
import sys
import time

import diffusers
import torch

from shallow import shallow_copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = json.loads(open(options.config).read())
    frames = config.pop("num_frames")
    teacher = diffusers.UNet3DConditionModel.from_config({key: value for key, value in config.items() if not key.startswith("_")})
    student = shallow_copy(teacher)
    del teacher
    size, channels = config["sample_size"], config["in_channels"]
    inputs = (
        torch.randn(options.batch, channels, frames, size, size),
        torch.full((options.batch,), 0.5),
        torch.randn(options.batch, 16, config["cross_attention_dim"]),
    )
    target = torch.randn(options.batch, config["out_channels"], frames, size, size)
    features: dict[str, torch.Tensor] = {}
    for side in ("down_blocks", "up_blocks"):
        for name, stage in student.get_submodule(side).named_children():
            key = f"{side}.{name}"
            stage.register_forward_hook(
                lambda _, __, result, key=key: features.__setitem__(key, result[0] if isinstance(result, tuple) else result)
            )
    with torch.no_grad():
        student(*inputs)
    taught = {key: torch.randn_like(value) for key, value in features.items()}
    weights = list(student.parameters())
    optimiser = torch.optim.AdamW(weights, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.01)
    average = [weight.detach().clone() for weight in weights]

    def step(half: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            output = student(*inputs, return_dict=False)[0]
        distilled = sum(((features[key].float() - value) ** 2).mean() for key, value in taught.items()) / len(taught)
        loss = ((output.float() - target) ** 2).mean() + 0.1 * distilled
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        with torch.no_grad():
            torch._foreach_mul_(average, 0.99)
            torch._foreach_add_(average, weights, alpha=0.01)

    print("ready", flush=True)
    for line in sys.stdin:
        asked = line.strip()
        if asked == "peak":
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, flush=True)
            continue
        started = time.perf_counter()
        step(half=asked == "bf16")
        print((time.perf_counter() - started) * 1e3, flush=True)


if __name__ == "__main__":
    main()
