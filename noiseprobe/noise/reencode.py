"""Encoding twice: the clip's codes are decoded to audio and encoded again; frames [on, off) are the second codes.

A control of the codec: what a model makes of music that has been through the codec once more, without any noise. Audio
from the codec isn't a fixed point, so codes do change. The whole clip is decoded, cut to the clip's own number of
samples (the codec gives whole frames) and encoded again, whatever the span; without a length the span is the whole
clip. Nothing is random. A model without a decoder is an error at the first clip.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise.base import Codec, Corruption, Draws, Heard, NoOptions, no_options
from noiseprobe.noise.tools.splice import frames_of, music_alone, spliced
from noiseprobe.variants import Span

if TYPE_CHECKING:
    from torch import Tensor

CHANGES = "codes"
WHOLE = True

__all__ = ["CHANGES", "WHOLE", "Options", "corrupt", "options"]

Options, options = NoOptions, no_options


@dataclass(frozen=True)
class Reencode:
    """`noise.base.Recode`: codes of what the clean codes decode to.

    Attributes:
        frames: [on, off) of each span.
        samples: of the clip.
    """

    frames: tuple[tuple[int, int], ...]
    samples: int

    def __call__(self, clean: "Tensor", other: "Tensor | None", codec: Codec) -> "Tensor":
        try:
            audio = codec.decode(clean[None])
        except NotImplementedError as error:
            raise NoiseprobeError(f"noise.kind: got reencode, which needs a model that decodes: {error}") from error
        return spliced(clean, codec.encode(audio[..., : self.samples])[0], self.frames)


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: NoOptions) -> Corruption:
    return Corruption(None, music_alone(heard, spans), Reencode(frames_of(spans), heard.audio.shape[1]))
