"""What a kind of noise hears in tests: a piece of music that can be written down, and places in it."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from noiseprobe.data.manifest import Clip
from noiseprobe.noise.base import Draws, Heard
from noiseprobe.variants import Span

RATE, HOP = 32_000, 640


@lru_cache
def music(channels: int = 1, seconds: float = 4.0, rate: int = RATE, first: int = 0) -> np.ndarray:
    """Plucked notes of a scale, four a second, each with eight harmonics: [C, N] float32, RMS about 0.1.

    Nothing in it is random, no two notes within two seconds are the same, and the right channel plays a fifth above.
    """
    n = round(seconds * rate)
    t = np.arange(n) / rate
    out = np.zeros((channels, n))
    for i in range(int(seconds * 4) + 1):
        since = t - i / 4
        since = since[(since >= 0) & (since < 1.0)]
        begin = np.searchsorted(t, i / 4)
        for c in range(channels):
            pitch = 110 * 2 ** (([0, 2, 4, 5, 7, 9, 11, 12, 10, 8, 3][(first + 7 * i) % 11] + 7 * c) / 12)
            tone = sum(np.sin(2 * np.pi * pitch * k * since) / k for k in range(1, 9)) * np.exp(-3 * since) * 0.1
            out[c, begin : begin + len(since)] += tone * np.minimum(since / 0.005, 1)
    audio = out.astype(np.float32)
    audio.flags.writeable = False
    return audio


def others(song: str, samples: int, channels: int, rate: int) -> tuple[str, np.ndarray]:
    """Another clip, a second longer than it must be."""
    return f"jazz/{song}.wav#0.0", music(channels, samples / rate + 1, rate, first=3)


def heard(audio: np.ndarray, rate: int = RATE, hop: int = HOP, clip: str = "jazz/monk.wav#5.0") -> Heard:
    """A clip of that audio."""
    path, _, start = clip.partition("#")
    entry = Clip(clip, Path(path), float(start), audio.shape[1] / rate, path, "jazz")
    return Heard(entry, audio, rate, hop, lambda song, samples: others(song, samples, len(audio), rate))


def span(onset: float, length: float | None, audio: np.ndarray, rate: int = RATE, hop: int = HOP) -> Span:
    """A place in the audio; without a length it lasts to the end."""
    start = round(onset * rate)
    stop = audio.shape[1] if length is None else start + round(length * rate)
    return Span(onset, start, stop, start // hop, -(-stop // hop) if stop > start else start // hop)


def samples(start: int, stop: int, rate: int = RATE, hop: int = HOP) -> Span:
    """A place given in samples."""
    return Span(start / rate, start, stop, start // hop, -(-stop // hop) if stop > start else start // hop)


def draws(kind: str, seed: int = 0, clip: str = "jazz/monk.wav#5.0", level: str = "match") -> Draws:
    return Draws(seed, clip, kind, level)


def db(*pieces: np.ndarray) -> float:
    """dBFS of the RMS of all samples together, by a way of its own."""
    values = np.concatenate([p.ravel() for p in pieces]).astype(np.float64)
    return float(10 * np.log10((values * values).sum() / len(values)))


def outside(audio: np.ndarray, spans: Sequence[Span]) -> np.ndarray:
    """The samples in none of the spans, which are in order, one after the other."""
    edges = [0, *(edge for s in spans for edge in [s.start, s.stop]), audio.shape[1]]
    return np.concatenate([audio[:, a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)], 1)
