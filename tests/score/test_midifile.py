"""MIDI files written byte by byte: what is read of them, and that nothing but BadScore comes of broken ones."""

import math
import random

import pytest
from midibytes import control, meta, metre, midi, off, on, program, signature, tempo, track

from noiseprobe.config import PACKAGE
from noiseprobe.score.midifile import parse
from noiseprobe.score.notes import BadScore

PIECES = sorted((PACKAGE / "assets/midi").rglob("*.mid"))


def notes(content):
    """(start, end, channel, program, pitch, velocity) of each note, by start."""
    return sorted(n[:6] for n in parse(content).notes)


def test_a_note_has_its_ticks_pitch_and_velocity():
    assert notes(midi(track((10, on(60, 90)), (470, off(60))))) == [(10, 480, 0, 0, 60, 90)]


def test_a_note_on_without_velocity_is_a_note_off():
    assert notes(midi(track((0, on(60)), (480, on(60, 0))))) == [(0, 480, 0, 0, 60, 80)]


def test_running_status():
    content = midi(track((0, on(60)), (240, bytes([64, 70])), (240, bytes([60, 0])), (240, bytes([64, 0]))))
    assert notes(content) == [(0, 480, 0, 0, 60, 80), (240, 720, 0, 0, 64, 70)]


def test_running_status_goes_on_after_meta_events_and_sysex():
    marker, sysex = meta(0x06, b"here"), b"\xf0\x05\x7e\x7f\x09\x01\xf7"
    content = midi(track((0, on(60)), (0, marker), (240, bytes([64, 70])), (0, sysex), (240, bytes([60, 0]))))
    assert [n[4] for n in notes(content)] == [60, 64]


def test_numbers_of_up_to_four_bytes():
    assert notes(midi(track((0x0FFFFFFF, on(60)), (0x4000, off(60)))))[0][:2] == (0x0FFFFFFF, 0x0FFFFFFF + 0x4000)


def test_the_time_before_any_meta_event_counts():
    for kind in range(256):
        content = midi(track((0, on(60)), (240, meta(kind, b"")), (240, off(60))))
        assert notes(content)[0][:2] == (0, 240 if kind == 0x2F else 480), kind  # 0x2F: the end of the track


def test_an_escape_may_hold_any_bytes():
    assert notes(midi(track((0, on(60)), (240, b"\xf7\x03\xf8\x90\xff"), (240, off(60))))) == [(0, 480, 0, 0, 60, 80)]


def test_notes_of_no_length_are_kept():
    content = midi(track((0, on(60)), (0, off(60)), (480, on(62)), (480, off(62))))
    assert [n[:2] for n in notes(content)] == [(0, 0), (480, 960)]


def test_a_note_that_is_never_let_go_lasts_to_the_end():
    assert notes(midi(track((0, on(60)), (480, on(62)), (480, off(62)))))[0] == (0, 960, 0, 0, 60, 80)


def test_the_oldest_of_two_notes_of_a_pitch_ends_first():
    content = midi(track((0, on(60, 90)), (240, on(60, 50)), (240, off(60)), (240, off(60))))
    assert notes(content) == [(0, 480, 0, 0, 60, 90), (240, 720, 0, 0, 60, 50)]


def test_tracks_end_their_own_notes():
    """Two hands share a key: the left one's long note isn't ended by the right one's short ones."""
    left, right = track((0, on(60, 50)), (960, off(60))), track((240, on(60, 90)), (240, off(60)))
    assert notes(midi(left, right)) == [(0, 960, 0, 0, 60, 50), (240, 480, 0, 0, 60, 90)]


def test_a_program_is_that_of_the_channel_when_the_note_begins():
    content = midi(
        track((0, program(16)), (0, on(60)), (240, program(24)), (240, off(60)), (0, on(62)), (480, off(62))),
        track((0, on(70)), (480, off(70))),
    )
    assert [(n[4], n[3]) for n in notes(content)] == [(60, 16), (70, 16), (62, 24)]


@pytest.mark.parametrize("which", range(128))
def test_every_program(which):
    assert notes(midi(track((0, program(which)), (0, on(60)), (480, off(60)))))[0][3] == which


def test_a_pedal_in_another_track_is_the_channels():
    content = midi(
        track((0, on(60)), (480, off(60))),
        track((0, control(64, 127)), (960, control(64, 0)), (10, control(64, 64)), (0, control(64, 63))),
        track((0, control(64, 127, 1)), (0, control(64, 127, 1)), (480, control(121, 0, 1))),
    )
    assert dict(parse(content).pedals) == {0: [(0, 960), (970, 970)], 1: [(0, 480)]}


def test_a_pedal_that_is_never_let_go_is_down_to_the_end():
    assert dict(parse(midi(track((0, control(64, 127)), (0, on(60)), (480, off(60))))).pedals) == {0: [(0, 480)]}


def test_volume_and_expression_are_the_gain_of_notes_that_begin_under_them():
    def one(*before):
        return parse(midi(track(*[(0, b) for b in before], (0, on(60)), (480, off(60))))).notes[0].gain

    assert one() == one(control(7, 100)) == one(control(11, 127)) == 0.0
    assert one(control(7, 50)) == pytest.approx(40 * math.log10(0.5))
    assert one(control(7, 50), control(11, 127 // 2)) == pytest.approx(40 * math.log10(0.5 * 63 / 127))
    assert one(control(11, 1), control(121, 0)) == 0.0
    assert one(control(7, 0)) == -math.inf


def test_all_notes_off_ends_those_of_its_channel():
    content = midi(track((0, on(60)), (0, on(62, channel=1)), (240, control(123, 0)), (240, off(62, channel=1))))
    assert [(n[4], n[1]) for n in notes(content)] == [(60, 240), (62, 480)]


def test_tempo_metre_and_key_changes():
    content = midi(
        track(
            (0, tempo(400_000)), (0, metre(6, 3)), (0, signature(-3, True)), (480, tempo(1_000_000)), (0, metre(2, 1))
        ),
        track((0, on(60)), (960, off(60))),
    )
    found = parse(content)
    assert found.tempos == [(0, 400_000), (480, 1_000_000)]
    assert found.meters == [(0, 6, 8), (480, 2, 2)]
    assert found.keys == [(0, -3, True)]


def test_a_metre_or_key_that_is_none_is_passed_over():
    events = [(0, metre(0, 2)), (0, metre(4, 200)), (0, meta(0x58, b"")), (0, meta(0x59, b"\x0c\x00")), (0, on(60))]
    found = parse(midi(track(*events, (480, off(60)))))
    assert (found.meters, found.keys, len(found.notes)) == ([], [], 1)


def test_other_events_chunks_and_what_follows_the_end_of_a_track_are_passed_over():
    good = track(
        (0, meta(0x03, b"\xff\xfe name")), (0, meta(0x7F, b"x" * 200)), (0, b"\xe0\x00\x50"), (0, b"\xd0\x40"),
        (0, b"\xa0\x3c\x40"), (0, on(60)), (480, off(60)), (0, b"\xff\x2f\x00"), (0, on(99)), end=False,
    )  # fmt: skip
    content = midi(good)
    alien = b"XFIH\x00\x00\x00\x04abcd"
    assert notes(content[:14] + alien + content[14:] + b"\x00\x00") == [(0, 480, 0, 0, 60, 80)]


def test_a_longer_header():
    content = midi(track((0, on(60)), (480, off(60))))
    assert len(notes(content[:7] + b"\x08" + content[8:14] + b"??" + content[14:])) == 1


GOOD = midi(track((0, tempo(500_000))), track((0, program(3)), (0, on(60)), (480, off(60))))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"MThd", "not a MIDI file"),
        (b"RIFF" + bytes(100), "not a MIDI file"),
        (b"this is no music\n" * 9, "not a MIDI file"),
        (GOOD[:-1], "truncated: 1 bytes are missing"),
        (GOOD[:-20], "truncated"),
        (GOOD[:14], "truncated: 0 of 2 tracks"),
        (midi(track(), form=2), "format 2"),
        (midi(track(), division=0xE728), "SMPTE"),
        (midi(track(), division=0), "SMPTE"),
        (midi(track((0, b"\x90\x3c"), end=False)), "ends inside an event"),
        (midi(track((0, b""), end=False)), "ends inside an event"),
        (midi(track((0, b"\xff\x03\x40abc"), end=False)), "ends inside an event"),
        (midi(track((0, b"\x3c\x40"))), "no event begins with byte 60"),
        (midi(track((0, b"\xf4"))), "no event begins with byte 244"),
        (midi(track((0, b"\x90\x3c\x90"))), "144 in an event"),
        (midi(b"MTrk\x00\x00\x00\x05\xff\xff\xff\xff\xff"), "more than four bytes"),
        (midi(track((0, tempo(0)))), "a tempo of 0 microseconds"),
    ],
)
def test_a_file_that_cant_be_used_says_why(content, reason):
    with pytest.raises(BadScore, match=reason) as caught:
        parse(content)
    assert len(str(caught.value).splitlines()) == 1


def test_damaged_files_are_read_or_refused_and_nothing_else():
    rng = random.Random(0)
    whole = PIECES[2].read_bytes()
    read = refused = 0
    for _ in range(3000):
        content = bytearray(whole[: rng.choice([200, 500, len(whole)])])
        for _ in range(rng.choice([1, 1, 3, 10])):
            kind, at = rng.random(), rng.randrange(len(content))
            if kind < 0.6:
                content[at] = rng.choice([rng.randrange(256), 0, 0x7F, 0x80, 0xFF])
            elif kind < 0.8:
                del content[at : at + rng.randrange(1, 5)]
            else:
                content[at:at] = rng.randbytes(rng.randrange(1, 5))
        try:
            found = parse(bytes(content))
        except BadScore:
            refused += 1
            continue
        read += 1
        assert all(0 <= n.start <= n.end and 0 <= n.pitch < 128 and 0 < n.velocity < 128 for n in found.notes)
    assert min(read, refused) > 100
