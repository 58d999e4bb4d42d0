"""Notes left out: the share `notes` of the notes that begin in the span is gone, and nothing takes its place.

Changes the score: the notes that stay begin and end when they did, in all parts (drums too), and the result is
rendered as long and as loud as the clean clip (`tools.score`). What can follow in the sound: where a pitch was struck
again while the pedal held it, and the second note is gone, the first rings on. Which notes go is drawn
(`tools.notes_share`: nested, exactly that share). No frame map: no note moves.

Rejected: a span in which no note begins, a share of less than one note, and a clip that would be left without a sound.
A span of length 0 leaves the clip as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from noiseprobe.noise.base import Corruption, Draws, Heard, measure
from noiseprobe.noise.tools import notes_share, score
from noiseprobe.score.notes import chosen
from noiseprobe.variants import Span

CHANGES = "score"
WHOLE = True


@dataclass(frozen=True)
class Options:
    """The keys of note deletion.

    Attributes:
        notes: share of the notes in the span that go.
    """

    notes: float = 0.3


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    return Options(notes=notes_share.share(raw))


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    spans = [s for s in spans if s.stop > s.start]
    if not spans:
        return Corruption(heard.audio.copy())
    notes = score.excerpt(heard)
    stay = ~notes_share.chosen(heard, notes, spans, draws, options.notes)
    own = np.split(stay, np.cumsum([len(part) for part in notes.parts])[:-1])
    left = (chosen(part, mask) for part, mask in zip(notes.parts, own, strict=True))
    audio = score.rendered(heard, replace(notes, parts=tuple(part for part in left if len(part))))
    return Corruption(audio, measure(heard.audio, audio, spans))
