"""Another tempo: the span's music passes `rate` times as fast (1.25: faster) at the same pitch. Nothing is drawn.

Changes time. The span of n samples becomes one of n / rate, rounded so that it is longer or shorter by a whole number
of frames, and the rate is what makes that length exactly; where it would change by less than half a frame, or less than
that would be left, the clip is rejected. A phase vocoder does it (`tools.stretch`, which says what it does to the
sound); at the seams the first and the last `fade` seconds are crossfaded with those that stood there, keeping the power
(`tools.crossfade`: inside the span, at most half of it, none at the clip's own ends).

Frame map (`tools.timemap`): frames before the span keep their place and frames after it are the same samples some
frames earlier or later, so they are compared exactly. A frame that overlaps the span has no counterpart: its music is
spread over more or fewer frames, so no frame has the same target. A clip gets no longer than it was; frames that are
pushed beyond its end have no counterpart either. `rate=1` changes nothing and maps each frame to itself: a control.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import CannotCorrupt, Corruption, Draws, Heard
from noiseprobe.noise.tools import crossfade
from noiseprobe.noise.tools.stretch import stretched
from noiseprobe.noise.tools.timemap import moved, still
from noiseprobe.variants import Span

CHANGES = "time"
WHOLE = False

SLOWEST, FASTEST = 0.25, 4.0


@dataclass(frozen=True)
class Options:
    """The keys of tempo.

    Attributes:
        rate: how many times as fast.
        fade: seconds of crossfade with the music.
    """

    rate: float = 1.25
    fade: float = 0.01


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    return Options(rate=checks.number("noise.rate", raw["rate"], SLOWEST, FASTEST), fade=crossfade.fade(raw))


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    spans = [s for s in spans if s.stop > s.start]
    if not spans or options.rate == 1:
        return still(heard)
    contents = [_content(heard, span, options) for span in spans]
    return moved(heard, heard.audio, spans, contents)


def _content(heard: Heard, span: Span, options: Options) -> np.ndarray:
    """What stands in the span's place: [C, n'], float64."""
    n = span.stop - span.start
    change = heard.hop * math.floor((n / options.rate - n) / heard.hop + 0.5)
    asked = f"{n / heard.sample_rate:g} s at rate {options.rate:g}"
    if not change:
        raise CannotCorrupt(f"{asked} would change by less than half a frame: nothing could move by a whole one")
    if n + change <= 0:
        raise CannotCorrupt(f"{asked} would be less than half a frame: nothing of it would be left")
    new = stretched(heard.audio, span.start, n / (n + change), n + change, heard.sample_rate)
    fade = round(options.fade * heard.sample_rate)
    return crossfade.at_ends(heard.audio[:, span.start : span.stop], new, fade, crossfade.seams(heard, span))
