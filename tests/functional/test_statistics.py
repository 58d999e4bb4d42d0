"""Means and errors over songs against numpy in float64."""

import math

import numpy as np
import pytest
import torch

from noiseprobe.functional.statistics import MeanOverSongs, moments, song_mean, t95


def random_songs(rng):
    """Values and songs, unbalanced, in mixed order, some values None."""
    sizes = rng.integers(1, 9, size=rng.integers(2, 7))
    songs = [f"song{i}" for i, size in enumerate(sizes) for _ in range(size)]
    songs = [songs[i] for i in rng.permutation(len(songs))]
    values = [None if rng.integers(0, 6) == 0 else float(v) for v in rng.normal(3, 2, len(songs))]
    return values, songs


def test_song_mean_is_numpys_mean_of_means_on_unbalanced_songs():
    rng = np.random.default_rng(0)
    for _ in range(200):
        values, songs = random_songs(rng)
        present = [(v, s) for v, s in zip(values, songs, strict=True) if v is not None]
        means = np.array([np.mean([v for v, s in present if s == name]) for name in sorted({s for _, s in present})])
        found = song_mean(values, songs)
        assert (found.clips, found.songs) == (len(present), len(means))
        if len(means) > 1:
            assert found.mean == pytest.approx(np.mean(means), rel=1e-12)
            assert found.se == pytest.approx(np.std(means, ddof=1) / np.sqrt(len(means)), rel=1e-9)


def test_a_song_counts_once_however_many_clips_it_has():
    # means 2 and 10; the mean over clips would be 4
    assert song_mean([1.0, 2.0, 3.0, 10.0], ["a", "a", "a", "b"]) == (6.0, 4.0, 2, 4)


def test_without_values_there_is_no_mean():
    assert song_mean([], []) == (None, None, 0, 0)
    assert song_mean([None, None], ["a", "b"]) == (None, None, 0, 0)


def test_nan_is_no_value_and_is_refused():
    with pytest.raises(ValueError, match="values: got NaN for song b"):
        song_mean([1.0, math.nan], ["a", "b"])


def test_songs_are_told_apart_by_any_key():
    """Group a/b with song c isn't group a with song b/c."""
    assert song_mean([1.0, 3.0], [("a/b", "c"), ("a", "b/c")]).songs == 2


def test_one_song_has_a_mean_but_no_error():
    assert song_mean([1.0, 4.0], ["a", "a"]) == (2.5, None, 1, 2)
    assert song_mean([None, 4.0], ["b", "a"]) == (4.0, None, 1, 1)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="songs: got 1, expected one for each of 2 values"):
        song_mean([1.0, 2.0], ["a"])
    with pytest.raises(ValueError, match="songs: got 2, expected one for each of 1 values"):
        song_mean([1.0], ["a", "b"])
    assert song_mean([1.0] * 300, list(range(300))) == (1.0, 0.0, 300, 300)  # numbers that CPython doesn't share


def test_clips_of_a_song_are_told_by_its_name_and_not_by_the_object():
    mean = MeanOverSongs()
    for value, song in [(1.0, "a"), (3.0, "a"), (5.0, "b")]:
        mean.add(value, ("song", song))  # a tuple of its own for each clip
    assert mean.result() == (3.5, 1.5, 2, 3)


def test_moments_are_numpys():
    m = np.random.default_rng(1).normal(5, 0.3, size=(7, 4))  # songs x frames
    mean, sd, se = moments(torch.tensor(m.sum(0)), torch.tensor((m**2).sum(0)), torch.tensor(7))
    np.testing.assert_allclose(mean, m.mean(0), rtol=1e-13)
    np.testing.assert_allclose(sd, m.std(0, ddof=1), rtol=1e-10)
    np.testing.assert_allclose(se, m.std(0, ddof=1) / math.sqrt(7), rtol=1e-10)


def test_moments_count_songs_frame_by_frame():
    # frame 0: none, frame 1: the song mean 3 alone, frame 2: song means 1 and 4
    total, squares = torch.tensor([0.0, 3.0, 5.0]).double(), torch.tensor([0.0, 9.0, 17.0]).double()
    mean, sd, se = moments(total, squares, torch.tensor([0, 1, 2]))
    np.testing.assert_allclose(mean, [math.nan, 3.0, 2.5])
    np.testing.assert_allclose(sd, [math.nan, math.nan, 3 / math.sqrt(2)])
    np.testing.assert_allclose(se, [math.nan, math.nan, 1.5])


def test_one_song_has_no_spread_whatever_rounding_leaves_of_its_square():
    squares = torch.tensor([9.0, 9.0 + 1e-12, 9.0 - 1e-12], dtype=torch.float64)
    mean, sd, se = moments(torch.full((3,), 3.0).double(), squares, torch.tensor(1))
    assert mean.tolist() == [3.0] * 3
    assert sd.isnan().all()
    assert se.isnan().all()


def test_t95_is_of_two_songs_or_more():
    assert t95(2) == pytest.approx(12.7062, abs=1e-4)  # Student's table: 1 and 9 degrees of freedom
    assert t95(10) == pytest.approx(2.2622, abs=1e-4)
    for songs in [1, 0, -3]:
        with pytest.raises(ValueError, match=f"songs: got {songs}, expected at least 2"):
            t95(songs)


def test_equal_songs_have_no_spread_and_never_a_negative_variance():
    for value in [0.1, 1 / 3, 4.2, 7.7]:
        total, squares = sum([value] * 10), sum([value**2] * 10)
        sums = torch.tensor([total, squares], dtype=torch.float64)
        _, sd, _ = moments(sums[0], sums[1], torch.tensor(10))
        assert 0 <= float(sd) < 1e-6  # the root of float64's rounding of the squares
