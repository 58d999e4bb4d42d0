"""Delta in the regions of the curve: peak, assimilation, offset, recovery; songs as points (the paper's Figure 4)."""

from collections.abc import Hashable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from matplotlib.figure import Figure

from noiseprobe.functional.regions import REGIONS
from noiseprobe.report.figures import half95
from noiseprobe.report.panels import GREY, Point, grouped, legend_of_shades, shades, title, write_by_scoring
from noiseprobe.report.settings import axis as axis_of
from noiseprobe.report.settings import ordered, text, varying

COLUMNS = 3  # of panels
ROOM = 0.7  # of the space of a region that its marks take
JITTER = 0.25  # of the space of a mark over which songs are spread

# (cell, variant, region) -> the mean of each song
Songs = dict[tuple[str, str, str], list[float]]


def write(results: Path, cells: Sequence[Path], name: str | None) -> list[Path]:
    """A figure for each scoring in which a clip has a region."""
    songs = song_means(cells)
    return write_by_scoring(results, cells, name, "regions", partial(regions_figure, songs))


def song_means(cells: Sequence[Path]) -> Songs:
    """Of each cell, variant and region the mean of each song that has it, over its clips."""
    found: Songs = {}
    for cell in cells:
        columns = [f"{region}_delta" for region in REGIONS]
        table = pq.read_table(cell / "clips.parquet", columns=["variant", "group", "song", *columns]).to_pandas()
        means = table.groupby(["variant", "group", "song"], dropna=False)[columns].mean()
        for variant, own in means.groupby("variant"):
            for region in REGIONS:
                found[cell.name, str(variant), region] = own[f"{region}_delta"].dropna().tolist()
    return found


def regions_figure(songs: Songs, scoring: str, points: list[Point]) -> Figure | None:
    """Mean delta of each region, a mark for each length (or whatever number varies), a panel for each other setting.

    Bars are 95 % intervals of the mean over songs (clustered standard errors, Student's t); small points are songs.

    Args:
        songs: the means of songs.
        scoring: of all points.
        points: rows of the index.
    """
    points = [p for p in points if any(p.row[f"{region}_delta"] is not None for region in REGIONS)]
    if not points:
        return None
    names = varying(p.setting for p in points)
    x = axis_of([p.setting for p in points])
    values: list[Hashable] = ordered(p.setting[x] for p in points) if x else [None]
    panels = grouped(points, [n for n in names if n != x])
    columns = min(len(panels), COLUMNS)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(max(7.0, 4.4 * columns), 1.0 + 3.6 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True, sharex=True)
    for axis, (name, own) in zip(axes.flat, panels.items(), strict=False):
        for point in own:
            i = values.index(point.setting[x]) if x else 0
            shade = shades(values)[i]
            where = [r + ROOM * ((i + 0.5) / len(values) - 0.5) for r in range(len(REGIONS))]
            for r, region in enumerate(REGIONS):
                ys = songs[point.row["cell"], point.row["variant"], region]
                xs = where[r] + JITTER * ROOM / len(values) * np.linspace(-1, 1, max(len(ys), 2))[: len(ys)]
                axis.plot(xs, ys, ".", color="#0072B2", alpha=0.5, markersize=5, markeredgewidth=0, zorder=1)
            there = [(w, r) for w, r in zip(where, REGIONS, strict=True) if point.row[f"{r}_delta"] is not None]
            own_songs = {r: len(songs[point.row["cell"], point.row["variant"], r]) for r in REGIONS}
            bars = [half95(point.row[f"{r}_delta_se"], own_songs[r]) for _, r in there]
            axis.errorbar(
                [w for w, _ in there], [point.row[f"{r}_delta"] for _, r in there],
                yerr=bars, fmt="o", color=shade,
                markeredgecolor="white", markersize=7, elinewidth=1.8, zorder=2,
                label=text(x, values[i]) if x else "mean",
            )  # fmt: skip
        axis.axhline(0, color=GREY, linewidth=0.8, zorder=0)
        axis.set_title(name, loc="left", fontsize="medium")
        axis.set_xticks(range(len(REGIONS)), REGIONS)
        axis.tick_params(labelbottom=True)  # where there is no panel below, too
        axis.spines[["top", "right"]].set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("delta (nats), corrupted minus clean")
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    if x:
        legend_of_shades(figure, x, values)
    weighting = "large: means over codebooks, frames, clips of a song, songs"
    figure.suptitle(
        f"{title(scoring, points, names)}\n{weighting}\nbars: 95 % of the mean over songs; blue: songs",
        fontsize="medium",
    )
    return figure
