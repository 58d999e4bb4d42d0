"""Gaussian noise whose power falls or rises with a power of the frequency: S(f) ~ 1 / f^b.

A spectrum of independent complex normal numbers is scaled by f^(-b/2) and transformed back (Timmer and König, "On
generating power law noise", Astronomy and Astrophysics 300, 1995), for a stretch longer than any clip, of which the
first samples are taken: so nothing repeats, and shorter noise is the beginning of longer. Below 10 Hz there is nothing:
brown noise, whose power grows without bound there, would otherwise be a constant for the most part. In a span much
shorter than a period of 10 Hz some of it still is one: half the power of 20 ms of brown noise, a tenth of pink (of
0.1 s 1 % and less), which counts to its RMS like the rest.
"""

from functools import lru_cache

import numpy as np

from noiseprobe.noise.base import Draws

LOW = 10.0  # Hz
LONGEST = 31.0  # seconds; a second more than the longest clip, many periods of LOW away from where the stretch closes


@lru_cache(maxsize=4)  # variants of one onset use the same stretch
def stretch(draws: Draws, onset: float, channel: int, sample_rate: int, exponent: float) -> np.ndarray:
    """The whole stretch, of unit variance: at least LONGEST seconds."""
    from scipy import fft  # half a second

    n = 1 << int(np.ceil(np.log2(LONGEST * sample_rate)))
    f = fft.rfftfreq(n, 1 / sample_rate)
    amplitude = np.zeros(len(f))
    heard = f >= LOW
    amplitude[heard] = f[heard] ** (-exponent / 2)
    amplitude[-1] = 0.0  # Nyquist's bin has no phase
    numbers = draws.normal(onset, channel, 2 * len(f)).view(np.complex128)
    # The variance of the result is (2 / n)^2 times the sum of amplitude^2, where E|numbers|^2 = 2 and bins come twice.
    noise = fft.irfft(numbers * amplitude, n) * (n / 2 / np.sqrt(np.sum(amplitude**2)))
    noise.flags.writeable = False
    return noise


def colored(exponent: float, draws: Draws, onset: float, channel: int, n: int, sample_rate: int) -> np.ndarray:
    """n samples of noise with S(f) ~ 1 / f^exponent, of unit variance in the mean over draws."""
    return stretch(draws, onset, channel, sample_rate, exponent)[:n]
