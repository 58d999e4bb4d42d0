"""Another structure: the bars of the span in another order, notes and all.

Changes the score, and moves notes in time. The bars (`unit=bar`; or beats, `unit=beat`) that lie in the span as a whole
are counted from its first on and taken `size` at a time; these pieces change places as `order` says (`tools.order`:
`shuffle` is drawn, and any order but the old one; what is left at the end stays, and so does what is cut off by the
span). Bars need not be of one length: what lies between two that change places moves by the difference. Each piece
moves by a whole number of frames, so it comes up to half a frame early or late (10 ms; the first up to a frame late,
since no piece begins before the span).

A note goes with the bar in which it begins, with its pitch and velocity, and is heard for as long as before: no note is
lost or doubled, and one that is tied or pedalled over the bar line sounds on over what follows now, until its pitch is
struck again there. The clip keeps its length, and is rendered as loud as the clean one or at its gain (`tools.score`).

Frame map (`tools.score_moves`): a permutation. A frame that lies within a piece has become the one where the same notes
stand now, at the same place within the frame; frames across a seam have no counterpart. So delta compares the same
music in another context, but for what rings over the seams, and a gain where the span is the whole clip.

There is no share of notes: what share of the music is put in another order is set by the span. What `order=shuffle`
draws hangs on the onset and on the number of pieces.

Rejected: a span of fewer than two pieces, and an order in which nothing is heard that wasn't, since only bars that are
alike changed places. A span of length 0 leaves the clip as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import Corruption, Draws, Heard, measure
from noiseprobe.noise.tools import score
from noiseprobe.noise.tools.order import ORDERS, reordered
from noiseprobe.noise.tools.score_moves import Move, frame_map, whole_frames
from noiseprobe.noise.tools.timemap import still
from noiseprobe.score.notes import Excerpt
from noiseprobe.variants import Span

CHANGES = "score"
WHOLE = True


@dataclass(frozen=True)
class Options:
    """The keys of reordering.

    Attributes:
        unit: `bar` or `beat`.
        size: how many of them stay together.
        order: `shuffle`, `adjacent` or `far`.
    """

    unit: str = "bar"
    size: int = 1
    order: str = "shuffle"


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    return Options(
        unit=checks.choice("noise.unit", raw["unit"], ["bar", "beat"]),
        size=checks.integer("noise.size", raw["size"], low=1),
        order=checks.choice("noise.order", raw["order"], ORDERS),
    )


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    spans = [s for s in spans if s.stop > s.start]
    if not spans:
        return still(heard)
    notes = score.excerpt(heard)
    times = notes.downbeats if options.unit == "bar" else notes.beats
    lines = np.unique(np.round(times * heard.sample_rate).astype(np.int64))
    moves, at = [], 0
    for span in spans:
        own = lines[(lines >= span.start) & (lines <= span.stop)]
        random, unit = draws.state(span.onset, "order"), f"{options.unit}s"
        order = reordered(max(len(own) - 1, 0), options.size, options.order, random, unit)
        moves += [Move(at, int(own[0]), 0), *_moves(own, order, span.start, heard.hop)]
        at = int(own[-1])
    moves = _joined([*moves, Move(at, heard.audio.shape[1] * score.BEYOND, 0)])
    audio = score.rendered(heard, _moved(heard, notes, moves), spans)
    return Corruption(audio, measure(heard.audio, audio, spans), frame_map=frame_map(heard, moves))


def _moves(lines: np.ndarray, order: np.ndarray, earliest: int, hop: int) -> list[Move]:
    """Where each bar goes, in their new order.

    Args:
        lines: where bars begin, and the last one ends; samples [n + 1].
        order: which bar each place gets [n].
        earliest: the sample before which none may begin.
        hop: samples a frame.
    """
    found: list[Move] = []
    now = int(lines[0])
    for bar in order:
        start, stop = int(lines[bar]), int(lines[bar + 1])
        if found and found[-1].stop == start:  # what follows as before moves as one
            shift = found[-1].shift
        else:
            shift = whole_frames(now - start, hop)
            shift += hop if start + shift < earliest else 0
        found.append(Move(start, stop, shift))
        now += stop - start
    return found


def _joined(moves: Sequence[Move]) -> list[Move]:
    """Those that follow each other as before as one, since there is no seam between them; without empty ones."""
    found: list[Move] = []
    for move in moves:
        if found and found[-1].stop == move.start and found[-1].shift == move.shift:
            found[-1] = found[-1]._replace(stop=move.stop)
        elif move.stop > move.start:
            found.append(move)
    return found


def _moved(heard: Heard, notes: Excerpt, moves: Sequence[Move]) -> Excerpt:
    """The notes where they are now."""
    starts, shifts = zip(*sorted((move.start, move.shift) for move in moves), strict=True)
    which = np.searchsorted(starts, score.begins(heard, notes), side="right") - 1
    start = score.column(notes, "start") + np.array(shifts)[which] / heard.sample_rate
    # it may have been rounded up to the clip's first sample
    return score.with_columns(notes, start=np.maximum(start, 0.0))
