"""Makes docs/healing.md's tables of what `ways.py` left: FVD with its interval, judged clips, errors, ColorVideoVDP; means and ranges over seeds.

    python ways_table.py results/emoji-t2v results/emoji-hy --runs ../runs [--on "an H100"] [--repaired emoji-t2v/vdmini=JUDGED.json]

Figures of each run go to docs/healing-results/ways/TEACHER.json, and the tables are made of these; without folders they are only
made again. `--repaired` adds what `vdmini heal --stages repair` made of a cut, as `judge_folder.py --json` marked it. ColorVideoVDP (JOD, 10 is the same, the package `cvvdp`, display standard_4k) is of the clips whose latents were kept, beside the
teacher's of the same noise; it is left out where the package is missing.
"""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.append(str(Path(__file__).parent.parent))

from captured_heal import WAYS  # noqa: E402
from emoji_clips import FPS  # noqa: E402
from judge_folder import bootstrap  # noqa: E402
from judge_onnx import frechet_distance  # noqa: E402
from models import load_vae  # noqa: E402

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "healing-results" / "ways"
PAGE = ROOT / "docs" / "healing.md"
MARKS = ("<!-- ways_table.py writes from here -->", "<!-- to here, by ways_table.py -->")
ORDER = ["teacher", "pruned", "repair", "output", "icd", *(way for name in ("mca", "both") for way in WAYS if way.split("-")[0] == name), "scratch"]
NAMES = {"teacher": "the teacher", "pruned": "pruned, not healed", "repair": "repair alone (the studio's), no step", "output": "output alone", "icd": "output + ICD", "mca": "output + MCA", "both": "output + ICD + MCA", "scratch": "from scratch"}
NAMES |= {way: f"{NAMES[name]} at {weight}" for way in WAYS for name, _, weight in [way.partition("-")] if weight}


def measure(folder: Path, runs: Path, device: str) -> list[dict]:
    """A row for each run of `folder`."""
    true = np.load(folder / "true.npz")["features"].astype(np.float64)
    vae, perceived = load_vae(runs / "vae.pt"), difference()
    teacher = decoded(vae, np.load(folder / "whole-teacher-0.npz")["latents"])
    rows = []
    for path in sorted(folder.glob("*.json")):
        row, arrays = json.loads(path.read_text()), np.load(path.with_suffix(".npz"))
        features = arrays["features"].astype(np.float64)
        row |= {"fvd": frechet_distance(features, true), "fvdInterval": bootstrap(features, true), "device": device}
        if perceived and row["way"] != "teacher":
            row["jod"] = float(np.mean([perceived(one, other) for one, other in zip(decoded(vae, arrays["latents"]), teacher, strict=True)]))
        rows.append(row)
        print(row["cut"], row["way"], row["seed"], f"FVD {row['fvd']:.1f}", f"JOD {row.get('jod', float('nan')):.2f}", flush=True)
    return rows


@torch.no_grad()
def decoded(vae: torch.nn.Module, latents: np.ndarray) -> np.ndarray:
    """uint8 [clips, FRAMES, SIZE, SIZE, 3]."""
    clips = [vae.decode(torch.from_numpy(one).float()).sample.clamp(-1, 1) for one in latents]
    return np.stack([((clip + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy() for clip in clips])


def difference():
    """JOD of two clips; None without the package."""
    try:
        import pycvvdp
    except ImportError:
        return None
    metric = pycvvdp.cvvdp(display_name="standard_4k", quiet=True, device=torch.device("cpu"))
    return lambda one, other: metric.predict(one, other, dim_order="FHWC", frames_per_second=FPS)[0].item()


def table(name: str, rows: list[dict]) -> str:
    cuts = sorted({row["cut"] for row in rows if row["cut"] != "whole"}, key=lambda cut: -sum(row["cut"] == cut for row in rows))
    healed = next(row for row in rows if "steps" in row)
    lines = [
        f"### {name}: {healed['steps']} steps of {healed['batch']} states, {healed['device']}",
        "",
        "| Way | Cut | Seeds | FVD: mean (each seed) | Judged all right: trained / held out | strict | Held-out error (content / motion) | JOD | Critic |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for cut in ["whole", *cuts]:
        for way in ORDER:
            same = sorted((row for row in rows if row["cut"] == cut and row["way"] == way), key=lambda row: row["seed"])
            if same:
                lines.append(line(NAMES[way], cut, same))
    return "\n".join(lines) + "\n"


def line(way: str, cut: str, rows: list[dict]) -> str:
    """Means over seeds; what no row has stays empty."""
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    share = lambda judge: " / ".join(f"{100 * mean([row['allRight'][judge][group] for row in rows]):.0f} %" for group in (0, 1))  # noqa: E731
    fvd = [row["fvd"] for row in rows if "fvd" in row]
    spread = f"{mean(fvd):.1f} ({', '.join(f'{one:.1f}' for one in fvd)})" if fvd else ""
    if len(rows) == 1 and fvd:
        low, high = rows[0]["fvdInterval"]
        spread = f"{fvd[0]:.1f} ({low:.1f} to {high:.1f})"
    kept = sum(row.get("gained") is False for row in rows)
    note = f"; harmed in {kept} of {len(rows)}, so not taken" if kept else ""
    of_all = lambda name: f"{mean([row[name] for row in rows]):.2f}" if all(name in row for row in rows) else ""  # noqa: E731
    seeds = "" if rows[0]["seed"] == 0 else str(len(rows))
    shown = "" if cut == "whole" else error_of(rows)
    return "| " + " | ".join([way + note, "" if cut == "whole" else cut, seeds, spread, share("judge"), share("strict"), shown, of_all("jod"), of_all("criticAccuracy")]) + " |"


def error_of(rows: list[dict]) -> str:
    found = [row["best"] for row in rows if "best" in row]
    if not found:
        return ""
    total, *parts = (sum(one[part] for one in found) / len(found) for part in ("total", "content", "motion") if part in found[0])
    return f"{total:.3g}" + (f" ({parts[0]:.2g} / {parts[1]:.2g})" if parts else "")


def add_repaired(teacher: str, cut: str, judged: Path) -> None:
    """The one folder of `judged` as a row of that teacher, in place of an earlier one."""
    path = RESULTS / f"{teacher}.json"
    ((_, one),) = json.loads(judged.read_text()).items()
    rows = [row for row in json.loads(path.read_text())["rows"] if (row["way"], row["cut"]) != ("repair", cut)]
    right = {judge: [one[judge][group]["allRight"] for group in ("trained", "heldOut")] for judge in ("judge", "strict")}
    row = {"teacher": teacher, "way": "repair", "cut": cut, "seed": 0, "clips": one["clips"], "allRight": right, "device": "on two CPU cores"}
    rows.append(row | {"fvd": one["fvd"], "fvdInterval": one["fvdInterval"]})
    path.write_text(json.dumps({"rows": rows}, indent=1) + "\n")


def write_page() -> None:
    text = PAGE.read_text()
    start, end = (text.index(mark) for mark in MARKS)
    tables = [table(path.stem, json.loads(path.read_text())["rows"]) for path in sorted(RESULTS.glob("*.json"))]
    PAGE.write_text(text[: start + len(MARKS[0])] + "\n\n" + "\n".join(tables) + "\n" + text[end:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER", help="each of one teacher, by its name")
    parser.add_argument("--runs", type=Path, help="holds vae.pt")
    parser.add_argument("--on", default="on a GPU", help="what the runs were on, for the page")
    parser.add_argument("--repaired", action="append", default=[], metavar="TEACHER/CUT=JSON", help="a repaired folder's marks")
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for folder in options.folders:
        (RESULTS / f"{folder.name}.json").write_text(json.dumps({"rows": measure(folder, options.runs, options.on)}, indent=1) + "\n")
    for value in options.repaired:
        name, judged = value.split("=", 1)
        add_repaired(*name.split("/", 1), Path(judged))
    write_page()


if __name__ == "__main__":
    main()
