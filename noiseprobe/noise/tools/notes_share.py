"""A share of the notes: which ones are changed.

Each note of the clip gets a uniform number, and of those notes in the spans that the kind can change the ones with the
smallest numbers are taken: `round(share * their count)` of them, over all spans together (halves to the even number).
So a smaller share's notes are among a larger share's, and the numbers don't depend on the spans; but each span has its
exact share, so the notes of a shorter one needn't be among those of a longer one. A share that is no whole note is
rejected rather than rounded up.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import CannotCorrupt, Draws, Heard
from noiseprobe.noise.tools.score import begins, span_of
from noiseprobe.score.notes import Excerpt
from noiseprobe.variants import Span


def share(raw: dict[str, Any]) -> float:
    """The checked key `notes`.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    return checks.number("noise.notes", raw["notes"], 0.0, 1.0, open_low=True)


def numbers(heard: Heard, notes: Excerpt, draws: Draws, what: str) -> np.ndarray:
    """A number of its own in 0 <= u < 1 for each note that begins in the clip, infinite for those after it: [n]."""
    inside = begins(heard, notes) < heard.audio.shape[1]
    found = np.full(len(notes), np.inf)
    found[inside] = draws.state(0.0, what).uniform(size=int(inside.sum()))
    return found


def chosen(
    heard: Heard, notes: Excerpt, spans: Sequence[Span], draws: Draws, share: float, can: np.ndarray | None = None
) -> np.ndarray:
    """The notes to be changed: bool [n].

    Args:
        heard: the clip.
        notes: its notes, and perhaps those after it.
        spans: where notes must begin.
        draws: random numbers.
        share: of the notes in the spans that can be changed.
        can: bool [n], which notes can be; all if left out.

    Raises:
        CannotCorrupt: if it is none.
    """
    inside = span_of(heard, notes, spans) >= 0
    able = inside if can is None else inside & can
    if not inside.any():
        raise CannotCorrupt("no note begins in the span")
    if not able.any():
        raise CannotCorrupt(f"none of the {inside.sum()} notes that begin in the span can be changed so")
    count = round(share * int(able.sum()))
    if not count:
        raise CannotCorrupt(f"{share:g} of the {able.sum()} notes in the span that can be changed so is less than one")
    order = np.argsort(np.where(able, numbers(heard, notes, draws, "notes"), np.inf), kind="stable")
    which = np.zeros(len(notes), dtype=bool)
    which[order[:count]] = True
    return which
