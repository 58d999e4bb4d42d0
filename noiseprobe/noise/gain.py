"""Level changes: the span is cut into pieces of `piece` seconds, and each is made louder or softer.

Each piece's gain is drawn uniformly, in dB, from -range_db to +range_db, or is `db` everywhere; then there is one piece
only. It changes smoothly, that nothing clicks: over the first `fade` seconds of a piece from the gain of the one before
it to its own, at the span's ends from and to that of the music, 1, as the square of a quarter of a sine in amplitude
(`tools.pieces`: inside the span, none at the clip's own ends). All channels get the same gain. Samples beyond full
scale are counted and not clipped. `db=0` changes nothing: a control.

The first pieces of a longer span are those of a shorter one: gains are drawn for each onset and piece.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import Corruption, Draws, Heard, replaced
from noiseprobe.noise.tools import crossfade, pieces
from noiseprobe.variants import Span

CHANGES = "samples"
WHOLE = False

MAX_DB = 100.0


@dataclass(frozen=True)
class Options:
    """The keys of gain.

    Attributes:
        piece: seconds.
        range_db: the largest change that is drawn.
        db: the same change for all; None: drawn.
        fade: seconds from one gain to the next.
    """

    piece: float = 0.5
    range_db: float = 12.0
    db: float | None = None
    fade: float = 0.01


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    made = Options(
        piece=pieces.seconds(raw),
        range_db=checks.number("noise.range_db", raw["range_db"], 0.0, MAX_DB, open_low=True),
        db=None if raw["db"] is None else checks.number("noise.db", raw["db"], -MAX_DB, MAX_DB) + 0.0,
        fade=crossfade.fade(raw),
    )
    if made.db is not None:
        pieces.idle(made, ["piece", "range_db"], "noise.db is set, which holds for the whole span")
    return made


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    fade, piece = (round(seconds * heard.sample_rate) for seconds in [options.fade, options.piece])

    def content(span: Span, music: np.ndarray) -> np.ndarray:
        n, gain = music.shape[1], np.ones(music.shape[1])
        parts = pieces.pieces(n, piece if options.db is None else n, fade, crossfade.seams(heard, span))
        for i, (begin, end, weight) in enumerate(parts):
            db = options.db
            if db is None:
                db = draws.state(span.onset, f"gain of piece {i}").uniform(-options.range_db, options.range_db)
            gain[begin:end] += weight * (10 ** (db / 20) - 1)
        return music * gain

    return replaced(heard, spans, content)
