"""A MIDI file as an excerpt: its notes in seconds, one part for each program of each channel.

Seconds come from the tempo changes (120 quarter notes a minute until the first). A beat is the lower number of the time
signature (4/4 until the first), or three of them in 6/8, 9/8, 12/8 and their like; bars begin at each signature.

The key is that of the signature in force at the begin, or else the first one. Many programs write every signature as
major, so a major one stands for its relative minor too, and the notes under it decide between the two
(`noiseprobe.score.keys`); without a signature the notes of the excerpt decide among all keys.
"""

from bisect import bisect_right
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from noiseprobe.score import keys
from noiseprobe.score.midifile import DRUM_CHANNEL, MidiFile, parse
from noiseprobe.score.notes import BadScore, Excerpt, Key, Part, cut

Array = np.ndarray[Any, Any]

ROUNDING = 1e-4  # seconds; tempos are whole microseconds, and a bar line at 14.99999 s stands at 15 s
DEFAULT_TEMPO = 500_000  # microseconds a quarter note


class Clock:
    """Ticks as seconds and back."""

    def __init__(self, file: MidiFile) -> None:
        # of several tempos at one tick the last holds
        changes = {0: DEFAULT_TEMPO} | dict(file.tempos)
        self.ticks = np.array(sorted(changes), dtype=float)
        self.pace = np.array([changes[int(t)] for t in self.ticks]) / 1e6 / file.division  # seconds a tick
        self.at = np.concatenate([[0.0], np.cumsum(np.diff(self.ticks) * self.pace[:-1])])

    def seconds(self, ticks: Array) -> Array:
        i = np.searchsorted(self.ticks, ticks, side="right") - 1
        return self.at[i] + (ticks - self.ticks[i]) * self.pace[i]

    def tick(self, seconds: float) -> float:
        i = max(int(np.searchsorted(self.at, seconds, side="right")) - 1, 0)
        return float(self.ticks[i] + (seconds - self.at[i]) / self.pace[i])


class Song:
    """A whole file.

    Raises:
        BadScore: for a file that can't be read, or has no note.
    """

    def __init__(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BadScore(error.strerror or str(error)) from error
        self.file = parse(content)
        if not self.file.notes:
            raise BadScore("no note in the file")
        self.clock = Clock(self.file)
        self.parts = tuple(self._part(*voice) for voice in sorted({(n.channel, n.program) for n in self.file.notes}))
        self.seconds = float(max(part.end.max() for part in self.parts))

    def _part(self, channel: int, program: int) -> Part:
        notes = [n for n in self.file.notes if (n.channel, n.program) == (channel, program)]
        start = self.clock.seconds(np.array([n.start for n in notes]))
        return Part(
            program=program,
            is_drum=channel == DRUM_CHANNEL,
            start=start,
            duration=self.clock.seconds(np.array([n.end for n in notes])) - start,
            pitch=np.array([n.pitch for n in notes]),
            velocity=np.array([n.velocity for n in notes]),
            gain=np.array([n.gain for n in notes]),
            pedal=self.clock.seconds(np.array(self.file.pedals.get(channel, []), dtype=float).reshape(-1, 2)),
        )

    def key(self, start: float, parts: tuple[Part, ...]) -> Key:
        """The key at a time; `parts` are the notes to go by where no signature says it."""
        if not self.file.keys:
            return keys.estimate(parts)
        times = self.clock.seconds(np.array([tick for tick, _, _ in self.file.keys], dtype=float))
        i = max(bisect_right(times, start) - 1, 0)
        _, sharps, minor = self.file.keys[i]
        if minor:
            return keys.of_signature(sharps, True)
        end = times[i + 1] if i + 1 < len(times) else self.seconds
        under = tuple(cut(part, times[i], max(end - times[i], 0.0)) for part in self.parts)
        return keys.estimate(under, [keys.of_signature(sharps, False), keys.of_signature(sharps, True)])

    def beats(self, start: float, duration: float) -> tuple[Array, Array]:
        """Beats and downbeats in start <= t < start + duration, counted from `start`."""
        meters = sorted(({0: (4, 4)} | {tick: (upper, lower) for tick, upper, lower in self.file.meters}).items())
        first, last = self.clock.tick(start), self.clock.tick(start + duration)
        beats: list[Array] = []
        downbeats: list[Array] = []
        for i, (begin, (upper, lower)) in enumerate(meters):
            compound = lower >= 8 and upper > 3 and upper % 3 == 0
            beat = self.file.division * 4 / lower * (3 if compound else 1)
            bar = upper // 3 if compound else upper
            end = min(meters[i + 1][0] if i + 1 < len(meters) else np.inf, last + 1)
            # all that may lie inside; rounding decides only below, in seconds
            numbers = np.arange(max(int((first - begin) / beat) - 1, 0), max(int(np.ceil((end - begin) / beat)), 0))
            ticks = begin + numbers * beat
            numbers, ticks = numbers[ticks < end], ticks[ticks < end]
            times = self.clock.seconds(ticks) - start
            inside = (times >= -ROUNDING) & (times < duration - ROUNDING)
            beats.append(np.maximum(times[inside], 0.0))
            downbeats.append(np.maximum(times[inside & (numbers % bar == 0)], 0.0))
        return np.concatenate(beats), np.concatenate(downbeats)


@lru_cache(maxsize=8)
def _song(path: Path, size: int, changed: int) -> Song:
    return Song(path)


def song(path: Path) -> Song:
    """A file, read once for all its excerpts.

    Raises:
        BadScore: for a file that can't be read, or has no note.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise BadScore(error.strerror or str(error)) from error
    return _song(path, stat.st_size, stat.st_mtime_ns)


def seconds(path: Path) -> float:
    """When the last note of a file is let go.

    Raises:
        BadScore: for a file that can't be read, or has no note.
    """
    return song(path).seconds


def excerpt(path: Path, start: float, duration: float) -> Excerpt:
    """The notes in start <= t < start + duration, counted from `start`; `noiseprobe.score.notes.cut` says how it cuts.

    Raises:
        BadScore: for a file that can't be read, or has no note there.
    """
    whole = song(path)
    parts = tuple(p for p in (cut(part, start, duration) for part in whole.parts) if len(p))
    if not parts:
        raise BadScore(f"silent: no note in the {duration:g} s from {start:g} s on")
    return Excerpt(parts, duration, whole.key(start, parts), *whole.beats(start, duration))
