"""The effect of noise against the size of the model, over the cells of a sweep."""

import math
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from noiseprobe.report.figures import half95
from noiseprobe.report.panels import Point, bars, grouped, legend_of_shades, shades, title, write_by_scoring
from noiseprobe.report.settings import axis as axis_of
from noiseprobe.report.settings import ordered, text, varying
from noiseprobe.report.sheet import GREY, WIDTH, Sheet, caption, printed

ASIDE = 0.015  # of the width between the lengths of one model, so that their bars don't hide each other
CHARACTER = 0.03  # of the width between the smallest and the largest model: labels of ticks don't overlap
COLUMNS = 2  # of panels


def write(results: Path, cells: Sequence[Path], name: str | None) -> list[Path]:
    """A figure for each scoring with two models or more."""
    return write_by_scoring(results, cells, name, "sizes", sizes_figure)


@printed
def sizes_figure(scoring: str, points: list[Point]) -> Figure | None:
    """Mean delta over the number of parameters, a line for each length of noise, a panel for each other setting.

    The lines are those of whatever number varies in the sweep (`settings.axis`). Bars are 95 % intervals of the mean
    over songs (clustered standard errors, Student's t).

    Args:
        scoring: of all points.
        points: rows of the index.
    """
    points = [p for p in points if p.row["delta"] is not None and p.row["parameters"]]  # with a scored clip and a size
    if len({p.row["weights"] for p in points}) < 2:
        return None
    x = axis_of([p.setting for p in points])
    names = varying(p.setting for p in points)
    # A model's backend is told by its name, unless one was scored with both.
    several = len({(p.setting["model"], p.setting["backend"]) for p in points}) > len(
        {p.setting["model"] for p in points}
    )
    panels = grouped(points, [n for n in names if n not in ["model", x] and (several or n != "backend")])
    values: list[Hashable] = ordered(p.setting[x] for p in points) if x else [None]
    columns = min(len(panels), COLUMNS)
    rows = -(-len(panels) // columns)
    figure = Sheet(figsize=(WIDTH, 0.9 + 2.7 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
    sizes = [p.row["parameters"] for p in points]
    width = max(math.log(max(sizes) / min(sizes)), 0.2)
    for axis, (name, own) in zip(axes.flat, panels.items(), strict=False):
        for i, value in enumerate(values):
            line = [p for p in own if x is None or p.setting[x] == value]
            line.sort(key=lambda p: (p.row["parameters"], str(p.setting["model"])))
            aside = math.exp((i - (len(values) - 1) / 2) * ASIDE * width)
            axis.errorbar(
                [p.row["parameters"] * aside for p in line], [p.row["delta"] for p in line],
                yerr=[half95(p.row["delta_se"], p.row["delta_songs"]) for p in line], color=shades(values)[i], fmt="o:",
                markersize=4, linewidth=0.8, elinewidth=1.2, label=text(x, value) if x else "delta",
            )  # fmt: skip
        axis.axhline(0, color=GREY, linewidth=0.8, zorder=0)
        axis.set_xscale("log")
        models: dict[int, list[str]] = {}
        for p in sorted(own, key=lambda p: (p.row["parameters"], str(p.setting["model"]))):
            there = models.setdefault(p.row["parameters"], [])
            there += [str(p.setting["model"])] if p.setting["model"] not in there else []
        axis.set_xticks(list(models), _ticks(models, width))
        axis.set_xticks([], minor=True)
        axis.margins(x=0.2)
        axis.set_xlabel("parameters of the language model")
        axis.set_title(name, loc="left")
    for axis in axes[:, 0]:
        axis.set_ylabel("delta (nats), corrupted minus clean")
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    if x:
        legend_of_shades(figure, x, values)
    weighting = "means over codebooks, frames, clips of a song, songs"
    caption(figure, title(scoring, points, names), f"{weighting}; {bars(points)}")
    return figure


def _ticks(models: Mapping[int, Sequence[str]], width: float) -> list[str]:
    """Sizes and names; what would lie on its left neighbour stands below it."""
    ticks: list[str] = []
    last, longest = -math.inf, 0
    for parameters, names in models.items():
        position, own = math.log(parameters), max(map(len, names))
        near = CHARACTER * width * (own + longest) / 2
        depth = ticks[-1].count("\n") + 1 if position - last < near else 0
        ticks.append("\n".join(["\n" * depth + _count(parameters), *names]))
        last, longest = position, own
    return ticks


def _count(parameters: int) -> str:
    """
    >>> _count(1_500_000_000)
    '1.5B'
    """
    for limit, unit in [(1e9, "B"), (1e6, "M"), (1e3, "k")]:
        if parameters >= limit:
            return f"{parameters / limit:.3g}{unit}"
    return str(parameters)
