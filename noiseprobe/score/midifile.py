"""The notes of a Standard MIDI File, in ticks, with what its channels were set to when they began.

After the Standard MIDI Files 1.0 specification (MIDI Manufacturers Association, 1996). Formats 0 and 1 in ticks per
quarter note; format 2 (separate songs) and SMPTE time (no beats) are refused. Settings belong to the channel, whichever
track they stand in: piano scores often have a track for each hand and the pedal in one of them. At one tick they come
before notes.

Kept: program, volume and expression when a note begins, sustain pedal (down from 64 on), "all notes off". Not kept:
bank, pan, pitch bend, half and other pedals, aftertouch, system exclusive. A note that is never let go lasts to the end
of the file; a note-off ends the oldest note of its pitch in its track and channel.

The reader is our own; two libraries were tried. symusic 0.6.0 has no channels, so a pedal or program in another track
is lost, and so is a note or pedal that is never let go; all but channel 0 have their first pedal down from the file's
begin. mido 1.3.3 loses the time before a meta event that it doesn't know (a program name, say), so that what follows in
the track comes too early, refuses files with other chunks than tracks or with an escape (F7) of bytes above 127, and
swallows notes in running status after system exclusive. Where none of these matter both read the same: the embedded
pieces, and with mido 1500 generated files.
"""

import math
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from noiseprobe.score.notes import BadScore

DRUM_CHANNEL = 9
PROGRAM, CONTROL, NOTE_OFF, NOTE_ON, META = 0xC, 0xB, 0x8, 0x9, 0xFF
DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
VOLUME, EXPRESSION, PEDAL, SOUND_OFF, RESET, NOTES_OFF = 7, 11, 64, 120, 121, 123
DEFAULT_VOLUME, FULL = 100, 127
END_OF_TRACK, TEMPO, TIME_SIGNATURE, KEY_SIGNATURE = 0x2F, 0x51, 0x58, 0x59
FASTEST = 1_000  # microseconds a quarter note: 60,000 a minute, beyond which a tempo is an error


class Note(NamedTuple):
    """A note: ticks, and what its channel was set to when it began; `gain` is in dB."""

    start: int
    end: int
    channel: int
    program: int
    pitch: int
    velocity: int
    gain: float


# tick, whether it is of a note, track, place in it; NOTE_OFF to PROGRAM, or META; channel, or which meta event; data.
# A plain tuple for speed: scores have thousands, and they sort in the order in which they are to be read.
Event = tuple[int, bool, int, int, int, int, bytes]


@dataclass
class MidiFile:
    """What a file holds.

    Attributes:
        division: ticks of a quarter note.
        notes: in the order in which they end.
        pedals: by channel, from which tick to which the sustain pedal is down.
        tempos: tick, microseconds of a quarter note.
        meters: tick, beats of a bar, and which part of a whole note a beat is.
        keys: tick, sharps (flats where negative), whether minor.
        end: the last tick.
    """

    division: int
    notes: list[Note] = field(default_factory=list)
    pedals: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    tempos: list[tuple[int, int]] = field(default_factory=list)
    meters: list[tuple[int, int, int]] = field(default_factory=list)
    keys: list[tuple[int, int, bool]] = field(default_factory=list)
    end: int = 0


@dataclass
class Channel:
    program: int = 0
    volume: int = DEFAULT_VOLUME
    expression: int = FULL
    pedal_since: int | None = None

    @property
    def gain(self) -> float:
        """dB; General MIDI's curve, on which a default channel has 0."""
        level = self.volume * self.expression / (DEFAULT_VOLUME * FULL)
        return 40 * math.log10(level) if level else -math.inf


def parse(content: bytes) -> MidiFile:
    """The notes and settings of a file.

    Raises:
        BadScore: for anything that isn't a whole file of a kind that is read.
    """
    if not content:
        raise BadScore("an empty file")
    if content[:4] != b"MThd" or len(content) < 14:
        raise BadScore("not a MIDI file")
    size, form, tracks, division = struct.unpack(">IHHH", content[4:14])
    if form > 1:
        raise BadScore(f"a MIDI file of format {form}, expected 0 or 1")
    if division & 0x8000 or division == 0:
        raise BadScore("a MIDI file in SMPTE time, expected ticks of a quarter note")
    bodies = list(_tracks(content, 8 + size))
    if len(bodies) < tracks:
        raise BadScore(f"truncated: {len(bodies)} of {tracks} tracks are there")
    try:
        events = sorted(e for i, body in enumerate(bodies) for e in _events(body, i))
    except IndexError as error:
        raise BadScore("broken: a track ends inside an event") from error
    return _read(events, division)


def _tracks(content: bytes, at: int) -> Iterator[bytes]:
    while at + 8 <= len(content):
        name, size = struct.unpack(">4sI", content[at : at + 8])
        at += 8 + size
        if at > len(content):
            raise BadScore(f"truncated: {at - len(content)} bytes are missing")
        if name == b"MTrk":  # others may be there and are to be ignored
            yield content[at - size : at]


def _events(body: bytes, track: int) -> Iterator[Event]:
    at = tick = status = place = 0  # the status goes on until another, even beyond meta events, as some writers have it
    while at < len(body):
        delta = body[at]
        delta, at = (delta, at + 1) if delta < 0x80 else _number(body, at)
        tick, place = tick + delta, place + 1
        first = body[at]
        if first in (META, 0xF0, 0xF7):
            kind = body[at + 1] if first == META else -1
            size, at = _number(body, at + (2 if first == META else 1))
            if at + size > len(body):
                raise IndexError
            if first == META:
                yield tick, False, track, place, META, kind, body[at : at + size]
                if kind == END_OF_TRACK:
                    return
            at += size
            continue
        if first >= 0x80:
            status, at = first, at + 1
        size = DATA_BYTES.get(status >> 4, 0)
        if not size:
            raise BadScore(f"broken: no event begins with byte {first}")
        data = body[at : at + size]
        at += size
        if len(data) < size:
            raise IndexError
        if max(data) > 0x7F:
            raise BadScore(f"broken: {max(data)} in an event, whose values end at 127")
        kind = status >> 4
        if kind == NOTE_ON and data[1] == 0:
            kind = NOTE_OFF
        yield tick, kind <= NOTE_ON, track, place, kind, status & 0xF, data


def _number(body: bytes, at: int) -> tuple[int, int]:
    """A number of one to four bytes with seven bits each, and where it ends."""
    value = 0
    for i in range(at, at + 4):
        value = value << 7 | body[i] & 0x7F
        if body[i] < 0x80:
            return value, i + 1
    raise BadScore("broken: a time of more than four bytes")


def _read(events: list[Event], division: int) -> MidiFile:
    found = MidiFile(division, end=events[-1][0] if events else 0)
    channels = [Channel() for _ in range(16)]
    # by track, channel and pitch: tick, velocity, program, gain
    open_notes: dict[tuple[int, int, int], list[tuple[int, int, int, float]]] = defaultdict(list)

    def close(key: tuple[int, int, int], tick: int) -> None:
        start, velocity, program, gain = open_notes[key].pop(0)
        found.notes.append(Note(start, tick, key[1], program, key[2], velocity, gain))

    for tick, _, track, _, kind, number, data in events:
        if kind == META:
            _meta(found, tick, number, data)
            continue
        channel, key = channels[number], (track, number, data[0])
        if kind == NOTE_ON:
            open_notes[key].append((tick, data[1], channel.program, channel.gain))
        elif kind == NOTE_OFF and open_notes[key]:
            close(key, tick)
        elif kind == PROGRAM:
            channel.program = data[0]
        elif kind == CONTROL:
            if data[0] in (SOUND_OFF, *range(NOTES_OFF, 128)):
                for key in [k for k in open_notes if k[1] == number]:
                    while open_notes[key]:
                        close(key, tick)
            _control(found, channel, number, tick, *data)
    for key, waiting in open_notes.items():
        while waiting:
            close(key, found.end)
    for number, channel in enumerate(channels):
        _control(found, channel, number, found.end, PEDAL, 0)
    return found


def _control(found: MidiFile, channel: Channel, number: int, tick: int, control: int, value: int) -> None:
    if control == VOLUME:
        channel.volume = value
    elif control == EXPRESSION:
        channel.expression = value
    elif control == RESET:
        channel.expression = FULL
    if control in (PEDAL, RESET):
        down = control == PEDAL and value >= 64
        if down and channel.pedal_since is None:
            channel.pedal_since = tick
        elif not down and channel.pedal_since is not None:
            found.pedals[number].append((channel.pedal_since, tick))
            channel.pedal_since = None


def _meta(found: MidiFile, tick: int, kind: int, data: bytes) -> None:
    """Tempo, metre and key; a metre or key that is none is passed over, since nothing of the sound hangs on it."""
    if kind == TEMPO and len(data) == 3:
        tempo = int.from_bytes(data, "big")
        if tempo < FASTEST:
            raise BadScore(f"broken: a tempo of {tempo} microseconds a quarter note")
        found.tempos.append((tick, tempo))
    elif kind == TIME_SIGNATURE and len(data) == 4 and data[0] and data[1] <= 7:
        found.meters.append((tick, data[0], 1 << data[1]))
    elif kind == KEY_SIGNATURE and len(data) == 2 and (sharps := (data[0] + 128) % 256 - 128) in range(-7, 8):
        found.keys.append((tick, sharps, data[1] == 1))
