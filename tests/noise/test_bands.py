"""Bands: what is deleted is gone, everything else is there, and where the bands lie.

An impulse in the middle of a piece shows the filter itself: clean minus corrupted is its response.
"""

import hearing
import numpy as np
import promises
import pytest
from scipy import signal

from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise import bands
from noiseprobe.noise.base import CannotCorrupt

YAML = {"piece": 0.5, "count": 1, "width": 1.0, "low_hz": None, "high_hz": None, "fade": 0.01}
RATE = hearing.RATE


def corrupted(audio, places, seed=0, rate=RATE, **keys):
    clip = hearing.heard(np.atleast_2d(audio).astype(np.float32), rate)
    found = bands.corrupt(clip, promises.spans(places), hearing.draws("bands", seed), bands.Options(**keys))
    return found.audio.astype(float)


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, n).astype(np.float32)


def response(at, places, n=96_000, seed=0, **keys):
    """The share of each frequency that is deleted around sample `at`: frequencies and shares; one number a Hz."""
    impulse = np.zeros(n)
    impulse[at] = 1
    deleted = impulse - corrupted(impulse, places, seed, **keys)[0]
    return np.abs(np.fft.rfft(deleted, RATE * 3))[::3]


def edges(at, places, **keys):
    """Where the deleted bands begin and end, by where half the amplitude is gone."""
    gone = response(at, places, **keys) > 0.5
    steps = np.flatnonzero(np.diff(gone.astype(int)))
    return steps.tolist()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("keys", [{}, {"low_hz": 500.0, "high_hz": 2000.0}, {"piece": 0.02, "count": 3, "fade": 0.0}])
@pytest.mark.parametrize("places", promises.PLACES)
def test_samples_outside_the_spans_are_the_clean_ones(places, keys, channels):
    promises.keeps_samples(bands, places, channels, **keys)


@pytest.mark.parametrize("keys", [{}, {"low_hz": 500.0}])
def test_length_0_changes_nothing(keys):
    promises.leaves_length_0(bands, **keys)


def test_channels_lose_the_same_bands():
    promises.channels_alone(bands, [(3200, 40_000)], count=2)


def spectrum(x):
    """Power in dB at each Hz / 8; leaks less than 90 dB."""
    f, power = signal.welch(x, RATE, window="blackmanharris", nperseg=RATE // 8, detrend=False)
    return f, 10 * np.log10(power)


@pytest.mark.parametrize("band", [(1000, 2000), (200, 250), (5000, 9000), (None, 400), (6000, None)])
def test_a_band_is_gone_and_all_else_is_there(band):
    low, high = band
    music = noise(4 * RATE)
    found = corrupted(music, [(RATE, 3 * RATE)], low_hz=low, high_hz=high)[0]
    middle = slice(RATE + 3200, 3 * RATE - 3200)
    f, before = spectrum(music[middle])
    change = spectrum(found[middle])[1] - before
    low, high = low or 0, high or RATE / 2
    # the window blurs by four bins of 8 Hz
    within = (f >= low + 32 * (low > 0)) & (f <= high - 32 * (high < RATE / 2))
    assert within.any() or high - low < 64
    assert (change[within] < -55).all()
    beyond = (f <= low - 40 - 32) | (f >= high + 40 + 32)
    assert beyond.any()
    assert np.abs(change[beyond]).max() < 0.1
    # and at the places where it stood next to the span, to the bit, nothing happened
    assert found[:RATE].tolist() == music[:RATE].tolist()


def test_a_tone_is_deleted_at_once_and_comes_back_at_once():
    t = np.arange(3 * RATE) / RATE
    tone = 0.5 * np.sin(2 * np.pi * 1500 * t)
    found = corrupted(tone, [(RATE, 2 * RATE)], low_hz=1000, high_hz=2000)[0]
    assert np.abs(found[RATE + 320 : 2 * RATE - 320]).max() < 0.5e-3
    assert np.abs(found[RATE : RATE + 320]).max() < 0.51
    up = np.sin((np.arange(320) + 0.5) / 320 * np.pi / 2) ** 2  # the fade, by hand
    assert found[RATE : RATE + 320] == pytest.approx(tone[RATE : RATE + 320] * (1 - up), abs=1e-3)


def test_what_has_nothing_in_the_band_is_as_it_was():
    t = np.arange(3 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 5000 * t)).astype(np.float32)
    found = corrupted(tone, [(RATE, 2 * RATE)], low_hz=1000, high_hz=2000)[0]
    assert np.abs(found - tone).max() < 0.5e-3
    silence = np.zeros(3 * RATE)
    assert not corrupted(silence, [(RATE, 2 * RATE)], low_hz=1000, high_hz=2000).any()


def test_nothing_is_left_where_the_whole_spectrum_is_deleted():
    found = corrupted(noise(RATE), [(3200, 28_800)], low_hz=1.0, fade=0.0)[0]
    assert not found[3200:28_800].any()


def test_the_filter_has_no_delay():
    impulse = np.zeros(64_000)
    impulse[30_000] = 1
    deleted = impulse - corrupted(impulse, [(16_000, 48_000)], low_hz=1000, high_hz=3000)[0]
    assert np.abs(deleted).argmax() == 30_000
    assert deleted[30_000 - 2000 : 30_000] == pytest.approx(deleted[30_001:32_001][::-1], abs=1e-7)
    assert np.abs(deleted[: 30_000 - 1452]).max() < 1e-12  # 45 ms
    assert np.abs(deleted[30_000 - 1440 : 30_000 - 1000]).max() > 1e-6


def drawn(seed, width):
    """The edges of the band of one piece, by where half the amplitude is gone; None at 0 and at Nyquist."""
    gone = response(8000, [(0, 16_000)], n=16_000, seed=seed, width=width) > 0.5
    hz = np.flatnonzero(gone)
    assert len(hz) == hz[-1] - hz[0] + 1
    return None if gone[0] else hz[0] + 20, None if gone[-1] else hz[-1] - 20


def test_drawn_bands_are_log_uniform_and_of_the_width():
    begins = []
    for seed in range(150):
        low, high = drawn(seed, width=1.0)
        if None not in [low, high]:
            assert high - 2 * low == pytest.approx(0, abs=4)  # whole Hz
        begins.append(np.log2((high / 2 if low is None else low) / 20))
    top = np.log2(16_000 / 20) - 1
    begins = np.array(begins) / top
    assert begins.min() > -0.01
    assert begins.max() < 1.001
    # uniform from 0 to 1: mean within five standard errors, 1/sqrt(12 n); and every tenth has some of 150
    assert begins.mean() == pytest.approx(0.5, abs=5 / np.sqrt(12 * 150))
    assert np.histogram(begins, 10, (-0.01, 1.001))[0].min() >= 4


def test_each_piece_has_bands_of_its_own_and_a_longer_span_begins_with_a_shorter_one():
    keys = {"piece": 0.5, "n": 96_000, "seed": 3}
    seen = [tuple(edges(at, [(16_000, 80_000)], **keys)) for at in range(24_000, 80_000, 16_000)]
    assert len(set(seen)) == 4
    for i, stop in enumerate([32_000, 48_000]):
        assert tuple(edges(24_000 + 16_000 * i, [(16_000, stop)], **keys)) == seen[i]
    assert tuple(edges(24_000, [(16_001, 80_000)], **keys)) != seen[0]  # another onset
    music = noise(96_000)
    short, long = (corrupted(music, [(16_000, stop)])[0] for stop in [50_000, 80_000])
    assert short[: 50_000 - 320] == pytest.approx(long[: 50_000 - 320], abs=1e-7)
    assert np.abs(short - long)[50_000:].max() > 0.01


def test_count_is_how_many_bands_are_drawn():
    most = 0
    for seed in range(20):
        found = edges(8000, [(0, 16_000)], n=16_000, seed=seed, piece=0.5, count=4, width=0.25)
        one = edges(8000, [(0, 16_000)], n=16_000, seed=seed, piece=0.5, count=1, width=0.25)
        assert len(found) <= 8
        most = max(most, len(found))
        gone = response(8000, [(0, 16_000)], n=16_000, seed=seed, piece=0.5, count=4, width=0.25)
        assert gone.max() < 1.01  # where bands overlap they aren't deleted twice
        middle = round(np.mean(one)) if len(one) == 2 else 0
        assert gone[middle] > 0.98  # the first of four is the only one of one
    assert most == 8


def test_pieces_go_over_into_each_other():
    """Every sample is the music without a mix of the two pieces' bands: with the same band in both there's no seam."""
    music = noise(64_000)
    whole = corrupted(music, [(0, 64_000)], low_hz=1000, high_hz=2000)[0]
    clip = hearing.heard(music[None])

    class Same:
        def state(self, onset, what):
            return self

        def uniform(self, low, high):
            return float(np.log2(1000 / 20))

    cut = bands.corrupt(clip, promises.spans([(0, 64_000)]), Same(), bands.Options(piece=0.1)).audio[0]
    assert cut == pytest.approx(whole, abs=1e-6)


def test_a_rate_too_low_for_the_bands_is_rejected():
    clip = hearing.heard(noise(4000)[None], rate=400, hop=8)
    with pytest.raises(CannotCorrupt, match="no band of 8 octaves lies between 20 and 200 Hz"):
        bands.corrupt(clip, promises.spans([(0, 400)]), hearing.draws("bands"), bands.Options(width=8))
    with pytest.raises(CannotCorrupt, match="low_hz, 300 Hz, is above all that the model hears: 200 Hz"):
        bands.corrupt(clip, promises.spans([(0, 400)]), hearing.draws("bands"), bands.Options(low_hz=300))


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"piece": 31}, "noise.piece: got 31, expected a number of at least 0.02 and of at most 30"),
        ({"count": 0}, "noise.count: got 0, expected a whole number of at least 1"),
        ({"count": 1.5}, "noise.count: got 1.5, expected a whole number of at least 1"),
        ({"width": 9}, "noise.width: got 9, expected a number of at least 0.05 and of at most 8"),
        ({"low_hz": 0}, "noise.low_hz: got 0, expected a number above 0 and of at most 20000"),
        ({"low_hz": 400, "high_hz": 400}, "noise.high_hz: got 400, expected more than noise.low_hz (400), or null"),
        ({"low_hz": 400, "count": 2}, "noise.count: got 2, expected its default, 1, while noise.low_hz or noise.high_"),
        ({"high_hz": 400, "width": 2}, "noise.width: got 2.0, expected its default, 1.0, while noise.low_hz or noise"),
        ({"high_hz": 400, "piece": 2}, "noise.piece: got 2.0, expected its default, 0.5, while noise.low_hz or noise"),
        ({"fade": "no"}, "noise.fade: got no, expected a number of at least 0 and of at most 1"),
    ],
)
def test_wrong_values_are_refused(keys, line):
    with pytest.raises(NoiseprobeError) as error:
        bands.options(YAML | keys)
    assert str(error.value).startswith(line)


def test_the_keys_of_the_yaml_are_the_defaults():
    assert bands.options(YAML) == bands.Options()
