"""The figure that every cell ends with, from its tables alone, and what other figures of curves share with it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noiseprobe.functional.statistics import t95
from noiseprobe.report.sheet import BLACK, BLUE, ORANGE, SHADE, WIDTH, Sheet, caption, printed, save

BEFORE, AFTER = 2.0, 4.0  # seconds shown around the noise
ROWS = 4096  # of clips.parquet in memory
SMOOTH = 11  # frames of the moving averages, which are for the eye alone

Spans = list[tuple[int, int]]


def write_figures(folder: Path, frame_rate: float) -> None:
    """profile.svg and profile.png of the cell whose tables are in a folder."""
    save(cell_figure(folder, frame_rate), folder / "profile")


def cell_figure(folder: Path, frame_rate: float) -> Figure:
    """`profile_figure` of the cell whose tables are in a folder."""
    profile = pq.read_table(folder / "profile.parquet").to_pandas()
    parts = pq.ParquetFile(folder / "clips.parquet").iter_batches(ROWS, columns=["variant", "spans"])
    clips = (row for part in parts for row in part.to_pylist())
    return profile_figure(profile, common_spans(clips), frame_rate)


def half95(se: float | None, songs: int) -> float:
    """Half the width of the 95 % interval of a mean over songs; 0 where there is no standard error."""
    return t95(songs) * se if songs > 1 and se is not None else 0.0


def common_spans(clips: Iterable[Mapping[str, Any]]) -> dict[str, Spans]:
    """For each variant the frames [on, off) of its spans, where they are the same in all clips; none else.

    Noise to the end of clips of different lengths lasts to the end of the longest.

    Args:
        clips: rows of clips.parquet.
    """
    starts: dict[str, set[tuple[int, ...]]] = {}
    longest: dict[str, Spans] = {}
    for row in clips:
        variant, spans = row["variant"], [(on, off) for on, off in row["spans"]]
        longest[variant] = max(longest.get(variant, spans), spans)
        if len(known := starts.setdefault(variant, set())) < 2:  # more tell nothing new
            known.add(tuple(on for on, _ in spans))
    return {variant: spans if len(starts[variant]) == 1 else [] for variant, spans in longest.items()}


def around(spans: Sequence[Spans], frame_rate: float) -> tuple[float, float]:
    """From and to which second the noise of some variants is shown: all of the clip where one has no common place.

    >>> around([[(250, 300)], [(250, 350)]], 50.0), around([[(250, 300)], []], 50.0)
    ((3.0, 11.0), (0.0, inf))
    """
    if not spans or not all(spans):
        return 0.0, math.inf
    first, last = min(own[0][0] for own in spans), max(own[-1][1] for own in spans)
    return max(first / frame_rate - BEFORE, 0.0), last / frame_rate + AFTER


def counted(n: int, what: str) -> str:
    """
    >>> counted(1, "clip"), counted(2, "song")
    ('1 clip', '2 songs')
    """
    return f"{n} {what}" + ("" if n == 1 else "s")


def smooth(curve: pd.Series) -> pd.Series:
    """The moving average; where a frame has no value neither has it."""
    return curve.rolling(SMOOTH, center=True, min_periods=1).mean().where(curve.notna())


@printed
def profile_figure(profile: pd.DataFrame, spans: Mapping[str, Spans], frame_rate: float) -> Figure:
    """Mean clean and corrupted nll (left) and delta (right) around the noise, one row a variant, the noise shaded.

    Bands are 95 % intervals of the mean over songs (clustered standard errors, Student's t), at each frame by itself.
    On the left thick lines are moving averages over 11 frames, for the eye alone; delta is drawn as it is.

    Args:
        profile: rows of profile.parquet of one cell.
        spans: for each variant that any clip has, the frames [on, off) to shade; none where each clip has its own.
        frame_rate: frames a second.
    """
    means = profile[profile["codebook"].isna()]
    variants = [v for v in means["variant"].drop_duplicates() if v in spans]
    by_length = means.drop_duplicates("variant")["length_s"].is_unique  # else lengths don't tell them apart
    first, last = around([spans[v] for v in variants], frame_rate)
    figure = Sheet(figsize=(WIDTH, 0.9 + 1.2 * len(variants)), layout="constrained")
    axes = figure.subplots(len(variants), 2, squeeze=False, sharex=True, sharey="col")
    for (left, right), variant in zip(axes, variants, strict=True):
        rows = means[means["variant"] == variant].sort_values("frame")  # frames without a value leave gaps
        time = rows["frame"].to_numpy() / frame_rate
        rows, time = rows[(time >= first) & (time <= last)], time[(time >= first) & (time <= last)]
        for axis in (left, right):
            for on, off in spans[variant]:
                axis.axvspan(on / frame_rate, off / frame_rate, color=SHADE, zorder=0)
            axis.margins(x=0)
        for curve, color, style in [("clean", BLUE, "-"), ("corrupted", ORANGE, "--")]:
            mean = rows[f"{curve}_mean"]
            band(left, time, rows, curve, color, alpha=0.15)
            left.plot(time, mean, color=color, linewidth=0.4, alpha=0.5)
            left.plot(time, smooth(mean), style, color=color, linewidth=1.2, label=curve)
        band(right, time, rows, "delta", BLACK, alpha=0.25)
        right.plot(time, rows["delta_mean"], color=BLACK, linewidth=0.7)
        right.axhline(0, color=BLUE, linewidth=0.6)
        length = rows["length_s"].iloc[0]
        where = variant.partition("@")[2] if pd.isna(length) or not by_length else f"{length:g} s"
        left.set_ylabel(f"{rows['noise'].iloc[0]}, {where}\nnll (nats)")
        right.set_ylabel("delta (nats)")
    axes[0, 0].legend(loc="upper right", ncols=2, frameon=False)
    for axis in axes[-1]:
        axis.set_xlabel(
            "time in the clean clip (s); " + ("noise shaded" if any(spans.values()) else "noise elsewhere in each")
        )
    model, noise = means.iloc[0][["model", "noise"]]
    songs, clips = int(means["n_songs"].max()), int(means["n_clips"].max())
    bands = "bands: 95 % of the mean over songs (Student's t), at each frame by itself"
    caption(
        figure,
        f"{model}, {noise}, {counted(clips, 'clip')} of {counted(songs, 'song')};"
        " means over codebooks, clips of a song, songs",
        f"{bands if songs > 1 else 'one song: no error'}; thick lines: moving average of {SMOOTH} frames",
    )
    return figure


def band(axis: Axes, time: np.ndarray, rows: pd.DataFrame, curve: str, color: str, alpha: float) -> None:
    """The 95 % interval of the mean over songs, at each frame by itself (pointwise).

    Args:
        axis: to draw on.
        time: of each row.
        rows: of profile.parquet.
        curve: `clean`, `corrupted`, `delta` or `changed`.
        color: of the band.
        alpha: of the band.
    """
    mean = rows[f"{curve}_mean"].to_numpy()
    half = np.array([half95(se, n) for se, n in zip(rows[f"{curve}_se"], rows["n_songs"], strict=True)])
    axis.fill_between(time, mean - half, mean + half, color=color, alpha=alpha, linewidth=0)
