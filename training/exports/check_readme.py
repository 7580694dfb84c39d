"""Runs every snippet of README.md, with a tiny model of the same class in place of each checkpoint.

    python check_readme.py [HEADING ...]      e.g. `python check_readme.py Wan LTX`
"""

import contextlib
import logging
import os
import re
import sys
import tempfile
import time
import warnings
from pathlib import Path

import diffusers
import onnx
import torch

from families import FAMILIES

SNIPPETS = {
    "Stable Video Diffusion, SF-V": "svd",
    "AnimateDiff": "animatediff",
    "ModelScope": "modelscope",
    "HunyuanVideo": "hunyuan",
    "CogVideoX 1.0": "cogvideox-1.0",
    "CogVideoX 1.5": "cogvideox-1.5",
    "LTX": "ltx",
    "Wan": "wan",
    "Mochi": "mochi",
    "Latte": "latte",
}

# Tables that the tiny configurations keep shorter than the snippets' videos.
PUBLISHED_LENGTHS = {"wan": {"rope_max_seq_len": 1024}, "animatediff": {"motion_max_seq_length": 32}}


def snippets() -> dict[str, str]:
    """Python blocks of README.md by heading."""
    text = (Path(__file__).parent / "README.md").read_text()
    return dict(re.findall(r"^### (.+?)\n.*?```python\n(.*?)```", text, flags=re.M | re.S))


def tiny_model(family: str) -> torch.nn.Module:
    """The published class itself (not the family's subclass) with the family's tiny configuration."""
    model = FAMILIES[family].build()
    config = {key: value for key, value in model.config.items() if not key.startswith("_")}
    return type(model).__mro__[1](**{**config, **PUBLISHED_LENGTHS.get(family, {})})


@contextlib.contextmanager
def checkpoints_are_tiny(family: str):
    """While open, loading any checkpoint of the family's class gives the tiny model."""
    model = tiny_model(family)
    replaced = {type(model): ("from_pretrained", lambda *args, **options: model)}
    if family == "animatediff":
        anything = ("from_pretrained", lambda *args, **options: None)
        replaced = {
            type(model): ("from_unet2d", lambda *args, **options: model),
            diffusers.UNet2DConditionModel: anything,
            diffusers.MotionAdapter: anything,
        }
    with contextlib.ExitStack() as stack:
        for owner, (name, method) in replaced.items():
            original = owner.__dict__.get(name)
            setattr(owner, name, method)
            if original is None:
                stack.callback(delattr, owner, name)
            else:
                stack.callback(setattr, owner, name, original)
        yield


def main() -> None:
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    found = snippets()
    for heading in sys.argv[1:] or SNIPPETS:
        started = time.time()
        with tempfile.TemporaryDirectory() as folder, checkpoints_are_tiny(SNIPPETS[heading]):
            here = os.getcwd()
            os.chdir(folder)
            try:
                exec(compile(found[heading], f"README.md: {heading}", "exec"), {})
                graph = onnx.load("model.onnx", load_external_data=False).graph
            finally:
                os.chdir(here)
        inputs = ", ".join(value.name for value in graph.input)
        print(f"{heading}: {len(graph.node)} nodes, inputs {inputs}, {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
