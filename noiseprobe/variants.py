"""Variants: which corrupted versions of a clip there are, and which samples and frames each one touches."""

import math
from dataclasses import dataclass

PAPER_LENGTHS = (0.1, 0.2, 1.0, 2.0, 3.0, 4.0)  # seconds: 5, 10, 50, 100, 150 and 200 frames
PAPER_FRAME_RATE = 50.0  # frames a second; noise.frames counts in these, whatever the model


def seconds_of_frames(frames: int) -> float:
    """Length in seconds of so many codec frames of 20 ms.

    >>> seconds_of_frames(50)
    1.0
    """
    return frames / PAPER_FRAME_RATE


@dataclass(frozen=True)
class Span:
    """A stretch [start, stop) of samples, and the frames [on, off) that it overlaps."""

    start: int
    stop: int
    on: int
    off: int


@dataclass(frozen=True)
class Variant:
    """One corrupted version of a clip: a kind of noise from `onset` on for `length` seconds.

    The name is the same in a list, in a sweep and in every table:

    >>> Variant("white", 5, 0.5).name
    'white@5.0s+0.5s'
    """

    kind: str
    onset: float
    length: float

    def __post_init__(self) -> None:
        # 1, 1.0 and 50 frames are the same variant, and so are 0.0 and -0.0
        object.__setattr__(self, "onset", round(float(self.onset), 6) + 0.0)
        object.__setattr__(self, "length", round(float(self.length), 6) + 0.0)

    @property
    def name(self) -> str:
        return f"{self.kind}@{self.onset}s+{self.length}s"

    def span(self, sample_rate: int, hop: int) -> Span:
        """Where the variant lies for a model with `hop` samples a frame.

        >>> Variant("white", 5.0, 2.0).span(32_000, 640)
        Span(start=160000, stop=224000, on=250, off=350)
        """
        start = round(self.onset * sample_rate)
        stop = start + round(self.length * sample_rate)
        on = start // hop
        off = math.ceil(stop / hop) if stop > start else on
        return Span(start, stop, on, off)
