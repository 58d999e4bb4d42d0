"""Variants: which corrupted versions of a clip there are, and which samples and frames each one touches."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

PAPER_LENGTHS = (0.1, 0.2, 1.0, 2.0, 3.0, 4.0)  # seconds: 5, 10, 50, 100, 150 and 200 frames
PAPER_ONSET = 5.0  # seconds
MARGIN = 1.0  # seconds that a clip must go on after the noise
MOST = 1.5  # times the share asked for that one scattered piece may take
PAPER_FRAME_RATE = 50.0  # frames a second; noise.frames and noise.onset_frame count in these, whatever the model


def seconds_of_frames(frames: int) -> float:
    """Length in seconds of so many codec frames of 20 ms.

    >>> seconds_of_frames(50)
    1.0
    """
    return frames / PAPER_FRAME_RATE


@dataclass(frozen=True)
class Span:
    """A stretch [start, stop) of samples from `onset` seconds on, and the frames [on, off) that it overlaps.

    Of several spans each begins where the one before it ends or later, in samples and in frames: a frame that two of
    them overlap is the earlier one's, so a span within such a frame has none.
    """

    onset: float
    start: int
    stop: int
    on: int
    off: int


@dataclass(frozen=True)
class Place:
    """A stretch of time: from `onset` on for `length` seconds; None: to the end of the clip."""

    onset: float
    length: float | None

    def __post_init__(self) -> None:
        # 1, 1.0 and 50 frames are the same length, and so are 0.0 and -0.0
        object.__setattr__(self, "onset", round(float(self.onset), 6) + 0.0)
        if self.length is not None:
            object.__setattr__(self, "length", round(float(self.length), 6) + 0.0)

    @property
    def name(self) -> str:
        return f"{self.onset}s+" + ("end" if self.length is None else f"{self.length}s")

    @property
    def ends(self) -> float:
        """Where it ends, in seconds; where it begins if it lasts to the end of the clip."""
        return self.onset + (self.length or 0.0)


@dataclass(frozen=True)
class Fixed:
    """The same places in every clip, in order and apart."""

    places: tuple[Place, ...]

    @property
    def name(self) -> str:
        return ",".join(place.name for place in self.places)

    @property
    def onset(self) -> float | None:
        return self.places[0].onset

    @property
    def length(self) -> float | None:
        lengths = [place.length for place in self.places if place.length is not None]
        return round(sum(lengths), 6) if len(lengths) == len(self.places) else None

    def needs(self, margin: float) -> float:
        return self.places[-1].ends + margin

    def spans(self, sample_rate: int, hop: int, samples: int, random: np.random.RandomState) -> tuple[Span, ...]:
        return _apart([_span(p.onset, p.length, sample_rate, hop, samples) for p in self.places], hop)


@dataclass(frozen=True)
class Scattered:
    """Places drawn for each clip: pieces of `length_each` seconds that take `share` of the time from `earliest` on.

    Every way to place them is as likely as any other; they don't overlap. Whole pieces come nearest to the share that
    was asked for: a clip too short for that (`MOST`) isn't long enough. They lie anywhere, up to the end of the clip.
    """

    share: float
    length_each: float
    earliest: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", round(float(self.share), 8))  # as many digits as the name has

    @property
    def name(self) -> str:
        after = f">{self.earliest}s" if self.earliest else ""
        return f"{round(self.share * 100, 6):.8g}%x{self.length_each}s{after}"

    @property
    def onset(self) -> None:
        return None

    @property
    def length(self) -> None:
        return None

    def needs(self, margin: float) -> float:
        return self.earliest + max(self.length_each, self.length_each / (MOST * self.share) - MARGIN) + margin

    def spans(self, sample_rate: int, hop: int, samples: int, random: np.random.RandomState) -> tuple[Span, ...]:
        room = samples / sample_rate - self.earliest
        count = min(max(round(self.share * room / self.length_each), 1), int(room / self.length_each + 1e-9))
        # Sorted uniform numbers cut the time that stays free, and the pieces stand in the cuts.
        cuts = np.sort(random.uniform(0, max(room - count * self.length_each, 0.0), count))
        onsets = [round(self.earliest + float(cut) + i * self.length_each, 6) for i, cut in enumerate(cuts)]
        return _apart([_span(onset, self.length_each, sample_rate, hop, samples) for onset in onsets], hop)


@dataclass(frozen=True)
class Variant:
    """One corrupted version of a clip: a kind of noise and where it is.

    The name is the same in a list, in a sweep and in every table:

    >>> Variant("white", at(5, 0.5)).name
    'white@5.0s+0.5s'
    >>> Variant("white", Fixed((Place(5, 0.5), Place(8, None)))).name
    'white@5.0s+0.5s,8.0s+end'
    >>> Variant("white", Scattered(0.2, 0.5)).name
    'white@20%x0.5s'
    """

    kind: str
    where: Fixed | Scattered

    @property
    def name(self) -> str:
        return f"{self.kind}@{self.where.name}"

    @property
    def onset(self) -> float | None:
        """Seconds to the first place; None where each clip has its own."""
        return self.where.onset

    @property
    def length(self) -> float | None:
        """Seconds of all places together; None where the clip decides."""
        return self.where.length

    def needs(self, margin: float) -> float:
        """Seconds that a clip must have: `margin` after the last place ends, or begins if it lasts to the end."""
        return self.where.needs(margin)

    def spans(self, sample_rate: int, hop: int, samples: int, random: np.random.RandomState) -> tuple[Span, ...]:
        """Where it lies in a clip of so many samples, for a model with `hop` samples a frame.

        >>> Variant("white", at(5.0, 2.0)).spans(32_000, 640, 480_000, np.random.RandomState(0))
        (Span(onset=5.0, start=160000, stop=224000, on=250, off=350),)
        """
        return self.where.spans(sample_rate, hop, samples, random)


def at(onset: float, length: float | None) -> Fixed:
    """One place."""
    return Fixed((Place(onset, length),))


def _span(onset: float, length: float | None, sample_rate: int, hop: int, samples: int) -> Span:
    start = round(onset * sample_rate)
    stop = samples if length is None else min(start + round(length * sample_rate), samples)
    on = start // hop
    off = math.ceil(stop / hop) if stop > start else on
    return Span(onset, start, stop, on, off)


def _apart(spans: Iterable[Span], hop: int) -> tuple[Span, ...]:
    """Spans in order, each cut where the next begins: rounding to samples may have moved both by half a one."""
    found: list[Span] = []
    for span in spans:
        if found and found[-1].stop > span.start:
            found[-1] = replace(found[-1], stop=span.start, off=math.ceil(span.start / hop))
        if found:
            span = replace(span, on=min(max(span.on, found[-1].off), span.off))
        found.append(span)
    return tuple(found)
