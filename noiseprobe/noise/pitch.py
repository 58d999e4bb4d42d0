"""Another pitch: the span sounds `semitones` higher or lower and takes as long as before. Nothing is drawn.

The music is stretched by the ratio of the frequencies, 2^(semitones / 12), by a phase vocoder (`tools.stretch`, which
says what it does to the sound), then resampled by the same ratio (scipy's polyphase filter), so what stands at a place
stood there before. The ratio is the nearest fraction with a denominator of at most 2000, within 0.03 cent in steps of a
tenth of a semitone. The vocoder hears the music around the span, so shorter is the beginning of longer; what it gives
is crossfaded with the music at the seams over `fade` seconds, keeping the power (`tools.crossfade`: inside the span, at
most half of it each, none at the clip's own ends). Measured: a sine of 440 Hz becomes 880 Hz at +12 semitones within
0.001 %, its level stays within 0.01 dB, and 65 dB less is beside it. `semitones=0` changes nothing: a control.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import Corruption, Draws, Heard, replaced
from noiseprobe.noise.tools import crossfade
from noiseprobe.noise.tools.stretch import stretched
from noiseprobe.variants import Span

CHANGES = "samples"
WHOLE = False

MOST = 24.0  # semitones
DENOMINATOR = 2000
BEFORE = 256  # samples around a span at least, further than the resampling filter reaches


@dataclass(frozen=True)
class Options:
    """The keys of pitch.

    Attributes:
        semitones: up, or down if negative.
        fade: seconds of crossfade with the music.
    """

    semitones: float = 2.0
    fade: float = 0.01


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    semitones = checks.number("noise.semitones", raw["semitones"], -MOST, MOST) + 0.0
    return Options(semitones=semitones, fade=crossfade.fade(raw))


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    ratio = Fraction(2 ** (options.semitones / 12)).limit_denominator(DENOMINATOR)
    fade = round(options.fade * heard.sample_rate)

    def content(span: Span, music: np.ndarray) -> np.ndarray:
        if not options.semitones:
            return music
        up = crossfade.rise(music.shape[1], fade, crossfade.seams(heard, span))
        return crossfade.mixed(music, shifted(heard, span, ratio), up)

    return replaced(heard, spans, content)


def shifted(heard: Heard, span: Span, ratio: Fraction) -> np.ndarray:
    """The span's samples at `ratio` times the frequency: [C, n], float64."""
    from scipy import signal

    n = span.stop - span.start
    # So many that they are a whole number of samples after stretching, too.
    before = ratio.denominator * math.ceil(BEFORE / ratio.denominator)
    longer = math.ceil((n + 2 * before) * ratio)
    slow = stretched(heard.audio, span.start - before, float(1 / ratio), longer, heard.sample_rate)
    found = signal.resample_poly(slow, ratio.denominator, ratio.numerator, axis=1)
    return np.asarray(found[:, before : before + n])
