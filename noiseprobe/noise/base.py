"""What a kind of noise is: a module of this package that corrupts a clip.

It has

    CHANGES = "samples"     what it changes, see below
    WHOLE = False           whether it takes the whole clip where no length is set; else the paper's lengths at 5 s
    Options                 a frozen dataclass whose fields are the kind's own keys in yaml
    options(raw)            checks them
    corrupt(heard, spans, draws, options) -> Corruption

and a yaml of its name in `conf/noise`. What CHANGES promises, for the spans [start, stop) in samples and [on, off) in
frames, and tests hold every kind to:

    samples   samples outside the spans are the clean ones, bit for bit, and there are as many of them
    time      samples before the first span are the clean ones; later ones may move: `frame_map` says where frames went
    codes     codes outside the spans are the clean ones; nothing happens to the samples that are encoded; whole frames
              may be left out (`frame_map`)
    score     the notes are changed before anything is rendered; any sample may change (data=midi, data=asap only)

Conventions. Audio is `[C, N]` float32, what the model hears: its rate, its channels. Randomness comes from `Draws`
alone, keyed by seed, clip, kind, level and onset: not by the length, so shorter noise is the beginning of longer up to
its gain, nor by batch, worker, rank or order. Nothing here needs torch: kinds are imported to check a configuration.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from noiseprobe.data.manifest import Clip
from noiseprobe.variants import Span

if TYPE_CHECKING:
    from torch import Tensor

    from noiseprobe.score.render import Renderer


class CannotCorrupt(Exception):
    """This clip can't be corrupted so; the message says why, and becomes the reason in rejected.parquet."""


class OtherClips(Protocol):
    """Another clip of the data: its id and audio [C, N'], at least `samples` long.

    `song` is `same` (another clip of the same song) or `other` (of another song). Which one it is depends on seed, clip
    and kind alone, so a variant's donor is the same whatever its length where that is long enough.

    Raises:
        CannotCorrupt: if there is none.
    """

    def __call__(self, song: str, samples: int) -> tuple[str, np.ndarray]: ...


@dataclass(frozen=True)
class Heard:
    """A clip as a kind gets it.

    Attributes:
        clip: its place in the data.
        audio: [C, N]; not to be written to.
        sample_rate: Hz.
        hop: samples a frame.
        others: other clips of the data.
        renderer: of scores; None where the data are no scores.
    """

    clip: Clip
    audio: np.ndarray
    sample_rate: int
    hop: int
    others: OtherClips
    renderer: "Renderer | None" = None

    @property
    def frames(self) -> int:
        """T, the last of which may be less than a whole hop."""
        return math.ceil(self.audio.shape[1] / self.hop)


@dataclass(frozen=True)
class Draws:
    """The random numbers of one clip, kind and level.

    numpy's RandomState is used because its streams are frozen: the same numbers in every version of numpy.
    """

    seed: int
    clip: str
    kind: str
    level: str

    def state(self, onset: float, what: object) -> np.random.RandomState:
        """A generator of its own for each onset (seconds) and purpose."""
        key = "\n".join([str(self.seed), self.clip, self.kind, self.level, repr(onset), str(what)])
        words = np.frombuffer(hashlib.sha256(key.encode()).digest(), dtype="<u4").astype(np.uint32)
        return np.random.RandomState(words)

    def normal(self, onset: float, channel: int, n: int) -> np.ndarray:
        """Standard normal numbers [n]: the same sequence for every n, only longer."""
        return self.state(onset, channel).standard_normal(n)


@dataclass(frozen=True)
class Measured:
    """What was asked for and what a corruption holds; None where there is nothing to measure.

    Attributes:
        level_db: the RMS asked for, dBFS; None without a level, and where silence gave none (the span is then silence).
        noise_db: RMS of what stands in the spans now, dBFS; of the noise alone, with its fades, where noise is placed.
        music_db: RMS of the music that stood there, dBFS.
        level_lufs, noise_lufs: the same loudness asked for and reached, LUFS; None unless `level=lufs`.
        over_full_scale: samples of the spans beyond +-1 (counted, not clipped).
        other: id of the clip that was put in.
    """

    level_db: float | None = None
    noise_db: float | None = None
    music_db: float | None = None
    level_lufs: float | None = None
    noise_lufs: float | None = None
    over_full_scale: int = 0
    other: str | None = None


class Codec(Protocol):
    """What a change of codes may ask of the model (`noiseprobe.models.base.MusicLM`)."""

    cardinality: int

    def encode(self, audio: "Tensor") -> "Tensor": ...

    def decode(self, codes: "Tensor") -> "Tensor": ...


# Takes the clean codes [K, T], the codes of the corruption's audio (None without audio) and the codec; gives codes.
# It travels from a worker to the device, so it is a frozen dataclass with `__call__`, not a closure.
Recode = Callable[["Tensor", "Tensor | None", Codec], "Tensor"]


@dataclass(frozen=True)
class Corruption:
    """What becomes of a clip.

    Attributes:
        audio: [C, N'], to be encoded; None if the codes come from the clean ones alone.
        measured: levels.
        recode: what makes the corrupted codes of the clean ones and the audio's; None: the audio's are it.
        frame_map: int64 [T], for each clean frame the frame that it has become, -1 where it has no counterpart; None:
            each frame stays where it is.
    """

    audio: np.ndarray | None
    measured: Measured = field(default_factory=Measured)
    recode: Recode | None = None
    frame_map: np.ndarray | None = None


Corrupt = Callable[[Heard, Sequence[Span], Draws, Any], Corruption]


@dataclass(frozen=True)
class NoOptions:
    """Of a kind that has no keys of its own."""


def no_options(raw: dict[str, Any]) -> NoOptions:
    return NoOptions()


def rms(x: np.ndarray) -> float:
    """Root mean square over all channels, in float64; 0 for nothing."""
    return math.sqrt(np.mean(np.square(x, dtype=np.float64))) if x.size else 0.0


def decibel(amplitude: float | None) -> float | None:
    """dBFS of an RMS; None for silence, which has no level.

    >>> decibel(0.1)
    -20.0
    """
    return 20 * math.log10(amplitude) if amplitude else None


def inside(audio: np.ndarray, spans: Sequence[Span]) -> np.ndarray:
    """The samples of all spans, one after the other: [C, n]."""
    return np.concatenate([audio[:, s.start : s.stop] for s in spans], 1)


def replaced(heard: Heard, spans: Sequence[Span], content: Callable[[Span, np.ndarray], np.ndarray]) -> Corruption:
    """The clip with each span's samples `[C, n]` put through `content(span, samples)`, measured."""
    audio = heard.audio.copy()
    for span in spans:
        if span.stop > span.start:
            audio[:, span.start : span.stop] = content(span, heard.audio[:, span.start : span.stop])
    return Corruption(audio, measure(heard.audio, audio, spans))


def measure(clean: np.ndarray, corrupted: np.ndarray, spans: Sequence[Span], **more: Any) -> Measured:
    """The levels of what stands in the spans, and of what stood there."""
    now = inside(corrupted, spans)
    return Measured(
        noise_db=decibel(rms(now)), music_db=decibel(rms(inside(clean, spans))),
        over_full_scale=int((np.abs(now) > 1).sum()), **more,
    )  # fmt: skip
