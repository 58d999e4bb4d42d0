"""Brown noise: power 1/f^2 from 10 Hz on, as of a random walk (`tools.spectrum`; levels and fades: `tools.placing`)."""

from functools import partial

from noiseprobe.noise.tools.placing import Options, options, place
from noiseprobe.noise.tools.spectrum import colored

CHANGES = "samples"
WHOLE = False

__all__ = ["CHANGES", "WHOLE", "Options", "corrupt", "options"]

corrupt = partial(place, partial(colored, 2.0))
