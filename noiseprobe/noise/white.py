"""White noise: independent Gaussian samples, as in the paper's experiment (levels and fades: `tools.placing`)."""

from functools import partial

import numpy as np

from noiseprobe.noise.base import Draws
from noiseprobe.noise.tools.placing import Options, options, place

CHANGES = "samples"
WHOLE = False

__all__ = ["CHANGES", "WHOLE", "Options", "corrupt", "options", "white"]


def white(draws: Draws, onset: float, channel: int, n: int, sample_rate: int) -> np.ndarray:
    """n samples of unit variance."""
    return draws.normal(onset, channel, n)


corrupt = partial(place, white)
