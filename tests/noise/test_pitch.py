"""Pitch: frequency, level and time of signals that are known."""

from fractions import Fraction

import hearing
import numpy as np
import promises
import pytest

from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise import pitch

RATE = hearing.RATE


def tone(hz, seconds=3.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * hz * t))[None].astype(np.float32)


def corrupted(audio, start, stop, **keys):
    clip = hearing.heard(audio.astype(np.float32))
    return pitch.corrupt(clip, promises.spans([(start, stop)]), hearing.draws("pitch"), pitch.Options(**keys)).audio


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("keys", [{}, {"semitones": -7.0, "fade": 0.0}, {"semitones": 24.0, "fade": 1.0}])
@pytest.mark.parametrize("places", promises.PLACES)
def test_samples_outside_the_spans_are_the_clean_ones(places, keys, channels):
    promises.keeps_samples(pitch, places, channels, **keys)


def test_length_0_changes_nothing():
    promises.leaves_length_0(pitch)


def test_channels_are_shifted_alone():
    promises.channels_alone(pitch, [(3200, 40_000)])


@pytest.mark.parametrize("semitones", [12, -12, 7, 2, -1, 0.5, -24, 24])
@pytest.mark.parametrize("hz", [440.0, 1000.0])
def test_a_tone_is_shifted_and_keeps_its_level(hz, semitones):
    middle = corrupted(tone(hz), 16_000, 80_000, semitones=semitones)[0, 20_000:76_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 20))
    found = spectrum.argmax() * RATE / (1 << 20)
    assert found == pytest.approx(hz * 2 ** (semitones / 12), rel=3e-4)
    assert hearing.db(middle) == pytest.approx(20 * np.log10(0.3 / np.sqrt(2)), abs=0.05)
    beside = np.abs(np.arange(len(spectrum)) * RATE / (1 << 20) - found) > 20
    assert 10 * np.log10((spectrum[beside] ** 2).sum() / (spectrum**2).sum()) < -60


def test_the_ratio_is_near_enough():
    for tenth in range(-240, 241):
        ratio = Fraction(2 ** (tenth / 120)).limit_denominator(pitch.DENOMINATOR)
        assert abs(1200 * np.log2(float(ratio)) - tenth * 10) < 0.03  # cent


@pytest.mark.parametrize("semitones", [-5, 3, 12])
def test_what_stands_at_a_place_stood_there_before(semitones):
    """A tone that gets louder at 1.5 s and softer at 2 s does so there, to less than half a frame of the codec."""
    t = np.arange(3 * RATE) / RATE
    shape = 0.3 + 0.7 / (1 + np.exp(-(t - 1.5) / 0.005)) - 0.7 / (1 + np.exp(-(t - 2.0) / 0.005))
    found = corrupted(tone(2000.0) * shape, 16_000, 80_000, semitones=semitones)[0].astype(float)
    loud = np.sqrt(np.convolve(found**2, np.ones(320) / 320, "same")) > 0.3 * 0.65 / np.sqrt(2)
    at = np.flatnonzero(np.diff(loud[20_000:76_000].astype(int))) + 20_000
    assert at[0] / RATE == pytest.approx(1.5, abs=0.01)
    assert at[-1] / RATE == pytest.approx(2.0, abs=0.01)


def test_a_shorter_span_is_the_beginning_of_a_longer_one():
    short, long = (corrupted(hearing.music(2), 16_000, stop, semitones=3.0) for stop in [30_000, 80_000])
    assert short[:, : 30_000 - 320] == pytest.approx(long[:, : 30_000 - 320], abs=1e-6)


def test_seams_are_crossfaded_with_the_music():
    clean = hearing.music(1)
    hard, soft = (corrupted(clean, 16_000, 80_000, semitones=3.0, fade=fade)[0] for fade in [0.0, 0.01])
    assert soft[16_320:79_680].tolist() == hard[16_320:79_680].tolist()
    up = np.sin((np.arange(320) + 0.5) / 320 * np.pi / 2)
    down = np.cos((np.arange(320) + 0.5) / 320 * np.pi / 2)
    music = clean[0].astype(float)
    assert soft[16_000:16_320] == pytest.approx(up * hard[16_000:16_320] + down * music[16_000:16_320], abs=1e-6)
    assert soft[79_680:80_000] == pytest.approx(down * hard[79_680:80_000] + up * music[79_680:80_000], abs=1e-6)


def test_no_shift_is_a_control():
    clean = hearing.music(2)
    assert corrupted(clean, 16_000, 80_000, semitones=0.0).tobytes() == clean.tobytes()


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"semitones": 25}, "noise.semitones: got 25, expected a number of at least -24 and of at most 24"),
        ({"semitones": None}, "noise.semitones: got null, expected a number"),
        ({"semitones": [1, 2]}, "noise.semitones: got [1, 2], expected a number"),
        ({"fade": -1}, "noise.fade: got -1, expected a number of at least 0 and of at most 1"),
    ],
)
def test_wrong_values_are_refused(keys, line):
    with pytest.raises(NoiseprobeError) as error:
        pitch.options({"semitones": 2, "fade": 0.01} | keys)
    assert str(error.value).startswith(line)


def test_the_keys_of_the_yaml_are_the_defaults():
    assert pitch.options({"semitones": 2, "fade": 0.01}) == pitch.Options()
