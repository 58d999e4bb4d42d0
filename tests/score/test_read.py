"""Seconds, beats, keys and borders of excerpts, against files whose times are worked out by hand."""

import numpy as np
import pytest
from midibytes import control, metre, midi, off, on, program, scale, signature, tempo, track

from noiseprobe.score import read
from noiseprobe.score.notes import BadScore


@pytest.fixture
def write(tmp_path):
    def write(*tracks, **more):
        path = tmp_path / "x.mid"
        path.write_bytes(midi(*tracks, **more))
        return path

    return write


def rows(found):
    return [
        (round(s, 9), round(d, 9), p, v)
        for part in found.parts
        for s, d, p, v in zip(
            part.start.tolist(), part.duration.tolist(), part.pitch.tolist(), part.velocity.tolist(), strict=True
        )
    ]


def test_without_a_tempo_it_is_120(write):
    path = write(track((480, on(60, 90)), (240, off(60))))
    assert read.seconds(path) == 0.75
    assert rows(read.excerpt(path, 0, 10)) == [(0.5, 0.25, 60, 90)]


def test_a_tempo_change_inside_a_note_counts_from_there(write):
    """A quarter at 120, then one at 60, then one at 240: 0.5 + 1 + 0.25 s."""
    tempi = track((480, tempo(1_000_000)), (480, tempo(250_000)))
    path = write(tempi, track((0, on(60)), (1440, off(60)), (480, on(62)), (480, off(62))))
    assert rows(read.excerpt(path, 0, 10)) == [(0.0, 1.75, 60, 80), (2.0, 0.25, 62, 80)]


def test_of_two_tempi_at_one_time_the_later_holds(write):
    path = write(track((0, tempo(250_000)), (0, tempo(1_000_000)), (0, on(60)), (480, off(60))))
    assert read.seconds(path) == 1.0


def test_times_far_into_a_file_are_exact(write):
    path = write(track((480 * 20_000, on(60)), (1, off(60))), division=480)
    assert rows(read.excerpt(path, 10_000, 1)) == [(0.0, round(0.5 / 480, 9), 60, 80)]


def test_parts_are_the_programs_of_channels(write):
    path = write(
        track((0, program(40, 2)), (0, on(60, channel=2)), (0, on(36, channel=9)), (480, off(60, 2)), (0, off(36, 9))),
        track((0, on(62, channel=2)), (480, off(62, 2)), (0, program(41, 2)), (0, on(64, channel=2)), (1, off(64, 2))),
    )
    found = read.excerpt(path, 0, 1)
    assert [(p.program, p.is_drum, p.pitch.tolist()) for p in found.parts] == [
        (40, False, [60, 62]), (41, False, [64]), (0, True, [36]),
    ]  # fmt: skip


def test_an_excerpt_is_cut_with_its_pedal(write):
    path = write(
        track((0, control(64, 127)), (0, on(60)), (480, off(60)), (480, on(62)), (960, off(62)), (480, control(64, 0)))
    )
    found = read.excerpt(path, 1.0, 0.5)
    assert rows(found) == [(0.0, 0.5, 62, 80)]
    assert found.parts[0].pedal.tolist() == [[0.0, 0.5]]
    assert rows(read.excerpt(path, 1.5, 5.0)) == [(0.0, 0.5, 62, 80)]  # begun before, cut to what is left


def test_a_stretch_without_notes_is_silent(write):
    path = write(track((0, on(60)), (480, off(60)), (9600, on(60)), (480, off(60))))
    with pytest.raises(BadScore, match="silent: no note in the 2 s from 1 s on"):
        read.excerpt(path, 1, 2)


def test_beats_and_bars(write):
    """Two bars of 3/4 at 120, then 6/8 at 60 quarters: beats of three eighths, 1.5 s each, two to a bar."""
    path = write(
        track((0, metre(3, 2)), (6 * 480, metre(6, 3)), (0, tempo(1_000_000))), track((0, on(60)), (9999, off(60)))
    )
    found = read.excerpt(path, 0, 9.2)
    assert found.beats.tolist() == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5, 3, 4.5, 6, 7.5, 9])
    assert found.downbeats.tolist() == pytest.approx([0, 1.5, 3, 6, 9])
    later = read.excerpt(path, 1.25, 3.25)  # up to 4.5, which isn't in it any more
    assert later.beats.tolist() == pytest.approx([0.25, 0.75, 1.25, 1.75])
    assert later.downbeats.tolist() == pytest.approx([0.25, 1.75])


def test_without_a_metre_it_is_4_4_and_a_change_begins_a_bar(write):
    path = write(track((3 * 480, metre(2, 2)), (0, on(60)), (9999, off(60))))
    found = read.excerpt(path, 0, 3.4)
    assert found.beats.tolist() == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5, 3])
    assert found.downbeats.tolist() == pytest.approx([0, 1.5, 2.5])
    path.write_bytes(midi(track((3 * 480, metre(2, 1)), (0, on(60)), (9999, off(60)))))
    assert read.excerpt(path, 0, 3.4).beats.tolist() == pytest.approx([0, 0.5, 1, 1.5, 2.5])


@pytest.mark.parametrize("start", [0.0, 0.1, 7.77, 100.3])
def test_beats_of_parts_are_the_beats_of_the_whole(write, start):
    tempi = [(7 * 480 + 13, tempo(500_000 + 40_000 * (i % 7))) for i in range(60)]
    path = write(track(*tempi), track((0, on(60)), (480 * 600, off(60))))
    whole, some = read.excerpt(path, 0, 300), read.excerpt(path, start, 15)
    inside = whole.beats[(whole.beats >= start) & (whole.beats < start + 15)] - start
    assert np.abs(inside - some.beats).max() < 1e-9


def of_key(write, start, *events):
    steps = [0, 3, 7, 12, 8, 5, 2, 0, 3, 7]  # a melody in minor
    notes = [e for s in steps for e in [(0, on(57 + s)), (480, off(57 + s))]]
    return read.excerpt(write(track(*events), track(*notes)), start, 2.0).key


def test_a_key_by_its_signature_or_the_notes(write):
    assert of_key(write, 0.0) == (9, "minor")
    assert of_key(write, 0.0, (0, signature(-3, True))) == (0, "minor")
    # "no sharps, major" is what writers put there that know no modes: C major or A minor, and the notes decide
    assert of_key(write, 0.0, (0, signature(0, False))) == (9, "minor")
    # of F sharp major and D sharp minor whatever fits better, but nothing else
    assert of_key(write, 0.0, (0, signature(6, False))) in [(6, "major"), (3, "minor")]


def test_a_key_is_that_of_the_excerpts_begin(write):
    events = [(0, signature(2, True)), (960, signature(4, True))]
    assert of_key(write, 0.0, *events) == of_key(write, 0.9, *events) == (11, "minor")
    assert of_key(write, 1.0, *events) == of_key(write, 3.0, *events) == (1, "minor")
    assert of_key(write, 0.0, (960, signature(4, True))) == (1, "minor")  # the first, where none is before


def test_a_file_without_notes_or_that_isnt_there(write, tmp_path):
    with pytest.raises(BadScore, match="no note in the file"):
        read.seconds(write(track((0, tempo(500_000)))))
    with pytest.raises(BadScore, match="No such file"):
        read.excerpt(tmp_path / "none.mid", 0, 1)


def test_a_file_that_changes_is_read_again(tmp_path):
    assert read.seconds(scale(tmp_path / "a.mid", 2.0)) == 2.0
    assert read.seconds(scale(tmp_path / "a.mid", 3.0)) == 3.0
