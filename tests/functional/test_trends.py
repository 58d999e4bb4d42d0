"""Trends against hand-worked numbers, enumeration and the sandwich formula written out."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from noiseprobe.functional.intervals import t_interval
from noiseprobe.functional.trends import clustered_slope, correlations, song_slopes

# Anscombe's first set (1973): every textbook has its line, 3.00 + 0.500 x, and r = 0.816
ANSCOMBE_X = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
ANSCOMBE_Y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]


def test_anscombe():
    found = correlations(ANSCOMBE_X, ANSCOMBE_Y)
    assert found.n == 11
    assert (found.pearson, found.slope, found.intercept) == pytest.approx((0.81642, 0.50009, 3.00009), abs=5e-6)
    assert found.pearson_p == pytest.approx(0.00217, abs=5e-6)
    # Without ties rho = 1 - 6 sum d^2 / (n (n^2 - 1)); sum d^2 = 40
    assert found.spearman == pytest.approx(1 - 6 * 40 / 1320)
    t = found.spearman * math.sqrt(9 / (1 - found.spearman**2))
    assert found.spearman_p == pytest.approx(2 * stats.t.sf(t, 9))


def test_the_papers_curve_of_6_lengths():
    """facts.md, small on OOD: in order, so Spearman is -1, and 2 of 720 orders are as extreme."""
    found = correlations([0.1, 0.2, 1, 2, 3, 4], [0.030, 0.026, -0.062, -0.213, -0.364, -0.500])
    assert found.spearman == -1
    assert found.spearman_p == pytest.approx(2 / 720)
    assert found.pearson < -0.99


def test_exact_spearman_is_all_orders_with_ties():
    x, y = [1, 2, 2, 3, 5, 8], [2.0, 1.0, 4.0, 4.0, 3.0, 9.0]
    observed = abs(stats.spearmanr(x, y).statistic)
    orders = [abs(stats.spearmanr(x, p).statistic) for p in itertools.permutations(y)]
    assert correlations(x, y).spearman_p == pytest.approx(np.mean(np.array(orders) >= observed - 1e-12))


def test_spearman_is_exact_up_to_8_points():
    assert correlations(range(8), range(8)).spearman_p == pytest.approx(2 / 40_320, rel=1e-9)
    nine = [1, 0, *range(2, 9)]  # one swap: rho = 1 - 6 * 2 / 720, and Student's t with 7 degrees of freedom
    rho = 1 - 12 / 720
    expected = 2 * stats.t.sf(rho * math.sqrt(7 / (1 - rho**2)), 7)
    assert correlations(range(9), nine).spearman_p == pytest.approx(expected, rel=1e-6)


def test_no_correlation_of_too_few_points_or_a_constant():
    assert correlations([], []) == (0, *[None] * 6)
    assert correlations([1, 2], [1, 2]) == (2, *[None] * 6)
    assert correlations([1, 1, 1], [1, 2, 3]) == (3, *[None] * 6)
    assert correlations([1, 2, 3], [0.1, 0.1, 0.1]) == (3, None, None, None, None, 0.0, 0.1)
    assert correlations([1, 2, 3], [1, 2, 4]).spearman_p == pytest.approx(2 / 6)


def test_correlations_need_pairs_of_numbers():
    with pytest.raises(ValueError, match="y: got 2 values, expected x's 3"):
        correlations([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="y: got 4 values, expected x's 3"):
        correlations([1, 2, 3], [1, 2, 4, 3])
    assert correlations(range(300), range(300)).slope == pytest.approx(1)
    with pytest.raises(ValueError, match="y: got NaN"):
        correlations([1, 2, 3], [1, 2, math.nan])


def rows(songs=7, seed=0):
    """Unbalanced clips: songs of 2 to 6 rows, each with a slope of its own."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(songs), rng.integers(2, 7, songs))
    x = rng.choice([0.1, 0.2, 1.0, 2.0, 3.0, 4.0], len(labels))
    return x, (rng.normal(size=songs) - 0.5)[labels] * x + rng.normal(size=len(labels)), labels


def sandwich(x, y, songs, level=0.95):
    """(X'WX)^-1 (sum over songs of s s') (X'WX)^-1, s = X'W e of the song's rows, times G/(G-1) (N-1)/(N-2)."""
    design = np.column_stack([np.ones(len(x)), x])
    names, number = np.unique(songs, return_inverse=True)
    w = 1 / np.bincount(number)[number]
    bread = np.linalg.inv(design.T @ (w[:, None] * design))
    b = bread @ design.T @ (w * y)
    scores = w[:, None] * design * (y - design @ b)[:, None]
    sums = np.array([scores[number == i].sum(axis=0) for i in range(len(names))])
    g, n = len(names), len(x)
    se = math.sqrt((bread @ sums.T @ sums @ bread)[1, 1] * g / (g - 1) * (n - 1) / (n - 2))
    half = stats.t.ppf((1 + level) / 2, g - 1) * se
    return b[1], b[1] - half, b[1] + half, 2 * stats.t.sf(abs(b[1]) / se, g - 1), g


@pytest.mark.parametrize("level", [0.4, 0.9, 0.95])
def test_clustered_slope_is_the_sandwich(level):
    for seed in range(3):
        x, y, songs = rows(seed=seed)
        assert clustered_slope(x, y, songs.tolist(), level) == pytest.approx(sandwich(x, y, songs, level))


def test_three_songs_have_an_interval():
    x, y, songs = rows(songs=3)
    assert clustered_slope(x, y, songs.tolist()) == pytest.approx(sandwich(x, y, songs))


def test_a_song_counts_once_however_many_rows_it_has():
    x, y, songs = rows()
    again = songs == 2
    more = [np.concatenate([v, v[again], v[again]]) for v in (x, y, songs)]
    assert clustered_slope(*more).slope == pytest.approx(clustered_slope(x, y, songs).slope)


def test_labels_and_order_of_rows_dont_matter():
    x, y, songs = rows()
    order = np.random.default_rng(0).permutation(len(x))
    names = [f"song {s}" for s in songs[order]]
    assert clustered_slope(x[order], y[order], names) == pytest.approx(clustered_slope(x, y, songs))


def test_with_the_same_lengths_in_each_song_it_is_the_mean_of_song_slopes():
    """Then both have one estimate, and the errors differ by sqrt((N - 1) / (N - 2)) alone."""
    rng = np.random.default_rng(0)
    x = np.tile([0.1, 0.2, 1.0, 2.0, 3.0, 4.0], 9)
    songs = np.repeat(np.arange(9), 6)
    y = rng.normal(size=9)[songs] * x + rng.normal(size=54)
    pooled, own = clustered_slope(x, y, songs.tolist()), t_interval(song_slopes(x, y, songs.tolist()))
    assert pooled.slope == pytest.approx(own.estimate)
    assert pooled.high - pooled.low == pytest.approx((own.high - own.low) * math.sqrt(53 / 52))


def test_too_few_songs_have_a_slope_only():
    assert clustered_slope([], [], []) == (None, None, None, None, 0)
    assert clustered_slope([1, 1], [1, 2], ["a", "b"]) == (None, None, None, None, 2)
    found = clustered_slope([0, 1, 0, 1], [0, 1, 0, 3], ["a", "a", "b", "b"])
    assert found.slope == pytest.approx(2)
    assert found[1:] == (None, None, None, 2)


def test_song_slopes_by_hand():
    # Song b first: points (0, 1) (2, 5) give 2; song a (1, 0) (2, 1) (3, 5) give (5 - 0) / 2; c has one length
    x, y = [0, 1, 2, 2, 3, 4, 4], [1, 0, 5, 1, 5, 7, 9]
    assert song_slopes(x, y, ["b", "a", "b", "a", "a", "c", "c"]) == pytest.approx([2, 2.5])
    assert song_slopes([], [], []).shape == (0,)


@pytest.mark.parametrize("songs", range(1, 7))
def test_every_song_has_its_slope_however_many_there_are(songs):
    x, y = [0, 1] * songs, [v for song in range(songs) for v in (song, 2 * song + 3)]
    assert song_slopes(x, y, [f"song {i // 2}" for i in range(2 * songs)]).tolist() == [s + 3 for s in range(songs)]


@pytest.mark.parametrize("level", [0, 1, -0.5, 1.5, 95, math.nan])
def test_levels_outside_0_and_1_raise(level):
    for x, y, songs in [([], [], []), ([1, 1], [1, 2], ["a", "b"]), rows()]:
        with pytest.raises(ValueError, match=f"level: got {level}"):
            clustered_slope(x, y, songs, level)


@pytest.mark.parametrize("function", [song_slopes, clustered_slope])
def test_rows_need_all_three(function):
    for x, y, songs in [(3, 3, 2), (3, 3, 4), (3, 2, 2), (2, 3, 3), (3, 2, 3), (2, 3, 4)]:
        with pytest.raises(ValueError, match=f"got {x} x, {y} y and {songs} songs"):
            function([1] * x, [2] * y, ["a"] * songs)
    x, y, songs = [0.0, 1.0] * 150, [1.0, 3.0] * 150, ["a"] * 300  # a length that isn't one object in CPython
    assert function(x, y, songs)[0] == pytest.approx(2)
    with pytest.raises(ValueError, match="x: got NaN"):
        function([1, math.nan, 3], [1, 2, 3], ["a", "b", "c"])
