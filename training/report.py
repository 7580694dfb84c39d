"""Writes a teacher's model card and its picture of twelve clips from what the judges marked ({name}.{what}.judged.pt).

The card's words are in cards/{name}.md; where that says {judged} and {judges} the tables go.
"""
from __future__ import annotations

from pathlib import Path

import torch

from emoji_clips import render
from judge import Score, load_judge, mark, total
from judging import picture_recipes
from sample import draw_twelve, held_out_recipes, trained_recipes
from strict_judge import load_strict_judge, mark_strictly

CARDS = Path(__file__).parent / "cards"
CHECKED_RENDERS = 64
ROWS = {"trained": "trained captions", "held out": "held-out pairs"}
PICTURE_ROWS = {"trained": "trained pairs", "held out": "held-out pairs"}


def write_card(runs: Path, out: Path, name: str, what: str) -> None:
    """README.md and clips.png into `out`."""
    judged = torch.load(runs / f"{name}.{what}.judged.pt", map_location="cpu")
    counts = {group: len(clips) for group, clips in judged["clips"].items()}
    pictures = name == "emoji-i2v"
    recipes = (
        {group: picture_recipes(count, group == "held out") for group, count in counts.items()}
        if pictures
        else {"trained": trained_recipes(counts["trained"]), "held out": held_out_recipes(counts["held out"])}
    )
    out.mkdir(parents=True, exist_ok=True)
    draw_twelve(recipes, {group: clips.float() for group, clips in judged["clips"].items()}, out / "clips.png")
    rows = {
        (label, judge): total(judged["marks"][group][judge])
        for group, label in (PICTURE_ROWS if pictures else ROWS).items()
        for judge in ("judge", "strict")
    }
    words = (CARDS / f"{name}.md").read_text()
    (out / "README.md").write_text(words.replace("{judged}", _table(rows)).replace("{judges}", _table(check_judges(runs))))


def check_judges(runs: Path) -> dict[tuple[str, str], Score]:
    """What both judges say of rendered clips, which should all be right."""
    groups = {"rendered, trained pairs": trained_recipes(CHECKED_RENDERS), "rendered, held-out pairs": held_out_recipes()}
    lenient, strict = load_judge(runs / "judge.pt"), load_strict_judge(runs, "cpu")
    rows = {}
    for label, recipes in groups.items():
        clips = torch.stack([torch.from_numpy(render(one)).permute(0, 3, 1, 2).float() / 127.5 - 1 for one in recipes])
        rows[label, "judge"] = total(mark(lenient, clips, recipes))
        rows[label, "strict"] = total(mark_strictly(strict, clips, recipes))
    return rows


def _table(rows: dict[tuple[str, str], Score]) -> str:
    lines = ["| clips of | judge | number | content, per frame | motion, per clip | background, per frame | all right |", "| --- | --- | --- | --- | --- | --- | --- |"]
    names = {"judge": "first", "strict": "strict"}
    lines += [
        f"| {label} | {names[judge]} | {one.clips} | {one.content:.1%} | {one.motion:.1%} | {one.scene:.1%} | {one.all_right:.1%} |"
        for (label, judge), one in rows.items()
    ]
    return "\n".join(lines)
