"""The span backwards: its last sample first. Channels are reversed together; nothing is drawn.

The seams are hard, or with `fade` crossfaded with the music that stood there, keeping the power (`tools.crossfade`:
inside the span, at most half of it each, none at the clip's own ends). A span of one sample is its own reverse.
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
        return crossfade.mixed(music, music[:, ::-1], up)

    return replaced(heard, spans, content)
