"""How long a report page takes to open: from the navigation's start until every table and figure is there.

    python bench/page.py FOLDER [CLIPS] [RUNS]

Makes CLIPS (100) clips of the demo's music, each file rotated by another number of seconds, scores them with the
embedded model in the paper's six lengths (once; FOLDER keeps it), and writes the page twice: audio beside it (what the
default of 20 MB gives for so many) and all audio in it. Each is opened RUNS (5) times in Chromium, a browser of its own
each time, at 1280 x 900. Prints Markdown. Needs the browser that the tests of the page need.
"""

import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile as sf
from playwright.sync_api import sync_playwright

from noiseprobe.config import PACKAGE
from noiseprobe.report.html import write_report
from noiseprobe.results.index import finished

BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
READY = "html[data-ready=true]"


def make_clips(folder: Path, clips: int) -> None:
    files = sorted((PACKAGE / "assets/demo").glob("*/*.ogg"))
    for i in range(clips):
        audio, rate = sf.read(files[i % len(files)], dtype="float32")
        song = folder / f"song{i:03d}.flac"
        song.parent.mkdir(parents=True, exist_ok=True)
        sf.write(song, np.roll(audio, (i // len(files)) * 3 * rate), rate)


def opened(browser: str, page: Path) -> tuple[float, float]:
    """Seconds until it can be read and sorted, and until all figures are drawn."""
    with sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = chromium.new_page(viewport={"width": 1280, "height": 900})
        tab.goto(page.resolve().as_uri(), wait_until="commit")
        tab.wait_for_selector(READY, timeout=60_000)
        marks = ["noiseprobe-usable", "noiseprobe-ready"]
        usable, ready = (tab.evaluate("n => performance.getEntriesByName(n)[0].startTime / 1000", m) for m in marks)
        chromium.close()
    return usable, ready


def main() -> None:
    folder, clips, runs = Path(sys.argv[1]), *(int(a) for a in [*sys.argv[2:], "100", "5"][:2])
    browser = next(path for name in BROWSERS if (path := shutil.which(name)))
    if not finished(folder / "results"):
        make_clips(folder / "music", clips)
        command = [sys.executable, "-m", "noiseprobe", "data=folder", f"data.root={folder / 'music'}"]
        subprocess.run([*command, f"paths.results={folder / 'results'}", "keep_audio=null"], check=True)
    print("| audio | page | usable, median | all figures, median | slowest |\n|---|---|---|---|---|")
    for name, embed_mb in [("beside the page", 20.0), ("in the page", 1000.0)]:
        page = write_report(folder / "results/report.html", finished(folder / "results"), embed_mb=embed_mb)
        usable, ready = zip(*(opened(browser, page) for _ in range(runs)), strict=True)
        times = [statistics.median(usable), statistics.median(ready), max(ready)]
        print(f"| {name} | {page.stat().st_size / 1e6:.1f} MB | {' | '.join(f'{t:.2f} s' for t in times)} |")
    print(f"\n{clips} clips, six lengths, {runs} openings; load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
