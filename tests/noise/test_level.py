"""Levels: what is asked for in each mode, and loudness against the text of ITU-R BS.1770."""

import cmath
import math

import numpy as np
import pytest
import torch
from hearing import music, samples
from torchaudio.functional import loudness as torchaudio_loudness

from noiseprobe.errors import NoiseprobeError
from noiseprobe.loudness import loudness
from noiseprobe.noise.base import decibel, rms
from noiseprobe.noise.tools.level import Level, level

# BS.1770-4, tables 1 and 2: the filters at 48 kHz
SHELF = (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585)
PASS = (1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621)


def steps(n, loud=0.2, soft=0.05):
    """A sine of RMS 0.2 up to the middle, of RMS 0.05 after it; exact on whole periods."""
    t = np.arange(n)
    return (np.sin(2 * np.pi * t / 100) * np.where(t < n // 2, loud, soft) * math.sqrt(2)).astype(np.float32)[None]


def tone(frequency, seconds, rate, amplitude=1.0):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def weighted(x):
    """The standard's two filters, one sample after the other, at 48 kHz."""
    for b0, b1, b2, a1, a2 in [SHELF, PASS]:
        x1 = x2 = y1 = y2 = 0.0
        out = []
        for x0 in x:
            y0 = b0 * x0 + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
            x1, x2, y1, y2 = x0, x1, y0, y1
            out.append(y0)
        x = out
    return x


def by_the_book(channels):
    """Integrated loudness of channels at 48 kHz as BS.1770-4 writes it: blocks of 19200 samples, 4800 apart."""
    filtered = [weighted([float(v) for v in channel]) for channel in channels]
    blocks = range(0, len(filtered[0]) - 19_200 + 1, 4800)
    power = [sum(math.fsum(v * v for v in y[j : j + 19_200]) / 19_200 for y in filtered) for j in blocks]

    def mean(threshold):
        kept = [p for p in power if p > 0 and -0.691 + 10 * math.log10(p) > threshold]
        return -0.691 + 10 * math.log10(sum(kept) / len(kept)) if kept else None

    first = mean(-70.0)
    return None if first is None else mean(max(first - 10, -70.0))


def weight_at(frequency):
    """dB that the filters add at a frequency."""
    z = cmath.exp(-2j * math.pi * frequency / 48_000)
    gain = 1.0
    for b0, b1, b2, a1, a2 in [SHELF, PASS]:
        gain *= abs((b0 + b1 * z + b2 * z * z) / (1 + a1 * z + a2 * z * z))
    return 20 * math.log10(gain)


# RMS


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        (Level("match"), 0.05),  # the span lies in the soft half
        (Level("clip"), math.sqrt((0.2**2 + 0.05**2) / 2)),
        (Level("snr", 6.0), 0.05 * 10**-0.3),
        (Level("snr", -6.0), 0.05 * 10**0.3),
        (Level("snr", 0.0), 0.05),
        (Level(-20.0), 0.1),
        (Level(0.0), 1.0),
        (Level(6.0), 10**0.3),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_the_rms_asked_for(asked, target, channels):
    clean = np.repeat(steps(32_000), channels, 0)
    assert asked.target(clean, samples(20_000, 28_000)) == pytest.approx(target, rel=1e-6)


def test_rms_is_that_of_all_channels_together():
    clean = np.concatenate([steps(32_000), np.zeros((1, 32_000), np.float32)])
    assert Level("match").target(clean, samples(0, 16_000)) == pytest.approx(0.2 / math.sqrt(2), rel=1e-6)


@pytest.mark.parametrize("asked", [Level("match"), Level("snr", 10.0)])
def test_a_silent_span_gives_no_level(asked):
    clean = steps(32_000)
    clean[:, 8000:16_000] = 0
    assert asked.target(clean, samples(8000, 16_000)) is None
    assert asked.target(clean, samples(8000, 16_100)) is not None
    assert Level("clip").target(clean, samples(8000, 16_000)) > 0
    assert Level("clip").target(clean * 0, samples(8000, 16_000)) is None
    assert Level(-20.0).target(clean * 0, samples(8000, 16_000)) == pytest.approx(0.1)


def test_rms_is_summed_in_float64():
    x = np.full((1, 100_000), 1e-25, np.float32)  # whose square float32 can't hold
    assert rms(x) == pytest.approx(1e-25)
    assert rms(x[:, :0]) == 0.0


def test_decibel():
    assert decibel(1.0) == 0.0
    assert decibel(10.0) == pytest.approx(20.0)
    assert decibel(0.0) is None
    assert decibel(None) is None


# Keys


@pytest.mark.parametrize(
    ("mode", "snr", "key"),
    [
        ("match", None, "match"),
        ("clip", None, "clip"),
        ("lufs", None, "lufs"),
        ("snr", 3, "snr+3.0dB"),
        ("snr", -3.25, "snr-3.25dB"),
        ("snr", -0.0, "snr+0.0dB"),
        (-20, None, "-20.0dBFS"),
        (-20.125, None, "-20.125dBFS"),
        (-0.0, None, "0.0dBFS"),
    ],
)
def test_level_in_text(mode, snr, key):
    found = level({"level": mode, "snr": snr})
    assert found.key == key
    assert repr(found).count("-0.0") == 0, "one level, two identities"


@pytest.mark.parametrize(
    ("mode", "snr", "message"),
    [
        ("loud", None, "noise.level: got loud, expected one of match, clip, lufs, snr or a number in dBFS"),
        (None, None, "noise.level: got null, expected one of match"),
        (True, None, "noise.level: got True, expected one of match"),
        (
            [-20, 1],
            None,
            "noise.level: got [-20, 1], expected one level; several make a sweep: noise.level=-20,match -m",
        ),
        (math.nan, None, "noise.level: got nan, expected a finite number of at least -200 and of at most 200"),
        (201, None, "noise.level: got 201, expected a number of at least -200"),
        (-1e4, None, "noise.level: got -10000.0, expected a number of at least -200"),
        ("match", 3, "noise.snr: got 3.0, expected null, since noise.level is match and not snr"),
        (-20, 3, "noise.snr: got 3.0, expected null, since noise.level is -20.0 and not snr"),
        ("snr", None, "noise.snr: got null, expected a number in dB, which noise.level=snr asks for"),
        ("snr", "loud", "noise.snr: got loud, expected a number of at least -200"),
        ("snr", 1e5, "noise.snr: got 100000.0, expected a number of at least -200"),
    ],
)
def test_what_is_refused(mode, snr, message):
    with pytest.raises(NoiseprobeError) as caught:
        level({"level": mode, "snr": snr})
    assert str(caught.value).startswith(message)


# Loudness


@pytest.mark.parametrize(("channels", "expected"), [(1, -3.01), (2, 0.0)])
@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000])
def test_the_standards_own_example(channels, expected, rate):
    """A tone of 997 Hz at full scale in one channel is at -3.01 LKFS."""
    x = np.stack([tone(997, 4, rate)] * channels)
    assert loudness(x, rate) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("frequency", [50, 100, 300, 1000, 1500, 2000, 3000, 5000])
@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000, 96_000])
def test_the_weight_of_a_tone_is_the_standards_at_every_rate(frequency, rate):
    """But for the high-pass filter, whose gain isn't normalised (as in libebur128): 0.02 dB at 32 kHz."""
    x = tone(frequency, 4, rate, 0.1)[None]
    expected = -0.691 - 20 - 10 * math.log10(2) + weight_at(frequency)
    assert loudness(x, rate) == pytest.approx(expected, abs=0.003 if rate == 48_000 else 0.06)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("n", [19_200, 19_201, 22_000, 23_999, 24_000, 26_400, 48_000, 50_000])
def test_loudness_is_that_of_the_text_at_48_khz(n, channels):
    """For every length: blocks that the end cuts off don't count."""
    x = music(channels, 2.0, 48_000)[:, 10_000 : 10_000 + n]
    assert loudness(x, 48_000) == pytest.approx(by_the_book(x), abs=0.001)


def test_blocks_far_below_the_others_do_not_count():
    x = np.concatenate([tone(1000, 2, 48_000, a) for a in [0.1, 0.001, 0.01]])[None]
    found = loudness(x, 48_000)
    assert found == pytest.approx(by_the_book(x), abs=0.001)
    plain = -0.691 + weight_at(1000) + 10 * math.log10((0.1**2 + 0.001**2 + 0.01**2) / 3 / 2)
    assert found > plain + 3


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [32_000, 48_000])
def test_loudness_is_torchaudios_but_for_its_filters(rate, channels):
    """Its filters are rounded to 1500 Hz, 38 Hz and 4 dB, which gives 0.04 to 0.07 dB more or less."""
    x = music(channels, 4.0, rate)
    other = torchaudio_loudness(torch.from_numpy(0.1 * x).double(), rate).item() + 20  # it clips what is beyond 1
    assert loudness(x, rate) == pytest.approx(other, abs=0.08)


def test_loudness_follows_the_gain_and_may_be_beyond_full_scale():
    x = music(1)
    assert loudness(10 * x, 32_000) == pytest.approx(loudness(x, 32_000) + 20, abs=1e-6)
    assert loudness(1000 * x, 32_000) == pytest.approx(loudness(x, 32_000) + 60, abs=1e-6)


def test_silence_and_what_is_below_the_gate_have_no_loudness():
    assert loudness(np.zeros((2, 32_000), np.float32), 32_000) is None
    assert loudness(tone(1000, 1, 32_000, 10 ** (-72 / 20))[None], 32_000) is None
    assert loudness(tone(1000, 1, 32_000, 10 ** (-65 / 20))[None], 32_000) == pytest.approx(-68, abs=0.1)


def test_less_than_a_block_is_an_error_and_not_a_number():
    with pytest.raises(ValueError, match="block size"):
        loudness(music(1)[:, :12_799], 32_000)
    assert loudness(music(1)[:, :12_800], 32_000) is not None
