"""Other music: whose it is, where it stands, how loud."""

import math
from dataclasses import replace

import hearing
import numpy as np
import promises
import pytest

from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise import other
from noiseprobe.noise.base import CannotCorrupt

YAML = {"song": "other", "level": "match", "fade": 0.0}


def donor(channels=1, song="other", samples=promises.N):
    return hearing.others(song, samples, channels, hearing.RATE)[1].astype(float)


def corrupted(places, audio=None, found=None, **keys):
    """With a donor of one's own."""
    clip = promises.heard() if audio is None else hearing.heard(audio)
    if found is not None:
        clip = replace(clip, others=lambda song, samples: (f"{song}.wav#0.0", found))
    return other.corrupt(clip, promises.spans(places), hearing.draws("other"), other.Options(**keys))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("keys", [{"level": None}, {"level": None, "fade": 0.02, "song": "same"}, {"fade": 0.01}])
@pytest.mark.parametrize("places", [p for p in promises.PLACES if p != [(0, 1)]])
def test_samples_outside_the_spans_are_the_clean_ones(places, keys, channels):
    found = promises.keeps_samples(other, places, channels, **keys)
    assert found.measured.other == f"jazz/{keys.get('song', 'other')}.wav#0.0"


@pytest.mark.parametrize("level", ["match", None])
def test_length_0_changes_nothing_and_asks_for_no_other_clip(level):
    promises.leaves_length_0(other, level=level)

    def none(song, samples):
        raise CannotCorrupt("none")

    clip = replace(promises.heard(), others=none)
    spans = promises.spans([(3200, 3200)])
    assert other.corrupt(clip, spans, hearing.draws("other"), other.Options()).measured.other is None
    with pytest.raises(CannotCorrupt, match=r"^none$"):
        other.corrupt(clip, promises.spans([(3200, 3201)]), hearing.draws("other"), other.Options())


@pytest.mark.parametrize("song", ["same", "other"])
@pytest.mark.parametrize("channels", [1, 2])
def test_as_it_is_it_is_the_other_clip_at_the_same_place(channels, song):
    places = [(16_000, 19_201), (22_222, 30_000)]
    found = promises.corrupted(other, places, channels, song=song, level=None)
    expected = donor(channels, song, 30_000)
    for a, b in places:
        assert found.audio[:, a:b].tolist() == expected[:, a:b].tolist()
    m = found.measured
    assert m.level_db is None
    assert m.noise_db == pytest.approx(hearing.db(*(expected[:, a:b] for a, b in places)))


def test_it_is_asked_for_as_much_as_the_last_span_needs():
    asked = []

    def others(song, samples):
        asked.append((song, samples))
        return "x", np.ones((1, samples), dtype=np.float32)

    clip = replace(promises.heard(), others=others)
    for places in [[(0, 100)], [(5, 10), (300, 5000)], [(5, 10), (300, 300)]]:
        other.corrupt(clip, promises.spans(places), hearing.draws("other"), other.Options(song="same"))
    assert asked == [("same", 100), ("same", 5000), ("same", 10)]


@pytest.mark.parametrize("channels", [1, 2])
def test_each_span_is_as_loud_as_what_it_replaces(channels):
    places = [(8000, 12_000), (22_222, 30_000)]
    found = promises.corrupted(other, places, channels)
    clean, given = promises.heard(channels).audio, donor(channels, samples=30_000)
    for a, b in places:
        assert hearing.db(found.audio[:, a:b]) == pytest.approx(hearing.db(clean[:, a:b]), abs=1e-5)
        ratio = found.audio[:, a:b].astype(float) / given[:, a:b]
        assert ratio == pytest.approx(np.full_like(ratio, ratio[0, 0]), rel=1e-5)
    m = found.measured
    assert m.level_db == m.music_db == pytest.approx(m.noise_db, abs=1e-5)
    assert m.music_db == pytest.approx(hearing.db(*(clean[:, a:b] for a, b in places)))


def test_a_fade_crosses_with_the_music_and_keeps_the_power():
    clean, given = promises.heard().audio[0].astype(float), donor(samples=20_000)[0]
    found = corrupted([(16_000, 20_000)], level=None, fade=0.01).audio[0]
    for i in range(4000):
        p = min(i + 0.5, 4000 - i - 0.5, 320) / 320 * math.pi / 2
        expected = given[16_000 + i] * math.sin(p) + clean[16_000 + i] * math.cos(p)
        assert found[16_000 + i] == pytest.approx(expected, abs=1e-6)
    whole = corrupted([(0, promises.N)], level=None, fade=0.5).audio[0]
    assert whole.tolist() == donor()[0, : promises.N].tolist()  # no seams


def test_a_silent_other_clip_cant_be_matched():
    quiet = donor(samples=30_000)
    quiet[:, 8000:12_000] = 0
    with pytest.raises(CannotCorrupt, match=r"^the other clip, other.wav#0.0, is silent where this one isn't"):
        corrupted([(1000, 2000), (8000, 12_000)], found=quiet)
    found = corrupted([(8000, 12_000)], found=quiet, level=None)
    assert not found.audio[:, 8000:12_000].any()
    assert found.measured.noise_db is None
    quiet[:, 9000] = 1e-7
    with pytest.raises(CannotCorrupt, match="more than 60 dB softer than this one there"):
        corrupted([(8000, 12_000)], found=quiet)


def test_silent_music_stays_silent_under_match():
    silent = promises.heard().audio.copy()
    silent[:, 8000:12_000] = 0
    found = corrupted([(8000, 12_000)], silent)
    assert found.audio.tobytes() == silent.tobytes()
    m = found.measured
    assert (m.level_db, m.noise_db, m.music_db, m.other) == (None, None, None, "jazz/other.wav#0.0")
    both = corrupted([(8000, 12_000), (20_000, 21_000)], silent).measured
    assert both.level_db is None  # one of them has none
    assert both.noise_db is not None
    assert corrupted([(8000, 12_000)], silent, level=None).audio[:, 8000:12_000].any()


def test_nothing_is_drawn_here():
    clip = promises.heard()
    spans = promises.spans([(8000, 12_000)])
    assert other.corrupt(clip, spans, None, other.Options()).audio is not None


def test_the_level_in_text():
    assert other.Options().level_key == "match"
    assert other.Options(level=None).level_key is None


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"song": "mine"}, "noise.song: got mine, expected one of same, other"),
        ({"level": -20}, "noise.level: got -20, expected one of match or null (as it is)"),
        ({"fade": -1}, "noise.fade: got -1, expected a number of at least 0 and of at most 1"),
    ],
)
def test_wrong_values_are_refused(keys, line):
    with pytest.raises(NoiseprobeError) as error:
        other.options(YAML | keys)
    assert str(error.value) == line


def test_the_keys_of_the_yaml_are_the_defaults():
    assert other.options(YAML) == other.Options()
