"""The sound of one note: a zone's sample at the note's pitch, for as long as the note lasts.

A sample is shifted in pitch by reading it at another pace: windowed sinc interpolation as in `noiseprobe.data.audio`,
band-limited where it is read faster than it was recorded. Each output sample depends on its own place alone, never on
how many are asked for, so the beginning of a longer sound is the shorter one, bit for bit.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np

from noiseprobe.score.soundfont import Zone

Array = np.ndarray[Any, Any]

WIDTH = 8  # zero crossings of the sinc on each side
ROLLOFF = 0.96  # of the lower rate's half, where the band ends
PHASES = 1024  # places between two samples at which the sinc is known; between them it is interpolated (error < 1e-5)
FADE = 0.005  # seconds in which a sound ends at least, so that it doesn't click
SILENCE = 100.0  # dB that an envelope falls by until it is over (SoundFont 2.04, 8.1.3, generators 36 and 38)
LARGEST_CUTOFF = 0.45  # of the rate; a filter from there on does nothing that can be heard


def sound(zone: Zone, key: int, rate: int, held: int, samples: int, choked: int | None = None) -> Array:
    """A note at full velocity, from its begin.

    Args:
        zone: what sounds.
        key: MIDI key.
        rate: Hz, of the result.
        held: samples after which the note is let go.
        samples: at most so many are made.
        choked: samples after which another note of the exclusive class cuts it off.

    Shape:
        -> float64 [n], n <= samples
    """
    key = key if zone.as_key is None else zone.as_key
    n = min(samples, held + math.ceil(max(zone.release, FADE) * rate))
    if choked is not None:
        n = min(n, choked + math.ceil(FADE * rate))
    # in whole seconds, so that notes of about the same length share it
    audio = tone(zone, key, rate, -(-max(n, 1) // rate))[:n]
    audio = audio * envelope(zone, key, rate, held, len(audio))
    if choked is not None:
        audio *= np.clip((choked - np.arange(len(audio))) / (FADE * rate) + 1, 0, 1)
    return audio


@lru_cache(maxsize=256)
def tone(zone: Zone, key: int, rate: int, seconds: int) -> Array:
    """The sample at a key's pitch, looped and filtered, without an envelope.

    Shape:
        -> float32 [n], n <= seconds * rate; less where the sample ends
    """
    step = zone.rate / rate * 2 ** (((key - zone.root) * zone.scale + zone.tune) / 12)
    n = seconds * rate
    band = min(1.0, 1.0 / step) * ROLLOFF
    reach = math.ceil(WIDTH / band)
    source = _unrolled(zone, math.ceil(n * step) + reach + 1)
    n = min(n, math.ceil(len(source) / step))
    audio = _read(source, step, band, reach, n)
    if zone.cutoff is not None and zone.cutoff < LARGEST_CUTOFF * rate:
        audio = _low_pass(audio, zone.cutoff / rate, zone.resonance)
    # a resonance makes the whole softer by half of it (SoundFont 2.04, 8.1.3, generator 9)
    return (audio * 10 ** (-zone.resonance / 40)).astype(np.float32)


def envelope(zone: Zone, key: int, rate: int, held: int, n: int) -> Array:
    """The volume envelope: a straight rise, a hold, a fall in dB to the sustain level, and from `held` on a fall in dB.

    Shape:
        -> float64 [n]
    """
    t = np.arange(n) / rate
    on = np.minimum(t, held / rate)
    rise = np.clip((on - zone.delay) / zone.attack, 0, 1) if zone.attack > 0 else (on >= zone.delay).astype(float)
    full = zone.delay + zone.attack + zone.hold * 2 ** (zone.hold_by_key * (60 - key))
    decay = max(zone.decay * 2 ** (zone.decay_by_key * (60 - key)), FADE)
    fall = np.clip((on - full) * (SILENCE / decay), 0, zone.sustain)
    fall += np.maximum(t - held / rate, 0) * (SILENCE / max(zone.release, FADE))
    return rise * np.exp(fall * (-math.log(10) / 20))


def _unrolled(zone: Zone, needed: int) -> Array:
    """The first samples, with the loop as often as it takes: float64 in -1..1."""
    samples = zone.samples
    if zone.loop is not None and needed > zone.loop[1]:
        first, end = zone.loop
        again = np.resize(samples[first:end], needed - end)
        samples = np.concatenate([samples[:end], again])
    return samples[:needed] / 32768.0


def _read(source: Array, step: float, band: float, reach: int, n: int) -> Array:
    """`source` at 0, step, 2 * step, ..., from `reach` samples on each side, up to `band` of its band: float64 [n]."""
    at = np.arange(n) * step
    nearest = np.floor(at).astype(np.int64)
    phase = (at - nearest) * PHASES
    low = np.floor(phase).astype(np.int64)
    share = phase - low
    padded = np.concatenate([np.zeros(reach), source, np.zeros(reach + 1)])
    places = np.arange(PHASES + 2) / PHASES
    audio = np.zeros(n)
    for tap in range(1 - reach, reach + 1):
        x = np.clip((tap - places) * band, -WIDTH, WIDTH)
        kernel = np.sinc(x) * np.cos(np.pi * x / WIDTH / 2) ** 2 * band
        audio += padded[nearest + (tap + reach)] * (kernel[low] * (1 - share) + kernel[low + 1] * share)
    return audio


def _low_pass(audio: Array, cutoff: float, resonance: float) -> Array:
    """A low-pass of second order (R. Bristow-Johnson's audio equaliser cookbook); `cutoff` in cycles a sample.

    Without resonance it is Butterworth's, 3 dB down at the cut-off.
    """
    from scipy.signal import lfilter

    w = 2 * math.pi * cutoff
    alpha = math.sin(w) / (2 * 10 ** ((resonance - 3.01) / 20))
    b = np.array([1, 2, 1]) * (1 - math.cos(w)) / 2
    return lfilter(b, [1 + alpha, -2 * math.cos(w), 1 - alpha], audio)
