"""Clips: ids, order, limits, fitting, and the shards of several processes, on random song structures."""

import random
from pathlib import Path

import pytest

from noiseprobe.data.manifest import Clip, clip_id, in_order, limited, shard
from noiseprobe.variants import Variant, at


def clip(group, song, name, start=0.0, duration=15.0):
    path = Path("/music") / group / song / f"{name}.wav"
    return Clip(clip_id(f"{group}/{song}/{name}.wav", start), path, start, duration, song, group)


def random_clips(rng):
    """Songs of very unequal size; the same song names occur in both groups."""
    clips = []
    for group in ["jazz", "rock"][: rng.randint(1, 2)]:
        for song in range(rng.randint(1, 6)):
            clips += [clip(group, f"song{song}", f"{i:02}") for i in range(rng.choice([1, 1, 2, 3, 9]))]
    rng.shuffle(clips)
    return clips


def songs_of(clips, indices):
    return {(clips[i].group, clips[i].song) for i in indices}


@pytest.mark.parametrize("world", [1, 2, 3, 4, 5])
def test_shards_hold_every_clip_once_in_order_and_songs_whole(world):
    rng = random.Random(world)
    for _ in range(200):
        clips = in_order(random_clips(rng))
        shards = [shard(clips, world, rank) for rank in range(world)]
        assert [i for s in shards for i in s] == list(range(len(clips)))
        owners = [songs_of(clips, s) for s in shards]
        assert sum(map(len, owners)) == len(set().union(*owners))


@pytest.mark.parametrize("world", [2, 3, 4])
def test_shards_of_songs_of_one_clip_are_even(world):
    clips = in_order(clip("g", f"s{i}", "x") for i in range(12))
    assert [len(shard(clips, world, rank)) for rank in range(world)] == [12 // world] * world


def test_one_song_stays_with_one_process():
    clips = [clip("g", "s", f"{i}") for i in range(5)]
    assert [shard(clips, 3, rank) for rank in range(3)] == [[0, 1, 2, 3, 4], [], []]


def test_songs_of_the_same_name_in_two_groups_are_two_songs():
    clips = [clip("jazz", "01", "a"), clip("rock", "01", "a")]
    assert [shard(clips, 2, rank) for rank in range(2)] == [[0], [1]]


def test_no_clips_make_empty_shards():
    assert [shard([], 2, rank) for rank in range(2)] == [[], []]


def test_order_is_by_group_song_path_and_start():
    clips = [
        clip("a", "s", "x", 0.0), clip("a", "s", "x", 5.0), clip("a", "s", "x", 10.0), clip("a", "s", "y", 0.0),
        clip("a", "t", "a", 0.0), clip("b", "a", "a", 0.0),
    ]  # fmt: skip
    mixed = clips[:]
    random.Random(0).shuffle(mixed)
    assert in_order(mixed) == clips


def test_limit_goes_round_the_songs():
    a, b, c = ([clip("g", s, f"{i}") for i in range(n)] for s, n in [("a", 4), ("b", 1), ("c", 2)])
    clips = a + b + c
    assert limited(clips, 1) == a[:1]
    assert limited(clips, 3) == [a[0], b[0], c[0]]
    assert limited(clips, 4) == [a[0], a[1], b[0], c[0]]
    assert limited(clips, 5) == [a[0], a[1], b[0], c[0], c[1]]
    assert limited(clips, 6) == [a[0], a[1], a[2], b[0], c[0], c[1]]
    assert limited(clips, 7) == limited(clips, 99) == limited(clips, None) == clips
    assert limited([], 3) == []


def test_limit_tells_songs_of_the_same_name_apart():
    clips = in_order([clip("jazz", "01", "a"), clip("jazz", "01", "b"), clip("rock", "01", "a")])
    assert [c.group for c in limited(clips, 2)] == ["jazz", "rock"]


def test_limited_clips_are_a_part_of_the_whole_and_as_even_as_songs_allow():
    rng = random.Random(7)
    for _ in range(200):
        clips = in_order(random_clips(rng))
        n = rng.randint(1, len(clips))
        found = limited(clips, n)
        assert found == [c for c in clips if c in found]
        assert len(found) == n
        sizes = {s: sum((c.group, c.song) == s for c in clips) for s in songs_of(clips, range(len(clips)))}
        taken = {s: sum((c.group, c.song) == s for c in found) for s in sizes}
        most = max(taken.values())
        assert all(taken[s] >= min(sizes[s], most - 1) for s in sizes)


@pytest.mark.parametrize(
    ("start", "expected"),
    [(5, "a/b.wav#5.0"), (0, "a/b.wav#0.0"), (0.1 + 0.2, "a/b.wav#0.3"), (1 / 3, "a/b.wav#0.333333")],
)
def test_clip_ids(start, expected):
    assert clip_id("a/b.wav", start) == expected


@pytest.mark.parametrize(
    ("duration", "fits"), [(15.0, True), (8.0, True), (6.0, True), (5.999, False), (6.0 - 1e-12, True), (3.0, False)]
)
def test_a_clip_fits_where_it_goes_on_after_the_noise(duration, fits):
    assert clip("g", "s", "x", duration=duration).fits(Variant("white", at(3.0, 2.0))) is fits
