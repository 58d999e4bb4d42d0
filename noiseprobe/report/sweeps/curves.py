"""The curves of clean music, pure noise and corrupted music over the whole clip, with the regions (Figure 3)."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noiseprobe.functional.bands import Band, max_t_band
from noiseprobe.functional.intervals import FEWEST
from noiseprobe.report.figures import SMOOTH, band, counted, smooth
from noiseprobe.report.sheet import BLACK, BLUE, ORANGE, WIDTH, Sheet, caption, printed
from noiseprobe.report.sweeps.base import View, not_flat, time_label, write_views, zero
from noiseprobe.results.curves import song_curves

PURE = "#999999"
TINTS = {"peak": "#C8C8C8", "assimilation": "#E9E9E9", "offset": "#C8C8C8", "recovery": "#FFFFFF"}
LETTER = 0.008  # of the axis: a letter of a region's name
CLOSE = 1e-6  # seconds


def write(results: Path, cells: Sequence[Path], name: str | None) -> list[Path]:
    """A figure for each variant of each cell; one of pure noise alone only where there is nothing else."""
    return write_views(results, cells, name, "curves", curves_figure)


@printed
def curves_figure(view: View, beside: Sequence[View] = ()) -> Figure:
    """Mean nll of clean, corrupted and pure noise (top), mean delta, and how many codes changed (bottom).

    Bands are 95 % intervals of the mean over songs (clustered standard errors, Student's t), at each frame by itself:
    that all of a curve lies within its band isn't said with 95 %. The dotted lines around delta say it: a simultaneous
    band (max-t over songs, `functional.bands`), where nll.parquet is there and 3 songs are. At the top thick lines are
    moving averages over 11 frames, for the eye alone; below nothing is smoothed.

    Args:
        view: what is drawn.
        beside: where pure noise for the same model and data is looked for.
    """
    rows, frames = _means(view)
    time = frames / view.frame_rate
    figure = Sheet(figsize=(WIDTH, 4.9), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=[3, 2.2, 0.8])
    drawn = [("clean", rows, time, "clean", BLUE, "-"), ("corrupted", rows, time, "corrupted", ORANGE, "--")]
    if pure := pure_noise_beside(view, beside):
        own, at = _means(pure)
        drawn.insert(0, (_name(pure, view), own, at / pure.frame_rate, "corrupted", PURE, "-."))
    for name, own, at, curve, color, line in drawn:
        mean = own[f"{curve}_mean"]
        band(top, at, own, curve, color, alpha=0.15)
        top.plot(at, mean, color=color, linewidth=0.3, alpha=0.6)
        top.plot(at, smooth(mean), line, color=color, linewidth=1.2, label=name)
    band(middle, time, rows, "delta", BLACK, alpha=0.25)
    middle.plot(time, rows["delta_mean"], color=BLACK, linewidth=0.7)
    at_once = _at_once(view)
    if at_once is not None:
        middle.set_ylim(*middle.get_ylim())  # with few songs the wider band would leave the curve flat: it is cut off
        half = at_once.simultaneous * at_once.se
        for edge in (at_once.mean - half, at_once.mean + half):
            middle.plot(np.arange(len(edge)) / view.frame_rate, edge, ":", color=BLACK, linewidth=0.6, gid="at once")
    zero(middle)
    not_flat(middle)
    share = rows.assign(changed_mean=100 * rows["changed_mean"], changed_se=100 * rows["changed_se"])
    band(bottom, time, share, "changed", BLACK, alpha=0.25)
    bottom.plot(time, share["changed_mean"], color=BLACK, linewidth=0.7)
    bottom.set_ylim(-4, 104)
    for axis, unit in [(top, "nll (nats)"), (middle, "delta (nats)"), (bottom, "codes\nchanged (%)")]:
        axis.set_ylabel(unit)
        axis.margins(x=0)
    figure.align_ylabels()
    named = _mark(view, [top, middle, bottom], rows["delta_mean"].notna().to_numpy())
    bottom.set_xlabel(time_label(view).partition(";")[0])
    figure.legend(*top.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    errors = "bands: 95 % of the mean over songs (Student's t), at each frame by itself (pointwise)"
    caption(
        figure, view.title,
        "mean over codebooks, clips of a song, songs; "
        + (errors if view.songs > 1 else "one song: no error")
        + ("; dotted: 95 % for all frames at once (max-t)" if at_once is not None else "")
        + f"; at the top thick lines: moving average of {SMOOTH} frames"
        + ("" if named else "; no regions to mark" + ("" if view.spans else ": noise elsewhere in each clip"))
        + ("; gaps: frames without a counterpart" if _has_gap(rows["delta_mean"]) else ""),
    )  # fmt: skip
    return figure


def pure_noise_beside(view: View, beside: Sequence[View]) -> View | None:
    """Noise from the first sample to the last on the same model, data and seed: of the same kind, else white.

    None where there is no such cell, or several that nothing chooses from.
    """
    if view.is_pure_noise:
        return None
    same = ["weights", "backend", "data", "scoring", "precision", "condition", "seed"]
    row = view.point.row
    found = [v for v in beside if v.is_pure_noise and all(v.point.row[n] == row[n] for n in same)]
    for kind in [row["noise"], "white"]:
        own = [v for v in found if v.point.row["noise"] == kind]
        own = [v for v in own if v.point.row["options"] == row["options"]] or own
        if own:
            return own[0] if len(own) == 1 else None
    return None


def _at_once(view: View) -> Band | None:
    """The simultaneous band of delta, where there are the curves and the songs that it takes."""
    if view.songs < FEWEST or not (view.folder / "nll.parquet").exists():
        return None
    return max_t_band(song_curves(view.folder, view.variant)[1])


def _has_gap(curve: pd.Series) -> bool:
    there = np.flatnonzero(curve.notna())
    return len(there) > 0 and bool(curve.iloc[there[0] : there[-1]].isna().any())


def _name(pure: View, view: View) -> str:
    """What the legend calls it; with its clips where they aren't those of the other curves."""
    text = f"pure {pure.point.row['noise']} noise"
    if pure.point.row["level"] != view.point.row["level"]:
        text += f", level {pure.point.row['level']}"
    if set(pure.clips["clip"]) != set(view.clips["clip"]):
        text += f" ({counted(pure.point.row['n_clips'], 'clip')} of {counted(pure.songs, 'song')})"
    return text


def _means(view: View) -> tuple[pd.DataFrame, np.ndarray]:
    rows = view.profile[view.profile["codebook"].isna()]
    return rows, rows["frame"].to_numpy()


def _mark(view: View, axes: Sequence[Axes], there: np.ndarray) -> bool:
    """Tint the regions, name them above the first axis and draw the noise as a bar there; whether there are any.

    Args:
        view: what is drawn.
        axes: from the top down.
        there: bool [T], the frames that have a delta; the others are in no region's mean.
    """
    rate, top, frames = view.frame_rate, axes[0], len(there)
    stretches = []
    for name, own in view.regions(view.spans, frames).items():
        # frames without a gap are one stretch: their distance from their place in the list is the same
        for _, group in groupby(enumerate(own[there[own]].tolist()), lambda pair: pair[1] - pair[0]):
            members = [frame for _, frame in group]
            stretches.append((members[0] / rate, (members[-1] + 1) / rate, name))
    for start, stop, name in stretches:
        for axis in axes:
            axis.axvspan(start, stop, color=TINTS[name], linewidth=0, zorder=0)
    above = top.get_xaxis_transform()
    for i, (on, off) in enumerate((on, off) for on, off in view.spans if off > on):
        top.plot(
            [on / rate, off / rate], [1.02, 1.02], color=BLACK, linewidth=2.5, transform=above, clip_on=False,
            solid_capstyle="butt", gid="noise", label="_" if i else "where the noise is",
        )  # fmt: skip
    ends: list[float] = []  # of the last name on each level
    width = frames / rate
    for start, stop, name in sorted(stretches):
        middle, half = (start + stop) / 2, LETTER * (len(name) + 1) * width / 2
        at = min(max(middle, half), width - half)
        level = next((i for i, end in enumerate(ends) if at - half >= end - CLOSE), len(ends))
        if level == len(ends):
            ends.append(0.0)
        ends[level] = at + half
        top.annotate(
            name, (middle, 1.03), (at, 1.05 + 0.065 * level), xycoords=above, textcoords=above, ha="center",
            va="bottom", fontsize=7, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "shrinkA": 0, "shrinkB": 0} if level else None,
        )  # fmt: skip
    return bool(stretches)
