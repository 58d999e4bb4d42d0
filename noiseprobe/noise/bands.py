"""Frequency bands deleted: the span is cut into pieces of `piece` seconds, and in each, `count` bands are missing.

A drawn band is `width` octaves wide and lies between 20 Hz and 20 kHz or half the sample rate, if that is lower, every
place on a logarithmic scale as likely as any other; bands are drawn for each onset, piece and number, so a longer span
begins with the bands of a shorter one, and may overlap. `low_hz` and `high_hz` fix one band for the whole span instead;
with one of the two null, all below or all above is deleted. (Random pieces of time: `noise.share`.)

Deleted is what a linear-phase band-pass filter of these bands lets through, subtracted from the music: a window design
with Kaiser's window, zero delay. Inside a band 60 dB are gone; from each edge on the music comes back over the next
40 Hz, outside the band, and beyond them it is as it was within 0.1 dB. So a band a few Hz wide takes 40 Hz on either
side with it. The filter hears 45 ms of the clean music on both sides, beyond the span too, and silence beyond the clip.

Pieces go over into each other, and the span's ends into the music, over `fade` seconds (`tools.pieces`: inside the
span, none at the clip's own ends). All channels lose the same bands. A band in which there is no music changes nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import CannotCorrupt, Corruption, Draws, Heard, replaced
from noiseprobe.noise.tools import crossfade, pieces
from noiseprobe.noise.tools.stretch import around
from noiseprobe.variants import Span

CHANGES = "samples"
WHOLE = False

LOWEST, HIGHEST = 20.0, 20_000.0  # Hz, between which bands are drawn
DEPTH = 60.0  # dB
EDGE = 40.0  # Hz over which the music comes back
NARROWEST, WIDEST = 0.05, 8.0  # octaves
MOST = 100  # bands in a piece

Bands = list[tuple[float, float]]  # Hz


@dataclass(frozen=True)
class Options:
    """The keys of bands.

    Attributes:
        piece: seconds.
        count: bands in a piece.
        width: octaves.
        low_hz, high_hz: the edges of a fixed band; both None: bands are drawn.
        fade: seconds from one piece to the next.
    """

    piece: float = 0.5
    count: int = 1
    width: float = 1.0
    low_hz: float | None = None
    high_hz: float | None = None
    fade: float = 0.01

    @property
    def drawn(self) -> bool:
        return self.low_hz is None and self.high_hz is None


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    edges = {
        key: None if raw[key] is None else checks.number(f"noise.{key}", raw[key], 0.0, HIGHEST, open_low=True)
        for key in ["low_hz", "high_hz"]
    }
    low, high = edges["low_hz"], edges["high_hz"]
    if low is not None and high is not None and low >= high:
        raise checks.refusal("noise.high_hz", raw["high_hz"], f"more than noise.low_hz ({low:g}), or null")
    count = checks.integer("noise.count", raw["count"], low=1)
    if count > MOST:
        raise checks.refusal("noise.count", count, f"at most {MOST}")
    made = Options(
        piece=pieces.seconds(raw),
        count=count,
        width=checks.number("noise.width", raw["width"], NARROWEST, WIDEST),
        low_hz=low,
        high_hz=high,
        fade=crossfade.fade(raw),
    )
    if not made.drawn:
        pieces.idle(made, ["piece", "count", "width"], "noise.low_hz or noise.high_hz fixes the band")
    return made


def corrupt(heard: Heard, spans: Sequence[Span], draws: Draws, options: Options) -> Corruption:
    fade, piece = (round(seconds * heard.sample_rate) for seconds in [options.fade, options.piece])
    nyquist = heard.sample_rate / 2

    def content(span: Span, music: np.ndarray) -> np.ndarray:
        n, out = music.shape[1], music.astype(np.float64)
        parts = pieces.pieces(n, piece if options.drawn else n, fade, crossfade.seams(heard, span))
        for i, (begin, end, weight) in enumerate(parts):
            bands = _drawn(options, draws, span.onset, i, nyquist) if options.drawn else _fixed(options, nyquist)
            out[:, begin:end] -= weight * inside(heard, span.start + begin, span.start + end, bands)
        return out

    return replaced(heard, spans, content)


def _drawn(options: Options, draws: Draws, onset: float, piece: int, nyquist: float) -> Bands:
    highest = math.log2(min(HIGHEST, nyquist) / LOWEST) - options.width  # octaves above LOWEST where a band may begin
    if highest < 0:
        raise CannotCorrupt(f"no band of {options.width:g} octaves lies between {LOWEST:g} and {nyquist:g} Hz")
    found = []
    for i in range(options.count):
        octaves = draws.state(onset, f"band {i} of piece {piece}").uniform(0.0, highest)
        found.append((LOWEST * 2**octaves, LOWEST * 2 ** (octaves + options.width)))
    return found


def _fixed(options: Options, nyquist: float) -> Bands:
    low = options.low_hz or 0.0
    if low >= nyquist:
        raise CannotCorrupt(f"noise.low_hz, {low:g} Hz, is above all that the model hears: {nyquist:g} Hz")
    return [(low, nyquist if options.high_hz is None else options.high_hz)]


def inside(heard: Heard, begin: int, end: int, bands: Bands) -> np.ndarray:
    """What the music from sample `begin` to `end` has in the bands: [C, end - begin], float64."""
    from scipy import signal

    taps, beta = signal.kaiserord(DEPTH, 2 * EDGE / heard.sample_rate)
    taps |= 1  # odd: the delay is a whole number of samples
    cuts: list[float] = []  # the middles of the edges
    for low, high in sorted(bands):  # of one width, so their upper edges are in order, too
        low, high = max(low - EDGE / 2, 0.0), min(high + EDGE / 2, heard.sample_rate / 2)
        if cuts and low <= cuts[-1]:
            cuts[-1] = high
        else:
            cuts += [low, high]
    from_zero = cuts[0] == 0
    cuts = [cut for cut in cuts if 0 < cut < heard.sample_rate / 2]
    music = around(heard.audio, begin - taps // 2, end - begin + taps - 1)
    if not cuts:  # all that there is
        return music[:, taps // 2 : taps // 2 + end - begin]
    response = signal.firwin(
        taps, cuts, window=("kaiser", beta), pass_zero=from_zero, scale=False, fs=heard.sample_rate
    )
    return np.asarray(signal.fftconvolve(music, response[None], mode="valid", axes=1))
