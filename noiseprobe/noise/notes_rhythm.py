"""Another rhythm: the share `notes` of the notes that begin in the span begins at another time.

Changes the score. Pitch and velocity stay, and how long a note is heard. A note never leaves the span that it begins
in. With `mode`:

    jitter   A chosen note begins at a time drawn uniformly from those at most `beats` of a beat away (of the beat that
             it begins in) within the span; notes that begin together come apart.
    even     A chosen note begins where it would if the span had no rhythm: its onsets, over all parts together, spread
             evenly from the first to the last, in their order. Notes that begin within 30 ms of an onset's first note
             belong to it and keep their distance from it. Only notes that this moves by a millisecond or more count in
             the share. With `notes=1` nothing is left of the rhythm but which notes stand together.

Which notes move is drawn (`tools.notes_share`), and in `jitter` where to for each note by itself: a note that moves
under a smaller share moves in the same way under a larger one. In `even` nothing else is drawn. Where notes of a part
meet on one pitch, the first ends where the second begins.

No frame map: the music as a whole stays where it is, and each frame is compared with what is there now. Rendered as
long as the clean clip, and as loud or at its gain (`tools.score`).

Rejected: a span in which no note begins or none can be moved so (it is even already), a share of less than one note, a
score of fewer than two beats. A span of length 0 leaves the clip as it is. The paper's supplement names "rhythm
deletion" and doesn't say what that is; `mode=even` with `notes=1` is our reading of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import CannotCorrupt, Corruption, Draws, Heard, measure
from noiseprobe.noise.tools import notes_share, pieces, score
from noiseprobe.score.notes import Excerpt
from noiseprobe.variants import Span

CHANGES = "score"
WHOLE = True

MODES = ["jitter", "even"]
SMALLEST, LARGEST = 0.01, 4.0  # beats
CHORD = 0.03  # seconds
AUDIBLE = 0.001  # seconds; less is a score's rounding


@dataclass(frozen=True)
class Options:
    """The keys of rhythm changes.

    Attributes:
        notes: share of the notes in the span that move.
        mode: `jitter` or `even`.
        beats: the largest move of `jitter`.
    """

    notes: float = 0.3
    mode: str = "jitter"
    beats: float = 0.25


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    made = Options(
        notes=notes_share.share(raw),
        mode=checks.choice("noise.mode", raw["mode"], MODES),
        beats=checks.number("noise.beats", raw["beats"], SMALLEST, LARGEST),
    )
    if made.mode == "even":
        pieces.idle(made, ["beats"], "noise.mode=even, which draws no distance")
    return made


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    spans = [s for s in spans if s.stop > s.start]
    if not spans:
        return Corruption(heard.audio.copy())
    notes = score.excerpt(heard)
    start, where = score.column(notes, "start"), score.span_of(heard, notes, spans)
    if options.mode == "even":
        new = _even(start, where)
        can = np.abs(new - start) >= AUDIBLE
    else:
        new = _jittered(heard, notes, spans, where, options.beats, notes_share.numbers(heard, notes, draws, "offset"))
        can = np.ones(len(notes), dtype=bool)
    which = notes_share.chosen(heard, notes, spans, draws, options.notes, can)
    audio = score.rendered(heard, score.with_columns(notes, start=np.where(which, new, start)), spans)
    return Corruption(audio, measure(heard.audio, audio, spans))


def _jittered(
    heard: Heard, notes: Excerpt, spans: Sequence[Span], where: np.ndarray, beats: float, u: np.ndarray
) -> np.ndarray:
    """Where each note would begin, at the place u in 0 <= u < 1 of where it may; seconds [n]."""
    if len(notes.beats) < 2:
        raise CannotCorrupt("the score has fewer than two beats here")
    start = score.column(notes, "start")
    beat = np.clip(np.searchsorted(notes.beats, start, side="right") - 1, 0, len(notes.beats) - 2)
    reach, new = beats * np.diff(notes.beats)[beat], start.copy()
    for i, span in enumerate(spans):
        inside = where == i
        first, last = span.start / heard.sample_rate, (span.stop - 1) / heard.sample_rate
        low = np.maximum(start - reach, first)[inside]
        high = np.minimum(start + reach, last)[inside]
        new[inside] = low + u[inside] * (high - low)
    return new


def _even(start: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Where each note would begin if the onsets of its span were even; seconds [n]."""
    new = start.copy()
    for i in range(int(where.max()) + 1):
        inside = np.flatnonzero(where == i)
        inside = inside[np.argsort(start[inside], kind="stable")]
        onset = np.zeros(len(inside), dtype=np.int64)  # the number of each note's
        firsts: list[float] = []
        for j, time in enumerate(start[inside]):
            if not firsts or time > firsts[-1] + CHORD:
                firsts.append(float(time))
            onset[j] = len(firsts) - 1
        if firsts:
            even = np.linspace(firsts[0], firsts[-1], len(firsts))
            new[inside] += even[onset] - np.array(firsts)[onset]
    return new
