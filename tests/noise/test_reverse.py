"""Reverse: the last sample first."""

import math

import promises
import pytest

from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise import reverse


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("fade", [0.0, 0.01])
@pytest.mark.parametrize("places", promises.PLACES)
def test_samples_outside_the_spans_are_the_clean_ones(places, fade, channels):
    promises.keeps_samples(reverse, places, channels, fade=fade)


def test_length_0_changes_nothing():
    promises.leaves_length_0(reverse, fade=0.01)


@pytest.mark.parametrize("places", promises.PLACES)
def test_each_span_is_read_from_its_end(places):
    found = promises.corrupted(reverse, places, 2)
    clean = promises.heard(2).audio
    for start, stop in places:
        for c in range(2):
            assert found.audio[c, start:stop].tolist() == list(reversed(clean[c, start:stop].tolist()))
    assert found.measured.noise_db == pytest.approx(found.measured.music_db, abs=1e-9)  # the same samples


def test_twice_is_the_music_again():
    clip = promises.heard(2)
    once = promises.corrupted(reverse, [(16_000, 22_000)], 2).audio
    again = reverse.corrupt(
        type(clip)(clip.clip, once, clip.sample_rate, clip.hop, clip.others),
        promises.spans([(16_000, 22_000)]), None, reverse.Options(),
    )  # fmt: skip
    assert again.audio.tobytes() == clip.audio.tobytes()


def test_a_fade_crosses_with_the_music_and_keeps_the_power():
    clean = promises.heard().audio[0].astype(float)
    found = promises.corrupted(reverse, [(16_000, 17_001)], fade=0.01).audio[0]
    for i in range(1001):
        p = min(i + 0.5, 1001 - i - 0.5, 320) / 320 * math.pi / 2
        expected = clean[17_000 - i] * math.sin(p) + clean[16_000 + i] * math.cos(p)
        assert found[16_000 + i] == pytest.approx(expected, abs=1e-7)


def test_the_clips_own_ends_have_no_fade():
    clean, n = promises.heard().audio[0], promises.N
    assert promises.corrupted(reverse, [(0, n)], fade=0.5).audio[0].tolist() == clean[::-1].tolist()
    assert promises.corrupted(reverse, [(0, 2000)], fade=0.01).audio[0, 0] == clean[1999]
    assert promises.corrupted(reverse, [(n - 2000, n)], fade=0.01).audio[0, -1] == clean[n - 2000]


def test_wrong_values_are_refused():
    with pytest.raises(NoiseprobeError, match=r"^noise.fade: got -1, expected a number of at least 0"):
        reverse.options({"fade": -1})
    assert reverse.options({"fade": 0}) == reverse.Options()
