"""Shape of a delta curve around one span: how high, how late, how long; per clip, or of songs' average with errors.

delta is corrupted minus clean, so the baseline is 0. Regions are those of functional/regions.py. Latencies and heights
are of the highest frame of a region; the highest of several noisy frames is too high on average, by 1.6 standard
deviations of a frame in an onset region of 11 frames that holds nothing at all. Three ways to deal with that:

- `onset_mean` and `offset_mean`, the means over the regions, aren't chosen by their height and have no such bias: they
  are the ones to use for a clip.
- Averaging first, as `mean_shape` does, makes the noise and with it the bias smaller by the square root of the songs.
- `mean_shape` also gives held-out heights: one half of the songs, every other one, chooses the frame and the other half
  is measured there, both ways round. Nothing chosen by a value is measured on it, so they are 0 on average where
  nothing is; a frame chosen wrongly makes them too low.

docs/shape.md defines every field and has the measured biases.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from noiseprobe.functional.regions import regions

WINDOW_S = 0.5  # of the moving average that tells when the curve has recovered
HOLD_S = 1.0  # how long it must stay recovered; also what the residual is over
BAND = 0.05  # nats around 0 that count as recovered; wider where the curve is noisier than that
NOISE_ERRORS = 3.0  # half the band in standard errors of a window


class Shape(NamedTuple):
    """Numbers of one curve (nats, seconds, nats a second, nats times seconds); None where there is nothing to measure.

    Attributes:
        onset_peak: highest value in the peak region.
        onset_mean: mean over the peak region.
        onset_latency_s: from `on` to the highest frame; negative where the codec looks ahead.
        onset_half_life_s: from the highest frame to where the curve first is halfway down to `assimilation_level`, each
            frame after the highest averaged with its two neighbours, on the line between two frames. None if it isn't
            before assimilation ends, or the level isn't below the peak.
        assimilation_level: mean over the assimilation region.
        assimilation_slope: nats a second, least squares over the assimilation region.
        offset_peak: highest value in the offset region.
        offset_mean: mean over the offset region.
        offset_latency_s: from `off` to that highest frame.
        recovery_time_s: from `off` to the first frame from which on, for 1 s, all means over the next 0.5 s are within
            a band around 0; see `recovery_time`.
        recovery_residual: mean over the last second of recovery; None if it is shorter.
        peak_area, assimilation_area, offset_area, recovery_area: sum over the region times the duration of a frame.
    """

    onset_peak: float | None = None
    onset_mean: float | None = None
    onset_latency_s: float | None = None
    onset_half_life_s: float | None = None
    assimilation_level: float | None = None
    assimilation_slope: float | None = None
    offset_peak: float | None = None
    offset_mean: float | None = None
    offset_latency_s: float | None = None
    recovery_time_s: float | None = None
    recovery_residual: float | None = None
    peak_area: float | None = None
    assimilation_area: float | None = None
    offset_area: float | None = None
    recovery_area: float | None = None


class Estimate(NamedTuple):
    """A number, its standard error over songs (None for fewer than two), and how many songs are behind it."""

    estimate: float
    se: float | None
    songs: int


def shape(
    delta: NDArray[np.float64], on: int, off: int, frame_rate: float, look_ahead: int = 0, look_back: int = 0,
    context: int = 0, first: int = 0,
) -> Shape:  # fmt: skip
    """Shape of one curve around one span.

    Args:
        delta: `[T]`, nats; NaN where a frame has no value, which is skipped.
        on: first corrupted frame.
        off: first frame after the noise; T if it lasts to the end.
        frame_rate: frames a second.
        look_ahead: LA; this and the rest as for `regions`.
        look_back: LB.
        context: d.
        first: the first frame that has a value.

    Raises:
        ValueError: if delta is infinite somewhere, the frame rate isn't above 0, or the span isn't within the curve.

    >>> curve = np.repeat([0.0, 2.0, -1.0, 3.0, 0.0], [100, 5, 45, 5, 145])
    >>> found = shape(curve, 100, 150, frame_rate=50)
    >>> found.onset_peak, found.onset_half_life_s, found.assimilation_level, found.offset_area
    (2.0, 0.09, -1.0, 0.3)
    """
    if delta.ndim != 1:
        raise ValueError(f"delta: got shape {delta.shape}, expected [T]")
    if np.isinf(delta).any():
        raise ValueError("delta: got infinity, expected finite values, or NaN where there is none")
    if not frame_rate > 0:
        raise ValueError(f"frame_rate: got {frame_rate}, expected above 0")
    fields: dict[str, float | None] = {}
    bounds = regions(on, off, len(delta), look_ahead, look_back, context, first)
    frames = {name: _valued(delta, at) for name, at in bounds.items()}
    for name, at in frames.items():
        if len(at):
            fields[f"{name}_area"] = float(delta[at].sum()) / frame_rate
    for name, where, mark in [("onset", frames["peak"], on), ("offset", frames["offset"], off)]:
        if len(where):
            highest = int(where[delta[where].argmax()])
            fields[f"{name}_peak"] = float(delta[highest])
            fields[f"{name}_mean"] = float(delta[where].mean())
            fields[f"{name}_latency_s"] = (highest - mark) / frame_rate
    settled = frames["assimilation"]
    if len(settled):
        level = float(delta[settled].mean())
        fields["assimilation_level"] = level
        if len(settled) > 1:
            t = (settled - settled.mean()) / frame_rate
            fields["assimilation_slope"] = float(t @ delta[settled] / (t @ t))
        if len(frames["peak"]):
            fields["onset_half_life_s"] = _half_life(delta, frames["peak"], settled, level, frame_rate)
    after = bounds["recovery"]
    second = round(HOLD_S * frame_rate)
    if after and second and after[1] - after[0] >= second:
        last = _valued(delta, (after[1] - second, after[1]))
        fields["recovery_residual"] = float(delta[last].mean()) if len(last) else None
    if after:
        fields["recovery_time_s"] = recovery_time(delta[off:], frame_rate)
    return Shape(**fields)


def recovery_time(delta: NDArray[np.float64], frame_rate: float, band: float = BAND) -> float | None:
    """Seconds until the curve, from the noise's end on, stays at the baseline; None if it doesn't or it can't be told.

    With m_j the mean over the 0.5 s from frame j on, it is the first j for which |m_i| <= b for all i within 1 s from j
    on. A few frames inside the band by chance aren't enough, and one outside it doesn't matter. b is the band, or 3
    standard errors of a mean over 0.5 s where these are more. The standard error is taken from the curve itself: the
    median absolute second difference of windows next to each other, times 1.4826 / sqrt(6), which neither a slope
    nor a few windows of recovery change much. So the answer for a noisy curve means "can't be told from the baseline
    from there on", and is the earlier the noisier the curve is.

    Args:
        delta: `[T]` from `off` on, nats; NaN where a frame has no value, which is skipped.
        frame_rate: frames a second.
        band: nats.

    Returns:
        None for less than 2 s after the noise, too.

    >>> recovery_time(np.repeat([1.0, 0.0], [20, 180]), 50.0)
    0.38
    """
    width, hold = max(round(WINDOW_S * frame_rate), 1), max(round(HOLD_S * frame_rate), 1)
    if len(delta) < max(4 * width, width + hold):
        return None
    has = ~np.isnan(delta)
    total = np.concatenate([[0.0], np.cumsum(np.where(has, delta, 0.0))])
    count = np.concatenate([[0], np.cumsum(has)])
    n = count[width:] - count[:-width]
    means = np.divide(total[width:] - total[:-width], n, out=np.full(len(n), np.nan), where=n > 0)
    bends = np.abs(means[2 * width :] - 2 * means[width:-width] + means[: -2 * width])
    error = 1.4826 * float(np.nanmedian(bends)) / math.sqrt(6) if not np.isnan(bends).all() else 0.0
    inside = np.abs(means) <= max(band, NOISE_ERRORS * error)  # False for NaN
    stays = np.lib.stride_tricks.sliding_window_view(inside, hold).all(axis=1)
    return int(stays.argmax()) / frame_rate if stays.any() else None


def mean_shape(
    curves: NDArray[np.float64], on: int, off: int, frame_rate: float, look_ahead: int = 0, look_back: int = 0,
    context: int = 0, first: int = 0,
) -> dict[str, Estimate | None]:  # fmt: skip
    """Shape of the average of songs' curves, with delete-one-song jackknife errors.

    A frame's average is over the songs that have a value there. A field is None if it is None for the average or
    for that of any G - 1 songs: what hangs on one song has no error. The errors of fields that jump from frame to frame
    (latencies, recovery time) are rough, and 0 if no single song changes them.

    Args:
        curves: `[G, T]`, nats, the mean curve of each song; NaN where a frame has no value.
        on: as for `shape`, and so is the rest.

    Returns:
        The fields of `Shape`, and `onset_peak_held_out` and `offset_peak_held_out`: every other song chooses the frame
        at which their average is highest, the rest are averaged there, and the same the other way round. The standard
        error is the mean of that of the halves, an upper bound. None for fewer than four songs.

    Raises:
        ValueError: as for `shape`, and if there is no song or one without any value.

    >>> songs = np.tile(np.repeat([0.0, 2.0, -1.0, 3.0, 0.0], [100, 5, 45, 5, 145]), (4, 1))
    >>> found = mean_shape(songs + np.arange(4)[:, None], 100, 150, frame_rate=50)
    >>> found["onset_peak"].estimate, round(found["onset_peak"].se, 3), found["onset_peak"].songs
    (3.5, 0.645, 4)
    """
    if curves.ndim != 2 or not len(curves):
        raise ValueError(f"curves: got shape {curves.shape}, expected [G, T] with at least one song")
    if np.isnan(curves).all(axis=1).any():
        raise ValueError("curves: got a song without any value")
    g = len(curves)
    where = (on, off, frame_rate, look_ahead, look_back, context, first)
    whole = shape(_mean(curves), *where)
    parts = [shape(curve, *where) for curve in _without(curves)] if g > 1 else []
    found: dict[str, Estimate | None] = {}
    for name, value, *others in zip(Shape._fields, whole, *parts, strict=True):
        left = [x for x in others if x is not None]
        if value is None or len(left) < len(others):
            found[name] = None
        else:
            se = math.sqrt((g - 1) / g * float(np.square(np.array(left) - np.mean(left)).sum())) if g > 1 else None
            found[name] = Estimate(value, se, g)
    bounds = regions(on, off, curves.shape[1], look_ahead, look_back, context, first)
    for name, region in [("onset", "peak"), ("offset", "offset")]:
        found[f"{name}_peak_held_out"] = _held_out(curves, bounds[region])
    return found


def _valued(delta: NDArray[np.float64], bounds: tuple[int, int] | None) -> NDArray[np.int64]:
    """The frames within the bounds that have a value."""
    start, stop = bounds or (0, 0)
    return start + np.flatnonzero(~np.isnan(delta[start:stop]))


def _mean(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over songs `[T]` of those that have a value, NaN where none has."""
    n = (~np.isnan(curves)).sum(axis=0)
    return np.divide(np.nansum(curves, axis=0), n, out=np.full(curves.shape[1], np.nan), where=n > 0)


def _half_life(
    delta: NDArray[np.float64], peak: NDArray[np.int64], settled: NDArray[np.int64], level: float, frame_rate: float
) -> float | None:
    highest = int(delta[peak].argmax())
    height = float(delta[peak[highest]])
    frames = np.concatenate([peak[highest:], settled])
    half = (height + level) / 2
    smooth = delta[frames].copy()
    if len(smooth) > 2:
        smooth[1:-1] = np.convolve(smooth, np.ones(3) / 3, "valid")
    low = np.flatnonzero(smooth <= half)
    if height <= level or not len(low):
        return None
    before, at = low[0] - 1, low[0]  # the first, the highest, isn't low
    part = (smooth[before] - half) / (smooth[before] - smooth[at])
    return float(frames[before] + part * (frames[at] - frames[before]) - frames[0]) / frame_rate


def held_out(curves: NDArray[np.float64], bounds: tuple[int, int]) -> NDArray[np.float64]:
    """Half of the songs measured at the frame within the bounds at which the mean of the other half is highest.

    Nothing chosen by a value is measured on it, so the mean is 0 on average where nothing is, and a t test of the
    values holds its level. The 1st, 3rd, ... song choose, the 2nd, 4th, ... are measured.

    Args:
        curves: `[G, T]`, the mean curve of each song; NaN where a frame has no value.
        bounds: frames [start, stop).

    Returns:
        `[G]`; NaN for the songs that choose, and for those without a value at the frame.

    >>> held_out(np.array([[0.0, 2.0, 1.0], [0.0, 3.0, 9.0], [1.0, 5.0, 2.0], [0.0, 4.0, 1.0]]), (0, 3))
    array([nan,  3., nan,  4.])
    """
    found = np.full(len(curves), np.nan)
    found[1::2] = _at_highest(curves[::2], curves[1::2], bounds)
    return found


def _at_highest(
    choosing: NDArray[np.float64], measured: NDArray[np.float64], bounds: tuple[int, int]
) -> NDArray[np.float64]:
    """The measured songs' values at the frame at which the mean of the choosing ones is highest."""
    mean = _mean(choosing)
    frames = _valued(mean, bounds)
    return measured[:, frames[mean[frames].argmax()]] if len(frames) else np.full(len(measured), np.nan)


def _held_out(curves: NDArray[np.float64], bounds: tuple[int, int] | None) -> Estimate | None:
    """Each half of the songs measured at the frame that the other half chooses."""
    if bounds is None:
        return None
    halves = [curves[::2], curves[1::2]]
    values = [_at_highest(halves[i], halves[1 - i], bounds) for i in (0, 1)]
    there = [own[~np.isnan(own)] for own in values]
    if min(map(len, there)) < 2:
        return None
    errors = [float(own.std(ddof=1)) / math.sqrt(len(own)) for own in there]
    return Estimate(float(np.mean([own.mean() for own in there])), float(np.mean(errors)), sum(map(len, there)))


def _without(curves: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """The mean curve of all songs but one, for each; by sums, so that many songs are no quadratic work."""
    has = ~np.isnan(curves)
    values = np.where(has, curves, 0.0)
    total, count = values.sum(axis=0), has.sum(axis=0)
    for own, there in zip(values, has, strict=True):
        n = count - there
        yield np.divide(total - own, n, out=np.full(len(n), np.nan), where=n > 0)
