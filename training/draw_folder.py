"""Draws the picture of a model card from the folder as it is shipped: twelve clips, the first nine of trained captions and the
first three of held-out pairs, none picked.

    python draw_folder.py ../public/models/emoji-i2v [FOLDER ...]        # writes FOLDER/clips.png

onnxruntime runs the graphs and diffusers' scheduler the steps (heal/sampled_folder.py): no checkpoint is asked, so the picture
shows the weights that people get. It marks nothing; heal/judge_folder.py does.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent / "heal"))

from emoji_clips import FRAMES, caption
from judging import first_frames, picture_recipes
from models import LATENT_CHANNELS, LATENT_SIZE
from sample import draw_twelve, held_out_recipes, trained_recipes
from sampled_folder import PictureFolder, open_folder

COUNTS = {"trained": 9, "held out": 3}
NOISE_SEED = 800


def draw_folder(path: Path, threads: int) -> None:
    folder = open_folder(path, threads)
    from_pictures = isinstance(folder, PictureFolder)
    recipes, made = {}, {}
    for index, (group, count) in enumerate(COUNTS.items()):
        held_out = group == "held out"
        asked = picture_recipes(count, held_out) if from_pictures else (held_out_recipes if held_out else trained_recipes)(count)
        axes = (FRAMES, LATENT_CHANNELS) if from_pictures else (LATENT_CHANNELS, FRAMES)
        generator = torch.Generator().manual_seed(NOISE_SEED + index)
        noise = torch.randn((count, *axes, LATENT_SIZE, LATENT_SIZE), generator=generator)
        given = first_frames(asked) if from_pictures else [caption(one) for one in asked]
        recipes[group], made[group] = asked, folder.sample(given, noise)
    draw_twelve(recipes, made, path / "clips.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for path in options.folders:
        draw_folder(path, options.threads)
        print(path / "clips.png", flush=True)


if __name__ == "__main__":
    main()
