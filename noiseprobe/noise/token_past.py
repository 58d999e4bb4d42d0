"""What is left of the past after noise on tokens: the same codes after the span, with another past before them.

For the question whether noise makes a model forget the music before it. The codes from the span's end on are the clean
ones, identical in all, and `past` says what the sequence has before them:

    noisy    the music with the noise in it: `token_noise`, with the same keys and the same noise as `alone`
    alone    the noise alone: the sequence begins where the (first) noise does
    cut      the music alone: the noise's frames are cut out, and what follows them moves up to the seam
    none     nothing: the sequence begins where the (last) noise ends

Frames that are left out have no counterpart (frame map -1). The first frames of a sequence that begins later, and those
after a seam, have special tokens or both sides of the seam in their context; `inside_delta` and `after_delta` in
clips.parquet leave max(D, 1) of them out (D the delay pattern's largest delay). A model with absolute positions meets
the same codes earlier in its sequence too; nothing can be done about that from outside.

Noise that lasts to the end of the clip is rejected, but for `noisy`: nothing follows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise import token_noise
from noiseprobe.noise.base import CannotCorrupt, Codec, Corruption, Draws, Heard
from noiseprobe.noise.tools.splice import Splice, frames_of, music_alone
from noiseprobe.variants import Span

if TYPE_CHECKING:
    from torch import Tensor

CHANGES = "codes"
WHOLE = False

PASTS = ["noisy", "alone", "cut", "none"]


@dataclass(frozen=True)
class Options:
    """The keys of token_past.

    Attributes:
        past: what comes before the noise's end: `noisy`, `alone`, `cut` or `none`.
        color, level, snr: as in token_noise.
    """

    past: str = "noisy"
    color: str = "white"
    level: str | float = "match"
    snr: float | None = None

    @property
    def noise(self) -> token_noise.Options:
        return token_noise.Options(self.color, self.level, self.snr)

    @property
    def level_key(self) -> str | None:
        """None where there is no noise."""
        return self.noise.level_key if self.past in ["noisy", "alone"] else None


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    past = checks.choice("noise.past", raw["past"], PASTS)
    noise = token_noise.options(raw)
    return Options(past, noise.color, noise.level, noise.snr)


@dataclass(frozen=True)
class Kept:
    """`noise.base.Recode`: the frames of the spliced codes that are left.

    Attributes:
        splice: the noise's codes into the clean ones, or none.
        frames: those kept, in order.
    """

    splice: Splice
    frames: tuple[int, ...]

    def __call__(self, clean: "Tensor", other: "Tensor | None", codec: Codec) -> "Tensor":
        return self.splice(clean, other, codec)[:, list(self.frames)]


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    noisy = frames_of(spans)
    if not noisy:
        return Corruption(None, recode=Splice(()))
    frames = np.arange(heard.frames)
    if options.past == "noisy":
        return token_noise.corrupt(heard, spans, draws, options.noise)
    if noisy[-1][1] >= len(frames):
        raise CannotCorrupt("the noise lasts to the end of the clip: nothing follows that could be compared")
    if options.past == "cut":
        left = frames[~np.any([(frames >= on) & (frames < off) for on, off in noisy], axis=0)]
    else:
        left = frames[noisy[0][0] if options.past == "alone" else noisy[-1][1] :]
    frame_map = np.full(len(frames), -1)
    frame_map[left] = np.arange(len(left))
    kept = tuple(left.tolist())
    if options.past == "alone":
        made = token_noise.corrupt(heard, spans, draws, options.noise)
        return replace(made, recode=Kept(Splice(noisy), kept), frame_map=frame_map)
    return Corruption(None, music_alone(heard, spans), Kept(Splice(()), kept), frame_map)
