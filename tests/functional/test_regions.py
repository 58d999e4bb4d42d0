"""The four regions against literals worked out by hand from the formula, and against its promises on random spans."""

import random

import pytest

from noiseprobe.functional.regions import REGIONS, region_frames, regions

NOTHING = {"peak": None, "assimilation": None, "offset": None, "recovery": None}


def ranges(peak, assimilation, offset, recovery):
    return {"peak": peak, "assimilation": assimilation, "offset": offset, "recovery": recovery}


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, NOTHING),
        (5, ranges((244, 255), None, (255, 264), (264, 750))),
        (10, ranges((244, 255), None, (255, 269), (269, 750))),
        (50, ranges((244, 255), (255, 294), (294, 309), (309, 750))),
        (100, ranges((244, 255), (255, 344), (344, 359), (359, 750))),
        (200, ranges((244, 255), (255, 444), (444, 459), (459, 750))),
    ],
)
def test_delay_scoring_of_the_papers_lengths(length, expected):
    assert regions(250, 250 + length, 750, look_ahead=4, look_back=4, context=2) == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, NOTHING),
        (5, ranges((246, 255), None, (255, 264), (264, 750))),
        (10, ranges((246, 255), (255, 256), (256, 269), (269, 750))),
        (50, ranges((246, 255), (255, 296), (296, 309), (309, 750))),
        (100, ranges((246, 255), (255, 346), (346, 359), (359, 750))),
        (200, ranges((246, 255), (255, 446), (446, 459), (459, 750))),
    ],
)
def test_parallel_scoring_of_the_papers_lengths(length, expected):
    assert regions(250, 250 + length, 750, look_ahead=4, look_back=4, context=0) == expected


def test_a_codec_without_convolutions_reaches_nowhere():
    assert regions(10, 30, 100) == ranges((10, 15), (15, 30), (30, 35), (35, 100))


def test_look_ahead_and_look_back_are_told_apart():
    assert regions(100, 200, 300, look_ahead=7, look_back=2) == ranges((93, 105), (105, 193), (193, 207), (207, 300))


def test_offset_begins_after_the_peak_for_noise_of_one_frame():
    assert regions(250, 251, 750, 4, 4, 2) == ranges((244, 255), None, (255, 260), (260, 750))


def test_peak_is_clipped_at_frame_0():
    assert regions(0, 50, 750, 4, 4, 2) == ranges((0, 5), (5, 44), (44, 59), (59, 750))
    assert regions(3, 53, 750, 4, 4, 2)["peak"] == (0, 8)


def test_noise_to_the_end_leaves_no_recovery():
    assert regions(250, 750, 750, 4, 4, 2) == ranges((244, 255), (255, 750), None, None)
    assert regions(250, 745, 750, 4, 4, 2) == ranges((244, 255), (255, 739), (739, 750), None)


def test_noise_on_the_last_frames_is_all_peak():
    assert regions(747, 750, 750, 4, 4, 2) == ranges((741, 750), None, None, None)


def test_regions_follow_each_other_without_gap_or_overlap_up_to_the_last_frame():
    rng = random.Random(0)
    for _ in range(3000):
        frames = rng.randint(1, 400)
        on = rng.randint(0, frames - 1)
        off = rng.randint(on + 1, frames)
        ahead, back, context = rng.randint(0, 6), rng.randint(0, 6), rng.randint(0, 3)
        found = regions(on, off, frames, ahead, back, context)
        assert tuple(found) == REGIONS == ("peak", "assimilation", "offset", "recovery")
        covered = [t for name in REGIONS if found[name] for t in range(*found[name])]
        assert covered == list(range(max(0, on - ahead - context), frames)), (on, off, frames, ahead, back, context)
        assert all(r is None or r[0] < r[1] for r in found.values())


@pytest.mark.parametrize("at", [0, 250, 750])
def test_without_noise_there_is_no_region(at):
    assert regions(at, at, 750, 4, 4, 2) == NOTHING


@pytest.mark.parametrize(("on", "off", "frames"), [(-1, 5, 10), (5, 4, 10), (5, 11, 10), (11, 12, 10)])
def test_a_span_outside_the_clip_raises(on, off, frames):
    with pytest.raises(ValueError, match=rf"got \[{on}, {off}\), expected .*{frames} frames"):
        regions(on, off, frames)


def test_one_span_has_the_same_frames_either_way():
    one, joint = regions(250, 350, 750, 4, 4, 2, 1), region_frames([(250, 350)], 750, 4, 4, 2, 1)
    assert {n: list(range(*r)) for n, r in one.items() if r} == {n: f.tolist() for n, f in joint.items() if len(f)}


def test_each_of_several_spans_has_its_regions_up_to_the_next_ones_peak():
    found = region_frames([(100, 150), (200, 210), (216, 400)], 400, look_ahead=4, look_back=4, context=2)
    assert ranges_of(found["peak"]) == [(94, 105), (194, 205), (210, 221)]
    assert ranges_of(found["assimilation"]) == [(105, 144), (205, 210), (221, 400)]
    # The second has neither offset nor recovery: they can't be told from the third's peak.
    assert ranges_of(found["offset"]) == [(144, 159)]
    assert ranges_of(found["recovery"]) == [(159, 194)]


def test_no_frame_is_in_two_regions_and_none_is_lost_after_the_first_onset():
    rng = random.Random(1)
    for _ in range(2000):
        frames = rng.randint(20, 400)
        marks = sorted(rng.randint(0, frames) for _ in range(2 * rng.randint(1, 5)))
        spans = [(on, off) for on, off in zip(marks[::2], marks[1::2], strict=True) if on < off]
        ahead, back, context = rng.randint(0, 6), rng.randint(0, 6), rng.randint(0, 3)
        found = region_frames(spans, frames - 3, ahead, back, context, first=1)
        covered = sorted(t for name in REGIONS for t in found[name].tolist())
        begin = max(min(on for on, _ in spans) - ahead - context, 1) if spans else frames
        assert covered == list(range(begin, frames - 3)), (spans, frames, ahead, back, context)


def test_a_span_without_a_frame_of_its_own_ends_no_other_ones_regions():
    for spans in [[(250, 276), (276, 276)], [(250, 276), (276, 276), (400, 410)], [(100, 100), (250, 276)]]:
        without = [(on, off) for on, off in spans if on < off]
        found, expected = (region_frames(s, 747, 4, 4, 2) for s in [spans, without])
        assert {n: f.tolist() for n, f in found.items()} == {n: f.tolist() for n, f in expected.items()}


def test_frames_are_compared_as_numbers():
    """Not by identity, which small numbers in CPython happen to share."""
    on, off, frames = (lambda: int("300")), (lambda: int("400")), (lambda: int("750"))
    assert regions(on(), on(), frames()) == NOTHING
    assert regions(on(), frames(), frames(), 4, 4, 2) == ranges((294, 305), (305, 750), None, None)
    assert regions(on(), off(), frames())["recovery"] == (405, 750)
    assert ranges_of(region_frames([(100, 110), (on(), on()), (off(), 410)], 750)["recovery"]) == [
        (115, 400),
        (415, 750),
    ]


def test_many_spans_end_with_the_clip():
    found = region_frames([(10 * i, 10 * i + 2) for i in range(300)], 3005)
    assert ranges_of(found["peak"]) == [(10 * i, 10 * i + 5) for i in range(300)]
    assert ranges_of(found["recovery"])[-1] == (2997, 3005)


def test_without_a_first_frame_spans_may_begin_at_frame_0():
    assert ranges_of(region_frames([(0, 20)], 60)["peak"]) == [(0, 5)]
    assert ranges_of(region_frames([(2, 20)], 60, look_ahead=4)["peak"]) == [(0, 7)]


@pytest.mark.parametrize("spans", [[(10, 20), (15, 30)], [(20, 30), (10, 15)]])
def test_spans_out_of_order_raise(spans):
    with pytest.raises(ValueError, match="in order and apart"):
        region_frames(spans, 100)


def ranges_of(frames):
    """Runs of consecutive frames as (start, stop)."""
    runs = []
    for t in frames.tolist():
        if runs and runs[-1][1] == t:
            runs[-1][1] = t + 1
        else:
            runs.append([t, t + 1])
    return [tuple(run) for run in runs]


def test_a_span_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match=r"spans: got \[\(20, 10\)\], expected on <= off"):
        region_frames([(20, 10)], 60)
