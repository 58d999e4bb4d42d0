"""Notes at another pitch: the share `notes` of the notes that begin in the span moves up or down, in or out of the key.

Changes the score. A chosen note's new pitch is drawn uniformly from those at most `semitones` away, its own left out,
that are in the key (`scale=in`) or outside of it (`scale=out`). So both move notes equally far, and differ in nothing
but the key; a note outside the key goes into it under `in`, and to another tone outside under `out`. With two semitones
or more each note has such a pitch (but for a few of the eleven lowest and highest); with one, `scale=in` can move only
tones next to a half step. `notes` is the share of those that can move.

The key is that of the excerpt (`noiseprobe.score.read`): its major scale or its natural minor one, so the raised
seventh of minor counts as outside, and all tones count by the one key even where the music modulates. Begin, velocity
and how long the note is heard stay; drums have no pitch and stay. Two notes of a part may meet on one pitch at one
time: then the first ends where the second begins, and of two that begin together the longer is heard (this loses 1 in
200 of the changed notes of the embedded pieces).

Which notes move is drawn (`tools.notes_share`), and where to for each note by itself: a note that moves under a smaller
share moves in the same way under a larger one. No frame map: no note moves in time. Rendered as long as the clean clip,
and as loud or at its gain (`tools.score`).

Rejected: a span in which no note begins or none can be moved so, and a share of less than one note. A span of length 0
leaves the clip as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import Corruption, Draws, Heard, measure
from noiseprobe.noise.tools import notes_share, score
from noiseprobe.score.notes import Key
from noiseprobe.variants import Span

CHANGES = "score"
WHOLE = True

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}  # semitones above the tonic; minor: natural
LOWEST, HIGHEST = 0, 127
OCTAVE = 12


@dataclass(frozen=True)
class Options:
    """The keys of pitch shifts of notes.

    Attributes:
        notes: share of the notes in the span that move.
        scale: `in` or `out` of the key.
        semitones: the largest move.
    """

    notes: float = 0.3
    scale: str = "in"
    semitones: int = 2


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    semitones = checks.integer("noise.semitones", raw["semitones"], low=1)
    if semitones > OCTAVE:
        raise checks.refusal("noise.semitones", semitones, f"at most {OCTAVE}")
    scale = checks.choice("noise.scale", raw["scale"], ["in", "out"])
    return Options(notes=notes_share.share(raw), scale=scale, semitones=semitones)


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    spans = [s for s in spans if s.stop > s.start]
    if not spans:
        return Corruption(heard.audio.copy())
    notes = score.excerpt(heard)
    drum = np.repeat([part.is_drum for part in notes.parts], [len(part) for part in notes.parts])
    pitch = score.column(notes, "pitch").copy()
    to = [[] if d else targets(int(p), notes.key, options) for p, d in zip(pitch, drum, strict=True)]
    which = notes_share.chosen(heard, notes, spans, draws, options.notes, np.array([bool(t) for t in to]))
    u = notes_share.numbers(heard, notes, draws, "pitch")
    for i in np.flatnonzero(which):
        pitch[i] = to[i][int(u[i] * len(to[i]))]
    audio = score.rendered(heard, score.with_columns(notes, pitch=pitch), spans)
    return Corruption(audio, measure(heard.audio, audio, spans))


def targets(pitch: int, key: Key, options: Options) -> list[int]:
    """The pitches that a note may get, in order.

    >>> targets(60, (0, "major"), Options(scale="in")), targets(60, (0, "major"), Options(scale="out"))
    ([59, 62], [58, 61])
    """
    tonic, mode = key
    near = range(max(pitch - options.semitones, LOWEST), min(pitch + options.semitones, HIGHEST) + 1)
    wanted = options.scale == "in"
    return [p for p in near if p != pitch and ((p - tonic) % OCTAVE in SCALES[mode]) == wanted]
