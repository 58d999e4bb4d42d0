"""From samples to bench.json, and from that to bench.md: every ratio is the quotient of medians that the file holds."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import torch

from bench.bound import OWN, SMALL, work
from bench.rounds import FRAMES, LENGTHS, Samples

JSON, MARKDOWN = (Path(__file__).with_name(f"bench.{end}") for end in ["json", "md"])
PACKAGES = ["torch", "torchaudio", "transformers", "lightning", "numpy", "soundfile"]
PARTS = ["decode", "noise", "encode", "score", "metrics", "write", "clip"]
RATIOS = ["ratio_fp32", "ratio_bf16", "ratio_bf16_same"]
PRECISIONS = ["fp32", "bf16"]


def medians(samples: Samples) -> dict[str, Any]:
    """Nested by name, to five digits."""
    found: dict[str, Any] = {}
    for name, values in samples.items():
        inner = found
        for key in name[:-1]:
            inner = inner.setdefault(key, {})
        inner[name[-1]] = float(f"{median(values):.5g}")
    return found


def results(
    samples: Samples, start: dict[str, float], second_cell: dict[str, float], machine: dict[str, Any]
) -> dict[str, Any]:
    """The content of bench.json."""
    found = medians(samples)
    seconds = {name: found[name] for name in ["published", "noiseprobe", "first", "single_encode"]}
    seconds |= {"start": {name: round(s, 3) for name, s in start.items()}, "second_cell": second_cell}
    needed = found["operations"]
    bound = {p: {kind: max(products.values()) for kind, products in found["operations_per_s"][p].items()}
             for p in PRECISIONS}  # fmt: skip
    for speeds in bound.values():
        split = sum(needed[kind] / speeds[kind] for kind in needed)
        single = sum(needed.values()) / max(speeds.values())
        speeds |= {"seconds": float(f"{split:.5g}"), "seconds_at_best_speed": float(f"{single:.5g}")}
    plain = max(s for name, s in found["operations_per_s"]["fp32"]["linear"].items() if not name.endswith(OWN))
    library = needed["linear"] / plain + needed["attention"] / bound["fp32"]["attention"]
    bound["fp32_library"] = {"linear": plain, "seconds": float(f"{library:.5g}")}
    return {
        **ratios(seconds),
        **shares(seconds, bound),
        "lm_share_of_library_bound": round(library / seconds["noiseprobe"]["fp32"]["score"], 3),
        "codec_encodes_per_grid": round(
            seconds["noiseprobe"]["fp32"]["encode"] / (seconds["published"]["fp32"]["encode"] / (len(LENGTHS) + 1)), 3
        ),
        "codec_encodes_per_grid_strict": round(seconds["noiseprobe"]["fp32"]["encode"] / seconds["single_encode"], 3),
        "passes": round(needed["linear"] / work(SMALL, FRAMES).linear, 3),
        "clips": len(samples["operations", "linear"]),
        "lengths": LENGTHS,
        "seconds": seconds,
        "bound": bound,
        "operations": needed,
        "operations_per_s": found["operations_per_s"],
        "disagreement": found["disagreement"],
        "machine": machine,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    }


def ratios(seconds: dict[str, Any]) -> dict[str, float]:
    """Of the published route's time to noiseprobe's, from medians of seconds a clip."""
    published, ours = ({p: seconds[route][p]["clip"] for p in PRECISIONS} for route in ["published", "noiseprobe"])
    pairs = [("fp32", "fp32"), ("fp32", "bf16"), ("bf16", "bf16")]
    return {name: round(published[a] / ours[b], 3) for name, (a, b) in zip(RATIOS, pairs, strict=True)}


def shares(seconds: dict[str, Any], bound: dict[str, Any]) -> dict[str, float]:
    """Of the language model's time that its matrix products need; the names without a precision are fp32's."""
    found = {}
    for p, end in zip(PRECISIONS, ["", "_bf16"], strict=True):
        score = seconds["noiseprobe"][p]["score"]
        found[f"lm_share_of_bound{end}"] = round(bound[p]["seconds"] / score, 3)
        found[f"lm_share_of_best_speed{end}"] = round(bound[p]["seconds_at_best_speed"] / score, 3)
    return found


def machine() -> dict[str, Any]:
    """What this runs on, and how busy that was until now."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": named[0] if named else platform.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_average": round(os.getloadavg()[0], 1),
    }


def markdown(r: dict[str, Any]) -> str:
    """bench.md of bench.json's content."""
    s, m, bound = r["seconds"], r["machine"], r["bound"]
    routes = [(s[route][p], f"{route}, {p}") for p in PRECISIONS for route in ["published", "noiseprobe"]]
    table = ["| seconds a clip | " + " | ".join(name for _, name in routes) + " |", "|---" * 5 + "|"]
    for part in PARTS:
        cells = [f"{seconds[part]:.3f}" if part in seconds else "-" for seconds, _ in routes]
        table.append(f"| {part if part != 'clip' else '**all**'} | {' | '.join(cells)} |")
    speeds = [
        f"| {p} | {bound[p]['linear'] / 1e9:.0f} | {bound[p]['attention'] / 1e9:.0f} | {bound[p]['seconds']:.2f} s |"
        f" {s['noiseprobe'][p]['score']:.2f} s | **{r[f'lm_share_of_bound{end}']:.1%}** |"
        f" {r[f'lm_share_of_best_speed{end}']:.1%} |"
        for p, end in zip(PRECISIONS, ["", "_bf16"], strict=True)
    ]
    versions = ", ".join(f"{name} {number}" for name, number in r["versions"].items())
    return TEXT.format(
        **r, **m, table="\n".join(table), speeds="\n".join(speeds), version_list=versions,
        frames=", ".join(map(str, r["lengths"])), single=s["single_encode"],
        one=s["published"]["fp32"]["encode"] / (len(r["lengths"]) + 1), grid=s["noiseprobe"]["fp32"]["encode"],
        work=sum(r["operations"].values()) / 1e12, first=s["first"], start=s["start"], second=s["second_cell"],
        plain=bound["fp32_library"]["linear"] / 1e9, library=bound["fp32_library"]["seconds"],
    )  # fmt: skip


TEXT = """<!-- Written by `make bench` from bench.json. -->
# The cost of a clip

The paper's grid, a clip of 15 s clean and with white noise of {frames} frames at 5 s, with
MusicGen-small's real shape (random weights, transformers' layout) on {cores} CPU cores: medians over {clips} clips of
the demo's music.

| the published route as published (fp32) is slower than | times |
|---|---|
| noiseprobe in fp32 | **{ratio_fp32:.2f}** |
| noiseprobe in bf16 | **{ratio_bf16:.2f}** |
| noiseprobe in bf16, itself in bf16 too | {ratio_bf16_same:.2f} |

The published route, written anew (`published.py`): one file at a time, WAV out and in, all of it encoded, all of it
through the language model. noiseprobe: `cache=off`. The two take turns clip by clip, each in its own process; they give
the same codes for the same samples, and nll of the same codes that differ by at most {disagreement[fp32]:.0e} (fp32)
and {disagreement[bf16]:.0e} (bf16); each run checks that first.

{table}

In `published`, decode is reading both files, write the noisy one, and the cross-entropy is in score. In `noiseprobe`,
metrics and write run beside the next clip in a cell; here they are added. The first clip of a process chooses the
tiles of its encoder and isn't among these: {first[fp32][clip]:.1f} s in fp32, {first[bf16][clip]:.1f} s in bf16.

## The language model against its bound

A clip needs {passes:.2f} passes, {work:.2f} TFLOP in matrix products that can't be avoided. The bound divides those of
linear layers and those of attention by the fastest product of each that torch reaches here on the shapes in use
(GFLOP/s), and leaves out everything else. In the last column all of it runs at the faster of the two.

| | linear | attention | bound | measured | share | share of best speed |
|---|---|---|---|---|---|---|
{speeds}

With the products of torch's own `linear` in fp32, which are MKL's, {plain:.0f} GFLOP/s at best, the
bound would be {library:.2f} s, **{lm_share_of_library_bound:.1%}** of the time measured: noiseprobe
makes them through oneDNN where the processor has AVX-512.

## The codec

All versions of a clip take {grid:.2f} s, one encode of the published route {one:.2f} s, so the grid costs
**{codec_encodes_per_grid:.2f}** single encodes. With what noiseprobe also does to a whole encode (weight norm taken
out, freed memory kept) that takes {single:.2f} s, of which the grid costs {codec_encodes_per_grid_strict:.2f}.

## Around the clips

| | |
|---|---|
| `--help` | {start[help]:.2f} s |
| a finished cell is skipped, from the process's start to its end | {start[finished_cell]:.2f} s |
| until the first clip is scored (embedded model) | {start[first_clip]:.2f} s |
| first cell of a sweep over two colours, one clip, cache empty (fp32) | {second[first]:.2f} s |
| second cell | {second[second]:.2f} s |
| times that the model was loaded for both | {second[loads]} |

## Where

{processor}, {cores} cores, {threads} threads, load average {load_average} before it began.
{version_list}.
"""
