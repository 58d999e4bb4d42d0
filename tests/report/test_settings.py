"""What cells of a sweep differ in, in words, and which number a figure is drawn against."""

import pytest
from rows import row

from noiseprobe.report.settings import axis, differing_options, label, settings, varying


def test_of_a_kinds_keys_those_count_that_differ_within_the_kind() -> None:
    found = differing_options([
        ("white", '{"mode": "replace", "level": -20.0}'), ("white", '{"mode": "replace", "level": "match"}'),
        ("shuffle", '{"segment_frames": 10}'), ("gain", '{"db": null}'), ("gain", '{"db": [1, 2]}'),
    ])  # fmt: skip
    assert found == [{"level": -20.0}, {"level": "match"}, {}, {"db": "null"}, {"db": "[1, 2]"}]


def test_rows_are_told_apart_by_what_varies() -> None:
    rows = [row(n, options={"level": level}) for level in [-20.0, "match"] for n in [0.5, 2.0]]
    found = settings(rows)
    assert varying(found) == ["level", "length_s"]
    assert [label(s, varying(found)) for s in found] == [
        "level -20, 0.5 s", "level -20, 2 s", "level match, 0.5 s", "level match, 2 s",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (row(1.0), row("end"), ["1 s", "to the end"]),
        (row(0.0), row("end", onset=0.0), ["from 5 s on, 0 s", "whole clip"]),
        (row(None, where="20%x0.5s"), row(None, where="30%x0.5s>2.0s"),
         ["20 % of the clip", "30 % of the clip, from 2 s on"]),
        (row(None, where="5.0s+0.5s,8.0s+1.0s"), row(1.0), ["5.0s+0.5s,8.0s+1.0s", "from 5 s on, 1 s"]),
        (row(seed=0), row(seed=7), ["seed 0", "seed 7"]),
        (row(noise="white"), row(noise="pink", options={"level": -3}), ["white", "pink"]),
        (row(), row(weights="33334444"), ["tiny@1111", "tiny@3333"]),
        (row(cell="a"), row(cell="b", n_clips=12), ["24 clips", "12 clips"]),
        (row(cell="tiny-0000aaaa"), row(cell="tiny-0000bbbb"), ["cell 0000aaaa", "cell 0000bbbb"]),
    ],
)  # fmt: skip
def test_words(first: dict[str, object], second: dict[str, object], expected: list[str]) -> None:
    found = settings([first, second])
    assert [label(s, varying(found)) for s in found] == expected


def test_clips_that_were_rejected_make_no_setting_of_their_own() -> None:
    found = settings([row(n, cell=f"cell{n}", n_clips=c) for n, c in [(1.0, 24), (2.0, 23)]])
    assert varying(found) == ["length_s"]


def test_a_key_with_the_name_of_something_else_keeps_both() -> None:
    (a, b) = settings([row(options={"seed": 1}, seed=5), row(options={"seed": 2}, seed=5)])
    assert (a["noise.seed"], b["noise.seed"], a["seed"]) == (1, 2, 5)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row(n) for n in [0.5, 1.0]], "length_s"),
        ([row("end", onset=0.0, options={"segment_frames": n}) for n in [1, 10]], "segment_frames"),
        ([row(n, options={"level": x}) for n in [1.0, 2.0] for x in [-20.0, -10.0]], "length_s"),  # as many: the length
        ([row(n, options={"level": x}) for n in [1.0, 2.0] for x in [-30.0, -20.0, -10.0]], "level"),
        ([row(onset=x) for x in [1.0, 2.0]], "onset_s"),
        ([row(None, where=f"{x}%x0.5s") for x in [10, 20]], "share"),
        ([row(n) for n in [1.0, "end"]], None),  # one number
        ([row(options={"level": x}) for x in ["match", "clip"]], None),
        ([row(seed=x) for x in [1, 2, 3]], None),
        ([row(parameters=x, weights=str(x)) for x in [1, 2, 3]], None),
        ([row(noise="white"), row(noise="pink", length=2.0)], None),  # never one of two things that change together
        ([row(options={"flag": x}) for x in [True, False]], None),
    ],
)  # fmt: skip
def test_the_axis_is_a_number_that_varies_while_all_else_stays(
    rows: list[dict[str, object]], expected: str | None
) -> None:
    assert axis(settings(rows)) == expected
