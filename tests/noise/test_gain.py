"""Gain: what is drawn, that it is what comes out, and that nothing clicks."""

import hearing
import numpy as np
import promises
import pytest

from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise import gain

YAML = {"piece": 0.5, "range_db": 12, "db": None, "fade": 0.01}


def gains(places, seed=0, n=64_000, **keys):
    """The gain at each sample, read off a clip of ones."""
    clip = hearing.heard(np.ones((1, n), dtype=np.float32))
    return gain.corrupt(clip, promises.spans(places), hearing.draws("gain", seed), gain.Options(**keys)).audio[0]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("keys", [{}, {"db": -6.0}, {"piece": 0.02, "fade": 0.0}, {"piece": 0.05, "fade": 1.0}])
@pytest.mark.parametrize("places", promises.PLACES)
def test_samples_outside_the_spans_are_the_clean_ones(places, keys, channels):
    promises.keeps_samples(gain, places, channels, **keys)


@pytest.mark.parametrize("keys", [{}, {"db": -6.0}])
def test_length_0_changes_nothing(keys):
    promises.leaves_length_0(gain, **keys)


def test_channels_get_the_same_gain():
    promises.channels_alone(gain, [(3200, 40_000)])
    both = np.stack([np.ones(64_000), np.full(64_000, 0.5)]).astype(np.float32)
    found = gain.corrupt(hearing.heard(both), promises.spans([(3200, 40_000)]), hearing.draws("gain"), gain.Options())
    assert found.audio[1] == pytest.approx(found.audio[0] / 2)


def test_each_piece_has_one_gain_of_its_own_within_the_range():
    found = gains([(8000, 40_000)], piece=0.1, range_db=6.0)
    middles = []
    for begin in range(8000, 40_000, 3200):
        flat = found[begin + 320 : begin + 3200 - (320 if begin == 36_800 else 0)]
        assert len(set(flat.tolist())) == 1
        middles.append(20 * np.log10(flat[0]))
    assert len(set(middles)) == 10
    assert max(map(abs, middles)) <= 6 + 1e-5


def test_gains_are_uniform_in_db():
    # Of n uniform numbers from -a to a the mean has the standard error a/sqrt(3n), the mean square (a^2/3) sqrt(0.8/n).
    db = 20 * np.log10([gains([(0, 640 * 20)], s, 16_000, piece=0.02, range_db=20.0, fade=0.0)[:12_800:640]
                        for s in range(60)]).ravel()  # fmt: skip
    assert len(set(db.tolist())) == 1200
    assert abs(db.mean()) < 5 * 20 / np.sqrt(3 * 1200)
    assert (db**2).mean() == pytest.approx(400 / 3, rel=5 * np.sqrt(0.8 / 1200))
    assert -20 <= db.min() < -19
    assert 19 < db.max() <= 20


def test_nothing_clicks():
    """From one gain to the next it goes no faster than a sine's square does, the ends and neighbours included."""
    found = gains([(8000, 40_000)], piece=0.1, range_db=12.0, fade=0.01).astype(float)
    step, largest = np.abs(np.diff(found)), found.max() - found.min()
    assert largest > 1
    assert step.max() <= max(largest, found.max() - 1) * np.pi / 2 / 320 * 1.001
    hard = gains([(8000, 40_000)], piece=0.1, range_db=12.0, fade=0.0).astype(float)
    assert np.abs(np.diff(hard)).max() > 20 * step.max()
    assert hard[8000:40_000:3200] == pytest.approx(found[9000:40_000:3200])


def test_a_longer_span_begins_with_a_shorter_one():
    long = gains([(8000, 40_000)], piece=0.1)
    for stop in [8100, 11_100, 12_000, 30_000]:
        short = gains([(8000, stop)], piece=0.1)
        assert short[: stop - 320].tolist() == long[: stop - 320].tolist()


def test_seed_and_onset_draw_anew():
    seen = [gains([(8000, 24_000)])[12_000], gains([(8000, 24_000)], seed=1)[12_000], gains([(8001, 24_000)])[12_000]]
    two = gains([(8000, 16_000), (24_000, 32_000)])
    assert len({*map(float, seen), float(two[28_000])}) == 4
    assert two[12_000] == seen[0]


@pytest.mark.parametrize("db", [-40.0, -6.0, 6.0])
def test_a_fixed_gain_holds_for_the_whole_span(db):
    found = gains([(8000, 60_000)], db=db)
    assert found[8320:59_680] == pytest.approx(10 ** (db / 20), rel=1e-6)
    assert abs(found[8000] - 1) < 1e-4
    assert abs(found[59_999] - 1) < 1e-4
    whole = gains([(0, 64_000)], db=db)
    assert whole == pytest.approx(10 ** (db / 20), rel=1e-6)


def test_levels_are_measured_and_full_scale_is_counted():
    found = promises.corrupted(gain, [(0, promises.N)], 2, db=40.0)
    assert found.measured.noise_db - found.measured.music_db == pytest.approx(40, abs=1e-5)
    assert found.measured.over_full_scale == sum(abs(v) > 1 for c in found.audio.tolist() for v in c) > 1000


def test_0_db_is_a_control():
    assert promises.corrupted(gain, [(100, 30_000)], db=0.0).audio.tobytes() == promises.heard().audio.tobytes()


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"piece": 0}, "noise.piece: got 0, expected a number of at least 0.02 and of at most 30"),
        ({"range_db": 0}, "noise.range_db: got 0, expected a number above 0 and of at most 100"),
        ({"db": "loud"}, "noise.db: got loud, expected a number of at least -100 and of at most 100"),
        ({"db": 3, "piece": 1}, "noise.piece: got 1.0, expected its default, 0.5, while noise.db is set, which holds"),
        ({"db": 3, "range_db": 6}, "noise.range_db: got 6.0, expected its default, 12.0, while noise.db is set"),
        ({"fade": 2}, "noise.fade: got 2, expected a number of at least 0 and of at most 1"),
    ],
)
def test_wrong_values_are_refused(keys, line):
    with pytest.raises(NoiseprobeError) as error:
        gain.options(YAML | keys)
    assert str(error.value).startswith(line)


def test_the_keys_of_the_yaml_are_the_defaults():
    assert gain.options(YAML) == gain.Options()
