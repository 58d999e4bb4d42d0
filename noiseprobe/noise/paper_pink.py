"""What the paper's published code calls pink noise: white noise through a Butterworth low-pass filter.

The filter is of order 1 at 0.2 of the Nyquist frequency (`tools.butterworth`); levels and fades are `tools.placing`'s.
noise=pink is true 1/f^b noise.
"""

from functools import partial

from noiseprobe.noise.tools.butterworth import filtered
from noiseprobe.noise.tools.placing import Options, options, place

CHANGES = "samples"
WHOLE = False

__all__ = ["CHANGES", "WHOLE", "Options", "corrupt", "options"]

corrupt = partial(place, partial(filtered, 1, 0.2, "low"))
