"""MIDI files written byte by byte, for tests: nothing of noiseprobe's reader is used."""

import struct
from pathlib import Path

import numpy as np

from noiseprobe.score.notes import Excerpt, Part


def number(value: int) -> bytes:
    out = [value & 0x7F]
    while value := value >> 7:
        out.insert(0, value & 0x7F | 0x80)
    return bytes(out)


def on(pitch: int, velocity: int = 80, channel: int = 0) -> bytes:
    return bytes([0x90 | channel, pitch, velocity])


def off(pitch: int, channel: int = 0) -> bytes:
    return bytes([0x80 | channel, pitch, 64])


def control(which: int, value: int, channel: int = 0) -> bytes:
    return bytes([0xB0 | channel, which, value])


def program(which: int, channel: int = 0) -> bytes:
    return bytes([0xC0 | channel, which])


def meta(kind: int, content: bytes) -> bytes:
    return bytes([0xFF, kind]) + number(len(content)) + content


def tempo(microseconds: int) -> bytes:
    return meta(0x51, microseconds.to_bytes(3, "big"))


def metre(upper: int, power: int) -> bytes:
    return meta(0x58, bytes([upper, power, 24, 8]))


def signature(sharps: int, minor: bool) -> bytes:
    return meta(0x59, bytes([sharps % 256, minor]))


def track(*events: tuple[int, bytes], end: bool = True) -> bytes:
    """A track of (ticks since the last event, bytes)."""
    body = b"".join(number(delta) + content for delta, content in events) + (b"\x00\xff\x2f\x00" if end else b"")
    return b"MTrk" + struct.pack(">I", len(body)) + body


def midi(*tracks: bytes, form: int | None = None, division: int = 480) -> bytes:
    form = (len(tracks) > 1) if form is None else form
    return b"MThd" + struct.pack(">IHHH", 6, form, len(tracks), division) + b"".join(tracks)


def scale(path: Path, seconds: float = 4.0, step: float = 0.5, channel: int = 0, *more: bytes) -> Path:
    """A file of notes of half a second each, up the scale of C, at 120 a minute."""
    events = [(0, content) for content in more]
    for i in range(round(seconds / step)):
        pitch = 60 + [0, 2, 4, 5, 7, 9, 11][i % 7]
        events += [(0, on(pitch, 80, channel)), (round(step * 960), off(pitch, channel))]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(midi(track(*events)))
    return path


def excerpt(*notes: tuple[float, float, int, int], program: int = 0, is_drum: bool = False, **more: object) -> Excerpt:
    """An excerpt of one part, from (start, duration, pitch, velocity)."""
    columns = [np.array(c) for c in zip(*notes, strict=True)] if notes else [np.zeros(0)] * 4
    return Excerpt((Part(program, is_drum, *columns, **more),), 30.0, (0, "major"), [], [])  # type: ignore[arg-type]
