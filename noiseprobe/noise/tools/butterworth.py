"""White noise through a Butterworth filter: what the paper's published code calls pink, brown and blue.

Its spectra are flat on one side of a corner and fall on the other; they are not 1/f^b. The filter runs from rest at the
start of the span, so shorter noise is the beginning of longer.
"""

import numpy as np

from noiseprobe.noise.base import Draws


def filtered(
    order: int, cutoff: float, btype: str, draws: Draws, onset: float, channel: int, n: int, sample_rate: int
) -> np.ndarray:
    """n samples; `cutoff` is a share of the Nyquist frequency, `btype` low or high."""
    from scipy import signal  # half a second

    sections = signal.butter(order, cutoff, btype, output="sos")
    return np.asarray(signal.sosfilt(sections, draws.normal(onset, channel, n)))
