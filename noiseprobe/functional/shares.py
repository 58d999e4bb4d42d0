"""Confidence intervals over songs for shares: of twins, of pairs. They stay within [0, 1].

Near 0 or 1 a mean +- t se leaves [0, 1] or shrinks to nothing, just where a share is most interesting. A mean of songs'
own shares gets Korn and Graubard's interval ("Confidence intervals for proportions with small expected number of
positive counts", 1998), one that is pooled over all songs (an AUC) a jackknife interval on the logit scale.
"""

import math

from numpy.typing import ArrayLike

from noiseprobe.functional.intervals import FEWEST, Interval, constant, song_values, t_interval, t_quantile


def share_interval(wins: ArrayLike, level: float = 0.95, clips: int | None = None) -> Interval:
    """Mean over songs of a share, with Korn and Graubard's interval.

    Clopper and Pearson's interval for n trials, where n = p (1 - p) / var(p) is the number of independent trials that
    would give a share its variance over songs. It stays within [0, 1], and has a width where all songs agree.

    Args:
        wins: `[G]`, each song's share, in [0, 1].
        level: the confidence.
        clips: of all songs: n is at most that, and is multiplied by (t_{clips - 1} / t_{G - 1})^2, since var(p) is
            known with G - 1 degrees of freedom only. None: one a song, so at most G.

    Returns:
        No interval for fewer than 3 songs. For a share of 0 or 1, which has no variance, n = G.

    Raises:
        ValueError: if a share is NaN or outside [0, 1], clips are fewer than songs, or the level isn't between 0 and 1.

    >>> [round(x, 3) for x in share_interval([1.0] * 10)[:3]]
    [1.0, 0.692, 1.0]
    """
    from scipy.special import betaincinv

    array = song_values(wins, "wins")
    g = len(array)
    n = g if clips is None else clips
    if ((array < 0) | (array > 1)).any():
        raise ValueError("wins: got a share outside [0, 1]")
    if n < g:
        raise ValueError(f"clips: got {n}, expected at least one for each of {g} songs")
    plain = t_interval(array, level)
    if plain.estimate is None or g < FEWEST:
        return plain
    p = plain.estimate
    variance = 0.0 if constant(array) else float(array.var(ddof=1)) / g
    if p in (0.0, 1.0):
        trials = float(g)
    else:
        trials = min(p * (1 - p) / variance, n) if variance else float(n)
        trials *= (t_quantile(n, level) / t_quantile(g, level)) ** 2
    hits, tail = p * trials, (1 - level) / 2
    low = float(betaincinv(hits, trials - hits + 1, tail)) if p > 0 else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 1 - tail)) if p < 1 else 1.0
    return Interval(p, low, high, g)


def pooled_share_interval(estimate: float, pseudo_values: ArrayLike, level: float = 0.95) -> Interval:
    """Jackknife interval of a share that is pooled over songs, such as an AUC.

    t with G - 1 degrees of freedom on logit(p), whose standard error is the jackknife's over p (1 - p) (delta method).
    Where p is 0 or 1 (perfect separation, no variance) it is Clopper and Pearson's for G trials.

    Args:
        estimate: the share of all songs, in [0, 1].
        pseudo_values: `[G]`, from `intervals.jackknife_values`.
        level: the confidence.

    Returns:
        No interval for fewer than 3 songs; low == high == estimate where leaving out a song changes nothing.

    Raises:
        ValueError: if the estimate is outside [0, 1], a value is NaN or infinite, or the level isn't between 0 and 1.

    >>> found = pooled_share_interval(0.8, [0.6, 0.8, 0.9, 0.9])
    >>> [round(x, 3) for x in found[:3]]
    [0.8, 0.495, 0.942]
    """
    from scipy.special import expit, logit

    array = song_values(pseudo_values, "pseudo_values")
    g, t = len(array), t_quantile(max(len(array), FEWEST), level)
    if not 0 <= estimate <= 1:
        raise ValueError(f"estimate: got {estimate}, expected a share in [0, 1]")
    if g < FEWEST:
        return Interval(estimate, None, None, g)
    if estimate in (0.0, 1.0):
        return share_interval([estimate] * g, level)
    if constant(array):
        return Interval(estimate, estimate, estimate, g)
    half = t * float(array.std(ddof=1)) / math.sqrt(g) / (estimate * (1 - estimate))
    low, high = (float(expit(logit(estimate) + side)) for side in (-half, half))
    return Interval(estimate, low, high, g)
