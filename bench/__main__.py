"""The speed benchmark: noiseprobe against the published route and against what can't be avoided.

    python -m bench [FOLDER] [--clips 5]    measure, and write bench.json and bench.md
    python -m bench [FOLDER] --check        measure two clips: do the ratios in bench.json still hold?

From the checkout's root. FOLDER keeps a checkpoint of MusicGen-small's shape (2.4 GB, made once; by default in
noiseprobe's cache).
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

from bench import commands, report
from bench.released import write
from bench.rounds import measure, overrides
from noiseprobe.hashing import cache_folder

CHECKED, TOLERANCE = 2, 0.15  # clips, and how far a ratio may be from the file's, as a share of that


def checkpoint(folder: Path) -> Path:
    """Small's shape with random weights; the heads too, so not one of those that bench/models.py makes."""
    made = folder / "small-random-heads"
    if not made.exists():
        part = folder / f"part-{os.getpid()}"
        write(part, "small", "transformers", heads_sd=0.02)
        part.rename(made)
    return made


def check(measured: dict[str, float], stated: dict[str, float]) -> str | None:
    """What doesn't hold of the ratios that the file states; None: all of them hold."""
    wrong = [
        f"{name} is {measured[name]:.2f} now, and {stated[name]:.2f} there"
        for name in report.RATIOS
        if abs(measured[name] / stated[name] - 1) > TOLERANCE
    ]
    return f"bench.json doesn't hold (tolerance {TOLERANCE:.0%}): {'; '.join(wrong)}" if wrong else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("folder", type=Path, nargs="?", default=cache_folder() / "bench")
    parser.add_argument("--clips", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="whether bench.json's ratios still hold")
    args = parser.parse_args()
    machine = report.machine()
    model = checkpoint(args.folder)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        samples = measure(folder, model, CHECKED if args.check else args.clips)
        if args.check:
            measured = report.ratios(report.medians(samples))
            print(*(f"{name}: {value:.2f}" for name, value in measured.items()), sep="\n")
            wrong = check(measured, json.loads(report.JSON.read_text()))
            if wrong:
                raise SystemExit(wrong)
            print(f"bench.json holds (tolerance {TOLERANCE:.0%})")
            return
        start = commands.start(folder)
        second_cell = commands.second_cell(folder, overrides(model, folder / "music"))
    found = report.results(samples, start, second_cell, machine)
    report.JSON.write_text(json.dumps(found, indent=2) + "\n")
    report.MARKDOWN.write_text(report.markdown(found))
    print(report.MARKDOWN.read_text())


if __name__ == "__main__":
    main()
