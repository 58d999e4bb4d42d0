"""Load time, peak memory and seconds a clip of the released models' sizes, through the command line.

    python bench/models.py FOLDER [small medium large] [--limit 2]

FOLDER is for checkpoints of random weights (bench/released.py makes them; small 3 GB, medium 11 GB, large 22 GB for
both layouts) and the results. Each row is a process of its own: a sweep over three lengths of noise, so each clip is
scored six times (clean and noisy in each cell). Memory is what the process holds beside the pages of files (RssAnon),
sampled every 20 ms, and the largest with them (RSS). Prints a table in Markdown.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

GIB = 2**30


def run(folder: Path, results: Path, size: str, backend: str, precision: str, limit: int) -> dict[str, float]:
    """One sweep; its figures."""
    command = [
        sys.executable, "-m", "noiseprobe", f"model=musicgen_{size}", f"model.path={folder}", f"precision={precision}",
        f"model.backend={backend}", "noise.length=0.5,1,2", f"data.limit={limit}", "force=true",
        f"paths.results={results}", "-m",
    ]  # fmt: skip
    start = time.perf_counter()
    shutil.rmtree(results, ignore_errors=True)  # of an earlier run, perhaps with other clips
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    anon = rss = 0
    while child.poll() is None:
        try:
            fields = dict(line.split(":", 1) for line in Path(f"/proc/{child.pid}/status").read_text().splitlines())
            anon = max(anon, int(fields["RssAnon"].split()[0]) * 1024)
            rss = max(rss, int(fields["VmHWM"].split()[0]) * 1024)
        except (OSError, KeyError):
            pass  # it ended meanwhile
        time.sleep(0.02)
    if child.returncode:
        raise SystemExit(child.returncode)
    cells = [p.parent for p in results.glob("*/DONE")]
    seconds = [json.loads((c / "meta.json").read_text())["seconds"] for c in cells]
    summaries = [json.loads((c / "summary.json").read_text()) for c in cells]
    return {
        "file": sum(f.stat().st_size for f in folder.iterdir()) / GIB,
        "load": max(s["load"] for s in seconds),
        "clip": sum(s["test"] for s in seconds) / sum(s["n_clips"] for s in summaries) / 2,
        "anon": anon / GIB,
        "rss": rss / GIB,
        "wall": time.perf_counter() - start,
        "parameters": summaries[0]["parameters"] / 1e9,
        "nll": max(abs(v["nll_clean"]["mean"] - 7.624618986) for s in summaries for v in s["variants"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("sizes", nargs="*", default=["small"])
    parser.add_argument("--limit", type=int, default=2)
    parser.add_argument("--backends", nargs="+", default=["audiocraft", "transformers"])
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    args = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {args.limit} clips of 15 s\n")
    print("| model | layout | precision | parameters | files | load | memory | with file pages | a pass | nll off |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for size in args.sizes:
        for backend in args.backends:
            folder = args.folder / f"{size}-{backend}"
            if not folder.exists():
                released = Path(__file__).with_name("released.py")
                subprocess.run([sys.executable, released, folder, size, backend], check=True, capture_output=True)
            for precision in args.precisions:
                results = args.folder / "results" / f"{size}-{backend}-{precision}"
                r = run(folder, results, size, backend, precision, args.limit)
                print(
                    f"| {size} | {backend} | {precision} | {r['parameters']:.2f} B | {r['file']:.2f} GiB |"
                    f" {r['load']:.1f} s | {r['anon']:.2f} GiB | {r['rss']:.2f} GiB | {r['clip']:.2f} s |"
                    f" {r['nll']:.0e} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
