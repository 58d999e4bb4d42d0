"""Can a score tell a corrupted clip from a clean one? Two numbers, 0.5 where it can't.

- paired: the share of twins, a clip and its corrupted version, in which the corrupted one scores higher.
- auc: the area under the ROC curve over all clips pooled, clean against corrupted: the chance that a corrupted clip
  scores higher than a clean one, of the same song or another. Every song weighs the same on both sides, however many
  clips it has.

Ties count half. Both are over songs, the unit of every error: `paired` gives a value for each, `auc_jackknife` a
pseudo-value for each, and any interval for a mean of songs fits either.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from noiseprobe.functional.intervals import jackknife_values

DECIMALS = 14  # what is 1 or a half but for the rounding of sums is exactly that


def paired(clean: ArrayLike, corrupted: ArrayLike, songs: Sequence[Hashable]) -> NDArray[np.float64]:
    """Per song the share of twins in which the corrupted clip scores higher, ties half.

    Args:
        clean: score of each clean clip, `[n]`.
        corrupted: score of its corrupted version, `[n]`.
        songs: song of each clip.

    Returns:
        `[G]`, songs in the order in which they first come.

    Raises:
        ValueError: if there is nothing, lengths differ or a score is NaN.

    >>> paired([1, 1, 1], [2, 1, 0], ["a", "a", "b"])
    array([0.75, 0.  ])
    """
    x, y, of_song = _checked(clean, corrupted, songs)
    wins = (1.0 + (y > x) - (y < x)) / 2
    return np.bincount(of_song, weights=wins) / np.bincount(of_song)


def auc(clean: ArrayLike, corrupted: ArrayLike, songs: Sequence[Hashable]) -> float:
    """Pooled ROC AUC in which every song weighs the same on both sides, ties half; O(n log n).

    With w = 1 / (clips of the song) and G songs it is sum_ij w_i w_j [corrupted_i > clean_j] / G^2. Identical scores
    give exactly 0.5, a perfect score exactly 1.

    Args and errors are those of `paired`.

    >>> round(9 * auc([1, 2, 3], [2, 3, 4], ["a", "b", "c"]), 9)
    7.0
    """
    x, y, of_song = _checked(clean, corrupted, songs)
    return _auc(x, y, of_song)


def auc_jackknife(
    clean: ArrayLike, corrupted: ArrayLike, songs: Sequence[Hashable]
) -> tuple[float, NDArray[np.float64]]:
    """The AUC and its pseudo-values G auc - (G - 1) auc_without_song: one a song, treated as if they were song means.

    Their mean corrects the AUC for the pairs within a song, to which it owes a share 1/G of its value. One may lie
    outside [0, 1]. With one song, the pseudo-value is the AUC itself.

    Args and errors are those of `paired`; O(n log n).

    Returns:
        The AUC, and `[G]` pseudo-values, songs in the order in which they first come.

    >>> estimate, pseudo = auc_jackknife([1, 2, 3], [2, 3, 4], ["a", "b", "c"])
    >>> pseudo.round(3)
    array([0.583, 0.833, 0.583])
    """
    x, y, of_song = _checked(clean, corrupted, songs)
    estimate, weights = _auc(x, y, of_song), 1 / np.bincount(of_song)[of_song]
    g = int(of_song.max()) + 1
    if g == 1:
        return estimate, np.array([estimate])
    # Of all pairs, those that a song is part of on either side, of which those within it are counted twice.
    high, low = (np.bincount(of_song, weights * _net(*pair, weights)) for pair in [(y, x), (x, y)])
    order = np.argsort(of_song, kind="stable")
    own = np.split(order, np.cumsum(np.bincount(of_song))[:-1])
    within = np.array([(weights[i] * _net(y[i], x[i], weights[i])).sum() for i in own])
    net = (high.sum() - low.sum()) / 2 - (high - low - within)
    return estimate, jackknife_values(estimate, np.round(0.5 + net / (2 * (g - 1) ** 2), DECIMALS))


def _auc(x: NDArray[np.float64], y: NDArray[np.float64], of_song: NDArray[np.int64]) -> float:
    weights = 1 / np.bincount(of_song)[of_song]
    # The same count from both sides, which agree but for rounding; with x = y it cancels to exactly 0.
    high, low = ((weights * _net(*pair, weights)).sum() for pair in [(y, x), (x, y)])
    return round(float(0.5 + (high - low) / (4 * weights.sum() ** 2)), DECIMALS)


def _net(high: NDArray[np.float64], low: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each of `high`, `[n]`, the weight of what in `low` is below it less the weight of what is above it."""
    order = np.argsort(low, kind="stable")
    sorted_low = low[order]
    below = np.concatenate([[0.0], np.cumsum(weights[order])])
    less = below[np.searchsorted(sorted_low, high, "left")]
    more = below[-1] - below[np.searchsorted(sorted_low, high, "right")]
    return less - more


def _checked(
    clean: ArrayLike, corrupted: ArrayLike, songs: Sequence[Hashable]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Scores as arrays, and the number of each clip's song, counted in the order in which they first come."""
    x, y = np.asarray(clean, dtype=np.float64), np.asarray(corrupted, dtype=np.float64)
    if not (x.shape == y.shape == (len(songs),) and len(songs)):
        raise ValueError(f"scores: got shapes {x.shape} and {y.shape} for {len(songs)} songs, expected [n] each, n > 0")
    if np.isnan(x).any() or np.isnan(y).any():
        raise ValueError("scores: got NaN, expected a number for each clip")
    numbers: dict[Hashable, int] = {}
    return x, y, np.array([numbers.setdefault(song, len(numbers)) for song in songs], dtype=np.int64)
