"""Delta in the regions of the curve, peak, assimilation, offset, recovery: violins, and songs as points (Figure 4)."""

from collections.abc import Hashable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noiseprobe.functional.regions import REGIONS
from noiseprobe.report.figures import half95
from noiseprobe.report.panels import Point, bars, grouped, legend_of_shades, shades, title, write_by_scoring
from noiseprobe.report.settings import axis as axis_of
from noiseprobe.report.settings import ordered, text, varying
from noiseprobe.report.sheet import BLUE, GREY, WIDTH, Sheet, caption, printed

FEW, COLUMNS, HEIGHT = 4, (2, 3), (2.5, 1.9)  # up to so many panels; columns and inches of a row, for few and for more
MANY = 30  # songs, from which on points are smaller
ROOM = 0.8  # of the space of a region that its marks take
BODY = 0.85  # of the space of a mark that its violin takes
JITTER = 0.25  # of the space of a mark over which songs are spread
VIOLIN_FROM = 8  # songs; a density of fewer would be drawn from next to nothing
VIOLIN = "#56B4E9"

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


@printed
def regions_figure(songs: Songs, scoring: str, points: list[Point]) -> Figure | None:
    """Delta of each region, a violin for each length (or whatever number varies), a panel for each other setting.

    Small points are songs; a violin is the density of theirs (Gaussian kernel, Scott's rule), cut at the smallest and
    the largest, from 8 songs on. Bars are 95 % intervals of the mean over songs (clustered standard errors, Student's
    t).

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
    more = len(panels) > FEW
    columns = min(len(panels), COLUMNS[more])
    rows = -(-len(panels) // columns)
    figure = Sheet(figsize=(WIDTH, 0.9 + HEIGHT[more] * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True, sharex=True)
    drawn = []
    for axis, (name, own) in zip(axes.flat, panels.items(), strict=False):
        for point in own:
            i = values.index(point.setting[x]) if x else 0
            drawn.append(_point(axis, songs, point, i, len(values), text(x, values[i]) if x else "mean"))
        axis.axhline(0, color=GREY, linewidth=0.6, zorder=0)
        axis.set_title(name, loc="left")
        axis.set_xticks(range(len(REGIONS)), REGIONS, fontsize=6 if more else 7)
        axis.set_xlim(-0.5, len(REGIONS) - 0.5)
        axis.tick_params(labelbottom=True)  # where there is no panel below, too
    for axis in axes[:, 0]:
        axis.set_ylabel("delta (nats)" if more else "delta (nats), corrupted minus clean")
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    if x:
        legend_of_shades(figure, x, values)
    violins = f"; violins: their density, cut at their range, from {VIOLIN_FROM} songs on" if any(drawn) else ""
    caption(
        figure, title(scoring, points, names),
        f"large: means over codebooks, frames, clips of a song, songs; {bars(points)}; blue: songs{violins}",
    )  # fmt: skip
    return figure


def _point(axis: Axes, songs: Songs, point: Point, place: int, places: int, name: str) -> bool:
    """Songs, their violins and the means of the regions of one row; whether there was a violin."""
    where = [r + ROOM * ((place + 0.5) / places - 0.5) for r in range(len(REGIONS))]
    each, violins = ROOM / places, False
    own = [songs[point.row["cell"], point.row["variant"], region] for region in REGIONS]
    for at, ys in zip(where, own, strict=True):
        if len(ys) >= VIOLIN_FROM:
            bodies = axis.violinplot([ys], [at], widths=BODY * each, showextrema=False)["bodies"]
            for body in bodies:  # type: ignore[attr-defined]
                body.set(facecolor=VIOLIN, alpha=0.35, linewidth=0, zorder=0.5)
            violins = True
        aside = np.linspace(-1, 1, len(ys)) if len(ys) > 1 else np.zeros(len(ys))
        xs = at + JITTER * each * aside
        size = 4 if len(ys) < MANY else 2
        axis.plot(xs, ys, ".", color=BLUE, alpha=0.5, markersize=size, markeredgewidth=0, zorder=1)
    there = [r for r, region in enumerate(REGIONS) if point.row[f"{region}_delta"] is not None]
    axis.errorbar(
        [where[r] for r in there], [point.row[f"{REGIONS[r]}_delta"] for r in there],
        yerr=[half95(point.row[f"{REGIONS[r]}_delta_se"], len(own[r])) for r in there], fmt="o",
        color=shades(range(places))[place], markeredgecolor="white", markeredgewidth=0.6,
        markersize=3.5 if places > 2 else 4.5, elinewidth=1.2, zorder=2, label=name,
    )  # fmt: skip
    return violins
