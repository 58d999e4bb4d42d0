"""Another clip: which one, and that nothing but seed, clip, kind and the candidates decides it."""

import random
from collections import Counter
from pathlib import Path

import pytest
import torch

from noiseprobe.data.audio import BadAudio
from noiseprobe.data.manifest import Clip
from noiseprobe.data.others import Others
from noiseprobe.noise.base import CannotCorrupt

RATE = 1000


def clip(name, song, group="g", seconds=4.0, start=0.0, content=""):
    return Clip(f"{name}#{start}", Path(name), start, seconds, song, group, content or f"hash of {name}")


CLIPS = [clip(f"{song}{i}.wav", song) for song in "abcd" for i in range(5)]


def decode(c):
    """A clip's audio tells whose it is."""
    return torch.full((1, round(c.duration * RATE)), float(sum(c.id.encode())))


def chosen(mine, clips=CLIPS, song="other", samples=2000, key=(0, "other"), decode=decode):
    name, audio = Others(mine, clips, key, decode, RATE)(song, samples)
    found = next(c for c in clips if c.id == name)
    assert audio.shape == (1, round(found.duration * RATE))
    assert audio[0, 0] == float(sum(name.encode()))
    return found


@pytest.mark.parametrize("song", ["same", "other"])
def test_it_is_another_clip_of_the_same_or_another_song(song):
    for mine in CLIPS:
        found = chosen(mine, song=song)
        assert found.id != mine.id
        assert (found.song == mine.song) == (song == "same")


def test_a_song_of_that_name_in_another_group_is_another_song():
    mine, namesake = clip("x.wav", "a", "g"), clip("y.wav", "a", "h")
    assert chosen(mine, [mine, namesake]) == namesake
    with pytest.raises(CannotCorrupt, match=r"^no other clip of the same song is at least 2\.000 s long$"):
        chosen(mine, [mine, namesake], "same")


def test_order_and_losers_dont_matter():
    r = random.Random(0)
    for mine in CLIPS:
        found = chosen(mine)
        for _ in range(5):
            clips = r.sample(CLIPS, r.randint(5, 20))
            clips += [c for c in [mine, found] if c not in clips]
            assert chosen(mine, clips) == found
        # without it another one takes its place, and with it back it is the same again
        assert chosen(mine, [c for c in CLIPS if c != found]) != found


def test_a_newcomer_is_chosen_about_as_often_as_any_other():
    """Of 500 clips with 15 candidates each; five standard errors."""
    clips = [clip(f"m{i}.wav", "mine") for i in range(500)]
    candidates = CLIPS[:15]
    counts = Counter(chosen(mine, [mine, *candidates]).id for mine in clips)
    assert len(counts) == 15
    share = 1 / 15
    for count in counts.values():
        assert abs(count / 500 - share) < 5 * (share * (1 - share) / 500) ** 0.5
    new = clip("new.wav", "new")
    moved = [chosen(m, [m, *candidates]) != chosen(m, [m, *candidates, new]) for m in clips]
    to_new = [chosen(m, [m, *candidates, new]) == new for m in clips]
    assert moved == to_new  # nobody else changes
    assert 0 < sum(moved) < 100


def test_seed_and_kind_choose_anew():
    for other_key in [(1, "other"), (0, "token_other")]:
        same = sum(chosen(m) == chosen(m, key=other_key) for m in CLIPS)
        assert same < 10


def test_a_donor_is_long_enough_and_stays_while_it_is():
    short = [clip(f"s{i}.wav", "short", seconds=1.5) for i in range(10)]
    for mine in CLIPS:
        any_length = chosen(mine, CLIPS + short, samples=1500)
        longer = chosen(mine, CLIPS + short, samples=1501)
        assert longer.duration == 4.0
        if any_length.duration == 4.0:
            assert longer == any_length
    assert chosen(CLIPS[0], samples=4000).duration == 4.0
    with pytest.raises(CannotCorrupt, match=r"^no other clip of another song is at least 4\.001 s long$"):
        chosen(CLIPS[0], samples=4001)


def test_one_that_doesnt_decode_is_passed_over():
    mine = CLIPS[0]
    best = chosen(mine)

    def broken(c):
        if c == best:
            raise BadAudio("doesn't decode")
        return decode(c)

    assert chosen(mine, decode=broken) == chosen(mine, [c for c in CLIPS if c != best])

    def all_broken(c):
        raise BadAudio("doesn't decode")

    with pytest.raises(CannotCorrupt, match="no other clip of another song"):
        chosen(mine, decode=all_broken)


def test_the_same_stretch_under_another_name_is_no_other_clip():
    mine = clip("g/x.wav", "x", "g", content="same")
    copy, later = (clip("h/x.wav", "x", "h", start=s, content="same") for s in [0.0, 5.0])
    assert chosen(mine, [mine, copy, later]) == later
    with pytest.raises(CannotCorrupt):
        chosen(mine, [mine, copy])
    # where contents aren't known, names decide
    unknown = [Clip(c.id, c.path, c.start, c.duration, c.song, c.group) for c in [mine, copy]]
    assert chosen(unknown[0], unknown) == unknown[1]
