"""Frames of codes put in place of others: what makes corrupted codes where the codes change and not the samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise.base import Codec, Heard, Measured, decibel, inside, rms
from noiseprobe.variants import Span

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Splice:
    """`noise.base.Recode`: the codes of the corruption's audio in the frames [on, off), the clean ones elsewhere.

    Attributes:
        frames: [on, off) of each span; none: the codes stay as they are.
    """

    frames: tuple[tuple[int, int], ...]

    def __call__(self, clean: "Tensor", other: "Tensor | None", codec: Codec) -> "Tensor":
        if not self.frames:
            return clean
        assert other is not None, "a splice needs the codes of some audio"
        return spliced(clean, other, self.frames)


def frames_of(spans: Sequence[Span]) -> tuple[tuple[int, int], ...]:
    """The frames [on, off) of each span that has any."""
    return tuple((s.on, s.off) for s in spans if s.off > s.on)


def spliced(clean: "Tensor", other: "Tensor", frames: Sequence[tuple[int, int]]) -> "Tensor":
    """A copy of `clean` with the frames [on, off) of `other`.

    Shape:
        clean, other: [K, T] -> [K, T]

    Raises:
        NoiseprobeError: if the codec gave codes of two shapes.
    """
    if other.shape != clean.shape:  # a single column would be repeated over the span, without an error
        got, expected = tuple(other.shape), tuple(clean.shape)
        raise NoiseprobeError(f"the codec gave codes of shape {got} for audio as long as that of shape {expected}")
    codes = clean.clone()
    for on, off in frames:
        codes[:, on:off] = other[:, on:off]
    return codes


def music_alone(heard: Heard, spans: Sequence[Span]) -> Measured:
    """What can be measured where no samples stand in the spans that could be compared: the music that stood there."""
    return Measured(music_db=decibel(rms(inside(heard.audio, spans))))
