"""The phase vocoder: pitch, level and time of signals that are known."""

import hearing
import numpy as np
import pytest

from noiseprobe.noise.tools.stretch import around, stretched

RATE = 32_000


def tone(hz, seconds=3.0, level=0.3):
    t = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * hz * t))[None].astype(np.float32)


def frequency(x):
    """Of the strongest component, Hz, to 0.02 Hz."""
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x)), 1 << 21))
    return spectrum.argmax() * RATE / (1 << 21)


@pytest.mark.parametrize("rate", [0.25, 0.5, 0.8, 1.25, 2.0, 4.0])
@pytest.mark.parametrize("hz", [110.0, 440.0, 5000.0])
def test_a_tone_keeps_pitch_and_level(rate, hz):
    n = min(round(1.0 / rate * RATE), 64_000)
    found = stretched(tone(hz, 8), RATE, rate, n, RATE)
    assert found.shape == (1, n)
    assert frequency(found[0]) == pytest.approx(hz, rel=5e-3 if n < 16_000 else 1e-3)
    assert np.sqrt(np.mean(found**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.25, 2.0])
@pytest.mark.parametrize("hz", [500.0, 5000.0])
def test_time_passes_at_the_rate(rate, hz):
    """Bursts of 20 ms have their middle where it belongs, within 1 ms."""
    t = np.arange(6 * RATE) / RATE
    for centre in [1.3, 1.731, 2.6]:
        burst = tone(hz, 6) * np.exp(-(((t - centre) / 0.01) ** 2))
        power = stretched(burst, RATE, rate, round(2 / rate * RATE), RATE)[0] ** 2
        at = np.arange(len(power)) / RATE
        assert (at * power).sum() / power.sum() == pytest.approx((centre - 1) / rate, abs=0.001)


@pytest.mark.parametrize(("rate", "lost"), [(0.5, 0.5), (0.8, 0.25), (0.9, 0.25), (1.25, 0.4), (2.0, 0.8)])
def test_music_keeps_its_level_and_its_spectrum_at_each_time(rate, lost):
    """Where bins come apart, more than 1 dB is lost and spectra differ by more than a third."""
    audio = hearing.music(1, 6.0)
    n = round(4 / rate * RATE)
    found = stretched(audio, RATE, rate, n, RATE)[0]
    assert -lost < hearing.db(found) - hearing.db(audio[:, RATE : 5 * RATE]) < 0.1
    hann, at = np.hanning(1024), np.arange(1024, n - 1024, 500)

    def spectra(x, places):
        return np.abs([np.fft.rfft(x[i - 512 : i + 512] * hann) for i in places])

    there, here = spectra(audio[0], RATE + np.round(at * rate).astype(int)), spectra(found, at)
    assert ((here - there) ** 2).sum() / (there**2).sum() < 0.1


@pytest.mark.parametrize("rate", [0.5, 0.9, 1.25, 2.0])
@pytest.mark.parametrize("hz", [0.0, 0.5, 4.0])
def test_what_is_slower_than_a_window_stays(rate, hz):
    t = np.arange(6 * RATE) / RATE
    found = stretched(0.3 * np.cos(2 * np.pi * hz * t)[None], RATE, rate, round(4 / rate * RATE), RATE)[0]
    expected = 0.3 * np.cos(2 * np.pi * hz * (1 + np.arange(len(found)) / RATE * rate))
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.06


def test_silence_stays_silent_and_begins_and_ends():
    audio = np.random.default_rng(0).normal(0, 0.1, (1, 2 * RATE))
    audio[:, 16_000:48_000] = 0
    found = stretched(audio, 0, 1.25, 51_000, RATE)[0]
    assert np.abs(found[12_800 + 2048 : 38_400 - 2048]).max() < 1e-9
    assert found[: 12_800 - 1024].std() > 0.08
    assert found[38_400 + 1024 :].std() > 0.08


def test_at_rate_1_it_is_the_music():
    audio = np.random.default_rng(0).normal(0, 0.1, (2, RATE))
    assert stretched(audio, 5000, 1.0, 9000, RATE) == pytest.approx(audio[:, 5000:14_000], abs=1e-9)


@pytest.mark.parametrize("rate", [0.8, 1.25, 3.0])
def test_it_goes_on_from_the_music_before_it(rate):
    audio = tone(440.0) + tone(1234.0)
    found = stretched(audio, 20_000, rate, 4000, RATE)
    assert found[:, :64] == pytest.approx(audio[:, 20_000:20_064], abs=0.02)


@pytest.mark.parametrize("rate", [0.3, 0.8, 1.25, 3.3])
def test_shorter_is_the_beginning_of_longer(rate):
    audio = np.random.default_rng(0).normal(0, 0.1, (1, 3 * RATE))
    longest = stretched(audio, 5000, rate, 20_000, RATE)
    for n in [1, 2, 511, 512, 513, 2048, 10_000]:
        assert stretched(audio, 5000, rate, n, RATE) == pytest.approx(longest[:, :n], abs=1e-12)


def test_channels_are_stretched_alone_and_alike():
    audio = np.random.default_rng(0).normal(0, 0.1, (2, RATE))
    both = stretched(audio, 5000, 1.25, 9000, RATE)
    for c in range(2):
        assert stretched(audio[c : c + 1], 5000, 1.25, 9000, RATE).tobytes() == both[c : c + 1].tobytes()


@pytest.mark.parametrize("rate", [400, 8000, 44_100])  # 64 ms are 32, 512 and 2048 samples at the power of two nearest
def test_any_sample_rate(rate):
    audio = np.random.default_rng(0).normal(0, 0.1, (1, 2 * rate))
    assert stretched(audio, rate // 2, 1.0, rate, rate) == pytest.approx(audio[:, rate // 2 : rate // 2 + rate])


def test_beyond_the_clip_is_silence():
    audio = np.arange(1.0, 6.0)[None]
    assert around(audio, -2, 4).tolist() == [[0, 0, 1, 2]]
    assert around(audio, 3, 4).tolist() == [[4, 5, 0, 0]]
    assert around(audio, -1, 8).tolist() == [[0, 1, 2, 3, 4, 5, 0, 0]]
    assert around(audio, -5, 4).tolist() == [[0, 0, 0, 0]]
    assert around(audio, 7, 2).tolist() == [[0, 0]]
