"""Time cut out: the span's samples go, and what follows moves forward, so the clip gets shorter. Nothing is drawn.

Changes time. What is cut out must be a whole number of frames long, wherever it begins, unless it lasts to the clip's
end: else no later frame would hold the samples of a clean one. Other lengths are rejected, not rounded.

Frame map (`tools.timemap`): frames before the span keep their place, frames of which any sample is cut out have no
counterpart, and frames after it are the same samples so many frames earlier, compared exactly.

The seam is hard by default. With `fade` (at most 0.1 s), what follows comes in over so many seconds from the seam on
while the music before it still goes on for so long as a quarter of a cosine, keeping the power: so the first samples
*after* the span change, as they must in order that all before it stay and the cut keeps its length. Those five frames
at most keep their counterparts, like the frames after a hard seam that the codec hears the seam in; `changed_frames`
counts what differs. There is no fade where nothing is before or after, and it ends where the next span begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noiseprobe.noise.base import CannotCorrupt, Corruption, Draws, Heard
from noiseprobe.noise.tools import crossfade
from noiseprobe.noise.tools.timemap import moved, still
from noiseprobe.variants import Span

CHANGES = "time"
WHOLE = False

LONGEST = 0.1  # seconds of fade


@dataclass(frozen=True)
class Options:
    """The keys of deletion.

    Attributes:
        fade: seconds of crossfade after the seam.
    """

    fade: float = 0.0


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    return Options(fade=crossfade.fade(raw, LONGEST))


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    spans = [s for s in spans if s.stop > s.start]
    if not spans:
        return still(heard)
    end = heard.audio.shape[1]
    for span in spans:
        n = span.stop - span.start
        if n % heard.hop and span.stop < end:
            got = f"{n / heard.sample_rate:g} s are {n / heard.hop:g} frames"
            raise CannotCorrupt(f"{got}: only whole frames can be cut out, or later ones couldn't be compared")
    audio = heard.audio.astype(np.float64)
    for span, until in zip(spans, [*(s.start for s in spans[1:]), end], strict=True):
        n = min(round(options.fade * heard.sample_rate), span.stop - span.start, until - span.stop)
        if n > 0 and span.start > 0:
            before, after = (heard.audio[:, at : at + n] for at in [span.start, span.stop])
            audio[:, span.stop : span.stop + n] = crossfade.mixed(before, after, crossfade.ramp(n))
    return moved(heard, audio, spans, [audio[:, :0]] * len(spans))
