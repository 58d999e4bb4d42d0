"""Names and spans of variants, worked out by hand for 32 kHz and 640 samples a frame."""

import pytest

from noiseprobe.variants import PAPER_LENGTHS, Variant, seconds_of_frames


@pytest.mark.parametrize(
    ("onset", "length", "name"),
    [
        (5, 0.5, "white@5.0s+0.5s"),
        (5.0, 1, "white@5.0s+1.0s"),
        (0, 0, "white@0.0s+0.0s"),
        (5.005, 0.02, "white@5.005s+0.02s"),
        (0.1 + 0.2, 0.7 + 0.1, "white@0.3s+0.8s"),  # 0.30000000000000004 and 0.7999999999999999
    ],
)
def test_names(onset, length, name):
    assert Variant("white", onset, length).name == name


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
        (5.0, 0.0, (160_000, 160_000, 250, 250)),
        (5.005, 0.0, (160_160, 160_160, 250, 250)),
    ],
)
def test_spans(onset, length, span):
    found = Variant("white", onset, length).span(32_000, 640)
    assert (found.start, found.stop, found.on, found.off) == span


def test_samples_are_rounded_to_the_nearest():
    # at 44.1 kHz 0.3333 s are 14698.53 samples, 0.0101 s are 445.41; with 441 samples a frame: 33.33 and 34.34 frames
    found = Variant("white", 0.3333, 0.0101).span(44_100, 441)
    assert (found.start, found.stop, found.on, found.off) == (14_699, 15_144, 33, 35)


@pytest.mark.parametrize("onset", [0.0, 1.23, 5.005, 9.999])
def test_length_in_samples_does_not_depend_on_the_onset(onset):
    found = Variant("white", onset, 0.0333).span(32_000, 640)
    assert found.stop - found.start == 1066  # 1065.6


def test_every_touched_frame_and_no_other_lies_in_the_span():
    for i in range(200):
        found = Variant("white", 1 + i * 0.00321, 0.001 + i * 0.00177).span(32_000, 640)
        touched = {sample // 640 for sample in range(found.start, found.stop)}
        assert list(range(found.on, found.off)) == sorted(touched)


def test_one_second_is_1_or_1_0_or_50_frames():
    same = [Variant("white", 5, 1), Variant("white", 5.0, 1.0), Variant("white", 5, seconds_of_frames(50))]
    assert len(set(same)) == 1
    assert len({v.name for v in same}) == 1


@pytest.mark.parametrize(("frames", "seconds"), [(0, 0.0), (1, 0.02), (5, 0.1), (7, 0.14), (150, 3.0)])
def test_seconds_of_frames(frames, seconds):
    assert seconds_of_frames(frames) == seconds


def test_the_papers_lengths():
    assert PAPER_LENGTHS == (0.1, 0.2, 1.0, 2.0, 3.0, 4.0)


def test_minus_zero_is_zero():
    assert Variant("white", -0.0, 1).name == "white@0.0s+1.0s"
