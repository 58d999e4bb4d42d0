"""Time that moves: each span's samples give way to fewer or more of them, and what follows moves with them.

It moves by whole frames. So the codec's frames hold the same samples after the span as before, only elsewhere, and can
be compared one by one: the frame map says which is which. A frame of which any sample lies in a span has become no
other frame; nor has one that no longer lies within the clip as a whole. A clip gets no longer than it was: what is
pushed beyond its end is gone. One of which less than a second would be left is rejected.
"""

from collections.abc import Sequence

import numpy as np

from noiseprobe.noise.base import CannotCorrupt, Corruption, Heard, Measured, decibel, inside, rms
from noiseprobe.variants import MARGIN, Span


def moved(heard: Heard, audio: np.ndarray, spans: Sequence[Span], contents: Sequence[np.ndarray]) -> Corruption:
    """The clip with other samples in its spans, however many.

    Args:
        heard: the clip.
        audio: its samples outside the spans [C, N].
        spans: none of them empty.
        contents: of each span, [C, n'].

    Raises:
        CannotCorrupt: if too little is left.
    """
    parts, position = [], 0
    for span, content in zip(spans, contents, strict=True):
        parts += [audio[:, position : span.start], content]
        position = span.stop
    parts.append(audio[:, position:])
    n = heard.audio.shape[1]
    joined = np.ascontiguousarray(np.concatenate(parts, 1)[:, :n], dtype=np.float32)
    left = joined.shape[1]
    if left < MARGIN * heard.sample_rate:
        raise CannotCorrupt(f"{left / heard.sample_rate:.3f} s would be left of the clip, less than {MARGIN:g} s")
    lengths = [content.shape[1] for content in contents]
    return Corruption(joined, _measured(heard, spans, joined, lengths), None, _map(heard, spans, lengths, left))


def still(heard: Heard) -> Corruption:
    """The clip as it is: each frame is its own counterpart."""
    return Corruption(heard.audio.copy(), frame_map=np.arange(heard.frames))


def _map(heard: Heard, spans: Sequence[Span], lengths: Sequence[int], left: int) -> np.ndarray:
    """int64 [T]: the frame that each frame has become, or -1; `left` samples are left."""
    frames = np.arange(heard.frames)
    first, last = frames * heard.hop, np.minimum((frames + 1) * heard.hop, heard.audio.shape[1])
    shift, whole = np.zeros_like(frames), np.ones(len(frames), dtype=bool)
    for span, length in zip(spans, lengths, strict=True):
        whole &= (last <= span.start) | (first >= span.stop)
        shift[first >= span.stop] += length - (span.stop - span.start)
    whole &= last + shift <= left  # the clip may end within the frame now
    assert not (shift[whole] % heard.hop).any(), "time moved by no whole number of frames"
    return np.where(whole, frames + shift // heard.hop, -1)


def _measured(heard: Heard, spans: Sequence[Span], joined: np.ndarray, lengths: Sequence[int]) -> Measured:
    """What stands in the spans' places now, as far as it is within the clip, and what stood there."""
    now, shift = [joined[:, :0]], 0
    for span, length in zip(spans, lengths, strict=True):
        now.append(joined[:, span.start + shift : span.start + shift + length])
        shift += length - (span.stop - span.start)
    placed = np.concatenate(now, 1)
    return Measured(
        noise_db=decibel(rms(placed)), music_db=decibel(rms(inside(heard.audio, spans))),
        over_full_scale=int((np.abs(placed) > 1).sum()),
    )  # fmt: skip
