"""Confidence intervals over songs.

Clips of one song are not independent, so every interval is over songs, and what comes in is one value a song (its mean
over clips, `statistics.song_mean`). The default is Student's t with G - 1 degrees of freedom; ratios get Fieller's
("Some problems in interval estimation", 1954), statistics that are no means t on the jackknife's pseudo-values (Tukey),
and who wants a bootstrap Efron's BCa, from 30 songs on. Shares are in `shares`. docs/statistics.md tabulates how often
each covers the truth.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

FEWEST = 3  # songs: below, there is an estimate and nothing else
BCA_FROM = 30  # songs: below, BCa intervals are too short (docs/statistics.md)


class Interval(NamedTuple):
    """An estimate and its confidence interval; None where there is none."""

    estimate: float | None
    low: float | None
    high: float | None
    songs: int


def song_values(values: ArrayLike, name: str = "values") -> np.ndarray:
    """The values as float64 `[G]`.

    Raises:
        ValueError: if they aren't one finite number a song.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name}: got {array.ndim} dimensions, expected one value a song")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: got NaN or infinity, expected a number for each song")
    return array


def constant(values: np.ndarray) -> bool:
    """Whether all values are the same number (a standard deviation of rounding errors isn't a spread)."""
    return bool(values.min() == values.max())


def t_quantile(songs: int, level: float) -> float:
    """Half the width of a two-sided interval of a mean over so many songs, in standard errors.

    Raises:
        ValueError: if the level isn't between 0 and 1.
    """
    from scipy.special import stdtrit  # with scipy.stats it would be half a second

    if not 0 < level < 1:
        raise ValueError(f"level: got {level}, expected a number between 0 and 1")
    return float(stdtrit(songs - 1, (1 + level) / 2))


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Mean over songs with Student's t interval, G - 1 degrees of freedom.

    Args:
        values: `[G]`, one a song.
        level: the confidence.

    Returns:
        No interval for fewer than 3 songs, no estimate for none. Songs that all have the same value give low == high ==
        estimate: nothing says that another song would differ.

    Raises:
        ValueError: if a value is NaN or infinite, or the level isn't between 0 and 1.

    >>> [round(x, 3) for x in t_interval([1.0, 2.0, 3.0, 4.0, 5.0])]
    [3.0, 1.037, 4.963, 5]
    >>> t_interval([1.0, 2.0])
    Interval(estimate=1.5, low=None, high=None, songs=2)
    """
    array = song_values(values)
    g = len(array)
    t = t_quantile(max(g, FEWEST), level)
    if g == 0:
        return Interval(None, None, None, 0)
    mean = float(array[0]) if constant(array) else float(array.mean())
    if g < FEWEST:
        return Interval(mean, None, None, g)
    half = 0.0 if constant(array) else t * float(array.std(ddof=1)) / math.sqrt(g)
    return Interval(mean, mean - half, mean + half, g)


def bca_interval(values: ArrayLike, level: float = 0.95, seed: int = 0, resamples: int = 9999) -> Interval:
    """Mean over songs with the bias-corrected and accelerated bootstrap interval, songs resampled.

    Args:
        values: `[G]`, one a song.
        level: the confidence.
        seed: of the resampling.
        resamples: how many.

    Returns:
        low == high == estimate for songs that all have the same value, as in `t_interval`.

    Raises:
        ValueError: for fewer than 30 songs, where it covers too rarely; if a value is NaN or infinite, or the level
            isn't between 0 and 1.
    """
    from scipy.stats import bootstrap

    array = song_values(values)
    g = len(array)
    if g < BCA_FROM:
        raise ValueError(f"values: got {g} songs, expected at least {BCA_FROM} for a BCa bootstrap; use t_interval")
    plain = t_interval(array, level)
    if constant(array):
        return plain
    found = bootstrap(
        (array,), np.mean, method="BCa", confidence_level=level, n_resamples=resamples, vectorized=True,
        batch=max(1, 2**22 // g), random_state=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return Interval(plain.estimate, float(found.low), float(found.high), g)


def ratio_interval(numerator: ArrayLike, denominator: ArrayLike, level: float = 0.95) -> Interval:
    """Ratio of two means over the same songs, with Fieller's interval.

    The interval is every r that a paired t test of numerator - r * denominator doesn't reject. With R the ratio of the
    means, q = t / mean(denominator), g = q^2 var(denominator), c = cov(numerator - R * denominator, denominator), v =
    var(numerator - R * denominator), variances being those of means over songs, its ends are

        R + (-q^2 c +- |q| sqrt((1 - g) v + q^2 c^2)) / (1 - g)

    (Fieller's quadratic written around R: nothing cancels where the two are nearly proportional).

    Args:
        numerator: `[G]`, one a song.
        denominator: `[G]`, of the same songs in the same order.
        level: the confidence.

    Returns:
        Neither ratio nor interval for fewer than 3 songs, or where the denominator's own interval touches 0 (g >= 1):
        the ratio could be anything.

    Raises:
        ValueError: if the two differ in length, a value is NaN or infinite, or the level isn't between 0 and 1.

    >>> ratio = ratio_interval([1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0])
    >>> [round(x, 3) for x in ratio[:3]]
    [0.714, 0.308, 0.82]
    """
    top, bottom = song_values(numerator, "numerator"), song_values(denominator, "denominator")
    g = len(top)
    if len(bottom) != g:
        raise ValueError(f"denominator: got {len(bottom)} songs, expected the numerator's {g}")
    t = t_quantile(max(g, FEWEST), level)
    below = t_interval(bottom, level)
    if below.estimate is None or below.low is None or below.high is None or below.low <= 0 <= below.high:
        return Interval(None, None, None, g)
    mean = below.estimate
    ratio = float(top.mean()) / mean
    rest = top - ratio * bottom
    covariance = np.cov(rest, bottom) / g  # of means; rest has mean 0
    v, c, d = float(covariance[0, 0]), float(covariance[0, 1]), float(covariance[1, 1])
    q = t / mean
    one_less = 1 - q * q * d  # > 0, since the denominator's interval is clear of 0
    half = abs(q) * math.sqrt(one_less * v + (q * c) ** 2)
    return Interval(ratio, ratio + (-q * q * c - half) / one_less, ratio + (-q * q * c + half) / one_less, g)


def jackknife_values(estimate: float, leave_one_out: ArrayLike) -> np.ndarray:
    """Pseudo-values of a statistic that is no mean over songs, for `t_interval`: G * all - (G - 1) * all but song i.

    Args:
        estimate: the statistic of all songs.
        leave_one_out: `[G]`, the statistic without each song.

    Returns:
        `[G]`. Their mean is the estimate with the jackknife's bias correction, their variance over songs the
        jackknife's. Of a mean they are the song's values. For smooth statistics (AUC, ratios, correlations), not for
        quantiles.

    Raises:
        ValueError: if a value is NaN or infinite.

    >>> jackknife_values(2.0, [2.5, 2.0, 1.5])  # the mean of 1, 2, 3
    array([1., 2., 3.])
    """
    if not math.isfinite(estimate):
        raise ValueError(f"estimate: got {estimate}, expected a number")
    without = song_values(leave_one_out, "leave_one_out")
    return len(without) * estimate - (len(without) - 1) * without
