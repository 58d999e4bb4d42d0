"""A notation for piano pieces that can be typed and read, and its MIDI file.

A voice is a text of notes, bar by bar: `c5/4 e5/8 c5 g4/4 g4 | ...`. Names have an octave (c4 is middle C), # and b are
accidentals (b4 is a note, bb4 a B flat), + joins a chord, r is a rest, /4 or /8. is a length and holds until the next,
~ ties to the next of the same pitches. `|` ends a bar; each must be as long as the metre says, but for a first that is
an upbeat. Velocities come from the voice's level, and a little from the metre: +8 on a bar's first beat, +3 on others.
"""

import re
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

DIVISION = 480  # ticks of a quarter note
STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
NOTE = re.compile(r"([a-g])([#b]*)(\d)")
TOKEN = re.compile(r"(r|(?:[a-g][#b]*\d\+?)+)(?:/(\d+)(\.*))?(~?)")


@dataclass
class Voice:
    """Notes of one hand; `level` is a velocity, or one for each bar from a bar on: {0: 80, 8: 60}."""

    text: str
    level: int | dict[int, int] = 80


@dataclass
class Piece:
    """A piece for piano; times are in quarter notes.

    Attributes:
        title: text for the file.
        sharps, minor: the key signature.
        metre: beats of a bar and their part of a whole note.
        tempo: quarter notes a minute, by the time from which on.
        voices: what sounds together.
        pedal: from when to when it is down.
        upbeat: quarter notes before the first whole bar.
    """

    title: str
    sharps: int
    minor: bool
    metre: tuple[int, int]
    tempo: dict[Fraction | int, float]
    voices: list[Voice]
    pedal: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    upbeat: Fraction = Fraction(0)


def pitches(names: str) -> list[int]:
    return [
        12 * (int(octave) + 1) + STEPS[step] + signs.count("#") - signs.count("b")
        for step, signs, octave in (NOTE.fullmatch(name).groups() for name in names.split("+"))
    ]


def notes(voice: Voice, piece: Piece) -> list[tuple[Fraction, Fraction, int, int]]:
    """(start, length, pitch, velocity) of a voice's notes, in quarter notes.

    Raises:
        ValueError: for a token that isn't one, or a bar of another length.
    """
    bar = Fraction(4 * piece.metre[0], piece.metre[1])
    now, length, out, tied = Fraction(0), Fraction(1), [], {}
    for number, text in enumerate(voice.text.split("|")):
        begin = now
        for token in text.split():
            if not (match := TOKEN.fullmatch(token)):
                raise ValueError(f"{piece.title}, bar {number}: {token}")
            names, part, dots, tie = match.groups()
            if part:
                length = Fraction(4, int(part)) * (2 - Fraction(1, 2 ** len(dots)))
            for pitch in [] if names == "r" else pitches(names):
                if pitch in tied:
                    i = tied.pop(pitch)
                    out[i] = (out[i][0], out[i][1] + length, *out[i][2:])
                else:
                    i = len(out)
                    out.append((now, length, pitch, velocity(voice, piece, number, now - piece.upbeat)))
                if tie:
                    tied[pitch] = i
            now += length
        expected = piece.upbeat if number == 0 and piece.upbeat else bar
        if now - begin != expected:
            raise ValueError(f"{piece.title}, bar {number}: {now - begin} quarter notes, expected {expected}: {text}")
    return out


def velocity(voice: Voice, piece: Piece, number: int, time: Fraction) -> int:
    level = voice.level
    if isinstance(level, dict):
        level = level[max(n for n in level if n <= number)]
    place = time % Fraction(4 * piece.metre[0], piece.metre[1])
    return level + (8 if place == 0 else 3 if place % Fraction(4, piece.metre[1]) == 0 else 0)


def variable(value: int) -> bytes:
    out = [value & 0x7F]
    while value := value >> 7:
        out.insert(0, value & 0x7F | 0x80)
    return bytes(out)


def track(events: list[tuple[Fraction, int, bytes]]) -> bytes:
    """A track of events: quarter notes, rank at one time, bytes."""
    body, last = b"", 0
    for time, _, content in sorted(events):
        tick = round(time * DIVISION)
        body, last = body + variable(tick - last) + content, tick
    body += b"\x00\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(body)) + body


def meta(kind: int, content: bytes) -> bytes:
    return bytes([0xFF, kind]) + variable(len(content)) + content


def write(piece: Piece, path: Path) -> None:
    """A MIDI file of format 1: tempo, metre and key in the first track, then a track and a channel for each voice.

    On one channel a note that ends would cut off the same pitch in another voice.
    """
    zero = Fraction(0)
    about = [(zero, 0, meta(0x03, piece.title.encode("ascii"))), (zero, 1, meta(0x02, b"Public domain (CC0 1.0)"))]
    upper, lower = piece.metre
    power = lower.bit_length() - 1
    if piece.upbeat:
        beats = piece.upbeat * lower / 4
        about.append((zero, 2, meta(0x58, bytes([int(beats), power, 24, 8]))))
    about.append((piece.upbeat, 3, meta(0x58, bytes([upper, power, 24, 8]))))
    about.append((zero, 4, meta(0x59, bytes([piece.sharps % 256, piece.minor]))))
    for time, tempo in piece.tempo.items():
        about.append((Fraction(time), 5, meta(0x51, round(60e6 / tempo).to_bytes(3, "big"))))
    tracks = [track(about)]
    for channel, voice in enumerate(piece.voices):
        events = [(zero, 0, bytes([0xC0 | channel, 0]))]
        for down, up in piece.pedal:
            events += [(up, 2, bytes([0xB0 | channel, 64, 0])), (down, 3, bytes([0xB0 | channel, 64, 127]))]
        for start, length, pitch, loud in notes(voice, piece):
            events.append((start, 4, bytes([0x90 | channel, pitch, loud])))
            events.append((start + length, 1, bytes([0x80 | channel, pitch, 0])))
        tracks.append(track(events))
    path.write_bytes(b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), DIVISION) + b"".join(tracks))
