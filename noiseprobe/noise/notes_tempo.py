"""Another tempo of the score: the span's music is played `rate` times as fast (1.25: faster). Nothing is drawn.

Changes the score, and moves notes in time. One map of time, which is continuous, says where notes begin and where they
cease to be heard: it leaves what is before the span, runs `rate` times as fast in it, and moves what follows by as much
as the span got shorter or longer, a whole number of frames; the rate is what makes exactly that. A note that begins
before the span and ends in it, or begins in it and ends after, is stretched only within. Where the change would be less
than half a frame, or the span would be left with less than that, the clip is rejected.

The clip keeps its length: what is pushed beyond its end is gone, and what is missing there is the music that follows in
the file, or silence where the file ends. It is rendered at the clean clip's gain (`tools.score`).

Frame map (`tools.score_moves`): frames before the span keep their place, and frames after it are the same notes so many
frames earlier or later, at the same place within the frame: compared exactly, but for what rings into them from the
span, whose notes have other lengths now. A frame that overlaps the span has no
counterpart: its music is spread over more or fewer frames, so no frame has the same target (as for the audio-level kind
`tempo`); nor have frames pushed beyond the clip's end. So a span of the whole clip has no frame to compare, and delta
is null: without a length the paper's are taken, at 5 s.

There is no share of notes: all notes of the span move together, and how many is set by its length. `rate=1` and a span
of length 0 leave the clip as it is and map each frame to itself: a control.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import CannotCorrupt, Corruption, Draws, Heard, Measured, decibel, inside, measure, rms
from noiseprobe.noise.tools import score
from noiseprobe.noise.tools.score_moves import Move, frame_map, whole_frames
from noiseprobe.noise.tools.timemap import still
from noiseprobe.variants import Span

CHANGES = "score"
WHOLE = False

SLOWEST, FASTEST = 0.25, 4.0


@dataclass(frozen=True)
class Options:
    """The keys of tempo.

    Attributes:
        rate: how many times as fast.
    """

    rate: float = 1.25


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    return Options(rate=checks.number("noise.rate", raw["rate"], SLOWEST, FASTEST))


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    spans = [s for s in spans if s.stop > s.start]
    if not spans or options.rate == 1:
        return still(heard)
    moves, at, later = [], 0, 0
    for span in spans:
        moves.append(Move(at, span.start, later))
        at, later = span.stop, later + _change(heard, span, options.rate)
    moves.append(Move(at, heard.audio.shape[1], later))
    # Where spans begin and end, and how much later that is now; between these points it goes in a straight line.
    points = np.array([point for span in spans for point in (span.start, span.stop)]) / heard.sample_rate
    delays = np.array([m.shift for m in moves for _ in range(2)][1:-1]) / heard.sample_rate

    notes = score.excerpt(heard)
    start, duration = score.column(notes, "start"), score.column(notes, "duration")
    delay, delay_of_end = np.interp(start, points, delays), np.interp(start + duration, points, delays)
    longer = np.maximum(duration + (delay_of_end - delay), 0.0)
    audio = score.rendered(heard, score.with_columns(notes, start=start + delay, duration=longer), spans)
    return Corruption(audio, _measured(heard, audio, spans, moves), frame_map=frame_map(heard, moves))


def _change(heard: Heard, span: Span, rate: float) -> int:
    """By how many samples a span gets longer."""
    n = span.stop - span.start
    change = whole_frames(n / rate - n, heard.hop)
    asked = f"{n / heard.sample_rate:g} s at rate {rate:g}"
    if not change:
        raise CannotCorrupt(f"{asked} would change by less than half a frame: nothing could move by a whole one")
    if n + change <= 0:
        raise CannotCorrupt(f"{asked} would be less than half a frame: nothing of it would be left")
    return change


def _measured(heard: Heard, audio: np.ndarray, spans: Sequence[Span], moves: Sequence[Move]) -> Measured:
    """What stands in the spans' places now, as far as it is within the clip, and what stood there."""
    now = [replace(s, start=a.stop + a.shift, stop=b.to) for s, (a, b) in zip(spans, pairwise(moves), strict=True)]
    return replace(measure(audio, audio, now), music_db=decibel(rms(inside(heard.audio, spans))))
