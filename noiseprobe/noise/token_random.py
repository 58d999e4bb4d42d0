"""Random tokens: in the frames [on, off) every code of every codebook is drawn anew, uniformly and independently.

Any of the codebook's entries is as likely as any other, the one that stood there among them; the special token is none
of them. Most such codes sound like nothing that the codec has ever encoded: where noise=token_noise asks what a model
makes of the codes of noise, this asks what it makes of no pattern at all, against which uniform guessing costs
ln(cardinality).

Drawn by onset and codebook, so shorter is the beginning of longer, and a codebook's codes are the same whatever the
number of codebooks. Drawn where the model is known (it has the number of entries), from the same keys everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from noiseprobe.noise.base import Codec, Corruption, Draws, Heard, NoOptions, no_options
from noiseprobe.noise.tools.splice import music_alone
from noiseprobe.variants import Span

if TYPE_CHECKING:
    from torch import Tensor

CHANGES = "codes"
WHOLE = False

__all__ = ["CHANGES", "WHOLE", "Options", "corrupt", "options"]

Options, options = NoOptions, no_options


@dataclass(frozen=True)
class Random:
    """`noise.base.Recode`: uniform random codes.

    Attributes:
        draws: of the clip.
        spans: where.
    """

    draws: Draws
    spans: tuple[Span, ...]

    def __call__(self, clean: "Tensor", other: "Tensor | None", codec: Codec) -> "Tensor":
        codes = clean.clone()
        for span in self.spans:
            for k in range(len(codes)):
                random = self.draws.state(span.onset, k)
                drawn = random.randint(codec.cardinality, size=span.off - span.on, dtype=np.int64)
                codes[k, span.on : span.off] = codes.new_tensor(drawn)
        return codes


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: NoOptions) -> Corruption:
    return Corruption(None, music_alone(heard, spans), Random(draws, tuple(spans)))
