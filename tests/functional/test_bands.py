"""Bands against closed forms, a plain loop, and the intervals of each frame."""

import math

import numpy as np
import pytest
from scipy import stats

from noiseprobe.functional.bands import max_t_band
from noiseprobe.functional.intervals import t_interval


@pytest.mark.parametrize("songs", [9, 10])
def test_each_frame_has_its_t_interval(songs):
    curves = np.random.default_rng(0).normal(2, 3, (songs, 30))
    curves[:4, 20:] = np.nan
    band = max_t_band(curves)
    for t in range(30):
        own = t_interval(curves[~np.isnan(curves[:, t]), t])
        assert own == pytest.approx(
            (band.mean[t], band.mean[t] - band.pointwise[t] * band.se[t], band.mean[t] + band.pointwise[t] * band.se[t],
             band.songs[t])
        )  # fmt: skip


def test_few_songs_get_bonferroni():
    for songs, level in [(3, 0.9), (7, 0.9), (7, 0.4)]:
        band = max_t_band(np.random.default_rng(0).normal(size=(songs, 50)), level)
        expected = stats.t.ppf(1 - (1 - level) / 50 / 2, songs - 1)
        assert band.simultaneous == pytest.approx(np.full(50, expected))


def test_one_frame_of_flipped_signs_is_enumerated():
    """8 songs, all 256 patterns: the quantile of |t| over them, which 20,000 draws find."""
    values = np.array([0.3, -1.2, 0.8, 2.9, -0.4, 1.7, 0.1, -2.2])
    rest = values - values.mean()
    signs = np.array(np.meshgrid(*[[-1, 1]] * 8)).reshape(8, -1).T
    ts = np.abs(stats.ttest_1samp(signs * rest, 0, axis=1).statistic)
    band = max_t_band(values[:, None], 0.9, resamples=20_000)
    assert band.simultaneous[0] == pytest.approx(np.quantile(ts, 0.9), rel=0.05)
    assert band.simultaneous[0] > band.pointwise[0]
    assert np.abs(ts - band.simultaneous[0]).min() < 1e-9  # it is the t of one of the patterns


@pytest.mark.parametrize("songs", [10, 25])
def test_it_is_the_quantile_of_the_largest_t(songs):
    """A plain loop over other draws, studentised by scipy, gives the same multiplier up to simulation error."""
    rng = np.random.default_rng(songs)
    curves = np.cumsum(rng.normal(size=(songs, 40)), axis=1)
    rest = curves - curves.mean(axis=0)
    largest = []
    for _ in range(4000):
        drawn = rest[rng.integers(songs, size=songs)] if songs >= 20 else rest * rng.choice([-1, 1], (songs, 1))
        largest.append(np.abs(stats.ttest_1samp(drawn, 0).statistic).max())
    band = max_t_band(curves, resamples=8000)
    assert band.simultaneous == pytest.approx(np.full(40, np.quantile(largest, 0.95)), rel=0.06)


@pytest.mark.parametrize("level", [0.9, 0.4])
@pytest.mark.parametrize("fewest", [9, 19, 20, 25])
def test_it_is_a_loop_over_the_same_draws(fewest, level):
    """Resample by resample and frame by frame, where some frames have fewer songs; scipy's own t test."""
    resamples, songs, frames = 40, fewest + 4, 12
    curves = np.random.default_rng(fewest).normal(size=(songs, frames)) ** 3
    curves[fewest:, 7:] = np.nan
    rng, smallest = np.random.default_rng(3), []
    if fewest < 20:
        draws = rng.integers(0, 2, size=(resamples, songs))
    else:
        draws = rng.multinomial(songs, np.full(songs, 1 / songs), size=resamples)
    for draw in draws:
        tails = []
        for t in range(frames):
            own = ~np.isnan(curves[:, t])
            rest = curves[own, t] - curves[own, t].mean()
            again = rest * np.where(draw[own], 1, -1) if fewest < 20 else np.repeat(rest, draw[own])
            tails.append(stats.t.sf(abs(stats.ttest_1samp(again, 0).statistic), own.sum() - 1))
        smallest.append(min(tails))
    tail = min(sorted(smallest)[math.floor((1 - level) * (resamples - 1))], (1 - level) / 2)
    expected = stats.t.isf(tail, (~np.isnan(curves)).sum(axis=0) - 1)
    assert max_t_band(curves, level, seed=3, resamples=resamples).simultaneous == pytest.approx(expected, rel=1e-6)


def test_a_frame_that_one_song_has_is_that_songs():
    curves = np.random.default_rng(8).normal(size=(5, 3))
    curves[1:, 2] = np.nan
    assert max_t_band(curves).mean[2] == curves[0, 2]


@pytest.mark.parametrize("value", [0.1, -0.1])
@pytest.mark.parametrize("missing", [0, 1])
def test_frames_on_which_those_that_have_them_agree_cost_nothing(value, missing):
    curves = np.random.default_rng(9).normal(size=(5, 4))
    curves[:, 3] = value
    curves[5 - missing :, 3] = np.nan
    band = max_t_band(curves)
    assert band.se[3] == 0
    assert band.simultaneous[:3] == pytest.approx(max_t_band(curves[:, :3]).simultaneous)


def test_the_fewest_resamples_that_a_level_can_have():
    curves = np.random.default_rng(10).normal(size=(9, 4))
    assert np.isfinite(max_t_band(curves, 0.5, resamples=2).simultaneous).all()
    assert np.isfinite(max_t_band(curves, 0.4, resamples=2).simultaneous).all()


@pytest.mark.parametrize("songs", [8, 20, 60])
def test_frames_that_move_together_cost_nothing(songs):
    one = np.random.default_rng(0).normal(size=(songs, 1))
    alone, together = max_t_band(one), max_t_band(one * np.linspace(1, 5, 300) + np.arange(300))
    assert together.simultaneous == pytest.approx(np.full(300, alone.simultaneous[0]))


@pytest.mark.parametrize("songs", [8, 20])
def test_units_and_shifts_of_a_frame_dont_matter(songs):
    rng = np.random.default_rng(1)
    curves = rng.normal(size=(songs, 20))
    moved = curves * rng.uniform(0.001, 1000, 20) + rng.normal(0, 10, 20)
    assert max_t_band(moved).simultaneous == pytest.approx(max_t_band(curves).simultaneous)
    for unit in [2.0**-40, 2.0**40]:
        assert max_t_band(unit * curves).simultaneous == pytest.approx(max_t_band(curves).simultaneous)


@pytest.mark.parametrize("songs", [5, 8, 20])
def test_frames_without_spread_are_exact_and_cost_nothing(songs):
    curves = np.random.default_rng(2).normal(size=(songs, 20))
    flat = np.concatenate([curves, np.full((songs, 30), 0.1)], axis=1)
    band, plain = max_t_band(flat), max_t_band(curves)
    assert (band.se[20:] == 0).all()
    assert band.mean[20:] == pytest.approx(0.1)
    assert band.simultaneous == pytest.approx(np.full(50, plain.simultaneous[0]))
    alone = max_t_band(np.full((songs, 3), 0.1))
    assert alone.simultaneous == pytest.approx(alone.pointwise)


def test_a_frame_that_one_song_alone_changes_leaves_the_band_finite():
    # A third of all resamples of 20 songs miss that song, and then have no spread there
    curves = np.random.default_rng(3).normal(size=(20, 30))
    single = np.zeros((20, 1))
    single[4] = 1.0
    with_it, without = max_t_band(np.concatenate([curves, single], axis=1)), max_t_band(curves)
    assert with_it.simultaneous[:30] == pytest.approx(without.simultaneous, rel=0.1)


@pytest.mark.parametrize(("songs", "fewest"), [(30, 22), (15, 9), (30, 5)])
def test_frames_with_fewer_songs_share_one_level(songs, fewest):
    curves = np.random.default_rng(4).normal(size=(songs, 60))
    curves[fewest:, 40:] = np.nan
    band = max_t_band(curves)
    assert band.songs.tolist() == [songs] * 40 + [fewest] * 20
    levels = stats.t.cdf(band.simultaneous, band.songs - 1)
    assert levels == pytest.approx(np.full(60, levels[0]))
    assert (band.simultaneous > band.pointwise).all()


def test_frames_with_fewer_than_3_songs_are_left_out():
    curves = np.random.default_rng(5).normal(size=(9, 30))
    short = curves.copy()
    short[2:, 20:25] = np.nan
    short[:, 25:] = np.nan
    band = max_t_band(short)
    assert band.simultaneous[:20] == pytest.approx(max_t_band(curves[:, :20]).simultaneous)
    assert np.isnan([band.se[20:], band.pointwise[20:], band.simultaneous[20:]]).all()
    assert band.mean[20:25] == pytest.approx(short[:2, 20:25].mean(axis=0))
    assert np.isnan(band.mean[25:]).all()
    assert band.songs.tolist() == [9] * 20 + [2] * 5 + [0] * 5


def test_no_songs_and_no_frames():
    assert [len(v) for v in max_t_band(np.zeros((9, 0)))] == [0] * 5
    band = max_t_band(np.zeros((0, 4)))
    assert np.isnan(band.mean).all()
    assert band.songs.tolist() == [0] * 4
    assert np.isnan(max_t_band([[1.0, 2.0], [3.0, 4.0]]).simultaneous).all()


def test_same_seed_same_band_whatever_is_held_at_a_time(monkeypatch):
    for songs in [10, 25]:
        curves = np.random.default_rng(6).normal(size=(songs, 50))
        band = max_t_band(curves, seed=1)
        assert (max_t_band(curves, seed=2).simultaneous != band.simultaneous).all()
        for held in [5000, 1500, 7]:  # the last part of the resamples may be a smaller one
            with monkeypatch.context() as patch:
                patch.setattr("noiseprobe.functional.bands.CHUNK", held)
                assert max_t_band(curves, seed=1).simultaneous == pytest.approx(band.simultaneous, rel=1e-12)


def test_a_frame_that_no_song_has_is_no_division_by_0():
    curves = np.random.default_rng(7).normal(size=(5, 3))
    curves[:, 1] = np.nan
    with np.errstate(all="raise"):
        assert np.isnan(max_t_band(curves).mean).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("curves", "options", "message"),
    [
        ([1.0, 2.0], {}, "curves: got 1 dim"),
        (np.zeros((3, 4, 5)), {}, "curves: got 3 dim"),
        ([[1.0, math.inf]] * 3, {}, "infinite"),
        ([[1.0]] * 3, {"level": 1.0}, "level: got 1.0"),
        ([[1.0]] * 3, {"level": 1.5}, "level: got 1.5"),
        ([[1.0]] * 3, {"level": 0.0}, "level: got 0.0"),
        ([[1.0]] * 3, {"level": -0.5}, "level: got -0.5"),
        ([[1.0]] * 3, {"resamples": 10}, "resamples: got 10, expected at least 20"),
    ],
)
def test_what_makes_no_band_raises(curves, options, message):
    with pytest.raises(ValueError, match=message):
        max_t_band(curves, **options)
