"""What the keys of a position mean, and what each refusal says."""

import itertools

import pytest

from noiseprobe.errors import NoiseprobeError
from noiseprobe.positions import KEYS, variants
from noiseprobe.variants import Fixed, Place, Scattered


def found(whole=False, duration=15.0, **keys):
    return variants(dict.fromkeys(KEYS) | keys, "white", whole, duration)


def names(**keys):
    return [v.name.removeprefix("white@") for v in found(**keys)]


def refusal(**keys):
    with pytest.raises(NoiseprobeError) as caught:
        found(**keys)
    message = str(caught.value)
    assert "\n" not in message
    return message


# What they mean


def test_nothing_set_means_the_papers_lengths_at_5_s():
    assert names() == ["5.0s+0.1s", "5.0s+0.2s", "5.0s+1.0s", "5.0s+2.0s", "5.0s+3.0s", "5.0s+4.0s"]


def test_nothing_set_means_the_whole_clip_for_a_kind_that_takes_it():
    assert names(whole=True) == ["0.0s+end"]
    assert names(whole=True, onset=3) == ["3.0s+end"]
    assert names(whole=True, length=2) == ["0.0s+2.0s"]
    assert names(whole=True, length=2, onset=3) == ["3.0s+2.0s"]


def test_a_kind_that_takes_the_whole_clip_takes_a_short_one_too():
    assert names(whole=True, duration=1.0) == ["0.0s+end"]


@pytest.mark.parametrize("keys", [{"length": 1}, {"length": 1.0}, {"length": [1]}, {"frames": 50}, {"frames": [50.0]}])
@pytest.mark.parametrize("onset", [{}, {"onset": 5}, {"onset": [5.0]}, {"onset_frame": 250}, {"onset_frame": [250]}])
def test_one_second_in_all_its_spellings(keys, onset):
    assert found(**keys, **onset) == found(length=1.0)
    assert names(**keys, **onset) == ["5.0s+1.0s"]


@pytest.mark.parametrize("frames", [0, 1, 5, 7, 333])
def test_frames_are_of_20_ms(frames):
    assert found(frames=frames) == found(length=frames / 50)
    assert found(onset_frame=frames, length=1) == found(onset=frames / 50, length=1)


def test_lists_are_variants_in_order_of_time():
    assert names(length=[2, 0.5], onset=[7.5, 3]) == ["3.0s+0.5s", "3.0s+2.0s", "7.5s+0.5s", "7.5s+2.0s"]
    assert names(frames=[7, 0], onset_frame=[300]) == ["6.0s+0.0s", "6.0s+0.14s"]


def test_end_lasts_to_the_end_of_the_clip():
    (v,) = found(length="end")
    assert v.where == Fixed((Place(5.0, None),))
    assert v.needs(1.0) == 6.0
    assert names(length=["end", 1, 0.5]) == ["5.0s+0.5s", "5.0s+1.0s", "5.0s+end"]
    assert names(length="end", onset=[0, 14]) == ["0.0s+end", "14.0s+end"]
    assert names(length="end", onset_frame=0) == ["0.0s+end"]


def test_noise_may_end_one_second_before_the_clip_does_and_no_later():
    assert names(duration=10, length=4) == ["5.0s+4.0s"]
    assert names(duration=10, length=0.1 + 0.2, onset=8.7) == ["8.7s+0.3s"]  # 0.30000000000000004
    assert "noise.length: got 4.001 s, expected at most 4 s" in refusal(duration=10, length=4.001)
    assert "noise.length: got 4 s, expected at most 3 s" in refusal(duration=10, length=4, onset=[6, 1])
    assert "noise.frames: got 201 frames, expected at most 4 s" in refusal(duration=10, frames=201)


def test_spans_are_places_of_one_variant():
    (v,) = found(spans=[[5, 0.5], [8, 1]])
    assert v.where == Fixed((Place(5.0, 0.5), Place(8.0, 1.0)))
    assert v.name == "white@5.0s+0.5s,8.0s+1.0s"
    assert names(spans=[[5, 0.5]]) == names(length=0.5)
    assert found(spans=[[5, 0.5]]) == found(length=0.5)
    assert names(spans=[[0, 0.001], [14, "end"]]) == ["0.0s+0.001s,14.0s+end"]
    assert names(spans=[[13, 1]]) == ["13.0s+1.0s"]
    assert names(spans=[[1, 1]], whole=True) == ["1.0s+1.0s"]


def test_a_share_is_scattered():
    (v,) = found(share=0.2, length=0.5)
    assert v.where == Scattered(0.2, 0.5, 0.0)
    (v,) = found(share=0.2, frames=25, onset=5)
    assert v.where == Scattered(0.2, 0.5, 5.0)
    (v,) = found(share=0.2, frames=25, onset_frame=[250], whole=True)
    assert v.where == Scattered(0.2, 0.5, 5.0)
    assert names(share=[0.5, 0.2], length=[1, 0.1]) == ["50%x1.0s", "50%x0.1s", "20%x1.0s", "20%x0.1s"]


def test_any_two_shares_have_names_of_their_own():
    shares = [0.1, 0.1000001, 0.12345678, 0.12345679, 0.9, 0.89999999]
    assert len(set(names(share=shares, length=0.02))) == len(shares)


def test_a_piece_is_about_the_share_at_most():
    assert names(share=0.1, length=2.25) == ["10%x2.25s"]  # 1.5 times a tenth of 15 s
    assert "noise.length: got 2.26 s, expected at most 2.25 s" in refusal(share=0.1, length=2.26)
    assert "noise.frames: got 2.26 s, expected at most 2.25 s" in refusal(share=0.1, frames=113)
    assert "expected at most 1.5 s" in refusal(share=0.1, length=2.25, onset=5)
    assert "expected at most 9 s" in refusal(share=0.9, length=9.5, onset=5)  # and a second must fit


def test_what_fits_into_a_clip_of_the_full_length_is_what_that_clip_is_long_enough_for():
    for share, length, onset in itertools.product([0.05, 0.3, 0.9], [0.02, 0.5, 1.2, 4.0, 9.0, 12.0], [0, 2.5, 9]):
        where = Scattered(share, length, onset)
        try:
            (v,) = found(share=share, length=length, onset=onset)
        except NoiseprobeError:
            assert where.needs(1.0) > 15
        else:
            assert v.where == where
            assert v.needs(1.0) <= 15 + 1e-9


# What is refused: keys -> the key that the line names, what it shows, and a piece of what it asks for

REFUSED = [
    ({"length": -1}, "length", "-1", "a number of at least 0"),
    ({"length": []}, "length", "[]", "a list with at least one"),
    ({"length": [1, "x"]}, "length", "x", "a number"),
    ({"length": [[1]]}, "length", "[1]", "a number"),
    ({"length": True}, "length", "True", "a number"),
    ({"length": float("nan")}, "length", "nan", "a finite number"),
    ({"length": float("inf")}, "length", "inf", "a finite number"),
    ({"length": 0.0009}, "length", "0.0009", "0 or at least 0.001 s"),
    ({"length": "End"}, "length", "End", "a number"),
    ({"length": 9.5}, "length", "9.5 s", "at most 9 s"),
    ({"length": [1, 1.0]}, "length", "[1, 1.0]", "each length once"),
    ({"length": [1, 1.0000001]}, "length", "[1, 1.0000001]", "each length once"),
    ({"length": ["end", "end"]}, "length", "['end', 'end']", "each length once"),
    ({"frames": 2.5}, "frames", "2.5", "a whole number"),
    ({"frames": -5}, "frames", "-5", "a whole number of at least 0"),
    ({"frames": [5, 5]}, "frames", "[5, 5]", "each length once"),
    ({"frames": 5000}, "frames", "5000 frames", "at most 9 s"),
    ({"frames": "end"}, "frames", "end", "a whole number"),
    ({"frames": 25, "length": 1}, "frames", "25", "null while noise.length is 1: set one of the two"),
    ({"frames": 25, "length": "end"}, "frames", "25", "null while noise.length is end"),
    ({"onset": -1}, "onset", "-1", "a number of at least 0"),
    ({"onset": "x"}, "onset", "x", "a number"),
    ({"onset": "end"}, "onset", "end", "a number"),
    ({"onset": []}, "onset", "[]", "a list with at least one"),
    ({"onset": 20}, "onset", "20 s", "at most 14 s"),
    ({"onset": 14.001, "length": "end"}, "onset", "14.001 s", "at most 14 s"),
    ({"onset": 14.5, "whole": True}, "onset", "14.5 s", "at most 14 s"),
    ({"onset": [3, 3]}, "onset", "[3, 3]", "each onset once"),
    ({"onset_frame": [3, 3]}, "onset_frame", "[3, 3]", "each onset once"),
    ({"onset_frame": 2.5}, "onset_frame", "2.5", "a whole number"),
    ({"onset_frame": 750}, "onset_frame", "15 s", "at most 14 s"),
    ({"onset_frame": 250, "onset": 5}, "onset_frame", "250", "null while noise.onset is 5: set one of the two"),
    ({"duration": 5.5}, "onset", "5 s", "at most 4.5 s"),
    ({"spans": 5}, "spans", "5", "a list of [onset, length]"),
    ({"spans": []}, "spans", "[]", "a list of [onset, length]"),
    ({"spans": [5, 0.5]}, "spans", "[5, 0.5]", "a list of [onset, length]"),
    ({"spans": [[5]]}, "spans", "[[5]]", "a list of [onset, length]"),
    ({"spans": [[5, 0.5, 1]]}, "spans", "[[5, 0.5, 1]]", "a list of [onset, length]"),
    ({"spans": [[5, "x"]]}, "spans", "x", "a number"),
    ({"spans": [["x", 1]]}, "spans", "x", "a number"),
    ({"spans": [[-1, 1]]}, "spans", "-1", "a number of at least 0"),
    ({"spans": [[5, 0]]}, "spans", "0", "a number of at least 0.001"),
    ({"spans": [[5, 1], [5.5, 1]]}, "spans", "[[5, 1], [5.5, 1]]", "in order and apart"),
    ({"spans": [[5, 1], [6, 1]]}, "spans", "[[5, 1], [6, 1]]", "in order and apart"),
    ({"spans": [[8, 1], [5, 1]]}, "spans", "[[8, 1], [5, 1]]", "in order and apart"),
    ({"spans": [[5, "end"], [8, 1]]}, "spans", "[[5, 'end'], [8, 1]]", "in order and apart"),
    ({"spans": [[5, 1], [13.5, 1]]}, "spans", "[[5, 1], [13.5, 1]]", "to fit in data.duration=15"),
    ({"spans": [[14.5, "end"]]}, "spans", "[[14.5, 'end']]", "to fit in data.duration=15"),
    *(
        ({"spans": [[5, 1]], key: value}, key, str(value), "null while noise.spans is set")
        for key, value in [("length", 1), ("frames", 50), ("onset", 5), ("onset_frame", 250), ("share", 0.2)]
    ),
    ({"share": 0.2}, "length", "null", "the length of each piece together with noise.share"),
    ({"share": 0.2, "length": "end"}, "length", "end", "the length of each piece"),
    ({"share": 0.2, "length": 0}, "length", "0", "the length of each piece"),
    ({"share": 0.2, "frames": [0, 5]}, "frames", "[0, 5]", "the length of each piece"),
    ({"share": 0.2, "length": [1, 1]}, "length", "[1, 1]", "each length once"),
    ({"share": 0.2, "length": 1, "onset": [1, 2]}, "onset", "[1, 2]", "one onset together with noise.share"),
    ({"share": 0.2, "length": 1, "onset_frame": [1, 2]}, "onset_frame", "[1, 2]", "one onset together"),
    ({"share": 0, "length": 1}, "share", "0", "of at least 1e-06"),
    ({"share": 0.91, "length": 1}, "share", "0.91", "of at most 0.9"),
    ({"share": "x", "length": 1}, "share", "x", "a number"),
    ({"share": [], "length": 1}, "share", "[]", "a list with at least one"),
    ({"share": [0.2, 0.2], "length": 1}, "share", "[0.2, 0.2]", "each share once"),
    ({"share": [0.2, 0.200000000001], "length": 1}, "share", "[0.2, 0.200000000001]", "each share once"),
    ({"share": 0.9, "length": 14.5}, "length", "14.5 s", "at most 14 s"),
    ({"share": 0.2, "length": 1, "onset": 14.5}, "length", "1 s", "at most 0 s"),
]


@pytest.mark.parametrize(("keys", "key", "shown", "expected"), REFUSED)
def test_what_is_refused_and_how(keys, key, shown, expected):
    message = refusal(**keys)
    start = f"noise.{key}: got {shown}, expected "
    assert message.startswith(start)
    assert expected in message.removeprefix(start)
