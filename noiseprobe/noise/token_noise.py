"""Noise on tokens: the codes of a noise clip in the frames [on, off), the paper's Eq. 2 (its code replaces samples).

A clip of noise as long as the music is made and encoded by itself, and its frames [on, off) replace the music's. So the
model sees codes of noise that has noise before and after it, from exactly frame `on` on and up to exactly frame
`off - 1`; every other code is the clean one. With noise on samples the codec hears the seams, and codes change before
the onset and long after the end.

The noise has the spectrum of the kind that `color` names, over the whole clip, drawn by the (first) onset; the colours
share their random numbers. It doesn't depend on the span but for its gain: `level` and `snr` mean what they mean for
noise on samples (`tools.level`), so that the noise in the span's samples has the level of the music there, and shorter
is the beginning of longer up to that gain. With several spans it is still one clip, each span has a gain of its own,
and gains change halfway between spans. Where silence gives no level the codes are those of silence. Noise isn't
clipped. There is no `mode` and no `fade`: codes can't be added or faded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise import blue, brown, paper_blue, paper_brown, paper_pink, pink, violet, white
from noiseprobe.noise.base import Corruption, Draws, Heard, rms
from noiseprobe.noise.tools import placing
from noiseprobe.noise.tools.level import Level, level
from noiseprobe.noise.tools.splice import Splice, frames_of
from noiseprobe.variants import Span

CHANGES = "codes"
WHOLE = False

COLORS = {
    "white": white, "pink": pink, "brown": brown, "blue": blue, "violet": violet,
    "paper_pink": paper_pink, "paper_brown": paper_brown, "paper_blue": paper_blue,
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """The keys of token_noise.

    Attributes:
        color: the kind of noise.
        level: `match`, `clip`, `lufs`, `snr` or dBFS of the RMS (`tools.level.Level`).
        snr: dB of music over noise, with `level=snr`.
    """

    color: str = "white"
    level: str | float = "match"
    snr: float | None = None

    @property
    def level_key(self) -> str:
        return Level(self.level, self.snr).key


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    asked = level(raw)
    return Options(checks.choice("noise.color", raw["color"], list(COLORS)), asked.mode, asked.snr)


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    spans = [s for s in spans if s.stop > s.start]
    if not spans:
        return Corruption(None, recode=Splice(()))
    noise = whole_clip(heard, options.color, draws, spans[0].onset)
    starts = {s.onset: s.start for s in spans}

    def source(draws: Draws, onset: float, channel: int, n: int, sample_rate: int) -> np.ndarray:
        """The noise from a span on; where more is asked for, to measure loudness on, the clip's beginning."""
        rest = noise[channel, starts[onset] :]
        return rest[:n] if len(rest) >= n else noise[channel, :n]

    placed = placing.place(source, heard, spans, draws, placing.Options(level=options.level, snr=options.snr))
    assert placed.audio is not None
    audio = noise.copy()
    bounds = [0, *((a.stop + b.start) // 2 for a, b in pairwise(spans)), audio.shape[1]]
    for span, (begin, end) in zip(spans, pairwise(bounds), strict=True):
        here = slice(span.start, span.stop)
        audio[:, begin:end] *= rms(placed.audio[:, here]) / rms(noise[:, here])
        audio[:, here] = placed.audio[:, here]  # the same to a rounding
    return Corruption(audio, placed.measured, Splice(frames_of(spans)))


def whole_clip(heard: Heard, color: str, draws: Draws, onset: float) -> np.ndarray:
    """A clip of noise as long as the music, of RMS 1: [C, N]."""
    whole = Span(onset, 0, heard.audio.shape[1], 0, heard.frames)
    made = COLORS[color].corrupt(heard, [whole], draws, placing.Options(level=0.0)).audio
    assert made is not None
    return made
