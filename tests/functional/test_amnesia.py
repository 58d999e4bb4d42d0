"""The amnesia index: its ends, its ratio of means, and when there is none."""

import numpy as np
import pytest
from scipy import stats

from noiseprobe.functional.amnesia import amnesia

RNG = np.random.default_rng(0)


def test_ratio_of_means_and_not_mean_of_ratios():
    worth = np.array([1.0, 2.0, 6.0])
    behind = np.array([1.0, 0.0, 3.0])
    e, b = np.array([0.1, 0.2, 0.3]), np.array([0.3, 0.4, 0.2])
    found = amnesia(b, e + worth, e, b + behind)
    np.testing.assert_allclose(found.worth, worth)
    np.testing.assert_allclose(found.worth_behind, behind)
    assert found.amnesia.estimate is None  # three songs this far apart: c - e may be 0
    found = amnesia(*(np.tile(x, 4) for x in (b, e + worth, e, b + behind)))
    assert found.amnesia.estimate == pytest.approx(1 - 4 / 9)
    assert np.mean(behind / worth) == pytest.approx(0.5), "which is another number"
    assert found.context_loss.estimate == pytest.approx(b.mean() / (e + worth).mean())


def test_the_interval_is_where_a_paired_t_test_doesnt_reject():
    b, c, e, f = RNG.normal([[0.5], [2], [0.4], [1.2]], 0.3, (4, 15))
    found = amnesia(b, c, e, f).amnesia
    for end in [found.low, found.high]:
        assert stats.ttest_1samp((f - b) - (1 - end) * (c - e), 0).pvalue == pytest.approx(0.05, abs=1e-6)
    assert found.low < found.estimate < found.high


def test_music_that_may_be_worth_nothing_gives_no_index():
    c = RNG.normal(0, 1, 10)
    found = amnesia(c * 0, c - c.mean(), c * 0, c * 0 + 1)
    assert found.amnesia[:3] == (None, None, None)
    assert found.context_loss[:3] == (None, None, None)
