"""Delta of every clip at every frame around the noise, as a map: a row a clip."""

from collections.abc import Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noiseprobe.report.sheet import BLACK, WIDTH, Sheet, caption, printed
from noiseprobe.report.sweeps.base import View, within, write_views
from noiseprobe.report.sweeps.songs import shortened
from noiseprobe.results.curves import curves

COLORS, NOTHING = "RdBu_r", "#AAAAAA"  # red and blue differ for the colour-blind as well; where there is no value
CUT = 98.0  # percent of the values around the noise that the colours tell apart
EACH, LOWEST, HIGHEST = 0.115, 1.6, 7.5  # inches of a row; of the map
NAMED = 65  # clips, up to which each has its name
GROUP = 0.13  # inches that a group's name takes


class Row(NamedTuple):
    """A clip of the map; delta is NaN at frames without a value."""

    group: str
    song: str
    clip: str
    spans: list[tuple[int, int]]
    delta: np.ndarray


def write(results: Path, cells: Sequence[Path], name: str | None) -> list[Path]:
    """A figure for each variant of each cell."""
    return write_views(results, cells, name, "heatmap", lambda view, _: heatmap_figure(view))


def sorted_rows(view: View) -> list[Row]:
    """The clips by group, song and clip: groups by name, the others by their assimilation, the most negative first.

    A song's assimilation is the mean over its clips. Where the noise is too short for that region (or silent) it is the
    mean delta; what has neither comes last.
    """
    table = view.clips.copy()
    table["by"] = table[sorted_by(view)]
    table["of_song"] = table.groupby(["group", "song"])["by"].transform("mean")
    order = ["group", "of_song", "song", "by", "clip"]
    places = {clip: i for i, clip in enumerate(table.sort_values(order, na_position="last")["clip"])}
    spans = {c: [(int(on), int(off)) for on, off in s] for c, s in zip(table["clip"], table["spans"], strict=True)}
    found = [Row(c.group, c.song, c.clip, spans[c.clip], c.delta) for c in curves(view.folder, variants=[view.variant])]
    return sorted(found, key=lambda row: places[row.clip])


def sorted_by(view: View) -> str:
    return "assimilation_delta" if view.clips["assimilation_delta"].notna().any() else "delta"


@printed
def heatmap_figure(view: View) -> Figure:
    """Delta (mean over codebooks) of each clip (down) and frame (across), the edges of the noise marked.

    Red: the noise raised the loss, blue: it lowered it, white: 0. The colours end at a percentile of the absolute
    values from the beginning of the noise's first region to the end of its offset; beyond they stay the same.

    Args:
        view: what is drawn.

    Raises:
        NoiseprobeError: if the cell was run with keep_nll=false.
    """
    rows = sorted_rows(view)
    longest = max(len(row.delta) for row in rows)
    delta = np.full((len(rows), longest), np.nan)
    for line, row in zip(delta, rows, strict=True):
        line[: len(row.delta)] = row.delta
    frames = np.flatnonzero(within(view, np.arange(longest)))
    most, beyond = color_limit(view, rows)
    height = min(max(EACH * len(rows), LOWEST), HIGHEST)
    figure = Sheet(figsize=(WIDTH, height + 1.5), layout="constrained")
    axis = figure.subplots()
    colors = colormaps[COLORS].with_extremes(bad=NOTHING)
    first, last = frames[0] / view.frame_rate, (frames[-1] + 1) / view.frame_rate
    image = axis.imshow(
        np.ma.masked_invalid(delta[:, frames]), aspect="auto", cmap=colors, vmin=-most, vmax=most,
        extent=(first, last, len(rows) - 0.5, -0.5), interpolation="nearest",
    )  # fmt: skip
    _edges(axis, view, rows)
    axis.set_xlim(first, last)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.spines[["top", "right"]].set_visible(True)
    axis.set_xlabel("time in the clean clip (s); black: where the noise begins and ends")
    _names(axis, rows, height / len(rows))
    bar = figure.colorbar(
        image, ax=axis, location="bottom", extend="both" if beyond else "neither", aspect=50, pad=0.02
    )
    bar.set_label("delta (nats), corrupted minus clean")
    sort = "assimilation" if sorted_by(view) == "assimilation_delta" else "mean delta (no clip has an assimilation)"
    tail = "; grey: no value" if np.isnan(delta[:, frames]).any() else ""
    cut = f"; colours end at ±{most:.3g} nats, the {CUT:g}th percentile of |delta| around the noise" if beyond else ""
    caption(
        figure, view.title,
        f"a row a clip, mean over codebooks, no error; by group, then songs by their {sort}, then clips{cut}{tail}",
    )  # fmt: skip
    return figure


def color_limit(view: View, rows: Sequence[Row]) -> tuple[float, bool]:
    """Nats at which the colours end, and whether any value lies beyond; 1 where nothing differs from 0."""
    near = []
    for row in rows:
        regions = view.regions(row.spans, len(row.delta))
        frames = np.concatenate([regions[name] for name in ["peak", "assimilation", "offset"]])
        near.append(np.abs(row.delta[frames]))
    values = pd.Series(np.concatenate(near)).dropna()
    every = np.abs(np.concatenate([row.delta for row in rows]))
    most = float(np.percentile(values, CUT)) if len(values) else 0.0
    most = most or float(np.nanmax(every, initial=0.0)) or 1.0
    return most, bool((every > most).any())


def _edges(axis: Axes, view: View, rows: Sequence[Row]) -> None:
    """Lines where the noise begins and ends: each clip its own."""
    edges = [(e / view.frame_rate, i) for i, r in enumerate(rows) for on, off in r.spans if off > on for e in (on, off)]
    if edges:
        at, row = np.array(edges).T
        axis.vlines(at, row - 0.5, row + 0.5, color=BLACK, linewidth=0.7, capstyle="butt", gid="edges")


def _names(axis: Axes, rows: Sequence[Row], each: float) -> None:
    """Clips at the left where there is room, groups at the right, with lines between them."""
    starts = [len(list(own)) for _, own in groupby(rows, lambda row: row.group)]
    bounds = [0, *np.cumsum(starts).tolist()]
    for begin, end in pairwise(bounds):
        if end < len(rows):
            axis.axhline(end - 0.5, color=BLACK, linewidth=0.7)
        if len(bounds) > 2 and (end - begin) * each >= GROUP:
            text = shortened(rows[begin].group, 16)
            axis.annotate(
                text, (1, (begin + end - 1) / 2), (4, 0), xycoords=axis.get_yaxis_transform(),
                textcoords="offset points", va="center", fontsize=7, annotation_clip=False,
            )  # fmt: skip
    if len(rows) <= NAMED:
        axis.set_yticks(range(len(rows)), clip_names([row.clip for row in rows]), fontsize=6 if each >= 0.1 else 5)
        axis.tick_params(axis="y", length=0)
    else:
        axis.set_ylabel("clips")


def clip_names(clips: Sequence[str]) -> list[str]:
    """Short names of clips: of their files, with where they begin for several of one file.

    >>> clip_names(["bach/air.ogg#0.0", "rock/song.ogg#0.0", "rock/song.ogg#15.0"])
    ['air', 'song 0 s', 'song 15 s']
    """
    files = [clip.rpartition("#")[0] for clip in clips]
    starts = [
        f" {float(clip.rpartition('#')[2]):g} s" if files.count(f) > 1 else ""
        for clip, f in zip(clips, files, strict=True)
    ]
    return [shortened(Path(file).stem, 24) + start for file, start in zip(files, starts, strict=True)]
