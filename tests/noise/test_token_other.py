"""Tokens of another clip: which clip, how it is cut and padded, and what is spliced."""

from pathlib import Path

import numpy as np
import pytest
import torch
from running import composed

from noiseprobe.config import NoiseConfig, check
from noiseprobe.data.collate import Loaded, PairCollate
from noiseprobe.data.manifest import Clip
from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise.base import CannotCorrupt, Draws, Heard
from noiseprobe.noise.token_other import CHANGES, WHOLE, Options, corrupt, options
from noiseprobe.noise.tools.splice import Splice
from noiseprobe.variants import Fixed, Place, Variant

RATE, HOP, N = 1000, 20, 4000
MUSIC = np.full((2, N), 0.1, dtype=np.float32)


def clip(name, seconds=4.0, song="s", group="g"):
    return Clip(f"{name}#0.0", Path(name), 0.0, seconds, song, group)


def other(places, donor, song="other"):
    """The corruption with this donor's samples, and what was asked for."""
    asked = []

    def others(song, samples):
        asked.append((song, samples))
        if donor is None:
            raise CannotCorrupt("no other clip")
        return "donor#0.0", donor

    variant = Variant("token_other", Fixed(tuple(Place(*p) for p in places)))
    heard = Heard(clip("a"), MUSIC, RATE, HOP, others)
    spans = variant.spans(RATE, HOP, N, np.random.RandomState(0))
    return corrupt(heard, spans, Draws(0, "a#0.0", "token_other", ""), Options(song)), asked


def ramp(n):
    return (np.arange(2 * n).reshape(2, n) + 1).astype(np.float32) / 2**14


def test_it_declares_what_it_does():
    assert (CHANGES, WHOLE) == ("codes", False)


@pytest.mark.parametrize("length", [N, N + 1, 2 * N])
def test_the_other_clip_is_encoded_up_to_this_clip_s_end(length):
    made, asked = other([(1, 0.5)], ramp(length))
    assert asked == [("other", 1600)]  # to the span's end and 0.1 s more
    assert made.audio.dtype == np.float32
    assert np.array_equal(made.audio, ramp(length)[:, :N])
    assert made.recode == Splice(((50, 75),))
    assert made.frame_map is None
    assert made.measured.other == "donor#0.0"


def test_a_shorter_clip_is_followed_by_silence():
    made, _ = other([(1, 0.5)], ramp(1600))
    assert made.audio.shape == (2, N)
    assert np.array_equal(made.audio[:, :1600], ramp(1600))
    assert not made.audio[:, 1600:].any()


@pytest.mark.parametrize(
    ("places", "samples", "frames"),
    [
        ([(0, 0.1)], 200, ((0, 5),)),
        ([(0.5, 0.1), (1, 0.25)], 1350, ((25, 30), (50, 63))),
        ([(3, None)], N, ((150, 200),)),
        ([(3, 0.95)], N, ((150, 198),)),  # less than 0.1 s is left of this clip
    ],
)
@pytest.mark.parametrize("song", ["same", "other"])
def test_what_is_asked_for_and_spliced(places, samples, frames, song):
    made, asked = other(places, ramp(N), song)
    assert asked == [(song, samples)]
    assert made.recode == Splice(frames)


def test_levels_of_both_are_measured():
    donor = np.full((2, N), 0.5, dtype=np.float32)
    donor[0, 1000:1003] = 2.0
    donor[0, 2000] = 2.0  # outside
    measured = other([(1, 0.5)], donor)[0].measured
    assert measured.music_db == pytest.approx(-20, abs=1e-5)
    assert measured.noise_db == pytest.approx(10 * np.log10((997 * 0.25 + 3 * 4) / 1000), abs=1e-5)
    assert measured.over_full_scale == 3
    assert measured.level_db is None


def test_without_another_clip_it_is_rejected_and_length_0_asks_for_none():
    with pytest.raises(CannotCorrupt):
        other([(1, 0.5)], None)
    made, asked = other([(1, 0)], None)
    assert asked == []
    assert made.audio is None
    assert made.recode == Splice(())
    assert made.measured.other is None


def test_through_collate_the_donor_is_of_the_song_asked_for_and_the_same_for_all_lengths():
    clips = [clip(f"{song}{i}", 4.0, song) for song in "abc" for i in range(3)]
    clips += [clip(f"short{i}", 1.55, "c") for i in range(3)]

    def decode(c):
        return torch.full((1, round(c.duration * RATE)), float(clips.index(c)))

    variants = tuple(Variant("token_other", Fixed((Place(1, n),))) for n in (0.1, 0.45, 0.5, 2))
    donors = {}
    for song in ["same", "other"]:
        make = PairCollate(NoiseConfig("token_other", variants, Options(song)), 0, RATE, HOP, clips, decode)
        for i, c in enumerate(clips[:9]):
            pair = make.pair(Loaded(i, c, decode(c)))
            assert pair.rejected == ()
            for made in pair.corrupted:
                donor = next(d for d in clips if d.id == made.corruption.measured.other)
                assert donor.id != c.id
                assert (donor.song == c.song) == (song == "same")
                assert (made.audio[:, :1550] == clips.index(donor)).all()
                assert donor.duration >= made.variant.length + 1.1 - 1e-9
                assert made.audio.shape == (1, N)
            long = [m.corruption.measured.other for m in pair.corrupted[2:]]
            assert long[0] == long[1]
            donors[song, c.id] = [m.corruption.measured.other for m in pair.corrupted]
    short = [own for own in donors.values() if own[0].startswith("short")]
    assert short, "a short clip is taken where it is long enough"
    for own in short:
        assert own[1] == own[0]
        assert not own[2].startswith("short")


def test_keys():
    assert check(composed("noise=token_other")).noise.options == Options() == Options("other")
    assert check(composed("noise=token_other", "noise.song=same")).noise.options == Options("same")
    assert options({"song": "same"}) == Options("same")
    with pytest.raises(NoiseprobeError, match=r"^noise.song: got mine, expected one of same, other"):
        check(composed("noise=token_other", "noise.song=mine"))
