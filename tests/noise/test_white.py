"""White noise: what keys it, and whether it is white and Gaussian.

Bounds are five standard errors of the estimate, for n independent standard normal numbers: of the mean 1/sqrt(n), of
the variance sqrt(2/n), of the kurtosis sqrt(24/n). The draws are keyed, so nothing here is left to luck.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hearing import RATE, heard, music, samples

from noiseprobe.noise.base import Draws
from noiseprobe.noise.white import Options, corrupt, white

KEY = Draws(0, "jazz/monk.wav#5.0", "white", "match")
FROZEN = [
    [0.11685985443214425, 0.7525467357510391, 0.3643031312305379],
    [0.23852348085226163, -0.32669400099991897, -0.36023302276887964],
]


def normal(channel, n, onset=5.0, **key):
    return replace(KEY, **key).normal(onset, channel, n)


def test_the_numbers_are_frozen():
    """Every published result hangs on these; whoever changes them raises PROTOCOL."""
    assert normal(0, 3).tolist() == FROZEN[0]
    assert normal(1, 3).tolist() == FROZEN[1]


def test_white_noise_is_these_numbers_and_nothing_else():
    for channel in [0, 1]:
        assert white(KEY, 5.0, channel, 1000, RATE).tobytes() == normal(channel, 1000).tobytes()
    clean = music(2)
    placed = corrupt(heard(clean), [replace(samples(8000, 16_000), onset=5.0)], KEY, Options(level=-20.0)).audio
    numbers = np.array([normal(c, 8000) for c in [0, 1]])
    assert placed[:, 8000:16_000] == pytest.approx(numbers * 0.1 / math.sqrt(np.mean(numbers**2)), rel=1e-6)


def test_the_same_key_gives_the_same_bytes():
    assert normal(1, 1000).tobytes() == normal(1, 1000).tobytes()


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"clip": "jazz/monk.wav#5.5"}, {"kind": "pink"}, {"level": "clip"}, {"onset": 5.02}],
    ids=lambda c: next(iter(c)),
)
def test_every_part_of_the_key_changes_the_noise(change):
    x, y = normal(0, 1000), normal(0, 1000, **change)
    assert abs(np.corrcoef(x, y)[0, 1]) < 5 / math.sqrt(1000)


def test_global_random_state_is_neither_used_nor_changed():
    np.random.seed(1)
    torch.manual_seed(1)
    first = normal(0, 100)
    untouched = np.random.random(3).tolist(), torch.rand(3).tolist()
    np.random.seed(1)
    torch.manual_seed(1)
    assert (np.random.random(3).tolist(), torch.rand(3).tolist()) == untouched
    assert normal(0, 100).tobytes() == first.tobytes()


def test_draws_are_standard_normal():
    n = 1 << 17
    x = normal(0, n)
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
    x = normal(0, m * size).reshape(m, size)
    power = (np.abs(np.fft.rfft(x)) ** 2).mean(0)[1:-1] / size
    assert np.abs(power - 1).max() < 5 / math.sqrt(m)
    # flatness: geometric over arithmetic mean, exp(-1/(2M)) for white noise
    assert np.exp(np.log(power).mean()) / power.mean() == pytest.approx(1, abs=2 / m)
