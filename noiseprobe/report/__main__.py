"""`python -m noiseprobe.report RESULTS...`: the report page of any finished cells."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from noiseprobe.errors import NoiseprobeError
from noiseprobe.results.index import DONE, finished, unfinished


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, 1 for what the user can mend; argparse exits with 2 for wrong arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m noiseprobe.report", description="Write the report page of finished cells."
    )
    parser.add_argument("results", nargs="+", type=Path, help="folders of cells, or cells")
    parser.add_argument("--out", type=Path, help="the page (default: report.html beside the cells of the first folder)")
    parser.add_argument(
        "--embed-mb", type=float, default=20.0, help="audio goes into the page up to so many MB, else beside it (20)"
    )
    parser.add_argument("--margin", type=float, default=0.05, help="nats; a smaller effect counts as none (0.05)")
    parser.add_argument("--alpha", type=float, default=0.05, help="of a verdict, after correction (0.05)")
    parser.add_argument("--power", type=float, default=0.8, help="for the number of songs that a verdict needs (0.8)")
    asked = parser.parse_args(arguments)
    if not 0 <= asked.embed_mb < float("inf"):
        parser.error(f"--embed-mb: got {asked.embed_mb}, expected a number from 0 on")
    if not 0 < asked.margin < float("inf"):
        parser.error(f"--margin: got {asked.margin}, expected a number above 0")
    if not 0 < asked.alpha < asked.power < 1:
        parser.error(f"--alpha, --power: got {asked.alpha}, {asked.power}, expected 0 < alpha < power < 1")
    try:
        cells = []
        for path in asked.results:
            found = finished(path)
            if not found:
                raise NoiseprobeError(f"{path}: expected a finished cell (a folder with DONE) or a folder of them")
            cells += found
            for folder in unfinished(path):
                print(f"left out {folder}: not finished (no DONE)", file=sys.stderr)
        first = asked.results[0]
        out = asked.out or (first.parent if (first / DONE).exists() else first) / "report.html"
        if (out.parent / DONE).exists():
            raise NoiseprobeError(f"--out: got {out} inside a cell's folder, expected a place beside the cells")
        if out.is_dir():
            raise NoiseprobeError(f"--out: got the folder {out}, expected a file's name")
        # only now: it takes a second or two
        from noiseprobe.report.html import write_report

        out.parent.mkdir(parents=True, exist_ok=True)
        path = write_report(
            out, cells, embed_mb=asked.embed_mb, margin=asked.margin, alpha=asked.alpha, power=asked.power
        )
    except (NoiseprobeError, OSError) as error:
        print(f"report: {error}" if isinstance(error, OSError) else error, file=sys.stderr)
        return 1
    for written in [path, path.with_suffix(".json"), path.with_suffix(".md")]:
        print(f"report   {written}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
