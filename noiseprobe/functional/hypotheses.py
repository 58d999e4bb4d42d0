"""Tests over songs: is a mean above, below, other than, or as good as 0?

The unit is the song, and a test is paired: what comes in is one difference a song. p-values are None for fewer than 3
songs. docs/statistics.md says which test stands for what, and tabulates how often each rejects where nothing is.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from noiseprobe.functional.intervals import FEWEST, constant, song_values

MOST_SONGS = 1_000_000  # that songs_needed answers with


class TTest(NamedTuple):
    """p-values of one t test: `greater` small says the mean is above the bound, `less` that it is below."""

    greater: float | None
    less: float | None
    two_sided: float | None


def t_test(values: ArrayLike, bound: float = 0.0) -> TTest:
    """Student's t test of a mean over songs, in both directions.

    Args:
        values: `[G]`, one a song.
        bound: what the mean is held against.

    Returns:
        `greater` is the p-value of "the mean is at most the bound", `less` of "it is at least the bound". Songs that
        all have the same value: 0 or 1 by its side of the bound, and 1 everywhere if it lies on it.

    Raises:
        ValueError: if a value or the bound is NaN or infinite.

    >>> [round(p, 4) for p in t_test([1.0, 2.0, 3.0, 4.0, 5.0])]
    [0.0066, 0.9934, 0.0132]
    """
    from scipy.special import stdtr

    if not math.isfinite(bound):
        raise ValueError(f"bound: got {bound}, expected a number")
    array = song_values(values)
    g = len(array)
    if g < FEWEST:
        return TTest(None, None, None)
    if constant(array):
        above, below = bool(array[0] > bound), bool(array[0] < bound)
        return TTest(float(not above), float(not below), float(not (above or below)))
    t = (array.mean() - bound) / (array.std(ddof=1) / math.sqrt(g))
    greater, less = float(stdtr(g - 1, -t)), float(stdtr(g - 1, t))
    return TTest(greater, less, min(1.0, 2 * min(greater, less)))


def permutation_test(values: ArrayLike, seed: int = 0, resamples: int = 99_999) -> float | None:
    """Two-sided sign-flip test of a mean: had each song's difference either sign, how often would |mean| be as large?

    Assumes only that differences are symmetric about 0 if there is no effect. Exact where all 2^G sign patterns are no
    more than the resamples (up to 16 songs); random patterns beyond, with the observed one counted.

    Args:
        values: `[G]`, differences, one a song.
        seed: of the random patterns.
        resamples: how many of them.

    Raises:
        ValueError: if a value is NaN or infinite.

    >>> permutation_test([1.0, 2.0, 3.0])  # 2 of 8 patterns reach |mean| = 2
    0.25
    """
    from scipy import stats

    array = song_values(values)
    if len(array) < FEWEST:
        return None
    found = stats.permutation_test(
        (array,), np.mean, permutation_type="samples", vectorized=True, n_resamples=resamples,
        batch=max(1, 2**20 // len(array)), random_state=np.random.default_rng(seed),
    )  # fmt: skip
    return float(found.pvalue)


def wilcoxon(values: ArrayLike) -> float | None:
    """Two-sided signed-rank test: are differences symmetric about 0?

    Zeros are ranked, then dropped (Pratt 1959). Dropping them first can turn p the wrong way when a difference shrinks
    to 0, and a clip that the noise leaves alone is a difference of 0. The distribution is exact up to 50 songs without
    ties and zeros, by all sign patterns up to 13 songs with them, and else the normal approximation.

    Args:
        values: `[G]`, differences, one a song.

    Returns:
        1 where all are 0.

    Raises:
        ValueError: if a value is NaN or infinite.

    >>> wilcoxon([1.0, 2.0, 3.0, 4.0, 5.0])
    0.0625
    """
    from scipy import stats

    array = song_values(values)
    if len(array) < FEWEST:
        return None
    if not array.any():
        return 1.0
    return float(stats.wilcoxon(array, zero_method="pratt").pvalue)


def equivalence(values: ArrayLike, margin: float) -> float | None:
    """Two one-sided t tests (TOST): a small p says that the mean lies within (-margin, margin).

    Equal to asking whether the t interval of level 1 - 2 alpha lies within it.

    Args:
        values: `[G]`, one a song.
        margin: the largest mean that counts as none, in the values' unit.

    Returns:
        The larger of the two p-values.

    Raises:
        ValueError: if the margin isn't positive, or a value is NaN or infinite.

    >>> round(equivalence([0.01, -0.02, 0.0, 0.02, -0.01], margin=0.05), 5)
    0.00106
    """
    if not margin > 0:
        raise ValueError(f"margin: got {margin}, expected a positive number")
    above, below = t_test(values, -margin).greater, t_test(values, margin).less
    return None if above is None or below is None else max(above, below)


def adjust(ps: Sequence[float | None], method: Literal["holm", "bh"]) -> list[float | None]:
    """p-values corrected for their number.

    Args:
        ps: of one family; None where there was no test, which stays None and isn't counted.
        method: `holm` keeps the chance of any false finding below alpha, whatever the dependence; `bh` (Benjamini and
            Hochberg) the expected share of false ones among the findings, for independent or positively dependent
            tests.

    Raises:
        ValueError: if a p-value isn't in [0, 1], or the method is neither.

    >>> adjust([0.01, None, 0.04], "holm"), adjust([0.01, None, 0.04], "bh")
    ([0.02, None, 0.04], [0.02, None, 0.04])
    """
    if method not in ("holm", "bh"):
        raise ValueError(f"method: got {method!r}, expected 'holm' or 'bh'")
    from scipy.stats import false_discovery_control

    given = [p for p in ps if p is not None]
    if not all(0 <= p <= 1 for p in given):
        raise ValueError("ps: got a p-value outside [0, 1]")
    corrected = iter((_holm(given) if method == "holm" else false_discovery_control(given)) if given else [])
    return [None if p is None else float(next(corrected)) for p in ps]


def _holm(ps: Sequence[float]) -> NDArray[np.float64]:
    """Holm, "A simple sequentially rejective multiple test procedure", 1979.

    As in statsmodels, which collects garbage at each call; in a report that was most of its time.
    """
    order = np.argsort(ps)
    steps = np.maximum.accumulate(np.asarray(ps)[order] * np.arange(len(ps), 0, -1))
    found = np.empty(len(ps))
    found[order] = np.minimum(steps, 1)
    return found


def songs_needed(
    mean: float, sd: float, bound: float = 0.0, alpha: float = 0.05, power: float = 0.8,
    side: Literal["greater", "less"] = "greater",
) -> int | None:  # fmt: skip
    """The fewest songs with which a one-sided t test would find what was estimated.

    The power is that of the noncentral t distribution, for normal song means with the estimated mean and deviation. An
    estimate from few songs makes it a rough one.

    Args:
        mean: estimated mean over songs.
        sd: standard deviation of song means (with G - 1).
        bound: what the mean is held against.
        alpha: one-sided, after correction.
        power: chance that the test finds it.
        side: of the bound on which the mean should lie.

    Returns:
        At least 3. None where the mean lies on the bound or its other side (no number would do), or where a million are
        too few.

    Raises:
        ValueError: if a number isn't finite, sd is negative, or alpha and power aren't 0 < alpha < power < 1.

    >>> songs_needed(mean=0.5, sd=1.0)
    27
    """
    if not all(map(math.isfinite, (mean, sd, bound))) or sd < 0:
        raise ValueError(f"mean, sd, bound: got {mean}, {sd}, {bound}, expected numbers, and sd at least 0")
    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha, power: got {alpha}, {power}, expected 0 < alpha < power < 1")
    if side not in ("greater", "less"):
        raise ValueError(f"side: got {side!r}, expected 'greater' or 'less'")
    distance = mean - bound if side == "greater" else bound - mean
    if distance <= 0:
        return None
    if sd == 0:
        return FEWEST
    effect = min(distance / sd, 1e6)  # finite, whatever sd is
    # The power grows with the number: double until it is enough, then halve the interval (low fails, high does).
    low, high = FEWEST - 1, FEWEST
    while t_power(effect, high, alpha) < power:
        if high == MOST_SONGS:
            return None
        low, high = high, min(2 * high, MOST_SONGS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if t_power(effect, middle, alpha) >= power else (middle, high)
    return high


def t_power(effect: float, songs: int, alpha: float) -> float:
    """Power of a one-sided t test for a mean of `effect` standard deviations."""
    from scipy.special import nctdtr, stdtrit

    critical = float(stdtrit(songs - 1, 1 - alpha))
    shift = effect * math.sqrt(songs)
    missed = float(nctdtr(songs - 1, shift, critical))
    return 1.0 if math.isnan(missed) else 1 - missed  # scipy has NaN for some of the smallest probabilities
