"""Is the music before the noise lost? What it is worth without noise and behind it, and the amnesia index."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noiseprobe.analysis.claims import amnesia
from noiseprobe.analysis.group import groups
from noiseprobe.report.sheet import BLUE, GREY, ORANGE, WIDTH, Sheet, caption, printed, save
from noiseprobe.results.index import index_table
from noiseprobe.results.load import Results

WORTH = {"worth of old music": ("without noise (c - e)", BLUE, "o"), "behind noise": ("behind it (f - b)", ORANGE, "s")}
INDICES = {"amnesia": ("amnesia", BLUE, "o"), "context loss": ("context loss", ORANGE, "s")}
SECONDS = 4.0  # of the curve that is shown

Row = Mapping[str, Any]


def write(results: Path, cells: Sequence[Path], name: str | None) -> list[Path]:
    """A figure for each model, data and scoring of which all four pasts are there."""
    scorings = {cell: index_table([cell])["scoring"][0].as_py() for cell in cells}
    written = []
    for scoring in dict.fromkeys(scorings.values()):
        found = groups(Results([cell for cell in cells if scorings[cell] == scoring]))
        for group in found:
            rows, curve = amnesia.table(group), amnesia.curve(group)
            if rows:
                which = "-" + re.sub(r"[^\w.+]+", "_", f"{group.label}-{group.data}") if len(found) > 1 else ""
                stem = f"{name}-" if name else ""
                rate = group.frame_rate(group.cells["cell"].iloc[0])
                path = results / f"{stem}amnesia-{scoring}{which}"
                save(amnesia_figure(group.label, rows, curve, rate), path)
                written.append(path.with_name(f"{path.name}.png"))
    return written


@printed
def amnesia_figure(model: str, rows: Sequence[Row], curve: Sequence[Row], frame_rate: float) -> Figure:
    """What the old music is worth (left), the index (middle), and the first over time after the longest noise (right).

    Bars and bands are 95 % intervals over songs: Student's t of means, Fieller's of ratios, each by itself. No mark
    where the interval of a denominator touches 0.

    Args:
        model: its name.
        rows: of `analysis.claims.amnesia.table`.
        curve: of `analysis.claims.amnesia.curve`; empty: nothing on the right.
        frame_rate: frames a second.
    """
    figure = Sheet(figsize=(WIDTH, 3.0), layout="constrained")
    worth, index, time = figure.subplots(1, 3)
    many = len(rows)
    for axis, marks in [(worth, WORTH), (index, INDICES)]:
        for i, (name, (label, color, marker)) in enumerate(marks.items()):
            there = [(at, row) for at, row in enumerate(rows) if row[f"{name} low"] is not None]
            at = [x + 0.12 * (2 * i - 1) for x, _ in there]
            bars = [
                [max(row[name] - row[f"{name} low"], 0.0) for _, row in there],
                [max(row[f"{name} high"] - row[name], 0.0) for _, row in there],
            ]
            axis.errorbar(
                at, [row[name] for _, row in there], yerr=bars if there else None, fmt=marker, color=color,
                markersize=4, elinewidth=1, label=label,
            )  # fmt: skip
        axis.set_xticks(range(many), [f"{row['length_s']:g}" for row in rows])
        axis.set_xlim(-0.5, many - 0.5)
        axis.set_xlabel("length of the noise (s)")
        axis.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    worth.set_ylabel("worth of the music before the noise (nats)")
    index.set_ylabel("share lost")
    index.axhline(1, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
    # a denominator near 0 makes bars of any length, which would hide all else
    index.set_ylim(*_limits([row[name] for row in rows for name in INDICES if row[name] is not None]))
    _over_time(time, curve, frame_rate)
    for axis in (worth, index):
        axis.legend(loc="upper left", frameon=False)
    first = rows[0]
    songs = " to ".join(dict.fromkeys(str(f(row["songs"] for row in rows)) for f in (min, max)))
    caption(
        figure,
        f"{model} on {first['data']}, {first['scoring']} scoring, {songs} songs: the second"
        f" after noise on tokens, without its first {first['skipped frames']} frames",
        "means over codebooks, frames, clips of a song, songs; bars and bands: 95 % over songs (t; ratios: Fieller);"
        " no mark where what is divided by may be 0",
    )
    return figure


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """All marks, 0 and 1, and room for most of their bars."""
    low, high = min([0.0, *values]), max([1.0, *values])
    return low - 0.4 * (high - low), high + 0.4 * (high - low)


def _over_time(axis: Axes, curve: Sequence[Row], frame_rate: float) -> None:
    if not curve:
        axis.remove()
        return
    longest = max(row["length_s"] for row in curve)
    own = [row for row in curve if row["length_s"] == longest]
    own = [row for row in own if row["frame after the noise"] / frame_rate <= SECONDS]
    at = [row["frame after the noise"] / frame_rate for row in own]
    for name, (_, color, _) in WORTH.items():
        axis.plot(at, [row[name] for row in own], color=color, linewidth=1.2)
        low, high = ([row[f"{name} {end}"] for row in own] for end in ["low", "high"])
        if None not in low + high:
            axis.fill_between(at, low, high, color=color, alpha=0.2, linewidth=0)
    axis.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    axis.set_xlabel("time after the noise (s)")
    axis.set_title(f"after {longest:g} s, bins of {amnesia.BIN} frames", loc="left")
