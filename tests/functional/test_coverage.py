"""Coverage of 95 % intervals and false positives of tests at 5 %: bench/interval_coverage.py, fewer times.

Seeds are fixed, and the limits are 3 binomial standard errors wide unless the contract sets them: a normal quantile
instead of t (91 % at 8 songs), clips taken for songs, or a wrong factor fail.
"""

import importlib.util
import math
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "bench" / "interval_coverage.py"
SPEC = importlib.util.spec_from_file_location("coverage_simulations", PATH)
simulations = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(simulations)

pytestmark = pytest.mark.slow
SONGS = pytest.mark.parametrize("songs", simulations.SONGS)


def near(nominal, repetitions, outcomes):
    rate = simulations.share(iter(outcomes))[0]
    assert abs(rate - nominal) < 3 * 100 * math.sqrt(0.05 * 0.95 / repetitions), rate


def rate(outcomes):
    return simulations.share(iter(outcomes))[0]


@SONGS
def test_the_default_interval_covers(songs):
    assert 93 < rate(simulations.t_coverage(songs, "normal", 3000, seed=1)) < 97
    # A moderate skew costs a point, a strong one more, the fewer songs the more: said in docs/statistics.md
    assert 92.5 < rate(simulations.t_coverage(songs, "skewness 1", 3000, seed=1)) < 97
    assert 88 < rate(simulations.t_coverage(songs, "skewness 2", 3000, seed=1)) < 96


@pytest.mark.parametrize(("songs", "least", "most"), [(8, 0, 92), (12, 0, 93), (78, 92, 98)])
def test_bca_covers_where_it_is_allowed_only(songs, least, most):
    assert least < rate(simulations.bca_coverage(songs, "normal", 600, seed=1, resamples=499)) < most


@SONGS
def test_fieller_covers(songs):
    near(95, 2000, simulations.ratio_coverage(songs, 2000, seed=1))


@SONGS
@pytest.mark.parametrize("truth", [0.5, 0.9])
def test_share_intervals_cover_at_least(songs, truth):
    for clips in [False, True]:
        assert rate(simulations.share_coverage(songs, truth, clips, 1000, seed=1)) > 95 - 2.1


@SONGS
@pytest.mark.parametrize("shift", [0.0, 1.0, 2.8])
def test_logit_jackknife_covers(songs, shift):
    assert rate(simulations.auc_coverage(songs, shift, True, 600, seed=1)) > 90


@SONGS
def test_simultaneous_bands_cover_all_frames_and_pointwise_ones_dont(songs):
    simultaneous, pointwise, _ = simulations.band_coverage(songs, "normal", 150, resamples=500, seed=1)
    assert rate(simultaneous) > 95 - 3 * 100 * math.sqrt(0.05 * 0.95 / 150)
    assert rate(pointwise) < 5


@pytest.mark.parametrize("test", simulations.MEAN_TESTS)
@SONGS
def test_tests_of_a_mean_find_nothing_at_their_level(test, songs):
    n = 300 if test == "permutation" else 1500
    found = rate(simulations.false_positives(test, songs, "normal", n, seed=1))
    slack = 300 * math.sqrt(0.05 * 0.95 / n)
    # Wilcoxon's p is a multiple of 2 / 256 at 8 songs and can't reach 5 % there: 3.9 %
    assert (2 if test == "Wilcoxon" else 5 - slack) < found < 5 + slack


@pytest.mark.parametrize("test", simulations.TREND_TESTS)
@pytest.mark.parametrize("unbalanced", [False, True])
@SONGS
def test_trends_by_song_find_nothing_at_their_level(test, unbalanced, songs):
    near(5, 500, simulations.false_slopes(test, songs, unbalanced, 500, seed=1))


def test_points_that_share_songs_find_trends_that_arent_there():
    near(5, 1000, simulations.false_correlations("pearson_p", 20, 4, 1000, shared=False, seed=1))
    near(5, 1000, simulations.false_correlations("spearman_p", 20, 4, 1000, shared=False, seed=1))
    assert rate(simulations.false_correlations("spearman_p", 20, 1, 1000, shared=False, seed=1)) < 5  # exact, discrete
    for models in [1, 4]:
        assert rate(simulations.false_correlations("pearson_p", 20, models, 500, seed=1)) > 50


def test_corrections_keep_what_they_promise():
    n = 700
    slack = 300 * math.sqrt(0.05 * 0.95 / n)
    for effects in [0, 6]:
        assert simulations.family_wise(simulations.false_findings("holm", effects, n, seed=1))[0] < 5 + slack
        assert simulations.discovery(simulations.false_findings("bh", effects, n, seed=1))[0] < 5 + slack
        assert simulations.family_wise(simulations.false_findings("none", effects, n, seed=1))[0] > 10
