"""Resident memory of a cell of many short clips, while they are scored and while the results are written.

    python bench/memory.py FOLDER [CLIPS] [--songs 1000]

FOLDER is for the clips (2 s of the embedded songs each, rotated by another amount; made once) and the results. The cell
is a process of its own on the CPU with the embedded model, one length of noise, no audio kept. Its memory is read every
50 ms: RSS, and RssAnon without the pages of files. Prints a table in Markdown.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile as sf

from noiseprobe.config import PACKAGE

SECONDS = 2
MILESTONES = [100, 1_000, 10_000, 100_000]
MIB = 1024  # kB


class Sample(NamedTuple):
    """Clips scored so far (None: scoring has ended), and kB."""

    scored: int | None
    rss: int
    anon: int


def make_clips(folder: Path, clips: int, songs: int) -> Path:
    """A folder with so many clips, as evenly over songs as that goes."""
    data = folder / f"clips-{clips}-{songs}"
    demo = [sf.read(p, dtype="float32") for p in sorted((PACKAGE / "assets/demo").glob("*/*.ogg"))]
    random = np.random.default_rng(0)
    for i in range(clips):
        song = i * songs // clips
        path = data / f"group{song % 4}" / f"song{song:06d}" / f"{i:06d}.flac"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            x, rate = demo[song % len(demo)]
            own = np.roll(x, random.integers(len(x)), axis=0)[: SECONDS * rate]
            sf.write(path, own, rate)
    return data


def sampled(command: Sequence[str], results: Path) -> list[Sample]:
    """The memory of a run, from its first scored clip to its end.

    Raises:
        SystemExit: if it fails.
    """
    found: list[Sample] = []
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    scored: int | None = 0
    while child.poll() is None:
        try:
            fields = dict(line.split(":", 1) for line in Path(f"/proc/{child.pid}/status").read_text().splitlines())
            now = [int(fields[name].split()[0]) for name in ["VmRSS", "RssAnon"]]
        except (OSError, KeyError, ValueError):
            continue  # it ended meanwhile
        if any(results.glob("*/.rejected.parquet.*.part")) or any(results.glob("*/rejected.parquet")):
            scored = None  # the first file of the results
        if scored is not None:
            # records are written in order
            while any(results.glob(f"*/records/{scored:06d}.npz")):
                scored += 1
        if scored != 0:
            found.append(Sample(scored, *now))
        time.sleep(0.05)
    if child.returncode:
        raise SystemExit(child.returncode)
    return found


def row(name: str, samples: Sequence[Sample], first: Sample) -> str:
    """The largest of some samples, and by how much it is more than the first."""
    rss, anon = (max(s[i] for s in samples) for i in (1, 2))
    return f"| {name} | {rss / MIB:.0f} MiB | {anon / MIB:.0f} MiB | {100 * (rss / first.rss - 1):+.1f} % |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("clips", type=int, nargs="?", default=10_000)
    parser.add_argument("--songs", type=int, default=1_000)
    args = parser.parse_args()
    data = make_clips(args.folder, args.clips, min(args.songs, args.clips))
    results = args.folder / f"results-{os.getpid()}"
    command = [
        sys.executable, "-m", "noiseprobe", "data=folder", f"data.root={data}", "data.clips_per_file=1",
        "noise.frames=10", "noise.onset=0.5", "keep_audio=0", "trainer.accelerator=cpu", "logger=none",
        f"paths.results={results}", f"paths.cache={results}/cache", f"hydra.run.dir={results}/hydra",
    ]  # fmt: skip
    start = time.perf_counter()
    samples = sampled(command, results)
    seconds = time.perf_counter() - start
    scoring = [s for s in samples if s.scored is not None]
    print(f"{platform.processor() or platform.machine()}, {args.clips} clips of {SECONDS} s in {seconds:.0f} s\n")
    print("| | RSS | without file pages | RSS against 100 clips |\n|---|---|---|---|")
    first = next(s for s in scoring if s.scored is not None and s.scored >= MILESTONES[0])
    for clips in MILESTONES:
        if clips < args.clips:
            print(row(f"after {clips:,} clips", [s for s in scoring if (s.scored or 0) >= clips][:1], first))
    print(row(f"at the end of scoring {args.clips:,} clips", scoring[-1:], first))
    print(row("largest from 100 clips to there", scoring[scoring.index(first) :], first))
    print(row("largest while results are written", [s for s in samples if s.scored is None], first))


if __name__ == "__main__":
    main()
