"""What the figures of sweeps share: points with their settings, one figure a scoring, panels, scales and styles."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from noiseprobe.report.figures import counted
from noiseprobe.report.settings import FIRST, LAST, PLACE, Setting, is_number, label, settings
from noiseprobe.report.sheet import save
from noiseprobe.results.index import index_table

# Okabe and Ito's palette without its yellow, which is hard to see on white
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = "os^DvPX*"
LINES = ["-", "--", ":", "-."]
# Noise that has the name of a colour gets it; the paper's, which only has the name, dashed.
NOISES = {"white": "#000000", "pink": "#CC79A7", "brown": "#D55E00", "blue": "#0072B2", "violet": "#5D3A9B"}

AXES = {
    "length_s": "length of the noise (s)", "onset_s": "onset of the noise (s)", "level": "level of the noise (dBFS)",
    "segment_frames": "length of a segment (frames)", "snr": "music over noise (dB)",
    "share": "share of the clip (%)", "piece_s": "length of each piece (s)",
}  # fmt: skip
DECADE = 10  # a scale is logarithmic where the largest value is more than so many times the smallest
CHARACTER, GAP = 0.024, 0.012  # of the width: one of a tick's label, and what must lie between two


class Point(NamedTuple):
    """A row of the index and what it was."""

    setting: Setting
    row: Mapping[str, Any]


def points_by_scoring(cells: Sequence[Path]) -> dict[str, list[Point]]:
    """The rows of the index of some cells, of each scoring by itself, with their settings."""
    rows = index_table(list(cells)).to_pylist()
    found = {}
    for scoring in dict.fromkeys(row["scoring"] for row in rows):
        own = [row for row in rows if row["scoring"] == scoring]
        found[scoring] = [Point(s, r) for s, r in zip(settings(own), own, strict=True)]
    return found


def write_by_scoring(
    results: Path, cells: Sequence[Path], name: str | None, what: str,
    draw: Callable[[str, list[Point]], Figure | None],
) -> list[Path]:  # fmt: skip
    """One figure for each scoring; the paths of those that were drawn.

    Args:
        results: the folder that they go to.
        cells: the sweep's folders.
        name: of the sweep.
        what: the figure's name.
        draw: makes it of the points of one scoring; None where it has nothing to say.
    """
    written = []
    for scoring, points in points_by_scoring(cells).items():
        figure = draw(scoring, points)
        if figure is not None:
            stem = f"{name}-{what}-{scoring}" if name else f"{what}-{scoring}"
            save(figure, results / stem)
            written.append(results / f"{stem}.png")
    return written


def grouped(points: Sequence[Point], names: Sequence[str]) -> dict[str, list[Point]]:
    """Points by the label of some keys, in the order in which they come."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(label(point.setting, names), []).append(point)
    return groups


def title(scoring: str, points: Sequence[Point], varying: Sequence[str], also: Sequence[str] = ()) -> str:
    """What all points have in common, and of how many clips and songs they are.

    Args:
        scoring: of all points.
        points: rows of the index.
        varying: keys that the figure itself tells apart.
        also: keys to tell beside model, data, noise with its own keys and place.
    """
    first = points[0].setting
    aside = {*FIRST, *LAST} - {"model", "data", "noise", *also}
    names = [n for n in first if n not in aside and n not in PLACE and n not in varying]
    same = [label(first, [*names, *(n for n in PLACE if n not in varying)])]
    if len(levels := {p.row["level"] for p in points}) == 1 and (level := levels.pop()) is not None:
        same += [] if "level" in names else [f"level {level}"]
    if first["condition"] != "null" and "condition" not in [*varying, *also]:
        same.append(f"condition {first['condition']}")
    counts = [_range([p.row[f"n_{what}s"] for p in points], what) for what in ["clip", "song"]]
    return ", ".join(filter(None, [f"{scoring} scoring", *same, " of ".join(counts)]))


def bars(points: Sequence[Point]) -> str:
    """What a figure's bars are; one song has no error."""
    several = any(p.row["n_songs"] > 1 for p in points)
    return "bars: 95 % of the mean over songs (Student's t)" if several else "one song: no error"


def _range(counts: Sequence[int], what: str) -> str:
    """
    >>> _range([1, 1], "clip"), _range([2, 1], "song")
    ('1 clip', '1 to 2 songs')
    """
    least, most = min(counts), max(counts)
    return counted(least, what) if least == most else f"{least} to {counted(most, what)}"


class Scale:
    """Where the values of one key stand on an axis; linear, or logarithmic where they span more than a decade.

    Values that are no numbers (noise to the end of the clip, a level that follows the music, none at all) stand right
    of them.
    """

    def __init__(self, name: str, points: Sequence[Point]) -> None:
        self.name = name
        values = {p.setting[name] for p in points}
        self.numbers = sorted(float(str(v)) for v in values if is_number(v))
        self.others = sorted(_word(v) for v in values if not is_number(v))
        self.is_log = self.numbers[0] > 0 and self.numbers[-1] > DECADE * self.numbers[0]
        ends = self._on_axis(self.numbers[0]), self._on_axis(self.numbers[-1])
        self.right = ends[1]
        self.width = (ends[1] - ends[0]) * (1 + 0.15 * len(self.others))

    def _on_axis(self, number: float) -> float:
        return math.log10(number) if self.is_log else number

    def at(self, value: object) -> float:
        if is_number(value):
            return self._on_axis(float(str(value)))
        return self.right + 0.15 * self.width * (1 + self.others.index(_word(value)))

    def apply(self, axis: Axes) -> None:
        """Ticks at the values themselves; labels as far as there is room, those of the ends before others."""
        places = [*map(self._on_axis, self.numbers), *map(self.at, self.others)]
        labels = [*(f"{v:g}" for v in self.numbers), *self.others]
        shown: list[int] = []
        for i in sorted(range(len(places)), key=lambda i: (i not in [0, len(self.numbers) - 1], -i)):
            if any(self._overlap(places[i] - places[j], labels[i] + labels[j]) for j in shown):
                labels[i] = ""
            else:
                shown.append(i)
        axis.set_xticks(places, labels)
        unit = AXES.get(self.name, self.name)
        axis.set_xlabel(f"{unit}, logarithmic" if self.is_log else unit)

    def _overlap(self, distance: float, texts: str) -> bool:
        return abs(distance) < (CHARACTER * len(texts) / 2 + GAP) * self.width


def _word(value: object) -> str:
    return "none" if value is None else str(value)


def shades(values: Sequence[Hashable]) -> list[str]:
    """A grey for each value, the later the darker."""
    return [str(0.6 * (1 - i / (len(values) - 1))) for i in range(len(values))] if len(values) > 1 else ["0"]


def legend_of_shades(figure: Figure, name: str, values: Sequence[Hashable]) -> None:
    """Below all panels: which value of a key has which grey."""
    words = [f"{float(str(v)):g}" if is_number(v) else _word(v) for v in values]
    marks = [Line2D([], [], color=shade, marker="o", linestyle="none", markersize=4) for shade in shades(values)]
    figure.legend(
        marks, words, title=AXES.get(name, name), loc="outside lower center", ncols=6, frameon=False
    )  # fmt: skip


def styles(groups: Mapping[str, Sequence[Point]], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour, marker and line of each group, told apart in grey as well."""
    found = {}
    kinds = [str(own[0].setting["noise"]) for own in groups.values()]
    by_name = list(names) == ["noise"] and all(kind.removeprefix("paper_") in NOISES for kind in kinds)
    for i, (key, kind) in enumerate(zip(groups, kinds, strict=True)):
        style: dict[str, Any] = {
            "color": COLORS[i % len(COLORS)], "marker": MARKERS[i % len(MARKERS)],
            "linestyle": LINES[i // len(COLORS) % len(LINES)],
        }  # fmt: skip
        if by_name:
            plain = kind.removeprefix("paper_")
            style["color"], style["marker"] = NOISES[plain], MARKERS[list(NOISES).index(plain)]
            style |= {"linestyle": "--", "markerfacecolor": "white"} if plain != kind else {"linestyle": "-"}
        found[key] = style
    return found
