"""What the command line takes around the clips: its start, a finished cell, and the second cell of a sweep."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

TIMES = 5
# A run that ends where the first clip, decoded and with its noise, is handed to the model
FIRST = """
import os
from noiseprobe import cli, probe
probe.NoiseProbe.test_step = lambda *_: os._exit(0)
cli.main()
"""


def seconds(*arguments: str) -> float:
    """From a process's start to its end.

    Raises:
        SystemExit: if it fails.
    """
    start = time.perf_counter()
    run = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stdout + run.stderr)
    return time.perf_counter() - start


def start(folder: Path) -> dict[str, float]:
    """Seconds of `--help`, of a finished cell, and until the first clip is scored; the embedded model, medians."""
    cell = ["data.limit=1", "trainer=cpu", "logger=none", f"paths.cache={folder / 'cache'}"]
    finished = ["-m", "noiseprobe", *cell, f"paths.results={folder / 'finished'}"]
    seconds(*finished)
    commands = {
        "help": ["-m", "noiseprobe", "--help"],
        "finished_cell": finished,
        "first_clip": ["-c", FIRST, *cell, f"paths.results={folder / 'begun'}"],
    }
    return {name: median(seconds(*command) for _ in range(TIMES)) for name, command in commands.items()}


def second_cell(folder: Path, overrides: Sequence[str]) -> dict[str, float]:
    """Of a sweep over two colours on one clip: how often the model is loaded, and what each cell's test takes."""
    results = folder / "sweep"
    command = [
        "-m", "noiseprobe", *overrides, "noise=white,pink", "data.limit=1", "precision=fp32", "keep_audio=0",
        "report=false", f"paths.results={results}", f"paths.cache={folder / 'cache'}", "-m",
    ]  # fmt: skip
    run = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stdout + run.stderr)
    tests = [
        json.loads(next(results.glob(f"*{noise}*/meta.json")).read_text())["seconds"]["test"]
        for noise in ["white", "pink"]
    ]
    return {"first": tests[0], "second": tests[1], "loads": run.stdout.count("loading ")}
