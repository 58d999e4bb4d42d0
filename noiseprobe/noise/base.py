"""What every kind of noise is given, and its random numbers.

A kind is a module of this package with one function

    corrupt(clean: np.ndarray, span: Span, draw: Draw, level: Level) -> Corruption

that takes a clip `[C, N]` (float32, what the model hears: its rate, its channels) and returns the corrupted clip with
what was measured on the way. Samples outside the span are the clean ones, bit for bit.

Randomness comes from `Draw` alone, keyed by seed, clip, kind, level and onset: not by the length, so shorter noise is
the beginning of longer, nor by batch, worker, rank or order.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from noiseprobe.variants import Span


@dataclass(frozen=True)
class Level:
    """How loud: `match` (RMS of what the noise replaces), `clip` (of the whole clip), `snr` (dB) or dBFS."""

    mode: str | float
    snr: float | None = None

    @property
    def key(self) -> str:
        """The level in text, for keys and tables: 'match', 'clip', 'snr+3.0dB', '-20.0dBFS'."""
        if isinstance(self.mode, str):
            return f"snr{float(self.snr or 0) + 0.0:+}dB" if self.mode == "snr" else self.mode
        return f"{float(self.mode) + 0.0}dBFS"

    def target(self, clean: np.ndarray, span: Span) -> float | None:
        """The RMS that the noise should have, or None where silence gives no level to match."""
        if not isinstance(self.mode, str):
            return 10 ** (self.mode / 20)
        reference = rms(clean if self.mode == "clip" else clean[:, span.start : span.stop])
        if reference == 0:
            return None
        return reference / 10 ** ((self.snr or 0.0) / 20)


@dataclass(frozen=True)
class Corruption:
    """A corrupted clip and what it holds, as measured.

    Attributes:
        audio: [C, N], float32.
        level_db: the RMS asked for, dBFS; None where silence gave no level (the span is then silence).
        noise_db: RMS of the noise in the span, dBFS; None without noise or for silence.
        music_db: RMS of the music in the span, dBFS; None without a span or for silence.
        over_full_scale: samples of the corrupted span beyond +-1 (counted, not clipped).
    """

    audio: np.ndarray
    level_db: float | None
    noise_db: float | None
    music_db: float | None
    over_full_scale: int


class Draw(Protocol):
    """Standard normal numbers: `draw(channel, n)` is the same sequence for every n, only longer."""

    def __call__(self, channel: int, n: int) -> np.ndarray: ...


Corrupt = Callable[[np.ndarray, Span, Draw, Level], Corruption]


def draw(seed: int, clip: str, kind: str, level: str, onset: float) -> Draw:
    """The random numbers of one clip, kind, level and onset.

    numpy's RandomState is used because its streams are frozen: the same numbers in every version of numpy.
    """
    key = "\n".join([str(seed), clip, kind, level, repr(onset)])

    def standard_normal(channel: int, n: int) -> np.ndarray:
        digest = hashlib.sha256(f"{key}\n{channel}".encode()).digest()
        words = np.frombuffer(digest, dtype="<u4").astype(np.uint32)
        return np.random.RandomState(words).standard_normal(n)

    return standard_normal


def rms(x: np.ndarray) -> float:
    """Root mean square over all channels, in float64; 0 for nothing."""
    return math.sqrt(np.mean(np.square(x, dtype=np.float64))) if x.size else 0.0


def decibel(amplitude: float | None) -> float | None:
    """dBFS of an RMS; None for silence, which has no level.

    >>> decibel(0.1)
    -20.0
    """
    return 20 * math.log10(amplitude) if amplitude else None
