"""Parts and excerpts: what can be in them, that nothing changes in place, and what a cut leaves."""

import pickle

import numpy as np
import pytest

from noiseprobe.score.notes import Excerpt, Part, chosen, cut, mapped, with_notes


def part(*notes, **more):
    return Part(0, False, *(np.array(c) for c in zip(*notes, strict=True)), **more)


def rows(p):
    return list(zip(p.start.tolist(), p.duration.tolist(), p.pitch.tolist(), p.velocity.tolist(), strict=True))


def test_notes_are_ordered_by_start_pitch_and_duration():
    p = part((1, 1, 60, 10), (0, 2, 64, 20), (0, 1, 64, 30), (0, 3, 62, 40))
    assert rows(p) == [(0, 3, 62, 40), (0, 1, 64, 30), (0, 2, 64, 20), (1, 1, 60, 10)]
    assert (p.start.dtype, p.pitch.dtype) == (np.float64, np.int64)


def test_nothing_changes_in_place():
    given = np.array([0.0, 1.0])
    p = Part(0, False, given, given, [60, 62], [80, 80])
    given[0] = 9
    assert p.start[0] == 0
    for array in [p.start, p.duration, p.pitch, p.velocity, p.gain, p.pedal]:
        assert not array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        p.velocity[0] = 1
    with pytest.raises(AttributeError):
        p.program = 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pitch": [60]}, r"pitch \[1\]"),
        ({"pitch": [60, 128]}, "a pitch of 128"),
        ({"pitch": [-1, 60]}, "a pitch of -1"),
        ({"velocity": [0, 80]}, "a velocity of 0"),
        ({"velocity": [128, 80]}, "a velocity of 128"),
        ({"start": [-0.1, 0]}, "a start of -0.1"),
        ({"start": [np.nan, 0]}, "a start of nan"),
        ({"start": [np.inf, 0]}, "a start of inf"),
        ({"duration": [1, -1]}, "a duration of -1"),
        ({"program": 128}, "program 128"),
        ({"gain": [0.0]}, r"gain \[1\]"),
    ],
)
def test_values_that_no_note_has_are_refused(changed, message):
    given = {
        "program": 0,
        "is_drum": False,
        "start": [0, 1],
        "duration": [1, 1],
        "pitch": [60, 62],
        "velocity": [80, 80],
    }
    with pytest.raises(ValueError, match=message):
        Part(**(given | changed))


def test_a_key_is_a_pitch_class_and_a_mode():
    for key in [(12, "major"), (-1, "minor"), (0, "dorian")]:
        with pytest.raises(ValueError, match="expected a pitch class"):
            Excerpt((), 1.0, key, [], [])


def test_parts_go_through_pickle():
    p = pickle.loads(pickle.dumps(part((0, 1, 60, 80), pedal=[(0, 1)])))
    assert rows(p) == [(0, 1, 60, 80)]
    assert p.pedal.tolist() == [[0, 1]]


def test_replaced_and_chosen_notes_leave_the_others_alone():
    p = part((0, 1, 60, 10), (1, 1, 62, 20), (2, 1, 64, 30))
    assert rows(with_notes(p, velocity=[1, 2, 3])) == [(0, 1, 60, 1), (1, 1, 62, 2), (2, 1, 64, 3)]
    assert rows(chosen(p, p.pitch != 62)) == [(0, 1, 60, 10), (2, 1, 64, 30)]
    assert rows(chosen(p, np.array([2, 0]))) == [(0, 1, 60, 10), (2, 1, 64, 30)]
    assert rows(p)[1] == (1, 1, 62, 20)


def test_a_changed_excerpt_loses_parts_without_notes():
    both = Excerpt((part((0, 1, 60, 10)), part((1, 1, 62, 20))), 5.0, (0, "minor"), [0, 1], [0])
    left = mapped(both, lambda p: chosen(p, p.pitch > 60))
    assert [rows(p) for p in left.parts] == [[(1, 1, 62, 20)]]
    assert (len(both), len(left), left.key) == (2, 1, (0, "minor"))


def test_a_cut_keeps_what_begins_inside_and_goes_by_seconds_from_its_start():
    p = part((0, 1, 60, 1), (2, 1, 61, 2), (2.5, 9, 62, 3), (4, 1, 63, 4))
    assert rows(cut(p, 2, 2)) == [(0, 1, 61, 2), (0.5, 1.5, 62, 3)]


@pytest.mark.parametrize(("left", "kept"), [(0.04, False), (0.06, True), (5.0, True)])
def test_a_note_across_the_start_begins_anew_if_enough_is_left_of_it(left, kept):
    found = cut(part((0, 2 + left, 60, 1)), 2, 2)
    assert [(r[0], round(r[1], 9)) for r in rows(found)] == ([(0, min(round(left, 9), 2))] if kept else [])


def test_a_cut_pedal_is_down_inside_alone():
    p = part((0, 1, 60, 1), pedal=[(0, 1), (1.5, 2.5), (3, 9), (10, 11)])
    assert cut(p, 2, 2).pedal.tolist() == [[0, 0.5], [1, 2]]
