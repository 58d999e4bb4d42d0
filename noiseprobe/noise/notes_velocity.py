"""Notes struck harder or softer: the share `notes` of the notes that begin in the span gets another velocity.

Changes the score. A chosen note's new velocity is drawn uniformly from the others within `range` steps of its own that
there are, 1 to 127; so it always changes, and near the ends of the scale rather away from them. Nothing else of the
note changes, drums change too, and the result is rendered as long as the clean clip, and as loud or at its gain
(`tools.score`): over a whole clip, what all notes have in common is taken back. Notes that begin together get a change
each. In the sound the level goes with the square of the velocity (a factor 2: 12 dB), and a SoundFont may have other
samples for it.

Which notes change is drawn (`tools.notes_share`), and by how much for each note by itself: a note that changes under a
smaller share changes in the same way under a larger one. No frame map: no note moves.

Rejected: a span in which no note begins and a share of less than one note. A span of length 0 leaves the clip as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import Corruption, Draws, Heard, measure
from noiseprobe.noise.tools import notes_share, score
from noiseprobe.variants import Span

CHANGES = "score"
WHOLE = True

SOFTEST, HARDEST = 1, 127


@dataclass(frozen=True)
class Options:
    """The keys of velocity changes.

    Attributes:
        notes: share of the notes in the span that change.
        range: the largest change, in steps of velocity.
    """

    notes: float = 0.3
    range: int = 30


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    steps = checks.integer("noise.range", raw["range"], low=1)
    if steps > HARDEST - SOFTEST:
        raise checks.refusal("noise.range", steps, f"at most {HARDEST - SOFTEST} steps of velocity")
    return Options(notes=notes_share.share(raw), range=steps)


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    spans = [s for s in spans if s.stop > s.start]
    if not spans:
        return Corruption(heard.audio.copy())
    notes = score.excerpt(heard)
    which = notes_share.chosen(heard, notes, spans, draws, options.notes)
    velocity = score.column(notes, "velocity").copy()
    u = notes_share.numbers(heard, notes, draws, "velocity")
    velocity[which] = _others(velocity[which], options.range, u[which])
    audio = score.rendered(heard, score.with_columns(notes, velocity=velocity), spans)
    return Corruption(audio, measure(heard.audio, audio, spans))


def _others(velocity: np.ndarray, steps: int, u: np.ndarray) -> np.ndarray:
    """For each note the velocity at the place u in 0 <= u < 1 of the others that it may get, in order: int64 [n]."""
    low, high = np.maximum(velocity - steps, SOFTEST), np.minimum(velocity + steps, HARDEST)
    new = low + np.floor(u * (high - low)).astype(np.int64)
    return new + (new >= velocity)  # one place less: its own is left out
