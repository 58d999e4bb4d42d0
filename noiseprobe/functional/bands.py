"""Bands around a mean curve over songs: pointwise and simultaneous.

A pointwise 95 % band covers each frame's truth with 95 %, so along 750 frames it misses dozens of them. A simultaneous
one covers all frames at once, and a curve that leaves it somewhere has left it. It is mean +- c se with c the quantile
of max over frames of |t| (max-t), whose distribution comes from the songs themselves, so frames that rise and fall
together cost little:

    20 songs or more   bootstrap-t: songs are resampled, each resample is studentised by its own se
    8 to 19            sign flips: each song's deviation from the mean gets a random sign, studentised by its own se
    3 to 7             Bonferroni: t at 1 - (1 - level) / T

The first allows for skewed curves, but from few songs draws resamples with next to no spread, and the band is twice as
wide as need be. The second holds its level at 8 songs, if curves are about symmetric. Fewer songs have too few sign
patterns. docs/statistics.md has the measured coverage of each.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from noiseprobe.functional.intervals import FEWEST

RESAMPLE_FROM = 20  # songs
FLIP_FROM = 8
CHUNK = 2**22  # numbers held at a time


class Band(NamedTuple):
    """A mean curve over songs and its bands, mean +- pointwise * se and mean +- simultaneous * se. All `[T]`.

    mean is NaN where no song has the frame; se and both multipliers are NaN where fewer than 3 songs have it.
    """

    mean: np.ndarray
    se: np.ndarray
    pointwise: np.ndarray
    simultaneous: np.ndarray
    songs: np.ndarray


def max_t_band(curves: ArrayLike, level: float = 0.95, seed: int = 0, resamples: int = 2000) -> Band:
    """Mean curve over songs with a pointwise t band and a simultaneous max-t band.

    Where songs have different lengths, frames have different degrees of freedom; max-t then runs over p-values (min-p),
    and each frame's multiplier is the t quantile of one common level. The method follows the frame with the fewest
    songs.

    Args:
        curves: `[G, T]`, one a song; NaN at frames that the song doesn't have.
        level: the confidence of either band.
        seed: of resamples or sign flips.
        resamples: how many.

    Returns:
        The band. Frames on which all songs agree have se 0 and don't count towards the maximum; neither does a frame in
        a resample in which they do.

    Raises:
        ValueError: if curves aren't `[G, T]`, one is infinite, the level isn't between 0 and 1, or resamples are too
            few for it.

    >>> band = max_t_band([[1.0, 5.0], [2.0, 7.0], [3.0, 6.0]])
    >>> band.mean, band.pointwise.round(2), band.simultaneous.round(2)
    (array([2., 6.]), array([4.3, 4.3]), array([6.21, 6.21]))
    """
    from scipy.special import stdtrit

    array = np.asarray(curves, dtype=np.float64)
    if array.ndim != 2 or np.isinf(array).any():
        raise ValueError(f"curves: got {array.ndim} dimensions or an infinite value, expected finite [G, T]")
    if not 0 < level < 1:
        raise ValueError(f"level: got {level}, expected a number between 0 and 1")
    if resamples * (1 - level) < 1:
        raise ValueError(f"resamples: got {resamples}, expected at least {1 / (1 - level):.0f} for level {level}")
    has = ~np.isnan(array)
    songs = has.sum(axis=0)
    total = np.where(has, array, 0.0).sum(axis=0)
    mean = np.divide(total, songs, out=np.full(songs.shape, np.nan), where=songs > 0)
    rest = np.where(has, array - mean, 0.0)
    kept = songs >= FEWEST
    highest = np.where(has, array, -np.inf).max(axis=0, initial=-np.inf)
    agree = highest == np.where(has, array, np.inf).min(axis=0, initial=np.inf)
    rest[:, agree] = 0.0
    se, pointwise, simultaneous = (np.full(songs.shape, np.nan) for _ in range(3))
    se[kept] = np.sqrt((rest[:, kept] ** 2).sum(axis=0) / (songs[kept] - 1) / songs[kept])
    pointwise[kept] = stdtrit(songs[kept] - 1, (1 + level) / 2)
    counted = kept & ~agree
    tail = (1 - level) / 2
    if counted.any():
        fewest = int(songs[counted].min())
        if fewest < FLIP_FROM:
            tail /= int(counted.sum())
        else:
            tail = min(tail, _common_tail(rest[:, counted], has[:, counted], level, seed, resamples, fewest))
    simultaneous[kept] = -stdtrit(songs[kept] - 1, tail)
    return Band(mean, se, pointwise, simultaneous, songs)


def _common_tail(rest: np.ndarray, has: np.ndarray, level: float, seed: int, resamples: int, fewest: int) -> float:
    """One-sided p-value that every frame's |t| keeps above in `level` of the resamples.

    Args:
        rest: `[G, T]`, deviations from the mean, 0 where a song has no value.
        has: `[G, T]`, whether it has one.
    """
    from scipy.special import stdtr

    rng = np.random.default_rng(seed)
    g, frames = rest.shape
    squares, present = rest**2, has.astype(np.float64)
    sizes = has.sum(axis=0)
    kinds = np.unique(sizes)
    smallest = np.ones(resamples)
    step = max(1, CHUNK // max(g, frames))
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        draws: np.ndarray
        n: np.ndarray = present.sum(axis=0)
        spread: np.ndarray = squares.sum(axis=0)
        if fewest >= RESAMPLE_FROM:
            draws = rng.multinomial(g, np.full(g, 1 / g), size=count).astype(np.float64)  # times each song is drawn
            n, spread = draws @ present, draws @ squares
        else:
            draws = rng.integers(0, 2, size=(count, g)) * 2.0 - 1.0
        sums = draws @ rest
        # t = mean / sqrt(var / n), with var = (sum of squares - sum^2 / n) / (n - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            around = spread - sums**2 / n
            t = np.abs(sums) * np.sqrt((n - 1) / (n * around))
        # Too few songs drawn, or songs that all agree (up to rounding): no spread, so no t in this resample.
        t[(n < FEWEST) | ~(around > 1e-12 * spread)] = 0.0
        for size in kinds:
            most = t[:, sizes == size].max(axis=1)
            part = smallest[start : start + count]
            np.minimum(part, stdtr(size - 1, -most), out=part)
    return float(np.quantile(smallest, 1 - level, method="lower"))
