"""Which captions are judged, and a picture of twelve clips."""
from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from emoji_clips import CONTENTS, FRAMES, HELD_OUT, MOTIONS, SCENES, Recipe, caption, held_out

COLUMNS, SHOWN = 2, 6  # of the picture: clips beside each other, frames a clip
CELL = 96  # pixels a frame in the picture


def trained_recipes(count: int, seed: int = 21) -> list[Recipe]:
    """Captions that training shows, spread evenly over emoji, motions and backgrounds."""
    rng = random.Random(seed)
    pairs = [(c, m) for c in range(len(CONTENTS)) for m in range(len(MOTIONS)) if not held_out(c, m)]
    rng.shuffle(pairs)
    return [Recipe(*pairs[index % len(pairs)], (index + index // len(pairs)) % len(SCENES)) for index in range(count)]


def held_out_recipes(count: int | None = None) -> list[Recipe]:
    """Captions of the held-out pairs: each pair on one background after another; without `count`, each on two."""
    pairs = sorted(HELD_OUT)
    count = 2 * len(pairs) if count is None else count
    return [Recipe(*pairs[index % len(pairs)], (index + index // len(pairs)) % len(SCENES)) for index in range(count)]


def picture(clips: torch.Tensor, recipes: list[Recipe], path: Path) -> None:
    """A few frames of each clip under its caption, as a PNG of at most 256 colours."""
    font = ImageFont.load_default(15)
    gap, title = 10, 22
    rows = -(-len(clips) // COLUMNS)
    wide, high = SHOWN * CELL + gap, CELL + title + gap
    sheet = Image.new("RGB", (COLUMNS * wide + gap, rows * high + gap), (17, 18, 22))
    draw = ImageDraw.Draw(sheet)
    for index, (clip, recipe) in enumerate(zip(clips, recipes, strict=True)):
        left, top = gap + index % COLUMNS * wide, gap + index // COLUMNS * high
        unseen = "  (pair never trained)" if held_out(recipe.content, recipe.motion) else ""
        draw.text((left + 2, top), caption(recipe) + unseen, font=font, fill=(225, 228, 235))
        for column, frame in enumerate(np.linspace(0, FRAMES - 1, SHOWN).round().astype(int)):
            pixels = ((clip[frame].permute(1, 2, 0).cpu().numpy() + 1) * 127.5).round().astype(np.uint8)
            sheet.paste(Image.fromarray(pixels).resize((CELL - 2, CELL - 2), Image.Resampling.BICUBIC), (left + column * CELL, top + title))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def draw_twelve(groups: dict[str, list[Recipe]], made: dict[str, torch.Tensor], path: Path) -> None:
    """The first nine trained and the first three held-out clips: drawn as they come, none picked."""
    shown = [(name, index) for name, count in (("trained", 9), ("held out", 3)) for index in range(min(count, len(groups.get(name, []))))]
    picture(torch.stack([made[name][index] for name, index in shown]), [groups[name][index] for name, index in shown], path)
