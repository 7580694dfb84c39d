"""Copies the committed set out of a full run: every family under both exporters, and one transformer in every variant.

    python representative.py --from DIR --to ../../fixtures/exports
"""

import argparse
import gzip
import shutil
from pathlib import Path

VARIANTS = {
    "animatediff/dynamo": ["ort-basic"],
    "wan/legacy": ["stripped", "ort-basic"],
    "wan/dynamo": ["dynamic", "stripped", "fp16", "int8", "int4", "ort-basic", "ort-extended", "fused"],
    "hunyuan/legacy": ["dynamic", "fused", "ort-extended"],
    "hunyuan/dynamo": ["stripped", "int4"],
    "latte/legacy": ["stripped", "int8", "fp16", "fused"],
    "mochi/legacy": ["ort-extended"],
    "mochi/dynamo": ["fused", "stripped"],
    "cogvideox-1.5/dynamo": ["ort-basic", "stripped"],
}


def copy_export(source: Path, target: Path) -> int:
    """One export, its graph compressed; returns the bytes written."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "export.json", target / "export.json")
    packed = gzip.compress((source / "model.onnx").read_bytes(), 9, mtime=0)
    (target / "model.onnx.gz").write_bytes(packed)
    return len(packed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args()
    total = 0
    for family in sorted(path.parent for path in options.source.glob("*/case.json")):
        target = options.to / family.name
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in ("case.json", "case.bin"):
            shutil.copyfile(family / name, target / name)
            total += (target / name).stat().st_size
        for exporter in ("legacy", "dynamo"):
            for variant in ["fixed", *VARIANTS.get(f"{family.name}/{exporter}", [])]:
                source = family / exporter / variant
                if not (source / "model.onnx").exists():
                    print(f"missing: {family.name}/{exporter}/{variant}")
                    continue
                size = copy_export(source, target / exporter / variant)
                total += size
                print(f"{family.name}/{exporter}/{variant}: {size / 1024:.0f} KiB")
    print(f"{total / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
