"""Shuffling: the music's samples in another order, segment by segment: the paper's second experiment (its Fig. 5).

Each span is cut into segments of `segment_frames` codec frames (20 ms each, rounded to whole samples) from its first
sample on, and the segments change places as `order` says (`tools.order`; what is shorter than a segment stays at the
end). Channels move together. Seams are hard: no fades, so no sample is lost, doubled or changed. Without a length the
span is the whole clip, as in the paper, which shuffled segments of 1, 2, 5, 10, 35, 50, 70, 100, 150 and 200 frames;
what it did with the end of a clip isn't known. A span of fewer than two segments is rejected; one of length 0 is left.

No frame map: what stands at a position is compared with what stood there, not with where it went to, as in the paper.
What `order=shuffle` draws hangs on the onset and on the number of segments.
"""

from collections.abc import Sequence

import numpy as np

from noiseprobe.noise.base import Corruption, Draws, Heard, replaced
from noiseprobe.noise.tools.order import Options, options, reordered
from noiseprobe.variants import Span

CHANGES = "samples"
WHOLE = True

__all__ = ["CHANGES", "WHOLE", "Options", "corrupt", "options"]


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    size = round(options.seconds * heard.sample_rate)

    def content(span: Span, music: np.ndarray) -> np.ndarray:
        random = draws.state(span.onset, "order")
        return music[:, reordered(music.shape[1], size, options.order, random, "samples")]

    return replaced(heard, spans, content)
