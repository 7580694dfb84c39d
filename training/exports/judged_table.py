"""Writes what judge.py found as a part of docs/exports.md.

    python judged_table.py JUDGED.json ../../docs/exports.md [--held-out HELD-OUT.json]

The part between the two comments is replaced, or put in front of the first table; rows of exports that the JSON does not have
stay as they stand. The bar of the project is computed here:
no case wrong, and at least 85 % of all cases offered and equal.
"""

import argparse
import json
import re
from collections import Counter
from pathlib import Path

BEGIN, END = "<!-- judged: begin -->", "<!-- judged: end -->"
STRANGERS = "### Families that no rule was made on"
BAR = 0.85

# Measured once, before anything was mended; never to be written anew.
UNTOUCHED = (
    "Untouched score, the one to expect of a family never seen: 47 families of diffusers 0.42 (`held_out_newer_denoisers.py`,",
    "`held_out_later.py`, six decoders, four that had not been made before) were judged before any rule was looked at again. 60",
    "exports of 36 of them could be made: 1068 cases, 972 (91.0%) offered and equal, 96 refused, **1 wrong** (a module of",
    "ControlNet-XS that two streams run into). Refusals were not spread: 0 of 14, 0 of 5 and 4 of 20 where modules are called",
    "without the one around them. The rules that came of the first 34 families scored 213 of 213 on the other 13, and the same one wrong.",
)

INTRODUCTION = """## Every unit against PyTorch

Written by `training/exports/judged_table.py` from what `judge.py` found; not edited by hand. A case is a module that can be
bypassed in PyTorch, found by trying and not by its class: one that returns what it was given when its parameters are zero,
or an attention or feed-forward inside such a module. Every unit that the studio offers is dropped, one file each, and its
output compared with PyTorch's, the module of that name bypassed: equal within 3e-5 (or three times what the whole graph is
off by). `wrong` counts every offered id, also those that are no case (a stage, a pair's member). Ids that are no module
(`pairs.1`, `inner_stages.3`) have no PyTorch to be held against here; the forms below check the paper's cut, which they make."""


def rows_of(results: dict, standing: dict[str, str]) -> tuple[list[str], Counter]:
    """Rows in the order of their names, those of `standing` (key -> row) that `results` does not have as they stand; sums of all."""
    total = Counter()
    rows = []
    for key in sorted(results.keys() | standing.keys()):
        if key not in results:
            figures = [cell.strip() for cell in standing[key].split("|")[3:7]]
            if figures[0] != "–":
                total.update(dict(zip(("cases", "equal", "refused", "wrong"), map(int, figures), strict=True)))
            rows.append(standing[key])
            continue
        one = results[key]
        if "failed" in one:
            rows.append(f"| {key.replace('/', ' | ')} | – | – | – | – | not made: {plain(one['failed'])} |")
            continue
        equal, refused, wrong = len(one["equal"]), len(one["refused"]), len(one["wrong"])
        total.update(cases=one["cases"], equal=equal, refused=refused, wrong=wrong)
        reasons = Counter(kind_of(reason) for reason in one["refused"].values())
        said = "; ".join(f"{count}: {reason}" for reason, count in reasons.items())
        rows.append(f"| {key.replace('/', ' | ')} | {one['cases']} | {equal} | {refused} | {wrong} | {said} |")
    return rows, total


def kind_of(reason: str) -> str:
    """A reason without the numbers and names of its block."""
    short = re.sub(r"^\S+ cannot be dropped\. ", "", reason)
    short = re.sub(r"from \d+ to \d+", "", short)
    short = re.sub(r"\d+(x\d+)+", "a shape", short)
    short = re.sub(r"(\. These can be dropped, together too): .*", r"\1", short)
    short = re.sub(r", and of it .*", ".", short)
    short = re.sub(r"\S+\.\d+\S* in it", "a part of it", short)
    return plain(re.sub(r"\b\w+(\.\w+)+\b", "it", short))


def plain(text: str) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return re.sub(r"/\S*/", "", text).replace("|", "/").split("\n")[0][:200].strip()


def rows_standing(text: str, heading: str) -> dict[str, str]:
    """Rows of the first table after `heading`, by "family/exporter"."""
    if heading not in text:
        return {}
    _, _, rest = text.partition(heading)
    rows = re.search(r"(?:^\|.*\n)+", rest, re.MULTILINE)
    found = rows[0].splitlines()[2:] if rows else []
    return {"/".join(cell.strip() for cell in row.split("|")[1:3]): row for row in found if not row.startswith("| **all**")}


def section(results: dict, standing: dict[str, str]) -> list[str]:
    rows, total = rows_of(results, standing)
    share = total["equal"] / max(1, total["cases"])
    holds = total["wrong"] == 0 and share >= BAR
    return [
        "| Family | Exporter | Cases | Offered and equal | Refused | Wrong | Why refused |",
        "|---|---|---|---|---|---|---|",
        *rows,
        f"| **all** | | {total['cases']} | **{total['equal']} ({share:.1%})** | {total['refused']} | **{total['wrong']}** | |",
        "",
        f"The bar (none wrong, {BAR:.0%} offered and equal) {'holds' if holds else 'does **not** hold'}: {total['wrong']} wrong, {share:.1%}.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("judged", type=Path)
    parser.add_argument("document", type=Path)
    parser.add_argument("--held-out", type=Path)
    options = parser.parse_args()
    text = options.document.read_text()
    lines = [BEGIN, INTRODUCTION, "", *section(json.loads(options.judged.read_text()), rows_standing(text, BEGIN))]
    strangers = rows_standing(text, STRANGERS)
    if options.held_out or strangers:
        held_out = json.loads(options.held_out.read_text()) if options.held_out else {}
        lines += [
            "",
            STRANGERS,
            "",
            "`training/exports/held_out.py`: denoisers, decoders, text encoders and vision models that were looked at after the rules",
            "stood. What was wrong or refused there is mended since, so they are no longer strangers; no rule names one. *Not made*: the",
            "exporter stops, or onnxruntime refuses or miscomputes the whole graph.",
            "",
            *UNTOUCHED,
            "",
            *section(held_out, strangers),
        ]
    part = "\n".join([*lines, END])
    if BEGIN in text:
        text = text[: text.index(BEGIN)] + part + text[text.index(END) + len(END) :]
    else:
        head, _, rest = text.partition("\n\n")
        text = f"{head}\n\n{part}\n\n## Forms\n\n{rest}"
    options.document.write_text(text)


if __name__ == "__main__":
    main()
