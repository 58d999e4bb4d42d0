"""Delta against whatever number varies in a sweep: the length of the noise, of a shuffled segment, its level, ..."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from noiseprobe.report.figures import half95
from noiseprobe.report.panels import Point, Scale, bars, grouped, styles, title, write_by_scoring
from noiseprobe.report.settings import axis as axis_of
from noiseprobe.report.settings import is_number, label, varying
from noiseprobe.report.sheet import BLUE, GREY, WIDTH, Sheet, caption, printed

MOST_LINES = 8  # in a panel; beyond, what varies gets panels of its own
ASIDE = 0.006  # of the width between lines, so that their bars don't hide each other
MEANS = "means over codebooks, frames, clips of a song, songs"


def write(results: Path, cells: Sequence[Path], name: str | None) -> list[Path]:
    """A figure for each scoring in which anything varies."""
    return write_by_scoring(results, cells, name, "effect", effect_figure)


@printed
def effect_figure(scoring: str, points: list[Point]) -> Figure | None:
    """Mean nll, clean and corrupted (left), and mean delta (right), a line for each combination of what else varies.

    Bars are 95 % intervals of the mean over songs (clustered standard errors, Student's t). nll has none: songs differ
    far more in it than noise changes it, and that says nothing of delta. Where no number varies, a row for each
    setting.

    Args:
        scoring: of all points.
        points: rows of the index.
    """
    points = [p for p in points if p.row["delta"] is not None]  # without a scored clip
    names = varying(p.setting for p in points)
    if not points or not names:
        return None
    x = axis_of([p.setting for p in points])
    if x is None:
        return _rows(scoring, points, names)
    apart, lines = _panels(points, [n for n in names if n != x])
    panels = grouped(points, apart)
    look = styles(grouped(points, lines), lines)
    figure = Sheet(figsize=(WIDTH, 0.9 + 2.4 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 2, squeeze=False, sharex=True, sharey="col")
    scale = Scale(x, points)
    for (left, right), (name, own) in zip(axes, panels.items(), strict=True):
        groups = grouped(own, lines)
        _clean(left, groups, look, scale)
        for key, group in groups.items():
            aside = (list(look).index(key) - (len(look) - 1) / 2) * ASIDE * scale.width
            numbers = sorted((p for p in group if is_number(p.setting[x])), key=lambda p: scale.at(p.setting[x]))
            others = [p for p in group if not is_number(p.setting[x])]
            for part, line in [(numbers, {}), (others, {"linestyle": "none"})]:
                if part:
                    style = {**look[key], **line, "markersize": 4, "linewidth": 1}
                    at = [scale.at(p.setting[x]) for p in part]
                    left.plot(at, [p.row["nll_corrupted"] for p in part], **style)
                    right.errorbar(
                        [a + aside for a in at], [p.row["delta"] for p in part],
                        yerr=[half95(p.row["delta_se"], p.row["delta_songs"]) for p in part], elinewidth=0.8, label=key,
                        **style,
                    )  # fmt: skip
        right.axhline(0, color=GREY, linewidth=0.8, zorder=0)
        left.set_ylabel("nll (nats)")
        right.set_ylabel("delta (nats), corrupted minus clean")
        left.set_title(name, loc="left")
    _as_wide(axes[0, 0], axes[0, 1])
    for axis in axes[-1]:
        scale.apply(axis)
    handles = [Line2D([], [], markersize=4, linewidth=1, **style) for style in look.values()]
    clean = Line2D([], [], color=GREY, linestyle=(0, (6, 3)), linewidth=1.2)
    figure.legend(
        [*handles, clean], [*(key or "corrupted" for key in look), "clean (left)"], loc="outside lower center",
        ncols=5, frameon=False,
    )  # fmt: skip
    caption(figure, title(scoring, points, names), f"{MEANS}; {bars(points)}")
    return figure


def _panels(points: Sequence[Point], names: list[str]) -> tuple[list[str], list[str]]:
    """Which keys make panels, and which lines in them: data always panels, others where lines are too many."""
    apart = [n for n in names if n in ["data", "clips"]]
    lines = [n for n in names if n not in apart]
    for name in [n for n in lines if n != "noise"]:
        if max(len(grouped(own, lines)) for own in grouped(points, apart).values()) > MOST_LINES and len(lines) > 1:
            apart.append(name)
            lines.remove(name)
    return apart, lines


def _clean(axis: Axes, groups: dict[str, list[Point]], look: dict[str, dict[str, object]], scale: Scale) -> None:
    """The clean nll, dashed: one level for all lines where it is the same, else one for each, in its colour.

    It isn't the same for all values of one line where clips were rejected at some of them: then it is a curve.
    """
    levels = {key: sorted({p.row["nll_clean"] for p in own}) for key, own in groups.items()}
    shared = len({tuple(v) for v in levels.values()}) == 1
    for key, values in levels.items():
        color = GREY if shared else look[key]["color"]
        if len(values) == 1:
            axis.axhline(values[0], color=color, linestyle=(0, (6, 3)), linewidth=1.2, zorder=0, label="clean")
        else:
            own = sorted(groups[key], key=lambda p: scale.at(p.setting[scale.name]))
            at = [scale.at(p.setting[scale.name]) for p in own]
            axis.plot(
                at, [p.row["nll_clean"] for p in own], color=color, linestyle=(0, (6, 3)), linewidth=1.2, zorder=0,
                label="clean",
            )  # fmt: skip
        if shared and len(values) == 1:
            break


def _as_wide(left: Axes, right: Axes) -> None:
    """At least as many nats on the left as on the right, where bars tell chance from effect."""
    (low, high), (bottom, top) = left.get_ylim(), right.get_ylim()
    if high - low < top - bottom:
        middle = (low + high) / 2
        left.set_ylim(middle - (top - bottom) / 2, middle + (top - bottom) / 2)


def _rows(scoring: str, points: Sequence[Point], names: Sequence[str]) -> Figure:
    """A row for each setting: clean and corrupted nll (left), delta (right)."""
    figure = Sheet(figsize=(WIDTH, 1.0 + 0.2 * len(points)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    at = list(range(len(points)))
    left.plot([p.row["nll_clean"] for p in points], at, "o", color=GREY, markerfacecolor="white", label="clean")
    left.plot([p.row["nll_corrupted"] for p in points], at, "o", color=BLUE, label="corrupted")
    right.errorbar(
        [p.row["delta"] for p in points], at, xerr=[half95(p.row["delta_se"], p.row["delta_songs"]) for p in points],
        fmt="o", color=BLUE, label="delta",
    )  # fmt: skip
    right.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    left.set_yticks(at, [label(p.setting, names) for p in points])
    left.invert_yaxis()
    left.set_xlabel("nll (nats)")
    right.set_xlabel("delta (nats), corrupted minus clean")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    for axis in (left, right):
        axis.grid(axis="y", linewidth=0.4)
    caption(figure, title(scoring, points, names), f"{MEANS}; {bars(points)}")
    return figure
