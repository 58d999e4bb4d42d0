"""Loudness as ITU-R BS.1770 measures it, the same for noise, music and rendered scores."""

import math
import warnings

import numpy as np

BLOCK = 0.4  # seconds, the block of BS.1770: loudness isn't defined for less


def loudness(audio: np.ndarray, sample_rate: int) -> float | None:
    """Integrated loudness in LUFS (ITU-R BS.1770-4, gated); None for silence, and below the gate of -70 LUFS.

    Every channel has the weight 1, as left, right and a single one have in the standard.

    Shape:
        audio: [C, N], at least BLOCK seconds.
    """
    import pyloudnorm  # and scipy: half a second

    # Blocks begin a quarter of a block apart. pyloudnorm would count one that the end cuts off, as if silence followed.
    block = BLOCK * sample_rate
    whole = block * (1 + 0.25 * math.floor((audio.shape[1] - block) / (0.25 * block) + 1e-9))
    audio = audio[:, : math.ceil(whole - 1e-6)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of what is beyond full scale, which is counted elsewhere
        with np.errstate(divide="ignore"):
            # DeMan: the standard's filters, at 48 kHz to the digit; pyloudnorm's default ones are 0.04 dB lower
            meter = pyloudnorm.Meter(sample_rate, filter_class="DeMan", block_size=BLOCK)
            value = float(meter.integrated_loudness(audio.T.astype(np.float64)))
    return value if math.isfinite(value) else None
