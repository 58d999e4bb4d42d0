"""Shuffling of tokens: the clip's own codes in another order, segment by segment.

Nothing is encoded anew, so there are no seams in the audio for the codec to hear, and no code is lost, doubled or
changed: whole columns of all codebooks move. Each span's frames [on, off) are cut into segments of `segment_frames`
codec frames from `on` on (`tools.order`; what is shorter than a segment stays at the end). Without a length the span is
the whole clip. A span of fewer than two segments is rejected; one of length 0 is left.

`segment_frames` counts frames of 20 ms, as everywhere; a model of another frame rate is rejected where that is no whole
number of its frames. Delta compares positions (no frame map). What `order=shuffle` draws hangs on the onset and on the
number of segments; noise=shuffle does the same on the waveform with draws of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from noiseprobe.noise.base import CannotCorrupt, Codec, Corruption, Draws, Heard
from noiseprobe.noise.tools.order import Options, options, reordered
from noiseprobe.noise.tools.splice import music_alone
from noiseprobe.variants import Span

if TYPE_CHECKING:
    from torch import Tensor

CHANGES = "codes"
WHOLE = True

__all__ = ["CHANGES", "WHOLE", "Options", "corrupt", "options"]


@dataclass(frozen=True)
class Reorder:
    """`noise.base.Recode`: columns of codes in another order.

    Attributes:
        windows: for each span its first frame, and which of its columns each of its frames gets, from 0 on.
    """

    windows: tuple[tuple[int, tuple[int, ...]], ...]

    def __call__(self, clean: "Tensor", other: "Tensor | None", codec: Codec) -> "Tensor":
        codes = clean.clone()
        for on, source in self.windows:
            codes[:, on : on + len(source)] = codes[:, [on + i for i in source]]
        return codes


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    frames = options.seconds * heard.sample_rate / heard.hop
    size = round(frames)
    if abs(frames - size) > 1e-6 or size == 0:
        raise CannotCorrupt(f"a segment of {options.seconds:g} s is {frames:g} frames of this model, no whole number")
    windows = []
    for span in spans:
        if span.off > span.on:
            order = reordered(span.off - span.on, size, options.order, draws.state(span.onset, "order"))
            windows.append((span.on, tuple(order.tolist())))
    return Corruption(None, music_alone(heard, spans), Reorder(tuple(windows)))
