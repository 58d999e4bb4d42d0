"""Notes left out: the share `notes` of the notes that begin in the span is gone, and nothing takes its place.

Changes the score: the notes that stay sound as they did, in all parts (drums too), so but for its loudness the clip is
the clean one without the sound of those that went. Rendered as long as the clean clip, and as loud or at its gain
(`tools.score`). Which notes go is drawn (`tools.notes_share`: nested, exactly that share). No frame map: no note moves.

Rejected: a span in which no note begins, a share of less than one note, and a clip that would be left without a sound.
A span of length 0 leaves the clip as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from noiseprobe.noise.base import Corruption, Draws, Heard, measure
from noiseprobe.noise.tools import notes_share, score
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
    gone = notes_share.chosen(heard, notes, spans, draws, options.notes)
    audio = score.rendered(heard, score.only(notes, ~gone), spans)
    return Corruption(audio, measure(heard.audio, audio, spans))
