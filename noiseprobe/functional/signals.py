"""Scores of one clip: does its loss curve look like that of corrupted music?

Each is a function of ONE curve nll `[K, T]`, without the clean twin and without onset, length or kind of the noise;
with any of these a score could tell the two apart with no model at all. A higher score always means "more likely
corrupted". The formulas and their directions were fixed before any data were looked at: nothing is fitted, so there is
nothing to cross-validate. `constant` and `random` know nothing and are there as a check.

Where a formula needs one value a frame, c_t is the mean of nll over codebooks. Frames that aren't scored, and the last
frames that no mean holds, are left out by the caller.
"""

import hashlib
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Signal = Callable[[NDArray[np.float64]], float]

SPIKE = 5  # frames of the spike: the paper's Peak is about five frames
LEVEL = 50  # frames before and after it whose levels are compared: the paper shows an Assimilation from 50 frames on
FEWEST_LEVEL = 5  # frames of these that there must be at the ends of a clip
FEWEST_FRAMES = SPIKE + 2 * FEWEST_LEVEL


def loss(nll: NDArray[np.float64]) -> float:
    """Mean of nll over codebooks, then frames: the loss per code. Corrupted music should be less likely.

    >>> loss(np.array([[1.0, 2.0, 6.0], [1.0, 0.0, 2.0]]))
    2.0
    """
    return float(_curve(nll).mean())


def maximum(nll: NDArray[np.float64]) -> float:
    """Largest c_t: somewhere the music takes a turn that the model finds unlikely.

    >>> maximum(np.array([[1.0, 2.0, 6.0], [1.0, 0.0, 2.0]]))
    4.0
    """
    return float(_curve(nll).max())


def spike_then_drop(nll: NDArray[np.float64]) -> float:
    """Largest over t of min(spike, drop): the loss jumps, then settles below where it was.

    With b, p and a the means of c over the 50 frames before t, over [t, t + 5), and over the 50 frames after these,
    n_b and n_a how many frames these levels have, and s = sqrt(mean (c_t+1 - c_t)^2 / 2) the noise from frame to frame,

        spike = (p - b) / (s sqrt(1/5 + 1/n_b)),    drop = (b - a) / (s sqrt(1/n_b + 1/n_a))

    in standard errors of differences, were the frames independent. Peak and Assimilation of the paper are such a spike
    and such a drop; min asks for both, as a spike alone is an accent and a drop alone a quieter passage. The score
    doesn't change with the curve's level or scale: it is shape alone. Near the ends, and in clips shorter than 105
    frames, the levels are over the frames there are, at least 5; a curve that never changes has neither spike nor drop
    and scores 0.

    Raises:
        ValueError: for fewer than 15 frames, in which spike and levels have no place.

    >>> c = np.repeat([1.0, 3.0, 0.5], [50, 5, 50]) + np.tile([0.1, -0.1], 53)[:105]
    >>> spike_then_drop(c[None]) > 9, spike_then_drop(c[None, ::-1]) < 1
    (True, True)
    """
    c = _curve(nll)
    frames = len(c)
    if frames < FEWEST_FRAMES:
        raise ValueError(f"nll: got {frames} frames, expected at least {FEWEST_FRAMES}")
    noise = float(np.sqrt(np.square(np.diff(c)).mean() / 2))
    if noise == 0:
        return 0.0
    total = np.concatenate([[0.0], np.cumsum(c - c.mean())])
    begin = np.arange(FEWEST_LEVEL, frames - SPIKE - FEWEST_LEVEL + 1)
    end = begin + SPIKE
    start, stop = np.maximum(begin - LEVEL, 0), np.minimum(end + LEVEL, frames)
    before = (total[begin] - total[start]) / (begin - start)
    after = (total[stop] - total[end]) / (stop - end)
    spike = ((total[end] - total[begin]) / SPIKE - before) / np.sqrt(1 / SPIKE + 1 / (begin - start))
    drop = (before - after) / np.sqrt(1 / (begin - start) + 1 / (stop - end))
    return float(np.minimum(spike, drop).max() / noise)


def constant(nll: NDArray[np.float64]) -> float:
    """0: every pair is a tie.

    >>> constant(np.ones((4, 20)))
    0.0
    """
    _curve(nll)
    return 0.0


def pseudorandom(nll: NDArray[np.float64]) -> float:
    """A hash of the curve's bytes in [0, 1): no state, the same for the same curve, so that twins without noise tie.

    >>> pseudorandom(np.ones((4, 20))) == pseudorandom(np.ones((4, 20))) != pseudorandom(np.ones((4, 21)))
    True
    """
    _curve(nll)
    digest = hashlib.blake2b(np.ascontiguousarray(nll, dtype="<f8").tobytes(), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 11) / 2**53


SIGNALS: Mapping[str, Signal] = {
    "loss": loss,
    "maximum": maximum,
    "shape": spike_then_drop,
    "constant": constant,
    "random": pseudorandom,
}


def _curve(nll: NDArray[np.float64]) -> NDArray[np.float64]:
    """c `[T]`, the mean over codebooks of nll `[K, T]`."""
    if nll.ndim != 2 or not nll.size:
        raise ValueError(f"nll: got shape {nll.shape}, expected [K, T] with at least one code")
    if not np.isfinite(nll).all():
        raise ValueError("nll: got NaN or infinity, expected finite values")
    return np.asarray(nll, dtype=np.float64).mean(axis=0)
