"""Heals one teacher in every way that the paper compares, judges what comes out, and writes the tables of docs/healing.md.

    python science.py FOLDER --runs ../runs --scratch DIR [--preset NAME | --plan FILE] [--steps 400 | --minutes M] [--seeds 1 2 3] [--ways pruned repair icd mca both scratch ...]

Runs go one after another through the command line (`npm run vdmini`), so what is measured is what a person gets. Each result goes to
docs/healing-results/NAME.json as soon as it is there; what is in it already, with the same settings, is not run again, and a run that
was cut goes on from its checkpoint. Clips are judged by judge_folder.py.
"""
from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from pathlib import Path

from judge_folder import judge_folder

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "healing-results"
PAGE = ROOT / "docs" / "healing.md"
MARKS = ("<!-- science.py writes from here -->", "<!-- to here -->")

# Way -> what `vdmini heal` is told besides the plan; None: nothing is healed.
WAYS: dict[str, list[str] | None] = {
    "pruned": None,
    "repair": ["--stages", "repair"],
    "output": ["--stages", "end", "--icd", "0"],
    "icd": ["--stages", "end"],
    "icd-normalised": ["--stages", "end", "--icd-normalised"],
    "mca": ["--stages", "end", "--icd", "0", "--mca", "1"],
    "both": ["--stages", "end", "--mca", "1"],
    "repair+icd": ["--stages", "repair,end"],
    "repair+local": ["--stages", "repair,local"],
    "repair+local+icd": ["--stages", "repair,local,end"],
    "scratch": ["--stages", "end", "--from-scratch"],
    "near": ["--stages", "end", "--train", "near"],
    "low-rank": ["--stages", "end", "--train", "low-rank"],
}
TRAINED = [way for way, args in WAYS.items() if args and args[1] != "repair"]


def vdmini(*args: str) -> str:
    return subprocess.run(["npm", "run", "--silent", "vdmini", "--", *args], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def heal(folder: Path, cut: list[str], way: str, length: list[str], seed: int, out: Path) -> dict:
    """Figures of the run; the healed folder is `out`. `length`: as `vdmini heal` takes it."""
    resume = ["--resume"] if out.with_name(f"{out.name}.checkpoint").exists() else []
    shutil.rmtree(out, ignore_errors=True)
    count = length if way in TRAINED else []
    told = json.loads(vdmini("heal", str(folder), *cut, "--out", str(out), "--seed", str(seed), *WAYS[way], *count, *resume, "--json"))
    return figures(told)


def figures(told: dict) -> dict:
    """Of what `vdmini heal --json` tells."""
    critic = [point["critic"]["accuracy"] for point in told["curves"]["training"] if "critic" in point]
    return {
        "before": told["before"], "best": told["best"], "end": told["end"], "steps": told["steps"], "seconds": round(told["seconds"]),
        "learningRate": told["learningRate"], "heldOut": told["curves"]["heldOut"], **({"criticAccuracy": critic[-1]} if critic else {}),
    }


def prune(folder: Path, cut: list[str], out: Path) -> dict:
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(folder, out)
    denoiser = next(out / part / "model.onnx" for part in ("unet", "transformer") if (out / part).exists())
    denoiser.unlink()
    vdmini("prune", str(folder / denoiser.relative_to(out)), *cut, "--out", str(denoiser))
    return {}


def load(path: Path) -> dict:
    return json.loads(path.read_text()) if path.exists() else {"rows": []}


def keep(path: Path, results: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(results, indent=1) + "\n")
    partial.replace(path)


def table(name: str, results: dict) -> str:
    lines = [
        f"### {name}, steps of {results['batch']} states",
        "",
        "| Way | Cut | Seed | Steps | Minutes | Held-out error (content / motion) | Judged all right: trained | held out | strict: trained | held out | FVD (95 %) | Critic |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        error = row.get("best") or row.get("before")
        seen = row.get("judged")
        share = lambda judge, group: _share(seen[judge][group]) if seen else ""  # noqa: E731
        lines.append("| " + " | ".join([
            row["way"], row.get("preset", ""), str(row.get("seed", "")), str(row.get("steps", "")), f"{row['seconds'] / 60:.0f}" if row.get("steps") else "",
            f"{error['total']:.3g} ({error['content']:.2g} / {error['motion']:.2g})" if error else "",
            share("judge", "trained"), share("judge", "heldOut"), share("strict", "trained"), share("strict", "heldOut"),
            f"{seen['fvd']:.1f} ({seen['fvdInterval'][0]:.1f} to {seen['fvdInterval'][1]:.1f})" if seen else "",
            f"{row['criticAccuracy']:.2f}" if "criticAccuracy" in row else "",
        ]) + " |")
    return "\n".join(lines) + "\n"


def _share(part: dict) -> str:
    low, high = part["interval"]
    return f"{100 * part['allRight']:.0f} % ({100 * max(0.0, low):.0f} to {100 * high:.0f})"


def write_page() -> None:
    """The tables of all results between the marks of docs/healing.md."""
    text = PAGE.read_text()
    start, end = (text.index(mark) for mark in MARKS)
    tables = [table(path.stem, load(path)) for path in sorted(RESULTS.glob("*.json"))]
    PAGE.write_text(text[: start + len(MARKS[0])] + "\n\n" + "\n".join(tables) + "\n" + text[end:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="the teacher; without it only the page is written")
    parser.add_argument("--runs", type=Path, help="holds judge.pt and strict-judge.pt")
    parser.add_argument("--scratch", type=Path, help="where healed folders go")
    parser.add_argument("--preset", default="vdmini")
    parser.add_argument("--plan", type=Path, help="a plan in place of a preset")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--minutes", type=float, help="of each run, in place of steps")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--ways", nargs="+", choices=["teacher", *WAYS], default=["teacher", *WAYS])
    parser.add_argument("--clips", type=int, default=360)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.folder:
        measure(options)
    write_page()


def measure(options: argparse.Namespace) -> None:
    folder = options.folder.resolve()
    path = RESULTS / f"{folder.name}.json"
    results = load(path) | {"batch": 4}
    cut = ["--preset", options.preset] if options.plan is None else ["--plan", str(options.plan.resolve())]
    name = options.preset if options.plan is None else options.plan.stem
    length = ["--steps", str(options.steps)] if options.minutes is None else ["--minutes", str(options.minutes)]
    for seed in options.seeds:
        for way in options.ways:
            row = {"way": way} if way == "teacher" else {"way": way, "preset": name}
            if way in TRAINED:
                row |= {"asked": options.steps} if options.minutes is None else {"minutes": options.minutes}
            if way in WAYS and WAYS[way]:
                row |= {"seed": seed}
            if any(row.items() <= done.items() for done in results["rows"]):
                continue
            out = (options.scratch / "-".join(map(str, [folder.name, *row.values()]))).resolve()
            if way == "teacher":
                out = folder
            else:
                row |= prune(folder, cut, out) if WAYS[way] is None else heal(folder, cut, way, length, seed, out)
            seen = judge_folder(out, options.runs, options.clips, options.threads) if out.exists() else None
            results["rows"].append(row | ({"judged": seen} if seen else {}))
            keep(path, results)
            print(json.dumps({key: value for key, value in results["rows"][-1].items() if key != "heldOut"}), flush=True)


if __name__ == "__main__":
    main()
