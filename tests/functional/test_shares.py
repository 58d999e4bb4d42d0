"""Intervals of shares against published ones, closed forms and statsmodels."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from noiseprobe.functional.intervals import jackknife_values, t_interval
from noiseprobe.functional.shares import pooled_share_interval, share_interval


def test_all_or_nothing_has_the_closed_form():
    # All of n trials: the low end is where p^n = alpha / 2
    for songs in [3, 10, 78]:
        end = 0.025 ** (1 / songs)
        assert share_interval([1.0] * songs)[:3] == pytest.approx((1, end, 1))
        assert share_interval([0.0] * songs)[:3] == pytest.approx((0, 0, 1 - end))
        assert share_interval([1.0] * songs, clips=5 * songs)[1] == pytest.approx(end)  # of songs, not clips
        assert share_interval([0.0] * songs, clips=5 * songs)[2] == pytest.approx(1 - end)


@pytest.mark.parametrize("level", [0.4, 0.8, 0.99])
def test_the_closed_form_at_other_levels(level):
    end = ((1 - level) / 2) ** (1 / 6)
    assert share_interval([1.0] * 6, level)[:3] == pytest.approx((1, end, 1))
    assert share_interval([0.0] * 6, level)[:3] == pytest.approx((0, 0, 1 - end))


def test_shares_of_0_and_1_are_a_binomial_of_one_trial_less():
    # s^2 / G is p (1 - p) / (G - 1), so n = G - 1
    found = share_interval([1.0] * 7 + [0.0] * 3)
    assert found[1:3] == pytest.approx(proportion_confint(0.7 * 9, 9, method="beta"))


def test_clopper_and_pearsons_own_bounds():
    """The ends are where the binomial tails are alpha / 2 each, with whole numbers: 11 songs, 4 of 10 trials."""
    wins = np.array([1.0] * 5 + [0.0] * 6)
    n = 10  # G - 1
    low, high = share_interval(wins)[1:3]
    hits = n * 5 / 11
    assert stats.beta.cdf(low, hits, n - hits + 1) == pytest.approx(0.025)
    assert stats.beta.cdf(high, hits + 1, n - hits) == pytest.approx(0.975)
    # With whole hits that is the binomial's tails
    even = share_interval([1.0] * 5 + [0.5] + [0.0] * 5)
    variance = (10 * 0.25 / 10) / 11
    trials = min(0.25 / variance, 11)
    assert trials == 11
    assert even[1:3] == pytest.approx(proportion_confint(5.5, 11, method="beta"))


def test_more_clips_narrow_it_up_to_what_the_variance_allows():
    wins = np.array([0.25, 0.5, 0.75, 0.5, 0.5, 0.25, 0.75, 0.5])
    variance = wins.var(ddof=1) / 8
    ratio = {n: (stats.t.ppf(0.975, n - 1) / stats.t.ppf(0.975, 7)) ** 2 for n in [8, 32, 400]}
    assert share_interval(wins)[1:3] == pytest.approx(proportion_confint(4, 8, method="beta"))
    # 32 clips cap at 32, 400 at p (1 - p) / var = 56
    assert 0.25 / variance == pytest.approx(56)
    for clips, trials in [(32, 32), (400, 56)]:
        n = trials * ratio[clips]
        assert share_interval(wins, clips=clips)[1:3] == pytest.approx(proportion_confint(n / 2, n, method="beta"))


def test_songs_that_agree_still_have_a_width():
    found = share_interval([0.5] * 8)
    assert found == pytest.approx((0.5, *proportion_confint(4, 8, method="beta"), 8))


def test_fewer_than_3_songs_have_a_share_only():
    assert share_interval([]) == (None, None, None, 0)
    assert share_interval([0.0, 1.0]) == (0.5, None, None, 2)
    assert pooled_share_interval(0.5, [0.5, 0.5]) == (0.5, None, None, 2)


@pytest.mark.parametrize("bad", [[0.5, 0.5, 1.1], [-0.1, 0.5, 0.5]])
def test_shares_outside_0_and_1_raise(bad):
    with pytest.raises(ValueError, match="outside"):
        share_interval(bad)


def test_other_input_that_raises():
    with pytest.raises(ValueError, match="NaN"):
        share_interval([0.5, 0.5, math.nan])
    with pytest.raises(ValueError, match="clips: got 2"):
        share_interval([0.5, 0.5, 1.0], clips=2)
    for outside in [1.5, -0.5]:
        with pytest.raises(ValueError, match="estimate: got"):
            pooled_share_interval(outside, [1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="pseudo_values: got NaN"):
        pooled_share_interval(0.5, [1.0, math.nan, 1.0])


def test_pooled_share_is_the_t_interval_of_the_logit():
    """The delta method against the jackknife of the logit itself, which agree for many songs."""
    rng = np.random.default_rng(0)
    shares = rng.beta(8, 2, 400)
    without = (shares.sum() - shares) / 399
    found = pooled_share_interval(shares.mean(), jackknife_values(shares.mean(), without))
    logits = jackknife_values(np.log(shares.mean() / (1 - shares.mean())), np.log(without / (1 - without)))
    ends = [1 / (1 + math.exp(-v)) for v in t_interval(logits)[1:3]]
    assert found[1:3] == pytest.approx(tuple(ends), abs=1e-4)
    assert found.estimate == shares.mean()


def test_pooled_share_of_3_songs_by_hand():
    # t(2) = 4.3027, sd 0.2: logit 0.8 +- 4.3027 * 0.2 / sqrt 3 / 0.16 = ln 4 +- 3.1051
    found = pooled_share_interval(0.8, [0.6, 0.8, 1.0])
    ends = [1 / (1 + math.exp(-math.log(4) - side)) for side in (-3.10516, 3.10516)]
    assert found == pytest.approx((0.8, *ends, 3), abs=1e-5)


def test_pooled_share_is_symmetric_and_inside():
    pseudo = np.array([0.2, 1.4, 0.9, 0.9, 1.1])
    found, mirrored = pooled_share_interval(0.95, pseudo), pooled_share_interval(0.05, 1 - pseudo)
    assert 0 < found.low < 0.95 < found.high < 1
    assert mirrored[:3] == pytest.approx((0.05, 1 - found.high, 1 - found.low))
    assert t_interval(pseudo).high > 1  # what it avoids


def test_pooled_share_at_the_ends_and_without_spread():
    assert pooled_share_interval(1.0, [1.0] * 8) == share_interval([1.0] * 8)
    assert pooled_share_interval(0.0, [0.0] * 8) == share_interval([0.0] * 8)
    assert pooled_share_interval(0.5, [0.5] * 8) == (0.5, 0.5, 0.5, 8)
