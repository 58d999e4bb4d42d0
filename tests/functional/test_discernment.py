"""Paired share and AUC against double loops in exact fractions, and the jackknife against leaving songs out."""

from fractions import Fraction

import numpy as np
import pytest

from noiseprobe.functional.discernment import auc, auc_jackknife, paired


def won(high, low):
    return Fraction(int(high > low) * 2 + int(high == low), 2)


def brute_auc(clean, corrupted, songs):
    """Over all pairs of clips, in fractions."""
    weight = {s: Fraction(1, songs.count(s)) for s in songs}
    total = sum(
        weight[s] * weight[u] * won(y, x)
        for y, s in zip(corrupted, songs, strict=True)
        for x, u in zip(clean, songs, strict=True)
    )
    return total / len(weight) ** 2


def sample(seed, clips=40, songs=7, levels=6):
    """Scores with many ties, songs of different sizes, in no order."""
    rng = np.random.default_rng(seed)
    numbers = np.concatenate([np.arange(songs), rng.integers(songs, size=clips - songs)])
    of_song = [f"song {s}" for s in rng.permutation(numbers)]
    clean, corrupted = rng.integers(levels, size=(2, clips)).astype(float)
    return clean.tolist(), (corrupted + (seed % 3 == 0)).tolist(), of_song


@pytest.mark.parametrize("seed", range(10))
def test_auc_is_the_share_of_pairs(seed):
    assert auc(*sample(seed)) == pytest.approx(float(brute_auc(*sample(seed))), abs=1e-14)


@pytest.mark.parametrize("seed", range(10))
def test_paired_is_the_share_of_twins_of_each_song(seed):
    clean, corrupted, songs = sample(seed)
    expected = []
    for song in dict.fromkeys(songs):
        mine = [won(y, x) for x, y, s in zip(clean, corrupted, songs, strict=True) if s == song]
        expected.append(float(sum(mine) / len(mine)))
    assert paired(clean, corrupted, songs).tolist() == pytest.approx(expected, abs=1e-14)


def test_auc_by_hand():
    # Song a counts as much as b with its three clips: pairs (0 > 1) no, (5 > 1) yes, against (2, 2, 2): no, yes.
    assert auc([1, 2, 2, 2], [0, 5, 5, 5], ["a", "b", "b", "b"]) == pytest.approx(0.5)
    assert auc([1, 2, 2, 2], [0, 5, 5, 5], ["a", "b", "c", "d"]) == pytest.approx(0.75)


@pytest.mark.parametrize("seed", range(10))
def test_the_same_scores_are_exactly_a_half(seed):
    rng = np.random.default_rng(seed)
    _, _, songs = sample(seed)
    for scores in (rng.standard_normal(40), rng.integers(3, size=40).astype(float), np.full(40, 0.1)):
        assert auc(scores, scores.copy(), songs) == 0.5
        assert set(paired(scores, scores.copy(), songs)) == {0.5}
        estimate, pseudo = auc_jackknife(scores, scores.copy(), songs)
        assert estimate == 0.5
        assert set(pseudo) == {0.5}


@pytest.mark.parametrize("seed", range(10))
def test_a_perfect_scorer_and_its_opposite(seed):
    clean, _, songs = sample(seed)
    above = [x + 100 for x in clean]
    assert auc(clean, above, songs) == 1.0
    assert auc(above, clean, songs) == 0.0
    assert set(paired(clean, above, songs)) == {1.0}
    assert set(paired(above, clean, songs)) == {0.0}
    assert set(auc_jackknife(clean, above, songs)[1]) == {1.0}


def test_a_random_scorer_is_near_a_half():
    rng = np.random.default_rng(0)
    found = [auc(*rng.random((2, 60)), np.repeat(np.arange(20), 3)) for _ in range(500)]
    # sd of one is about sqrt((60 + 60 + 1) / (12 * 60 * 60)) = 0.053
    assert np.std(found) == pytest.approx(0.053, rel=0.15)
    assert abs(np.mean(found) - 0.5) < 4 * 0.053 / 500**0.5


@pytest.mark.parametrize("f", [np.exp, np.cbrt, lambda x: 3 * x - 7])
def test_only_the_order_of_scores_matters(f):
    clean, corrupted, songs = (np.array(v) for v in sample(3))
    assert auc(f(clean), f(corrupted), songs) == auc(clean, corrupted, songs)
    assert (paired(f(clean), f(corrupted), songs) == paired(clean, corrupted, songs)).all()


def test_infinite_scores_have_an_order_too():
    assert paired([1.0, -np.inf, np.inf], [np.inf, -np.inf, 1.0], "abc").tolist() == [1.0, 0.5, 0.0]
    assert auc([1.0, -np.inf], [np.inf, 2.0], "ab") == 1.0


def test_swapping_sides_and_sign():
    clean, corrupted, songs = (np.array(v) for v in sample(4))
    assert auc(corrupted, clean, songs) == pytest.approx(1 - auc(clean, corrupted, songs), abs=1e-15)
    assert auc(-clean, -corrupted, songs) == pytest.approx(1 - auc(clean, corrupted, songs), abs=1e-15)


def test_copies_of_all_clips_of_a_song_change_nothing():
    clean, corrupted, songs = sample(5)
    at = [i for i, s in enumerate(songs) if s == songs[0]]
    more = [v + [v[i] for i in at] for v in (clean, corrupted, songs)]
    assert auc(*more) == pytest.approx(auc(clean, corrupted, songs), abs=1e-14)
    assert paired(*more).tolist() == pytest.approx(paired(clean, corrupted, songs).tolist(), abs=1e-14)


@pytest.mark.parametrize("seed", range(4))
def test_the_jackknife_leaves_out_one_song_at_a_time(seed):
    clean, corrupted, songs = sample(seed, songs=6 + seed)
    estimate, pseudo = auc_jackknife(clean, corrupted, songs)
    names = list(dict.fromkeys(songs))
    expected = []
    for song in names:
        rest = [[v for v, s in zip(values, songs, strict=True) if s != song] for values in (clean, corrupted, songs)]
        expected.append(float(len(names) * brute_auc(clean, corrupted, songs) - (len(names) - 1) * brute_auc(*rest)))
    assert estimate == auc(clean, corrupted, songs)
    assert pseudo.tolist() == pytest.approx(expected, abs=1e-12)


def test_the_jackknife_of_one_song_is_the_auc():
    estimate, pseudo = auc_jackknife([1, 2], [2, 3], ["a", "a"])
    assert pseudo.tolist() == [estimate] == [0.875]


@pytest.mark.parametrize("f", [paired, auc, auc_jackknife])
def test_bad_scores_raise(f):
    for bad in [
        ([], [], []),
        ([1.0], [1.0, 2.0], ["a"]),
        ([1.0], [1.0], ["a", "b"]),
        ([1.0], [1.0, 2.0], ["a", "b"]),
        ([1.0, 2.0], [1.0], ["a"]),
        ([[1.0]], [[1.0]], ["a"]),
    ]:
        with pytest.raises(ValueError, match=r"scores: got shapes"):
            f(*bad)
    for bad in [([np.nan], [1.0], ["a"]), ([1.0], [np.nan], ["a"])]:
        with pytest.raises(ValueError, match="got NaN"):
            f(*bad)


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "within"), [(0.3, 0.9), (1.0, 0.5), (1.0, 0.0)])
def test_the_t_interval_of_pseudo_values_covers_the_true_auc(shift, within):
    """20 songs with 4 clips, normal scores with this correlation in a song; true AUC from the normal distribution."""
    from scipy.stats import norm, t

    rng = np.random.default_rng(6)
    truth, songs, runs = norm.cdf(shift / 2**0.5), np.repeat(np.arange(20), 4), 2000
    hits, centres = 0, []
    for _ in range(runs):
        song = within**0.5 * rng.standard_normal(20)[songs]
        clean, corrupted = song + (1 - within) ** 0.5 * rng.standard_normal((2, 80))
        _, pseudo = auc_jackknife(clean, corrupted + shift, songs)
        half = t.ppf(0.975, 19) * pseudo.std(ddof=1) / 20**0.5
        hits += abs(pseudo.mean() - truth) <= half
        centres.append(pseudo.mean())
    assert 0.93 <= hits / runs <= 0.97
    assert np.mean(centres) == pytest.approx(truth, abs=4 * np.std(centres) / runs**0.5)
