"""Tokens of another clip: the frames [on, off) of another clip's codes in place of the clip's own.

The other clip, of the same song or of another (`song`), is encoded by itself from its beginning, and its frames stand
where they stood in it. It is as long as the last span needs: to the span's end and 0.1 s more, which is what the codec
hears beyond it (EnCodec: 75 ms), or to this clip's end. What it has beyond this clip's length is cut off before it is
encoded, and what it lacks is silence, that the two have as many frames. Without a clip that is long enough this one is
rejected. Which clip it is hangs on seed and clip (`data.others`); nothing else is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import Corruption, Draws, Heard, measure
from noiseprobe.noise.tools.splice import Splice, frames_of
from noiseprobe.variants import Span

CHANGES = "codes"
WHOLE = False

BEYOND = 0.1  # seconds after the span that are the other clip's too


@dataclass(frozen=True)
class Options:
    """The keys of token_other.

    Attributes:
        song: whose clip: of the `same` song, or of an `other`.
    """

    song: str = "other"


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    return Options(song=checks.choice("noise.song", raw["song"], ["same", "other"]))


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    frames = frames_of(spans)
    if not frames:
        return Corruption(None, recode=Splice(()))
    channels, n = heard.audio.shape
    needed = min(spans[-1].stop + round(BEYOND * heard.sample_rate), n)
    donor, found = heard.others(options.song, needed)
    audio = np.zeros((channels, n), dtype=np.float32)
    audio[:, : found.shape[1]] = found[:, :n]
    return Corruption(audio, measure(heard.audio, audio, spans, other=donor), Splice(frames))
