"""Names and spans of variants, worked out by hand for 32 kHz and 640 samples a frame."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from noiseprobe.config import NoiseConfig
from noiseprobe.data.collate import Loaded, PairCollate
from noiseprobe.data.manifest import Clip
from noiseprobe.functional.regions import region_frames
from noiseprobe.noise.white import Options
from noiseprobe.variants import PAPER_LENGTHS, Fixed, Place, Scattered, Span, Variant, at, seconds_of_frames

RATE, HOP = 32_000, 640
ANY = np.random.RandomState(0)


def spans(where, seconds=15.0, rate=RATE, hop=HOP, seed=0):
    found = where.spans(rate, hop, round(seconds * rate), np.random.RandomState(seed))
    return [(s.start, s.stop, s.on, s.off) for s in found]


# One place


@pytest.mark.parametrize(
    ("onset", "length", "name"),
    [
        (5, 0.5, "white@5.0s+0.5s"),
        (5.0, 1, "white@5.0s+1.0s"),
        (0, 0, "white@0.0s+0.0s"),
        (5.005, 0.02, "white@5.005s+0.02s"),
        (0.1 + 0.2, 0.7 + 0.1, "white@0.3s+0.8s"),  # 0.30000000000000004 and 0.7999999999999999
        (5, None, "white@5.0s+end"),
        (-0.0, 1, "white@0.0s+1.0s"),
    ],
)
def test_names(onset, length, name):
    assert Variant("white", at(onset, length)).name == name


@pytest.mark.parametrize(
    ("onset", "length", "span"),
    [
        (5.0, 2.0, (160_000, 224_000, 250, 350)),
        (5.0, 0.1, (160_000, 163_200, 250, 255)),
        (0.0, 0.02, (0, 640, 0, 1)),
        (5.005, 1.0, (160_160, 192_160, 250, 301)),  # begins 160 samples into frame 250, ends 160 into frame 300
        (5.01, 0.01, (160_320, 160_640, 250, 251)),  # the second half of one frame
        (5.015, 0.01, (160_480, 160_800, 250, 252)),  # across the border of two
        (5.02, 0.02, (160_640, 161_280, 251, 252)),
        (5.0, 0.001, (160_000, 160_032, 250, 251)),
        (5.0, 0.0, (160_000, 160_000, 250, 250)),
        (5.005, 0.0, (160_160, 160_160, 250, 250)),
        (14.5, None, (464_000, 480_000, 725, 750)),
        (0.0, None, (0, 480_000, 0, 750)),
    ],
)
def test_spans(onset, length, span):
    assert spans(at(onset, length)) == [span]


def test_a_span_to_the_end_of_a_clip_has_all_its_samples_and_frames():
    # 1000 samples end in the middle of frame 1
    assert Fixed((Place(0.0, None),)).spans(RATE, HOP, 1000, ANY) == (Span(0.0, 0, 1000, 0, 2),)


def test_a_span_ends_with_the_clip():
    assert spans(at(5.0, 2.0), seconds=6.0) == [(160_000, 192_000, 250, 300)]


def test_samples_are_rounded_to_the_nearest():
    # at 44.1 kHz 0.3333 s are 14698.53 samples, 0.0101 s are 445.41; with 441 samples a frame: 33.33 and 34.34 frames
    assert spans(at(0.3333, 0.0101), rate=44_100, hop=441) == [(14_699, 15_144, 33, 35)]


@pytest.mark.parametrize("onset", [0.0, 1.23, 5.005, 9.999])
def test_length_in_samples_does_not_depend_on_the_onset(onset):
    ((start, stop, _, _),) = spans(at(onset, 0.0333))
    assert stop - start == 1066  # 1065.6


def test_every_touched_frame_and_no_other_lies_in_the_span():
    for i in range(200):
        ((start, stop, on, off),) = spans(at(1 + i * 0.00321, 0.001 + i * 0.00177))
        assert list(range(on, off)) == sorted({sample // HOP for sample in range(start, stop)})


def test_one_second_is_1_or_1_0_or_50_frames():
    same = [Variant("white", at(5, n)) for n in [1, 1.0, seconds_of_frames(50), 0.1 * 3 + 0.7]]
    assert len(set(same)) == 1
    assert len({v.name for v in same}) == 1


@pytest.mark.parametrize(("frames", "seconds"), [(0, 0.0), (1, 0.02), (5, 0.1), (7, 0.14), (150, 3.0)])
def test_seconds_of_frames(frames, seconds):
    assert seconds_of_frames(frames) == seconds


def test_the_papers_lengths():
    assert PAPER_LENGTHS == (0.1, 0.2, 1.0, 2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    ("where", "onset", "length", "needs"),
    [
        (at(5, 0.5), 5.0, 0.5, 6.5),
        (at(5, None), 5.0, None, 6.0),
        (Fixed((Place(5, 0.1), Place(8, 0.2))), 5.0, 0.3, 9.2),
        (Fixed((Place(5, 0.5), Place(8, None))), 5.0, None, 9.0),
        (Scattered(0.5, 0.5), None, None, 1.5),
        (Scattered(0.5, 0.5, 2.0), None, None, 3.5),
        (Scattered(0.1, 0.6), None, None, 4.0),  # a tenth of 4 s is two thirds of a piece, so one is put there
    ],
)
def test_onset_length_and_the_seconds_that_a_clip_must_have(where, onset, length, needs):
    v = Variant("white", where)
    assert (v.onset, v.length) == (onset, length)
    assert v.needs(1.0) == pytest.approx(needs)


# Several places


def test_several_places_have_a_name_and_spans_in_order():
    where = Fixed((Place(5, 0.5), Place(8, 0.1), Place(9.01, None)))
    assert Variant("white", where).name == "white@5.0s+0.5s,8.0s+0.1s,9.01s+end"
    assert spans(where) == [
        (160_000, 176_000, 250, 275),
        (256_000, 259_200, 400, 405),
        (288_320, 480_000, 450, 750),
    ]


def test_a_frame_that_two_places_share_is_the_earlier_ones():
    # 10 ms each, 5 ms apart: samples 320..640 | 800..1120, 1280..1600; then 2 ms in the frame of the one before
    where = Fixed((Place(0.01, 0.02), Place(0.035, 0.01), Place(0.047, 0.002), Place(0.05, 0.02)))
    assert spans(where) == [
        (320, 960, 0, 2),  # ends within frame 1
        (1120, 1440, 2, 3),  # began there, and goes on into frame 2
        (1504, 1568, 3, 3),  # has no frame of its own
        (1600, 2240, 3, 4),
    ]


def test_places_that_rounding_brings_together_do_not_overlap():
    # At 1000 Hz 0.1015 s are 101.5 samples (102), 0.0995 s long 99.5 (100): they would end at 202, after 201.
    where = Fixed((Place(0.1015, 0.0995), Place(0.201001, 0.1)))
    (first, second) = where.spans(1000, 20, 1000, ANY)
    assert (first.start, first.stop) == (102, 201)
    assert (second.start, second.stop) == (201, 301)
    assert (first.on, first.off, second.on, second.off) == (5, 11, 11, 16)


# Scattered places

SCATTERED = [
    (share, length, earliest)
    for share, length, earliest in itertools.product([0.05, 0.2, 0.5, 0.9], [0.001, 0.02, 0.0333, 0.5, 1.0], [0.0, 5.0])
    if length <= 1.5 * share * (15 - earliest)  # what positions.variants lets through
]


@pytest.mark.parametrize(("rate", "hop"), [(32_000, 640), (44_100, 441), (48_000, 960)])
@pytest.mark.parametrize(("share", "length", "earliest"), SCATTERED)
def test_pieces_are_apart_within_the_clip_and_take_the_share(share, length, earliest, rate, hop):
    for seed in range(3 if length < 0.01 else 15):
        found = Scattered(share, length, earliest).spans(rate, hop, 15 * rate, np.random.RandomState(seed))
        starts, stops = np.array([(s.start, s.stop) for s in found]).T
        assert starts[0] >= round(earliest * rate)
        assert stops[-1] <= 15 * rate
        assert (starts[1:] >= stops[:-1]).all()
        lengths = stops - starts
        assert (lengths <= round(length * rate)).all()
        assert (lengths >= round(length * rate) - 2).all()  # a rounded border, or the end of the clip
        taken = len(found) * length
        room = 15 - earliest
        most_that_fit = len(found) == math.floor(room / length + 1e-9)
        assert abs(taken - share * room) <= length / 2 + 1e-9 or most_that_fit
        frames = [(s.on, s.off) for s in found]
        assert all(on <= off for on, off in frames)
        assert all(before <= after for (_, before), (after, _) in itertools.pairwise(frames))
        region_frames(frames, 750, 4, 4, 2)  # takes them


def test_the_frames_of_pieces_are_those_that_they_touch():
    for seed in range(20):
        found = Scattered(0.5, 0.03).spans(RATE, HOP, 2 * RATE, np.random.RandomState(seed))
        touched = {sample // HOP for s in found for sample in range(s.start, s.stop)}
        assert [t for s in found for t in range(s.on, s.off)] == sorted(touched)


def test_a_clip_that_is_long_enough_gets_the_share_and_no_more_than_half_a_piece_too_much():
    where = Scattered(0.1, 1.0)
    for seconds in np.arange(where.needs(1.0), 30, 0.37):
        taken = sum(stop - start for start, stop, _, _ in spans(where, seconds)) / RATE
        assert abs(taken - 0.1 * seconds) <= 0.5 + 1e-4
    assert sum(stop - start for start, stop, _, _ in spans(where, 3.0)) == RATE  # a third: 3 s are too short
    assert where.needs(1.0) > 6


def test_every_way_to_place_pieces_is_as_likely_as_any_other():
    """Then the stretches before, between and after n pieces are each Beta(1, n) of the time that is free."""
    where, seeds = Scattered(0.4, 0.5, 3.0), 800
    gaps = []
    for seed in range(seeds):
        found = where.spans(RATE, HOP, 15 * RATE, np.random.RandomState(seed))
        edges = [3 * RATE, *itertools.chain.from_iterable((s.start, s.stop) for s in found), 15 * RATE]
        gaps.append(np.diff(edges)[::2] / RATE)
    assert {len(g) for g in gaps} == {11}  # 4.8 s of 12 in pieces of 0.5: ten, and eleven gaps
    shares = np.array(gaps) / (12 - 10 * 0.5)
    assert np.allclose(shares.sum(1), 1, atol=1e-4)
    p = [stats.kstest(shares[:, i], stats.beta(1, 10).cdf).pvalue for i in range(11)]
    assert min(p) > 1e-4
    # and they share what is free without preference: every two correlate as -1/n
    c = np.corrcoef(shares.T)[np.triu_indices(11, 1)]
    assert np.abs(c + 0.1).max() < 5 / math.sqrt(seeds)


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (Scattered(0.2, 0.5), "white@20%x0.5s"),
        (Scattered(0.2, 0.5, 5.0), "white@20%x0.5s>5.0s"),
        (Scattered(0.125, 0.02), "white@12.5%x0.02s"),
        (Scattered(0.1 + 0.2, 0.02), "white@30%x0.02s"),
        (Scattered(0.12345678, 0.02), "white@12.345678%x0.02s"),
    ],
)
def test_names_of_scattered_places(where, name):
    assert Variant("white", where).name == name


PIECES = Scattered(0.3, 0.25)


def places(kind="white", seed=0, clip="jazz/monk.wav#0.0", where=PIECES, **options):
    """Where PairCollate puts the pieces."""
    noise = NoiseConfig(kind, (Variant(kind, where),), Options(**options))
    entry = Clip(clip, Path("monk.wav"), 0.0, 15.0, "monk", "jazz")
    collate = PairCollate(noise, seed, RATE, HOP, [entry], decode=lambda clip: torch.zeros(1, 1))
    (made,) = collate.pair(Loaded(0, entry, torch.full((1, 15 * RATE), 0.1))).corrupted
    changed = (made.audio[0] != 0.1).numpy()
    assert changed.sum() == sum(s.stop - s.start for s in made.spans) == 18 * 8000
    assert all(changed[s.start : s.stop].all() for s in made.spans)
    return made.spans


def test_pieces_are_where_they_are_whatever_the_kind_and_the_level():
    first = places()
    assert places(level=-20.0) == first
    assert places("paper_blue", level="snr", snr=3.0, mode="add") == first
    onsets = [s.onset for s in first]
    assert [s.onset for s in places(seed=1)] != onsets
    assert [s.onset for s in places(clip="jazz/evans.wav#0.0")] != onsets
    assert [s.onset for s in places(where=Scattered(0.3, 0.25, 0.01))] != onsets
