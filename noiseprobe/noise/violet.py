"""Violet noise: power growing with f^2, as of differentiated white noise (`tools.spectrum`, `tools.placing`)."""

from functools import partial

from noiseprobe.noise.tools.placing import Options, options, place
from noiseprobe.noise.tools.spectrum import colored

CHANGES = "samples"
WHOLE = False

__all__ = ["CHANGES", "WHOLE", "Options", "corrupt", "options"]

corrupt = partial(place, partial(colored, -2.0))
