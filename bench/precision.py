"""What bf16 changes: nll and delta of the same cells in both precisions.

    python bench/precision.py RESULTS [OVERRIDES ...]

Runs `python -m noiseprobe precision=fp32,bf16 paths.results=RESULTS OVERRIDES -m` and compares the tables. Prints
Markdown: per value of nll the root mean square and the mean of bf16 minus fp32 (frames that means are over), and delta
of each variant in both.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from noiseprobe import load_results
from noiseprobe.results.load import Results


def main() -> None:
    results, overrides = Path(sys.argv[1]), sys.argv[2:]
    command = [sys.executable, "-m", "noiseprobe", "precision=fp32,bf16", f"paths.results={results}", *overrides, "-m"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    cells = load_results(results).cells
    folders = {p: results / cells[cells["precision"] == p]["cell"].iloc[0] for p in ["fp32", "bf16"]}
    both = {p: Results([folder]) for p, folder in folders.items()}
    tables = {p: r.nll() for p, r in both.items()}
    scored = tables["fp32"]["in_means"].to_numpy(bool)
    print("| | rms of a value | mean |\n|---|---|---|")
    for column in ["nll_clean", "nll_corrupted"]:
        a, b = (t[column].to_numpy(float)[scored] for t in tables.values())
        print(f"| {column} | {np.sqrt(np.mean((b - a) ** 2)):.4f} | {np.mean(b - a):+.5f} |")
    print("\n| noise | delta fp32 | delta bf16 | difference | s.e. over songs |\n|---|---|---|---|---|")
    rows = [r.cells.set_index("variant") for r in both.values()]
    for variant in rows[0].index:
        a, b = (r.loc[variant, "delta"] for r in rows)
        print(f"| {variant} | {a:+.4f} | {b:+.4f} | {b - a:+.5f} | {rows[0].loc[variant, 'delta_se']:.4f} |")


if __name__ == "__main__":
    main()
