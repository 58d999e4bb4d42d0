"""Silence: zeros, and fades inside the span."""

import math

import hearing
import numpy as np
import promises
import pytest

from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise import silence


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("fade", [0.0, 0.01])
@pytest.mark.parametrize("places", promises.PLACES)
def test_samples_outside_the_spans_are_the_clean_ones(places, fade, channels):
    promises.keeps_samples(silence, places, channels, fade=fade)


def test_length_0_changes_nothing():
    promises.leaves_length_0(silence, fade=0.01)


@pytest.mark.parametrize("places", promises.PLACES)
def test_the_span_is_zero(places):
    found = promises.corrupted(silence, places, 2)
    for start, stop in places:
        assert found.audio[:, start:stop].tobytes() == bytes(4 * 2 * (stop - start))  # not even -0.0
    clean = promises.heard(2).audio
    assert found.measured.noise_db is None
    music = [clean[:, a:b] for a, b in places]
    audible = any(x.any() for x in music)  # the first sample is 0
    assert found.measured.music_db == (pytest.approx(hearing.db(*music)) if audible else None)
    assert found.measured.over_full_scale == 0


def test_the_music_goes_and_comes_as_a_quarter_of_a_cosine():
    clean = promises.heard().audio[0]
    found = promises.corrupted(silence, [(16_000, 17_000)], fade=0.01).audio[0]
    for i in range(320):
        share = math.cos((i + 0.5) / 320 * math.pi / 2)
        assert found[16_000 + i] == pytest.approx(clean[16_000 + i] * share, abs=1e-7)
        assert found[16_999 - i] == pytest.approx(clean[16_999 - i] * share, abs=1e-7)
    assert not found[16_320:16_680].any()


def test_the_clips_own_ends_have_no_fade():
    n = promises.N
    for start, stop, silent in [(0, 1000, slice(0, 680)), (n - 1000, n, slice(n - 680, n)), (0, n, slice(0, n))]:
        assert not promises.corrupted(silence, [(start, stop)], fade=0.01).audio[:, silent].any()


def test_a_fade_is_at_most_half_the_span():
    clean = promises.heard().audio[0]
    found = promises.corrupted(silence, [(16_000, 16_100)], fade=1.0).audio[0]
    share = [math.cos((min(i, 99 - i) + 0.5) / 50 * math.pi / 2) for i in range(100)]
    assert found[16_000:16_100] == pytest.approx(clean[16_000:16_100] * np.array(share), abs=1e-7)


@pytest.mark.parametrize("value", [-0.1, 1.1, "x", None, True, float("nan")])
def test_wrong_fades_are_refused(value):
    with pytest.raises(
        NoiseprobeError, match=r"^noise.fade: got .*, expected a (finite )?number of at least 0 and of at most 1$"
    ):
        silence.options({"fade": value})


def test_the_keys_of_the_yaml_are_the_defaults():
    assert silence.options({"fade": 0}) == silence.Options()
