"""White noise in place of the music: independent Gaussian samples, hard edges, as in the paper's experiment.

Every channel has its own noise. The draws have unit variance and are scaled to the level as they are, not by their own
RMS, so that shorter noise stays the beginning of longer (under `match` and `snr` up to its gain, which follows the
span); the RMS reached differs by about 1 % (0.1 dB) over 0.1 s and is measured into the results.
"""

import numpy as np

from noiseprobe.noise.base import Corruption, Draw, Level, decibel, rms
from noiseprobe.variants import Span


def corrupt(clean: np.ndarray, span: Span, draw: Draw, level: Level) -> Corruption:
    """Replace the span by white noise.

    Shape:
        clean: [C, N] -> audio [C, N].
    """
    music = clean[:, span.start : span.stop]
    audio = clean.copy()
    n = span.stop - span.start
    if n == 0:
        return Corruption(audio, None, None, None, 0)
    target = level.target(clean, span)
    noise = np.stack([draw(channel, n) for channel in range(len(clean))]) * (target or 0.0)
    audio[:, span.start : span.stop] = noise
    placed = audio[:, span.start : span.stop]
    over = int((np.abs(placed) > 1).sum())
    return Corruption(audio, decibel(target), decibel(rms(placed)), decibel(rms(music)), over)
