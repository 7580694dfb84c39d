"""Emoji clips rendered on the fly: 16 emoji x 8 motions x 4 backgrounds, 64x64 pixels, 16 frames at 8 fps.

A clip is fully described by a `Recipe`; `render` turns it into frames and `caption` into words. A tenth of the
emoji-motion pairs is held out of training to test composition. No files are read but the emoji font.
"""
from __future__ import annotations

import functools
import math
import os
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

SIZE, FRAMES, FPS = 64, 16, 8

EMOJI = {
    "red apple": "\U0001F34E", "banana": "\U0001F34C", "soccer ball": "\u26BD", "green frog": "\U0001F438",
    "orange cat": "\U0001F431", "panda": "\U0001F43C", "blue fish": "\U0001F41F", "yellow star": "\u2B50",
    "red heart": "\u2764", "rocket": "\U0001F680", "pizza": "\U0001F355", "blue car": "\U0001F699",
    "purple grapes": "\U0001F347", "sunflower": "\U0001F33B", "penguin": "\U0001F427", "broccoli": "\U0001F966",
}
MOTIONS = ("slides left", "slides right", "rises", "falls", "bounces", "spins", "grows", "circles")
# Top and bottom colour of a vertical gradient (equal: plain).
BACKGROUNDS = {
    "dark": ((24, 24, 32), (24, 24, 32)),
    "light": ((236, 232, 222), (236, 232, 222)),
    "blue": ((30, 60, 150), (120, 180, 240)),
    "green": ((20, 90, 60), (130, 200, 120)),
}
CONTENTS = tuple(EMOJI)
SCENES = tuple(BACKGROUNDS)

FONT_PATHS = (
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",  # Debian: apt install fonts-noto-color-emoji
    "/usr/share/fonts/noto/NotoColorEmoji.ttf",
    "/usr/share/fonts/google-noto-color-emoji-fonts/NotoColorEmoji.ttf",
)
SPRITES = "EMOJI_SPRITES"  # environment: a file of `save_sprites`, read in place of the font
GLYPH_PIXELS = 109  # the only size of the font's bitmaps
SPRITE_PIXELS = 26


@dataclass(frozen=True)
class Recipe:
    content: int
    motion: int
    scene: int
    dx: float = 0.0  # jitter of the whole path, pixels
    dy: float = 0.0
    scale: float = 1.0


# A tenth of the 128 emoji-motion pairs, drawn once: the same for everybody.
HELD_OUT = frozenset(random.Random(5).sample([(c, m) for c in range(len(EMOJI)) for m in range(len(MOTIONS))], 13))


def held_out(content: int, motion: int) -> bool:
    """True for pairs that training never shows."""
    return (content, motion) in HELD_OUT


def caption(recipe: Recipe) -> str:
    name = CONTENTS[recipe.content]
    article = "an" if name[0] in "aeiou" else "a"
    return f"{article} {name} {MOTIONS[recipe.motion]} on a {SCENES[recipe.scene]} background"


def random_recipe(rng: random.Random, *, include_held_out: bool = False) -> Recipe:
    while True:
        content, motion = rng.randrange(len(CONTENTS)), rng.randrange(len(MOTIONS))
        if include_held_out or not held_out(content, motion):
            break
    return Recipe(content, motion, rng.randrange(len(SCENES)), rng.uniform(-3, 3), rng.uniform(-3, 3), rng.uniform(0.92, 1.08))


def render(recipe: Recipe) -> np.ndarray:
    """Frames as uint8 [FRAMES, SIZE, SIZE, 3]."""
    backdrop = _backdrop(recipe.scene)
    sprite = _sprite(recipe.content)
    frames = np.empty((FRAMES, SIZE, SIZE, 3), np.uint8)
    for index in range(FRAMES):
        x, y, degrees, scale = _pose(recipe, index / (FRAMES - 1))
        frame = backdrop.copy()
        placed = _place(sprite, x, y, degrees, scale * recipe.scale)
        frame.paste(placed, (0, 0), placed)
        frames[index] = np.asarray(frame)
    return frames


def render_tensor(recipe: Recipe) -> torch.Tensor:
    """Frames as float [FRAMES, 3, SIZE, SIZE] in -1..1."""
    return torch.from_numpy(render(recipe)).permute(0, 3, 1, 2).float() / 127.5 - 1


def _pose(recipe: Recipe, t: float) -> tuple[float, float, float, float]:
    """Centre x, centre y (pixels), rotation (degrees) and scale at time t in 0..1."""
    centre, reach = SIZE / 2, 16.0
    x, y, degrees, scale = centre, centre, 0.0, 1.0
    motion = MOTIONS[recipe.motion]
    travel = reach * (2 * t - 1)
    if motion == "slides left":
        x -= travel
    elif motion == "slides right":
        x += travel
    elif motion == "rises":
        y -= travel
    elif motion == "falls":
        y += travel
    elif motion == "bounces":
        y += reach - 2 * reach * abs(math.sin(2 * math.pi * t))
    elif motion == "spins":
        degrees = -360 * t
    elif motion == "grows":
        scale = 0.5 + 1.1 * t
    else:  # circles
        x += 14 * math.sin(2 * math.pi * t)
        y -= 14 * math.cos(2 * math.pi * t)
    return x + recipe.dx, y + recipe.dy, degrees, scale


def _place(sprite: Image.Image, x: float, y: float, degrees: float, scale: float) -> Image.Image:
    """The sprite on a transparent canvas, by an inverse affine map (sub-pixel positions)."""
    factor = sprite.width / (SPRITE_PIXELS * scale)
    cos, sin = math.cos(math.radians(degrees)) * factor, math.sin(math.radians(degrees)) * factor
    half = sprite.width / 2
    matrix = (cos, -sin, half - cos * x + sin * y, sin, cos, half - sin * x - cos * y)
    return sprite.transform((SIZE, SIZE), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)


@functools.cache
def _font() -> ImageFont.FreeTypeFont:
    for path in FONT_PATHS:
        if Path(path).exists():
            return ImageFont.truetype(path, GLYPH_PIXELS)
    raise FileNotFoundError("Noto Color Emoji was not found; on Debian: apt install fonts-noto-color-emoji")


def save_sprites(path: Path) -> None:
    """The emoji as they are drawn, for machines without the font: name the file in the environment as EMOJI_SPRITES."""
    np.savez_compressed(path, sprites=np.stack([np.asarray(_sprite(content)) for content in range(len(CONTENTS))]))


@functools.cache
def _sprite(content: int) -> Image.Image:
    """A 48x48 RGBA picture, premultiplied-safe (transparent pixels carry the glyph's colour)."""
    if SPRITES in os.environ:
        return Image.fromarray(np.load(os.environ[SPRITES])["sprites"][content], "RGBA")
    canvas = Image.new("RGBA", (160, 160), (0, 0, 0, 0))
    ImageDraw.Draw(canvas).text((12, 12), EMOJI[CONTENTS[content]], font=_font(), embedded_color=True)
    box = canvas.getbbox()
    assert box is not None
    side = max(box[2] - box[0], box[3] - box[1]) + 4
    centre_x, centre_y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left, top = round(centre_x - side / 2), round(centre_y - side / 2)
    return canvas.crop((left, top, left + side, top + side)).resize((48, 48), Image.Resampling.LANCZOS)


@functools.cache
def _backdrop(scene: int) -> Image.Image:
    top, bottom = (np.array(colour, float) for colour in BACKGROUNDS[SCENES[scene]])
    ramp = np.linspace(0, 1, SIZE)[:, None, None]
    pixels = np.broadcast_to(top + (bottom - top) * ramp, (SIZE, SIZE, 3))
    return Image.fromarray(pixels.round().astype(np.uint8))
