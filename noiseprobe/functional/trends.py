"""How something changes with length: over points as the paper has it, and over clips clustered by song as it should be.

The paper's points, one a (model, data, length), share their songs: a song that falls steeply pulls the points of every
length and model, so points are not independent and their p-values are too small. `song_slopes` with a t test and
`clustered_slope` take the song as the unit. docs/statistics.md has how often each finds a trend where there is none.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from noiseprobe.functional.intervals import FEWEST, constant, song_values

EXACT_TO = 8  # points: up to here Spearman's p is over all orders (8! = 40,320)


class Correlations(NamedTuple):
    """Correlations of points and their least-squares line; None where there is none."""

    n: int
    pearson: float | None
    pearson_p: float | None
    spearman: float | None
    spearman_p: float | None
    slope: float | None
    intercept: float | None


class Slope(NamedTuple):
    """A slope over clips and its interval and two-sided p clustered by song."""

    slope: float | None
    low: float | None
    high: float | None
    p: float | None
    songs: int


def correlations(x: ArrayLike, y: ArrayLike) -> Correlations:
    """Pearson's and Spearman's correlation and the least-squares line of points, as the paper reports them.

    The p-values, two-sided, take points for independent, which points that share songs are not. Spearman's is exact
    (all orders) up to 8 points, where the usual t approximation gives p = 0 for points in order; 6 lengths in order
    have p = 2 / 720.

    Args:
        x: `[n]`, such as lengths in seconds.
        y: `[n]`, such as mean deltas.

    Returns:
        All None for fewer than 3 points, or if x is the same everywhere. If y is, only the line is left.

    Raises:
        ValueError: if the two differ in length, or a value is NaN or infinite.

    >>> correlations([1, 2, 3, 4], [2, 4, 6, 9]).slope
    2.3
    """
    from scipy import stats

    a, b = song_values(x, "x"), song_values(y, "y")
    n = len(a)
    if len(b) != n:
        raise ValueError(f"y: got {len(b)} values, expected x's {n}")
    if n < FEWEST or constant(a):
        return Correlations(n, None, None, None, None, None, None)
    if constant(b):
        return Correlations(n, None, None, None, None, 0.0, float(b[0]))
    pearson, line = stats.pearsonr(a, b), stats.linregress(a, b)
    spearman = stats.spearmanr(a, b)
    p = _exact_spearman(a, b) if n <= EXACT_TO else float(spearman.pvalue)
    return Correlations(
        n, float(pearson.statistic), float(pearson.pvalue), float(spearman.statistic), p, float(line.slope),
        float(line.intercept),
    )  # fmt: skip


def _exact_spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Share of all orders of b whose |rank correlation| is as large."""
    from itertools import permutations

    from scipy.stats import rankdata

    first, second = (rankdata(v) - (len(v) + 1) / 2 for v in (a, b))
    orders = np.array(list(permutations(range(len(b)))))
    # Ranks are multiples of 1/2, so these sums are exact and ties count as such.
    return float(np.mean(np.abs(second[orders] @ first) >= abs(second @ first)))


def clustered_slope(x: ArrayLike, y: ArrayLike, songs: Sequence[Hashable], level: float = 0.95) -> Slope:
    """Slope of y against x over clips, every song weighing the same, with errors clustered by song.

    Least squares with weights 1 / (the song's rows), and the sandwich estimator with the song as cluster and the usual
    small-sample factor G / (G - 1) * (N - 1) / (N - 2); interval and p from t with G - 1 degrees of freedom.

    Args:
        x: `[n]`, such as the noise's length in seconds.
        y: `[n]`, such as delta, one for each clip and length.
        songs: the song of each row.
        level: of the interval.

    Returns:
        No interval and no p for fewer than 3 songs; no slope where x is the same everywhere.

    Raises:
        ValueError: if the three differ in length, a value is NaN or infinite, or the level isn't between 0 and 1.

    >>> found = clustered_slope([0, 1, 0, 1, 0, 1], [0, 1, 0, 2, 0, 3], ["a", "a", "b", "b", "c", "c"])
    >>> round(found.slope, 6), found.songs
    (2.0, 3)
    """
    a, b, codes = _rows(x, y, songs)
    g = int(codes.max()) + 1 if len(codes) else 0
    if not 0 < level < 1:
        raise ValueError(f"level: got {level}, expected a number between 0 and 1")
    if g == 0 or constant(a):
        return Slope(None, None, None, None, g)
    from statsmodels.regression.linear_model import WLS

    model = WLS(b, np.column_stack([np.ones_like(a), a]), weights=1 / np.bincount(codes)[codes])
    if g < FEWEST:
        return Slope(float(model.fit().params[1]), None, None, None, g)
    fit = model.fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
    low, high = fit.conf_int(alpha=1 - level)[1]
    return Slope(float(fit.params[1]), float(low), float(high), float(fit.pvalues[1]), g)


def song_slopes(x: ArrayLike, y: ArrayLike, songs: Sequence[Hashable]) -> np.ndarray:
    """Each song's own least-squares slope, for `t_interval` and `t_test`.

    Args:
        x: `[n]`, such as the noise's length in seconds.
        y: `[n]`, such as delta, one for each clip and length.
        songs: the song of each row.

    Returns:
        `[G]`, in order of the songs' first rows; a song whose x is the same everywhere has no slope and is left out.

    Raises:
        ValueError: if the three differ in length, or a value is NaN or infinite.

    >>> song_slopes([0, 1, 0, 2, 5], [1, 3, 0, 1, 9], ["a", "a", "b", "b", "c"])
    array([2. , 0.5])
    """
    a, b, codes = _rows(x, y, songs)
    slopes = []
    for song in range(codes.max() + 1 if len(codes) else 0):
        own = codes == song
        if not constant(a[own]):
            around = a[own] - a[own].mean()
            slopes.append(around @ b[own] / (around @ around))
    return np.array(slopes, dtype=np.float64)


def _rows(x: ArrayLike, y: ArrayLike, songs: Sequence[Hashable]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and each row's song as a number, in order of first rows."""
    a, b = song_values(x, "x"), song_values(y, "y")
    if not len(a) == len(b) == len(songs):
        raise ValueError(f"songs: got {len(a)} x, {len(b)} y and {len(songs)} songs, expected as many of each")
    numbers: dict[Hashable, int] = {}
    return a, b, np.array([numbers.setdefault(song, len(numbers)) for song in songs], dtype=np.int64)
