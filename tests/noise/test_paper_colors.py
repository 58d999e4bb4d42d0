"""The published code's pink, brown and blue: Butterworth filters as a textbook writes them.

The definition, with n the order and c the corner as a share of Nyquist: |H(f)|^2 = 1 / (1 + (w / w_c)^(2n)), w = tan(pi
f / rate), w_c = tan(pi c / 2) (the bilinear transform); for a high-pass w / w_c is the other way round.
"""

import cmath
import math

import numpy as np
import pytest
from hearing import RATE, db, draws, heard, samples

from noiseprobe.noise import paper_blue, paper_brown, paper_pink
from noiseprobe.noise.tools.butterworth import filtered
from noiseprobe.noise.tools.placing import Options

PAPER = {"paper_pink": (1, 0.2, "low"), "paper_brown": (2, 0.1, "low"), "paper_blue": (1, 0.5, "high")}
MODULES = {"paper_pink": paper_pink, "paper_brown": paper_brown, "paper_blue": paper_blue}
FROZEN = {
    ("paper_pink", 0): [0.39434173102597814, 0.7613208663576452, 0.4708389522215056],
    ("paper_pink", 1): [0.5162521473460687, 1.169192591001182, 0.9903923481053116],
    ("paper_brown", 0): [-0.02108481219317041, -0.05405821559248763, -0.04249654320930801],
    ("paper_brown", 1): [0.011019903759099253, 0.01039072079236568, -0.024349944769668508],
    ("paper_blue", 0): [0.2576257050893845, 0.28506017031796554, -1.2482216029270075],
    ("paper_blue", 1): [0.7567031715329005, -1.1108801647306483, 0.30936931238030996],
}


def power_at(kind, f, rate=RATE):
    """|H|^2 by the definition."""
    order, corner, btype = PAPER[kind]
    ratio = np.tan(np.pi * np.asarray(f, dtype=np.float64) / rate) / math.tan(math.pi * corner / 2)
    with np.errstate(divide="ignore"):
        return 1 / (1 + (ratio if btype == "low" else 1 / ratio) ** (2 * order))


def by_hand(kind, x):
    """The filter's difference equation, one sample after the other, from poles worked out here."""
    order, corner, btype = PAPER[kind]
    w = math.tan(math.pi * corner / 2)
    poles = [w * cmath.exp(1j * math.pi * (2 * k + order + 1) / (2 * order)) for k in range(order)]
    a = np.poly([(1 + p) / (1 - p) for p in poles]).real
    zero, at = (-1, 1) if btype == "low" else (1, -1)  # the gain is 1 at 0 Hz, or at Nyquist
    b = np.poly([zero] * order)
    b = b * (np.polyval(a, at) / np.polyval(b, at))
    past, out = [0.0] * (order + 1), []
    for v in x:
        past = [float(v), *past[:-1]]
        y = sum(bi * xi for bi, xi in zip(b, past, strict=True))
        y -= sum(a[i] * out[-i] for i in range(1, order + 1) if len(out) >= i)
        out.append(y)
    return np.array(out)


@pytest.mark.parametrize("kind", PAPER)
def test_the_first_numbers_are_frozen(kind):
    for channel in [0, 1]:
        found = filtered(*PAPER[kind], draws(kind), 5.0, channel, 3, RATE)
        assert found == pytest.approx(FROZEN[kind, channel], rel=1e-9)


@pytest.mark.parametrize("kind", PAPER)
def test_noise_is_white_noise_through_the_difference_equation_from_rest(kind):
    n = 3000
    noise = filtered(*PAPER[kind], draws(kind), 5.0, 1, n, RATE)
    assert noise == pytest.approx(by_hand(kind, draws(kind).normal(5.0, 1, n)), abs=1e-9)


@pytest.mark.parametrize("kind", PAPER)
def test_what_is_placed_is_that_filter_at_the_level(kind):
    n = 3000
    clean = np.full((2, 40_000), 0.1, np.float32)
    where = [samples(10_000, 10_000 + n)]
    audio = MODULES[kind].corrupt(heard(clean), where, draws(kind), Options(level=-26.0)).audio[:, 10_000 : 10_000 + n]
    x = np.array([by_hand(kind, draws(kind).normal(10_000 / RATE, c, n)) for c in [0, 1]])
    assert audio == pytest.approx(x * (10 ** (-26 / 20) / math.sqrt((x * x).mean())), abs=1e-6)
    assert db(audio) == pytest.approx(-26, abs=1e-4)


@pytest.mark.parametrize("kind", PAPER)
@pytest.mark.parametrize("rate", [32_000, 48_000])
def test_the_spectrum_is_the_definitions(kind, rate):
    """Welch's mean of M periodograms over |H|^2: its standard error is 1/sqrt(M) of it (neighbours share a window)."""
    size, m = 512, 3000
    x = filtered(*PAPER[kind], draws(kind), 5.0, 0, size * m, rate).reshape(m, size) * np.hanning(size)
    power = (np.abs(np.fft.rfft(x)) ** 2).mean(0) / (np.hanning(size) ** 2).sum()
    f = np.fft.rfftfreq(size, 1 / rate)
    expected = power_at(kind, f, rate)
    seen = (expected > 1e-3) & (f > 2 * rate / size) & (f < rate / 2 - 2 * rate / size)
    assert seen.sum() > 80
    assert np.abs(power[seen] / expected[seen] - 1).max() < 5.5 / math.sqrt(m)


@pytest.mark.parametrize(("kind", "corner"), [("paper_pink", 3200), ("paper_brown", 1600), ("paper_blue", 8000)])
def test_corners_at_32_khz(kind, corner):
    """Where half the power is left."""
    assert power_at(kind, corner) == pytest.approx(0.5)
    octave = power_at(kind, corner / 2) if kind == "paper_blue" else power_at(kind, corner * 2)
    assert octave < 0.25


@pytest.mark.parametrize(("kind", "true", "own"), [("paper_pink", -1, 0), ("paper_brown", -2, 0), ("paper_blue", 1, 2)])
def test_below_their_corner_they_are_not_the_colours_that_they_are_named_after(kind, true, own):
    size, m = 2048, 400
    x = filtered(*PAPER[kind], draws(kind), 5.0, 0, size * m, RATE).reshape(m, size) * np.hanning(size)
    power, f = (np.abs(np.fft.rfft(x)) ** 2).mean(0), np.fft.rfftfreq(size, 1 / RATE)
    below = (f > 60) & (f < PAPER[kind][1] * RATE / 2 / 4)
    slope = np.polyfit(np.log(f[below]), np.log(power[below]), 1)[0]
    assert slope == pytest.approx(own, abs=0.15)
    assert abs(slope - true) > 0.8


@pytest.mark.parametrize("kind", PAPER)
def test_shorter_is_the_beginning_of_longer(kind):
    long = filtered(*PAPER[kind], draws(kind), 5.0, 0, 10_000, RATE)
    for n in [1, 2, 639, 9999]:
        assert filtered(*PAPER[kind], draws(kind), 5.0, 0, n, RATE).tobytes() == long[:n].tobytes()


@pytest.mark.parametrize("kind", PAPER)
def test_no_autocorrelation_peak_beyond_chance(kind):
    """After whitening by the definition, below 0.9 of Nyquist; at lags where that band's edge doesn't ring."""
    n = 30 * RATE
    x = np.fft.rfft(filtered(*PAPER[kind], draws(kind), 5.0, 0, n, RATE))
    f = np.fft.rfftfreq(n, 1 / RATE)
    band = (f > 100) & (f < 0.45 * RATE)
    white = np.fft.irfft(np.where(band, x / np.sqrt(np.where(band, power_at(kind, f), 1)), 0), n)
    r = np.fft.irfft(np.abs(np.fft.rfft(white / white.std(), 2 * n)) ** 2)[: n - RATE]
    assert np.abs(r / np.sqrt(n - np.arange(len(r))))[2000:].max() < 7.1
