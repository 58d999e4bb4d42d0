"""Stretches of a score that move as wholes: where their frames go.

A stretch moves by a whole number of frames, so its notes begin at the same place within a frame as before and a clean
frame can be compared with the one that it has become. A frame has a counterpart if it lies in one stretch as a whole,
and in the clip and in no other stretch where it goes to. Its samples need not be the clean ones: notes from before the
stretch may ring into it, here other notes than there, and the clip's loudness is set anew.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from noiseprobe.noise.base import Heard


class Move(NamedTuple):
    """The samples [start, stop) of the clean clip, which are heard `shift` samples later."""

    start: int
    stop: int
    shift: int

    @property
    def to(self) -> int:
        """Where it begins now."""
        return self.start + self.shift


def whole_frames(samples: float, hop: int) -> int:
    """The nearest whole number of frames, in samples.

    >>> whole_frames(-1000, 640)
    -1280
    """
    return hop * int(np.floor(samples / hop + 0.5))


def frame_map(heard: Heard, moves: Sequence[Move]) -> np.ndarray:
    """int64 [T]: the frame that each frame has become, or -1."""
    hop, n = heard.hop, heard.audio.shape[1]
    frames = np.arange(heard.frames)
    first, last = frames * hop, np.minimum((frames + 1) * hop, n)
    found = np.full(len(frames), -1)
    for move in moves:
        assert move.shift % hop == 0, "notes moved by no whole number of frames"
        now_first, now_last = first + move.shift, last + move.shift
        mapped = (first >= move.start) & (last <= move.stop) & (now_first >= 0)
        mapped &= np.minimum(now_first + hop, n) == now_last  # within the clip, and with as many samples
        for other in moves:
            if other is not move and other.stop > other.start:
                mapped &= (now_last <= other.to) | (now_first >= other.stop + other.shift)
        found[mapped] = frames[mapped] + move.shift // hop
    return found
