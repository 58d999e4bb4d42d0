"""The key that notes are in, by Krumhansl and Kessler's profiles.

Each of the 24 keys has a profile: how well listeners found the 12 pitch classes to fit it (C. Krumhansl and E. Kessler,
"Tracing the dynamic changes in perceived tonal organization in a spatial representation of musical keys", Psychological
Review 89, 1982). The estimate is the key whose profile correlates most with the time that the notes spend on each pitch
class (C. Krumhansl, "Cognitive Foundations of Musical Pitch", 1990, chapter 4).
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from noiseprobe.score.notes import MODES, Key, Part

PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
ALL: tuple[Key, ...] = tuple((tonic, mode) for mode in MODES for tonic in range(12))


def estimate(parts: Iterable[Part], candidates: Iterable[Key] = ALL) -> Key:
    """The candidate that fits best; of several the first, so that it is C major where there are no notes at all.

    >>> scale = [0, 2, 4, 5, 7, 9, 11, 12]
    >>> part = Part(0, False, range(8), [1.0] * 8, [62 + step for step in scale], [80] * 8)
    >>> estimate([part])
    (2, 'major')
    """
    time = np.zeros(12)
    for part in parts:
        if not part.is_drum:
            # a note of no length counts a little, since it sounds
            np.add.at(time, part.pitch % 12, np.maximum(part.duration, 0.01))
    return max(candidates, key=lambda key: _fit(time, key))


def of_signature(sharps: int, minor: bool) -> Key:
    """The key of a signature with so many sharps, or with so many flats where it is negative.

    >>> of_signature(3, False), of_signature(-3, True)
    ((9, 'major'), (0, 'minor'))
    """
    tonic = 7 * sharps % 12  # up by fifths
    return ((tonic + 9) % 12, "minor") if minor else (tonic, "major")


def _fit(time: "np.ndarray[Any, Any]", key: Key) -> float:
    """Pearson's r, with 0 where it isn't defined."""
    tonic, mode = key
    profile = np.roll(PROFILES[mode], tonic)
    a, b = time - time.mean(), profile - profile.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / size) if size > 0 else 0.0
