"""Silence: the span's samples are 0.

With `fade`, the music goes out over so many seconds at the span's beginning as a quarter of a cosine and comes back in
the same way at its end (`tools.crossfade`: inside the span, at most half of it each, none at the clip's own ends).
Nothing is drawn. Music that is silent there already stays as it is, which a null `music_db` shows.
"""

from collections.abc import Sequence

import numpy as np

from noiseprobe.noise.base import Corruption, Draws, Heard, replaced
from noiseprobe.noise.tools import crossfade
from noiseprobe.noise.tools.crossfade import Options, options
from noiseprobe.variants import Span

CHANGES = "samples"
WHOLE = False

__all__ = ["CHANGES", "WHOLE", "Options", "corrupt", "options"]


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    fade = round(options.fade * heard.sample_rate)

    def content(span: Span, music: np.ndarray) -> np.ndarray:
        up = crossfade.rise(music.shape[1], fade, crossfade.seams(heard, span))
        return crossfade.mixed(music, np.zeros_like(music), up)

    return replaced(heard, spans, content)
