"""Noise made of random numbers, put in place of the music or added to it, at a level.

The noise of a span is scaled to the level by its own RMS (by its own loudness under `lufs`), so that the level is hit
whatever the draw. Shorter noise is the beginning of longer up to that gain. Loudness isn't defined for less than 0.4 s:
there the music is measured on 0.4 s around the span, and the noise scaled by the gain of 4 s of it.

A fade lies inside the span (`tools.crossfade`): over so many seconds at each seam, at most half the span, the noise
comes and goes as a quarter of a sine and the music, where it is replaced, as a quarter of a cosine, so that the power
stays the same. At the clip's own ends there is no seam and no fade. The level is that of the noise before its fades;
what is measured is the noise with them, without the music under it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.loudness import BLOCK, loudness
from noiseprobe.noise.base import Corruption, Draws, Heard, Measured, decibel, inside, rms
from noiseprobe.noise.tools import crossfade
from noiseprobe.noise.tools.level import LONG, Level, level
from noiseprobe.variants import Span

# n samples of one channel's noise from `onset` on, of unit variance; longer noise begins with shorter.
Source = Callable[[Draws, float, int, int, int], np.ndarray]  # draws, onset, channel, n, sample rate


@dataclass(frozen=True)
class Options:
    """The keys of noise.

    Attributes:
        mode: `replace` the music or `add` to it.
        level: `match`, `clip`, `lufs`, `snr` or dBFS of the RMS (`tools.level.Level`).
        snr: dB of music over noise, with `level=snr`.
        fade: seconds.
    """

    mode: str = "replace"
    level: str | float = "match"
    snr: float | None = None
    fade: float = 0.0

    @property
    def level_key(self) -> str:
        return Level(self.level, self.snr).key


def options(raw: dict[str, Any]) -> Options:
    """The checked keys of noise.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    asked = level(raw)
    return Options(
        mode=checks.choice("noise.mode", raw["mode"], ["replace", "add"]),
        level=asked.mode,
        snr=asked.snr,
        fade=crossfade.fade(raw),
    )


def place(source: Source, heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    """A kind's `corrupt`, given its source of noise."""
    audio, asked = heard.audio.copy(), Level(options.level, options.snr)
    spans = [s for s in spans if s.stop > s.start]
    if not spans:
        return Corruption(audio)
    noises, targets = [], []
    for span in spans:
        raw = partial(_noise, source, heard, span, draws)
        scale = _by_loudness if asked.mode == "lufs" else _by_rms
        noise, target = scale(heard, span, raw, asked)
        fade = round(options.fade * heard.sample_rate)
        rise = crossfade.rise(span.stop - span.start, fade, crossfade.seams(heard, span))
        noise = noise * rise
        music = heard.audio[:, span.start : span.stop]
        audio[:, span.start : span.stop] = noise + (music if options.mode == "add" else music * np.sqrt(1 - rise**2))
        noises.append(noise)
        targets.append(target)
    return Corruption(audio, _measured(heard, audio, spans, noises, targets, asked))


def _noise(source: Source, heard: Heard, span: Span, draws: Draws, n: int) -> np.ndarray:
    """[C, n], unscaled; every channel has its own."""
    return np.stack([source(draws, span.onset, c, n, heard.sample_rate) for c in range(len(heard.audio))])


def _by_rms(
    heard: Heard, span: Span, raw: Callable[[int], np.ndarray], asked: Level
) -> tuple[np.ndarray, float | None]:
    """Noise of the RMS asked for, and that RMS; silence and None where silence gives none."""
    target = asked.target(heard.audio, span)
    noise = raw(span.stop - span.start)
    return noise * ((target or 0.0) / rms(noise)), target


def _by_loudness(
    heard: Heard, span: Span, raw: Callable[[int], np.ndarray], asked: Level
) -> tuple[np.ndarray, float | None]:
    """Noise as loud as the music, and that loudness in LUFS."""
    n, block = span.stop - span.start, math.ceil(BLOCK * heard.sample_rate)
    start = span.start
    if n < block:  # as much before it as after, moved where the clip ends
        start = min(max((span.start + span.stop - block) // 2, 0), heard.audio.shape[1] - block)
    target = loudness(heard.audio[:, start : start + max(n, block)], heard.sample_rate)
    noise = raw(n)
    if target is None:
        return noise * 0.0, None
    reference = noise if n >= block else raw(round(LONG * heard.sample_rate))
    # scaled to where the gate of -70 LUFS is out of the way
    gain = 0.1 / rms(reference)
    reached = loudness(reference * gain, heard.sample_rate)
    assert reached is not None
    return noise * (gain * 10 ** ((target - reached) / 20)), target


def _measured(
    heard: Heard, audio: np.ndarray, spans: Sequence[Span], noises: Sequence[np.ndarray],
    targets: Sequence[float | None], asked: Level,
) -> Measured:  # fmt: skip
    """Levels over all spans together; those asked for are their mean power, null if silence gave one of them none."""
    lengths = [s.stop - s.start for s in spans]
    by_loudness, level_db, level_lufs, noise_lufs = asked.mode == "lufs", None, None, None
    if None not in targets:
        powers = [10 ** (t / 10) if by_loudness else t**2 for t in targets if t is not None]
        power = sum(p * n for p, n in zip(powers, lengths, strict=True)) / sum(lengths)
        level_db, level_lufs = (None, 10 * math.log10(power)) if by_loudness else (decibel(math.sqrt(power)), None)
    if by_loudness and len(spans) == 1 and lengths[0] >= BLOCK * heard.sample_rate:
        noise_lufs = loudness(noises[0], heard.sample_rate)
    placed = inside(audio, spans)
    return Measured(
        level_db=level_db, noise_db=decibel(rms(np.concatenate(noises, 1))),
        music_db=decibel(rms(inside(heard.audio, spans))), level_lufs=level_lufs, noise_lufs=noise_lufs,
        over_full_scale=int((np.abs(placed) > 1).sum()),
    )  # fmt: skip
