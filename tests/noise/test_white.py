"""White noise: where it goes, how loud it is, what keys it, and whether it is white and Gaussian.

Bounds are five standard errors of the estimate, for n independent standard normal numbers: of the mean 1/sqrt(n), of
the variance sqrt(2/n), of the RMS 1/sqrt(2n), of the kurtosis sqrt(24/n). The draws are keyed, so nothing here is left
to luck.
"""

import math

import numpy as np
import pytest
import torch

from noiseprobe.noise.base import Level, decibel, draw
from noiseprobe.noise.white import corrupt
from noiseprobe.variants import Span

N = 32_000
KEY = {"seed": 0, "clip": "jazz/monk.wav#5.0", "kind": "white", "level": "match", "onset": 5.0}
FROZEN = [
    [0.11685985443214425, 0.7525467357510391, 0.3643031312305379],
    [0.23852348085226163, -0.32669400099991897, -0.36023302276887964],
]


def music(channels=1, n=N):
    """A sine of RMS 0.2 up to the middle, of RMS 0.05 after it; exact on whole periods."""
    t = np.arange(n)
    x = np.sin(2 * np.pi * t / 100) * np.where(t < n // 2, 0.2, 0.05) * math.sqrt(2)
    return np.stack([x] * channels).astype(np.float32)


def span(start, stop):
    return Span(start, stop, start // 640, -(-stop // 640))


def noise(clean, where, mode="match", snr=None, **key):
    return corrupt(clean, where, draw(**(KEY | key)), Level(mode, snr))


def db(x):
    return 20 * math.log10(math.sqrt(np.mean(np.float64(x) ** 2)))


def db_error(n):
    """Five standard errors of a measured RMS, in dB."""
    return 20 * math.log10(1 + 5 / math.sqrt(2 * n))


# Where it goes


@pytest.mark.parametrize(("start", "stop"), [(8000, 16000), (0, 100), (31_999, 32_000), (0, N), (777, 778)])
def test_samples_outside_the_span_are_the_clean_ones_bit_for_bit(start, stop):
    clean = music(2)
    before = clean.tobytes()
    audio = noise(clean, span(start, stop)).audio
    assert clean.tobytes() == before, "the clean clip was written to"
    assert (audio.dtype, audio.shape) == (np.float32, clean.shape)
    assert audio[:, :start].tobytes() == clean[:, :start].tobytes()
    assert audio[:, stop:].tobytes() == clean[:, stop:].tobytes()
    assert (audio[:, start:stop] != clean[:, start:stop]).all()


def test_length_0_changes_nothing_and_measures_nothing():
    clean = music(2)
    found = noise(clean, span(8000, 8000))
    assert found.audio.tobytes() == clean.tobytes()
    assert found.audio is not clean
    assert (found.level_db, found.noise_db, found.music_db, found.over_full_scale) == (None, None, None, 0)


def test_the_music_is_replaced_and_not_added_to():
    where = span(4000, 12_000)
    loud, soft = noise(music() * 2, where, -20.0), noise(music(), where, -20.0)
    assert loud.audio[:, 4000:12_000].tobytes() == soft.audio[:, 4000:12_000].tobytes()


def test_channels_have_their_own_noise():
    left, right = noise(music(2), span(0, N), -20.0).audio
    assert abs(np.corrcoef(left, right)[0, 1]) < 5 / math.sqrt(N)


def test_a_channel_has_the_same_noise_whatever_the_others():
    where = span(0, 1000)
    assert noise(music(1), where, -20.0).audio[0].tobytes() == noise(music(2), where, -20.0).audio[0].tobytes()


# How loud it is


@pytest.mark.parametrize(
    ("mode", "snr", "asked"),
    [
        ("match", None, 20 * math.log10(0.05)),  # the span lies in the soft half
        ("clip", None, 20 * math.log10(math.sqrt((0.2**2 + 0.05**2) / 2))),
        ("snr", 6.0, 20 * math.log10(0.05) - 6),
        ("snr", -6.0, 20 * math.log10(0.05) + 6),
        ("snr", 0.0, 20 * math.log10(0.05)),
        (-20.0, None, -20.0),
        (0.0, None, 0.0),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_noise_has_the_level_asked_for(mode, snr, asked, channels):
    where = span(20_000, 28_000)
    found = noise(music(channels), where, mode, snr)
    placed = found.audio[:, 20_000:28_000]
    assert found.level_db == pytest.approx(asked, abs=1e-5)
    assert found.noise_db == pytest.approx(db(placed), abs=1e-9)
    assert found.noise_db == pytest.approx(asked, abs=db_error(placed.size))
    assert found.music_db == pytest.approx(20 * math.log10(0.05), abs=1e-5)


def test_level_match_is_that_of_all_channels_together():
    clean = np.stack([music()[0], np.zeros(N, np.float32)])
    assert noise(clean, span(0, 16_000)).level_db == pytest.approx(20 * math.log10(0.2 / math.sqrt(2)), abs=1e-5)


@pytest.mark.parametrize(("mode", "snr"), [("match", None), ("snr", 10.0)])
def test_a_silent_span_gives_no_level_and_stays_silent(mode, snr):
    clean = music(2)
    clean[:, 8000:16_000] = 0
    found = noise(clean, span(8000, 16_000), mode, snr)
    assert not found.audio[:, 8000:16_000].any()
    assert (found.level_db, found.noise_db, found.music_db, found.over_full_scale) == (None, None, None, 0)


@pytest.mark.parametrize("mode", ["clip", -30.0])
def test_a_silent_span_is_filled_where_the_level_comes_from_elsewhere(mode):
    clean = music()
    clean[:, 8000:16_000] = 0
    found = noise(clean, span(8000, 16_000), mode)
    assert found.audio[:, 8000:16_000].all()
    assert found.music_db is None
    assert found.noise_db == pytest.approx(found.level_db, abs=db_error(8000))


def test_samples_beyond_full_scale_are_counted_and_not_clipped():
    clean = music(2)
    clean[0, 0] = 3.0  # outside the span: the music's own
    found = noise(clean, span(1000, 3000), -3.0)
    count = sum(1 for channel in found.audio[:, 1000:3000].tolist() for v in channel if v > 1 or v < -1)
    assert found.over_full_scale == count > 0
    assert np.abs(found.audio[:, 1000:3000]).max() > 1.5


def test_decibel():
    assert decibel(1.0) == 0.0
    assert decibel(10.0) == pytest.approx(20.0)
    assert decibel(0.0) is None
    assert decibel(None) is None


@pytest.mark.parametrize(
    ("level", "key"),
    [
        (Level("match"), "match"),
        (Level("clip"), "clip"),
        (Level("snr", 3.0), "snr+3.0dB"),
        (Level("snr", -3.25), "snr-3.25dB"),
        (Level(-20.0), "-20.0dBFS"),
        (Level(-20.125), "-20.125dBFS"),
    ],
)
def test_level_in_text(level, key):
    assert level.key == key


@pytest.mark.parametrize(("minus", "plus"), [(Level(-0.0), Level(0.0)), (Level("snr", -0.0), Level("snr", 0.0))])
def test_minus_zero_is_zero(minus, plus):
    assert minus.key == plus.key


# What keys it


def test_the_same_key_gives_the_same_bytes():
    a, b = (draw(**KEY)(1, 1000).tobytes() for _ in range(2))
    assert a == b


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"clip": "jazz/monk.wav#5.5"}, {"kind": "pink"}, {"level": "clip"}, {"onset": 5.02}],
    ids=lambda c: next(iter(c)),
)
def test_every_part_of_the_key_changes_the_noise(change):
    x, y = draw(**KEY)(0, 1000), draw(**(KEY | change))(0, 1000)
    assert abs(np.corrcoef(x, y)[0, 1]) < 5 / math.sqrt(1000)


def test_shorter_noise_is_the_beginning_of_longer():
    clean = music(2)
    long = noise(clean, span(3200, 19_200), -20.0).audio[:, 3200:19_200]
    for n in [1, 3, 640, 3200, 15_999]:
        short = noise(clean, span(3200, 3200 + n), -20.0).audio[:, 3200 : 3200 + n]
        assert short.tobytes() == long[:, :n].tobytes()


def test_global_random_state_is_neither_used_nor_changed():
    np.random.seed(1)
    torch.manual_seed(1)
    first = draw(**KEY)(0, 100)
    untouched = np.random.random(3).tolist(), torch.rand(3).tolist()
    np.random.seed(1)
    torch.manual_seed(1)
    assert (np.random.random(3).tolist(), torch.rand(3).tolist()) == untouched
    assert draw(**KEY)(0, 100).tobytes() == first.tobytes()


def test_the_numbers_are_frozen():
    """Every published result hangs on these; whoever changes them raises PROTOCOL."""
    assert draw(**KEY)(0, 3).tolist() == FROZEN[0]
    assert draw(**KEY)(1, 3).tolist() == FROZEN[1]


# Whether it is white and Gaussian


def test_draws_are_standard_normal():
    n = 1 << 17
    x = draw(**KEY)(0, n)
    assert abs(x.mean()) < 5 / math.sqrt(n)
    assert abs(x.var() - 1) < 5 * math.sqrt(2 / n)
    assert abs(((x - x.mean()) ** 3).mean()) < 5 * math.sqrt(15 / n)
    assert abs((x**4).mean() / x.var() ** 2 - 3) < 5 * math.sqrt(24 / n)
    for bound in [-2.0, -1.0, 0.0, 0.5, 1.5]:
        p = 0.5 * (1 + math.erf(bound / math.sqrt(2)))
        assert abs((x < bound).mean() - p) < 5 * math.sqrt(p * (1 - p) / n)


def test_spectrum_is_flat():
    # The mean of M periodograms has a relative standard error of 1/sqrt(M) in each bin but the first and last.
    m, size = 512, 256
    x = draw(**KEY)(0, m * size).reshape(m, size)
    power = (np.abs(np.fft.rfft(x)) ** 2).mean(0)[1:-1] / size
    assert np.abs(power - 1).max() < 5 / math.sqrt(m)
    # flatness: geometric over arithmetic mean, exp(-1/(2M)) for white noise
    assert np.exp(np.log(power).mean()) / power.mean() == pytest.approx(1, abs=2 / m)
