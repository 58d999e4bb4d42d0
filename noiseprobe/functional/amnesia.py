"""Is the music before the noise lost to the model? The amnesia index, and context loss beside it.

Of the same codes after the noise, the nll given (noise/token_past.py makes these sequences):

    a   the clean past                            the clip itself
    b   the past with the noise in it             past=noisy
    c   no past: the sequence begins there        past=none
    e   the music before the noise, without it    past=cut
    f   the noise alone                           past=alone

c - e is what the old music is worth where no noise is, f - b what it is worth behind the noise:

    amnesia = 1 - (f - b) / (c - e)        0: all of it survives the noise, 1: nothing does
    context loss = (b - a) / (c - a)       includes what the noise replaced, which is lost to any model

Both are ratios of means over songs, with Fieller's intervals; null where the interval of the denominator touches 0,
since nothing can be said then of what the music was worth. Negative amnesia says that old music is worth more behind
noise than without it. All inputs are differences from a, so a itself drops out.
"""

from typing import NamedTuple

import numpy as np

from noiseprobe.functional.intervals import Interval, ratio_interval


class Amnesia(NamedTuple):
    """Both indices, and the worth of the old music (nats a code) without noise, c - e, and behind it, f - b: [G]."""

    amnesia: Interval
    context_loss: Interval
    worth: np.ndarray
    worth_behind: np.ndarray


def amnesia(b: np.ndarray, c: np.ndarray, e: np.ndarray, f: np.ndarray) -> Amnesia:
    """The indices from song means.

    Args:
        b, c, e, f: [G], the mean of each song, minus a of the same song and frames.

    >>> remembers = amnesia(*(np.array(x) for x in [[0., 0, 0], [3, 4, 5], [1, 1, 1], [2, 3, 4]]))
    >>> remembers.amnesia.estimate
    0.0
    """
    worth, behind = c - e, f - b
    ratio = ratio_interval(behind, worth)
    estimate, low, high = (None if x is None else 1 - x for x in (ratio.estimate, ratio.high, ratio.low))
    return Amnesia(Interval(estimate, low, high, ratio.songs), ratio_interval(b, c), worth, behind)
