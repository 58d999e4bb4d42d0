"""Intervals against hand-worked numbers, published tables, inverted tests and other libraries."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from noiseprobe.functional.intervals import BCA_FROM, bca_interval, jackknife_values, ratio_interval, t_interval

# Student's own data ("The probable error of a mean", 1908): extra hours of sleep with the second drug over the first
SLEEP = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]


def test_t_on_students_sleep_data():
    # Mean 1.58, s = 1.23, t(9) = 2.262: 1.58 +- 2.262 * 0.38896
    found = t_interval(SLEEP)
    assert found.estimate == pytest.approx(1.58)
    assert (found.low, found.high) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)
    assert found.songs == 10


@pytest.mark.parametrize("songs", [3, 8, 78])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_t_is_scipys(songs, level):
    values = np.random.default_rng(songs).normal(3, 2, songs)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(level)
    assert t_interval(values, level)[1:3] == pytest.approx((theirs.low, theirs.high))


def test_fewer_than_3_songs_have_an_estimate_only():
    assert t_interval([]) == (None, None, None, 0)
    assert t_interval([2.0]) == (2.0, None, None, 1)
    assert t_interval([2.0, 4.0]) == (3.0, None, None, 2)
    assert t_interval([2.0, 4.0, 6.0]).low is not None


def test_songs_that_agree_give_exactly_their_value():
    assert np.mean([0.1] * 3) != 0.1  # what it must not be
    assert t_interval([0.1] * 3) == (0.1, 0.1, 0.1, 3)
    assert bca_interval([0.1] * 40) == (0.1, 0.1, 0.1, 40)


@pytest.mark.parametrize("bad", [[1, 2, float("nan")], [1, 2, float("inf")], [[1, 2, 3]], 1.0])
def test_what_is_no_number_a_song_raises(bad):
    with pytest.raises(ValueError, match=r"values: got"):
        t_interval(bad)


@pytest.mark.parametrize("level", [0, 1, 95, -0.1, float("nan")])
def test_levels_outside_0_and_1_raise(level):
    for values in [[], [1.0], [1.0, 2.0, 4.0]]:
        with pytest.raises(ValueError, match="level: got"):
            t_interval(values, level)


def test_bca_by_its_formula():
    """Efron (1987): percentiles moved by the bias z0 and the acceleration a, both written out here."""
    values = np.random.default_rng(0).exponential(size=40)
    found = bca_interval(values, seed=1, resamples=20_000)
    # Other resamples of the same songs: the ends agree to the simulation's error
    means = np.random.default_rng(2).choice(values, (200_000, 40)).mean(axis=1)
    z0 = stats.norm.ppf((means < values.mean()).mean())
    d = values - values.mean()
    a = (d**3).sum() / 6 / (d**2).sum() ** 1.5
    z = z0 + stats.norm.ppf([0.025, 0.975])
    ends = np.quantile(means, stats.norm.cdf(z0 + z / (1 - a * z)))
    assert found.estimate == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(tuple(ends), abs=0.02)
    # Skewed to the right, so it reaches further right than the plain percentiles: the formula matters here
    assert ends[1] - np.quantile(means, 0.975) > 0.03


def test_bca_is_the_same_for_the_same_seed_alone():
    values = np.random.default_rng(0).normal(size=BCA_FROM)
    assert bca_interval(values, seed=3, resamples=500) == bca_interval(values, seed=3, resamples=500)
    assert bca_interval(values, seed=3, resamples=500) != bca_interval(values, seed=4, resamples=500)


@pytest.mark.parametrize("songs", [0, 2, 29])
def test_bca_below_30_songs_is_refused(songs):
    with pytest.raises(ValueError, match=f"got {songs} songs, expected at least 30"):
        bca_interval(np.arange(songs))


def test_fieller_inverts_the_paired_t_test():
    """Its ends are the r at which a t test of numerator - r * denominator gives p = 1 - level exactly."""
    rng = np.random.default_rng(0)
    for songs in [3, 5, 12, 60]:
        bottom = rng.normal(6, 1, songs)
        top = 0.5 * bottom + rng.normal(-1, 1, songs)
        for level in [0.9, 0.95]:
            found = ratio_interval(top, bottom, level)
            assert found.estimate == pytest.approx(top.mean() / bottom.mean())

            def excess(r, top=top, bottom=bottom, level=level):
                return stats.ttest_1samp(top - r * bottom, 0).pvalue - (1 - level)

            ends = [optimize.brentq(excess, found.estimate, found.estimate + side) for side in (-100, 100)]
            assert (found.low, found.high) == pytest.approx(tuple(ends), rel=1e-6), (songs, level)


def test_fieller_by_hand():
    # Means 10 and 5, variances of means 4/3 and 1/3, covariance -1/3 (songs 8 10 12; 5 6 4, so cov = -1 / 3).
    # (25 - t2/3) r^2 - 2 (50 + t2/3) r + (100 - 4 t2/3) = 0 with t2 = t(2)^2
    t2 = stats.t.ppf(0.9, 2) ** 2
    a, b, c = 25 - t2 / 3, 50 + t2 / 3, 100 - 4 * t2 / 3
    root = math.sqrt(b * b - a * c)
    found = ratio_interval([8, 10, 12], [5, 6, 4], 0.8)
    assert found == pytest.approx((2, (b - root) / a, (b + root) / a, 3))


def test_fieller_where_numerator_is_a_multiple_has_no_width():
    found = ratio_interval([2.0, 4.0, 7.0, 9.0], [-1.0, -2.0, -3.5, -4.5])
    assert found[:3] == pytest.approx((-2, -2, -2), abs=1e-12)


def test_fieller_turns_with_its_signs():
    rng = np.random.default_rng(1)
    top, bottom = rng.normal(1, 1, 10), rng.normal(4, 1, 10)
    plain, turned = ratio_interval(top, bottom), ratio_interval(top, -bottom)
    assert (turned.low, turned.high) == pytest.approx((-plain.high, -plain.low))
    assert ratio_interval(-top, -bottom)[:3] == pytest.approx(plain[:3])


def test_no_ratio_where_the_denominator_may_be_0():
    bottom = np.array([1.0, 2.0, 3.0, 4.0, 5.0])  # mean 3, interval +- 1.963
    assert ratio_interval(bottom, bottom - 1.03).estimate is not None
    for shift in [1.04, 3.0, 4.96]:
        assert ratio_interval(bottom, bottom - shift) == (None, None, None, 5)
    assert ratio_interval(bottom, bottom - 4.97).estimate is not None
    assert ratio_interval([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]) == (None, None, None, 3)
    assert ratio_interval([1.0, 2.0], [5.0, 5.1]) == (None, None, None, 2)
    assert ratio_interval([], []) == (None, None, None, 0)


def test_ratio_to_a_known_number_is_the_t_interval_of_it():
    assert ratio_interval(SLEEP, [2.0] * 10)[:3] == pytest.approx(tuple(v / 2 for v in t_interval(SLEEP)[:3]))


def test_ratio_needs_pairs():
    with pytest.raises(ValueError, match="denominator: got 2 songs, expected the numerator's 3"):
        ratio_interval([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="denominator: got NaN"):
        ratio_interval([1, 2, 3], [1, 2, math.nan])
    with pytest.raises(ValueError, match="denominator: got 3 songs, expected the numerator's 2"):
        ratio_interval([1.0, 2.0], [1.0, 2.0, 3.0])


def test_jackknife_of_a_mean_gives_the_values_back():
    values = np.array(SLEEP)
    without = [np.delete(values, i).mean() for i in range(10)]
    assert jackknife_values(values.mean(), without) == pytest.approx(values)


def test_jackknife_takes_the_bias_out_of_the_variance():
    """The classic: pseudo-values of the variance with 1 / G average to the one with 1 / (G - 1)."""
    values = np.array(SLEEP)
    pseudo = jackknife_values(values.var(), [np.delete(values, i).var() for i in range(10)])
    assert pseudo.mean() == pytest.approx(values.var(ddof=1))


def test_jackknife_refuses_nan():
    with pytest.raises(ValueError, match="estimate: got nan"):
        jackknife_values(math.nan, [1.0, 2.0])
    with pytest.raises(ValueError, match="leave_one_out: got NaN"):
        jackknife_values(1.0, [1.0, math.nan])
