"""The table that a run ends with."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from noiseprobe.functional.regions import REGIONS
from noiseprobe.report.settings import differing_options, label

# columns where the cells of a sweep differ; of the kind's keys those that do
DIFFERENCES = ["model", "weights", "backend", "data", "options", "precision", "condition", "seed"]

WIDE = 250  # columns, where nothing says how many there are


def print_cells(folders: Sequence[Path]) -> None:
    """A table for each scoring, one row for each cell and variant, then where the results and figures are."""
    summaries = [json.loads((folder / "summary.json").read_text()) for folder in folders]
    console = Console() if sys.stdout.isatty() else Console(width=WIDE)
    for scoring in dict.fromkeys(s["scoring"] for s in summaries):  # numbers of two scorings can't be compared
        table = _table([s for s in summaries if s["scoring"] == scoring])
        _print_whole(table, console)
    for s, folder in zip(summaries, folders, strict=True):
        if s["n_rejected"]:
            console.print(f"rejected {s['n_rejected']}, with reasons in {folder / 'rejected.parquet'}", soft_wrap=True)
        silent = sum(v["n_silent_spans"] for v in s["variants"])
        if silent:
            found = f"{silent} rows of clips.parquet have a silent span, which gave no level"
            console.print(f"silent   {found}", soft_wrap=True)
        clipped = sum(v["over_full_scale"] for v in s["variants"])
        if clipped:
            console.print(f"clipping {clipped} samples of spans lie beyond full scale (kept)", soft_wrap=True)
        console.print(f"results  {folder}", soft_wrap=True, highlight=False)
        console.print(f"figure   {folder / 'profile.png'}", soft_wrap=True, highlight=False)


def _print_whole(table: Table, console: Console) -> None:
    """rich would cut numbers where a terminal ends, and outside of one at 80 columns: rather lines too long."""
    wide = Console(width=WIDE)
    fits = Measurement.get(wide, wide.options, table).maximum <= console.width
    if not fits:
        table.box = None  # lines would be torn apart
    (console if fits else wide).print(table, crop=False)


def print_claims(path: Path) -> None:
    """A table of verdicts for each model, data and scoring, from a report's JSON."""
    claims = json.loads(path.read_text())["found"]["claims"]
    for key in dict.fromkeys((c["model"], c["data"], c["scoring"]) for c in claims):
        table = Table(title=f"{key[0]} on {key[1]}, {key[2]} scoring: verdicts (95 % intervals; p corrected by Holm)")
        for heading in ["claim", "tested on"]:
            table.add_column(heading, no_wrap=True)
        for heading in ["estimate", "95 %", "p", "verdict", "songs", "needed"]:
            table.add_column(heading, justify="right", no_wrap=True)
        for c in [c for c in claims if (c["model"], c["data"], c["scoring"]) == key]:
            estimate = "-" if c["estimate"] is None else f"{c['estimate']:+.3f} {c['unit']}"
            bounds = "-" if c["low"] is None else f"[{c['low']:+.3f}, {c['high']:+.3f}]"
            p = "-" if c["p_holm"] is None else "<0.001" if c["p_holm"] < 0.001 else f"{c['p_holm']:.3f}"
            needed = "-" if c["songs_needed"] is None else str(c["songs_needed"])
            row = [c["claim"], c["where"], estimate, bounds, p, c["verdict"], str(c["songs"]), needed]
            table.add_row(*map(escape, row))
        _print_whole(table, Console() if sys.stdout.isatty() else Console(width=WIDE))


def _table(summaries: Sequence[dict[str, Any]]) -> Table:
    own = differing_options([(s["noise"], s["options"]) for s in summaries])
    summaries = [s | {"options": label(o, o)} for s, o in zip(summaries, own, strict=True)]
    varying = [name for name in DIFFERENCES if len({str(s[name]) for s in summaries}) > 1]
    if len({s["model"] for s in summaries}) == len({s["weights"] for s in summaries}) and "weights" in varying:
        varying.remove("weights")  # the names tell them apart
    constant = ", ".join(str(summaries[0][name]) for name in ["model", "data"] if name not in varying)
    constant += ", parallel scoring" if summaries[0]["scoring"] == "parallel" else ""
    title = "means in nats, +- standard error over songs; delta = corrupted - clean"
    variants = [(s, v) for s in summaries for v in s["variants"]]
    if any(v["n_shifted"] for _, v in variants):
        title += " over the frames that both have"
    if any(_pair(v["delta"]) == "0" for _, v in variants):
        title += "; 0 without decimals: exactly"
    table = Table(title=f"{constant}: {title}" if constant else title)
    for heading in [*varying, "noise"]:
        table.add_column(heading, no_wrap=True)
    for heading in ["clips", "songs", "clean nll", "corrupted", "delta", *REGIONS]:
        table.add_column(heading, justify="right", no_wrap=True)
    for s, v in variants:
        cells = [*(str(s[name]) for name in varying), v["variant"], str(v["n_clips"]), str(v["n_songs"])]
        cells += [_number(v[c]["mean"]) for c in ["nll_clean", "nll_corrupted"]]
        cells += [_pair(v[c]) for c in ["delta", *(f"{r}_delta" for r in REGIONS)]]
        table.add_row(*cells)
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _pair(value: dict[str, Any]) -> str:
    if value["mean"] is None:
        return "-"
    if value["mean"] == 0 and not value["se"]:
        return "0"  # not a small number, rounded
    return f"{value['mean']:+.3f}" + ("" if value["se"] is None else f" +-{value['se']:.3f}")
