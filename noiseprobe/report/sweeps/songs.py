"""Delta of each song by itself: small multiples with the same axes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from noiseprobe.report.figures import SMOOTH, smooth
from noiseprobe.report.sheet import BLUE, GREY, WIDTH, Sheet, caption, printed
from noiseprobe.report.sweeps.base import View, shade_noise, time_label, within, write_views, zero
from noiseprobe.results.curves import song_curves

MOST = 48  # panels
COLUMNS = [(12, 4), (MOST, 6)]  # up to so many panels so many columns
CUT = 99.0  # percent of the values that lie within the axes; smoothed curves always do
LONGEST = 18  # characters of a name above a panel


def write(results: Path, cells: Sequence[Path], name: str | None) -> list[Path]:
    """A figure for each variant of each cell."""
    return write_views(results, cells, name, "songs", lambda view, _: songs_figure(view))


@printed
def songs_figure(view: View, most: int = MOST) -> Figure:
    """Delta of single songs (mean over codebooks and clips) around the noise, a panel each, by group and song.

    Thin lines are delta at each frame, thick ones moving averages over 11 frames. Of more songs than panels some of
    each group are shown: groups are gone through in turn, each time with the next song, until the panels are full.

    Args:
        view: what is drawn.
        most: panels.

    Raises:
        NoiseprobeError: if the cell was run with keep_nll=false.
    """
    names, curves = song_curves(view.folder, view.variant)
    shown = in_turn(names, most)
    columns = next((n for limit, n in COLUMNS if len(shown) <= limit), COLUMNS[-1][1])
    columns = min(columns, len(shown))
    frames = np.flatnonzero(within(view, np.arange(curves.shape[1])))
    time = frames / view.frame_rate
    raw = [curves[i, frames] for i in shown]
    averages = [smooth(pd.Series(own)).to_numpy() for own in raw]
    limit = axis_limit(raw, averages)
    rows = -(-len(shown) // columns)
    figure = Sheet(figsize=(WIDTH, 1.1 + (1.0 if columns > 4 else 1.15) * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    several = len({group for group, _ in names}) > 1
    for axis, i, own, average in zip(axes.flat, shown, raw, averages, strict=False):
        shade_noise(axis, view)
        zero(axis)
        axis.plot(time, own, color=GREY, linewidth=0.3)
        axis.plot(time, average, color=BLUE, linewidth=1.0)
        axis.margins(x=0)
        group, song = names[i]
        lines = [shortened(group), shortened(song)] if several else [shortened(song)]
        axis.set_title("\n".join(lines), loc="left", fontsize=6, pad=2, linespacing=1.0)
        axis.tick_params(labelsize=6)
    axes[0, 0].set_ylim(-limit, limit)
    for axis in axes.flat[len(shown) :]:
        axis.remove()
    for axis in axes.flat[max(len(shown) - columns, 0) : len(shown)]:
        axis.tick_params(labelbottom=True)  # where there is no panel below, too
    figure.supxlabel(time_label(view), fontsize=7)
    figure.supylabel("delta (nats)", fontsize=7)
    some = f"{len(shown)} of {len(names)} songs, groups taken in turn" if len(shown) < len(names) else "all songs"
    beyond = sum(int((np.abs(own) > limit).sum()) for own in raw)
    cut = f" ({beyond} of {sum(map(len, raw))} lie beyond ±{limit:.3g} nats)" if beyond else ""
    caption(
        figure, view.title,
        f"{some}; mean over codebooks and clips of a song, no error; thin: each frame{cut}; thick: moving average of"
        f" {SMOOTH} frames",
    )  # fmt: skip
    return figure


def in_turn(names: Sequence[tuple[str, str]], most: int) -> list[int]:
    """Which songs are shown, in order of group and song.

    Args:
        names: (group, song) of each.
        most: how many at most.

    >>> in_turn([("b", "x"), ("a", "z"), ("a", "y"), ("a", "x")], 3)
    [3, 2, 0]
    """
    order = sorted(range(len(names)), key=lambda i: names[i])
    turn: dict[str, int] = {}
    ranks = {}
    for i in order:
        group = names[i][0]
        ranks[i] = turn[group] = turn.get(group, -1) + 1
    kept = set(sorted(order, key=lambda i: (ranks[i], names[i]))[:most])
    return [i for i in order if i in kept]


def axis_limit(raw: Sequence[np.ndarray], averages: Sequence[np.ndarray]) -> float:
    """Nats up and down: all moving averages, and nearly all values; 1 where all are 0."""
    values, smoothed = (np.abs(np.concatenate([*curves, [0.0]])) for curves in [raw, averages])
    values = values[~np.isnan(values)]
    moved = values[values > 0]
    usual = float(np.percentile(moved, CUT)) if len(moved) else 0.0
    return 1.05 * max(usual, float(np.nanmax(smoothed))) or 1.0


def shortened(name: str, most: int = LONGEST) -> str:
    """A name without its middle, if it is too long; what tells songs apart is at its end as often as at its beginning.

    >>> shortened("a_rather_long_name_of_a_song_1", 12)
    'a_rath…ong_1'
    """
    if len(name) <= most:
        return name
    keep = most - 1
    return f"{name[: keep - keep // 2]}…{name[len(name) - keep // 2 :]}"
