"""Five steps of PyTorch's AdamW with clipping and averaged weights, on a network of two layers with a distilled feature.

    python training_steps.py > ../../src/passes/training/fixtures/training-steps.json

The studio's training graphs are tested against these numbers.
"""

import json
import random

import torch

STEPS, RATE, CLIP, AVERAGING, ICD = 5, 0.01, 0.05, 0.9, 0.1


def numbers(count: int, seed: int) -> list[float]:
    generator = random.Random(seed)
    return [round(generator.uniform(-1, 1), 4) for _ in range(count)]


def tensor(values: list[float], *shape: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def main() -> None:
    given = {name: numbers(count, i) for i, (name, count) in enumerate({"x": 12, "w1": 15, "b1": 5, "w2": 10, "target": 8, "teacher": 20}.items())}
    x, target, teacher = tensor(given["x"], 4, 3), tensor(given["target"], 4, 2), tensor(given["teacher"], 4, 5)
    weights = [tensor(given["w1"], 3, 5), tensor(given["b1"], 5), tensor(given["w2"], 5, 2)]
    for weight in weights:
        weight.requires_grad_()
    optimiser = torch.optim.AdamW(weights, lr=RATE, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.01)
    average = [weight.detach().clone() for weight in weights]
    steps = []
    for _ in range(STEPS):
        feature = torch.tanh(x @ weights[0] + weights[1])
        output, icd = ((feature @ weights[2] - target) ** 2).mean(), ((feature - teacher) ** 2).mean()
        optimiser.zero_grad()
        (output + ICD * icd).backward()
        norm = torch.nn.utils.clip_grad_norm_(weights, CLIP)
        optimiser.step()
        average = [AVERAGING * old + (1 - AVERAGING) * weight.detach() for old, weight in zip(average, weights, strict=True)]
        steps.append({"output": float(output.detach()), "icd": float(icd.detach()), "gradientNorm": float(norm)})
    flat = lambda tensors: [float(value) for value in torch.cat([one.detach().flatten() for one in tensors])]
    settings = {"rate": RATE, "clip": CLIP, "averaging": AVERAGING, "icd": ICD}
    print(json.dumps({"settings": settings, "given": given, "steps": steps, "parameters": flat(weights), "average": flat(average)}))


if __name__ == "__main__":
    main()
