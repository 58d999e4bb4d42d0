"""The clip's own tokens: it is encoded a second time, and frames [on, off) of those codes are put into the first.

A control of the splice: codes, nll and so delta must be exactly the clean ones, to the bit on a CPU. What isn't 0 here
is the size of what splicing, batches and the codec's rounding add to any noise on tokens.
"""

from collections.abc import Sequence

from noiseprobe.noise.base import Corruption, Draws, Heard, NoOptions, measure, no_options
from noiseprobe.noise.tools.splice import Splice, frames_of
from noiseprobe.variants import Span

CHANGES = "codes"
WHOLE = False

__all__ = ["CHANGES", "WHOLE", "Options", "corrupt", "options"]

Options, options = NoOptions, no_options


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: NoOptions) -> Corruption:
    audio = heard.audio.copy()
    return Corruption(audio, measure(heard.audio, audio, spans), Splice(frames_of(spans)))
