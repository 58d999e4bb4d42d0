"""A score as the notes that sound: parts of notes in seconds, with the key and the beats that they stand in.

Conventions. All times are seconds from the excerpt's begin. A pitch is a MIDI key (60: middle C), a pitch class 0 to 11
counts from C, a velocity is 1 to 127. Notes of a part are ordered by start, then pitch, then duration. Nothing here is
changed in place: arrays are read-only, and every function gives a new part or excerpt.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Key = tuple[int, str]

MODES = ("major", "minor")
SHORTEST = 0.05  # seconds that must be left of a note which began before a cut


class BadScore(Exception):
    """The score can't be read or makes no sound; the message says why, and becomes the reason in rejected.parquet."""


def _none() -> Array:
    return np.zeros(0)


def _no_pedal() -> Array:
    return np.zeros((0, 2))


@dataclass(frozen=True, eq=False)
class Part:
    """The notes that one instrument plays.

    Attributes:
        program: General MIDI's, 0 to 127; of drums the kit.
        is_drum: whether pitches are drums.
        start: float64 [n].
        duration: float64 [n], until the key is let go; the pedal may hold the sound for longer.
        pitch: int64 [n].
        velocity: int64 [n].
        gain: float64 [n], dB of the channel's volume and expression when the note begins; 0 if left out.
        pedal: float64 [m, 2], from when to when the sustain pedal is down.

    Raises:
        ValueError: for arrays that don't fit each other, or values that no note has.
    """

    program: int
    is_drum: bool
    start: Array
    duration: Array
    pitch: Array
    velocity: Array
    gain: Array = field(default_factory=_none)
    pedal: Array = field(default_factory=_no_pedal)

    def __post_init__(self) -> None:
        kinds = {"start": float, "duration": float, "pitch": np.int64, "velocity": np.int64, "gain": float}
        columns = {name: np.array(getattr(self, name), dtype=kind) for name, kind in kinds.items()}
        n = len(columns["start"])
        if not len(columns["gain"]):
            columns["gain"] = np.zeros(n)
        if any(column.shape != (n,) for column in columns.values()):
            shapes = ", ".join(f"{name} {list(column.shape)}" for name, column in columns.items())
            raise ValueError(f"got {shapes}, expected one value of each for a note")
        if not 0 <= self.program <= 127:
            raise ValueError(f"got program {self.program}, expected 0 to 127")
        for name, low, high in [("start", 0, np.inf), ("duration", 0, np.inf), ("pitch", 0, 127), ("velocity", 1, 127)]:
            wrong = columns[name][~((columns[name] >= low) & (columns[name] <= high) & (columns[name] < np.inf))]
            if len(wrong):
                raise ValueError(f"got a {name} of {wrong[0]}, expected {low} to {high:g}")
        order = np.lexsort((columns["duration"], columns["pitch"], columns["start"]))
        for name, column in columns.items():
            _freeze(self, name, column[order])
        _freeze(self, "pedal", np.array(self.pedal, dtype=float).reshape(-1, 2))

    def __len__(self) -> int:
        return len(self.start)

    @property
    def end(self) -> Array:
        """When each key is let go, float64 [n]."""
        return self.start + self.duration


@dataclass(frozen=True, eq=False)
class Excerpt:
    """A stretch of a score.

    Attributes:
        parts: whose notes begin in it.
        duration: of the stretch; the last notes may end sooner.
        key: pitch class of the tonic, and "major" or "minor".
        beats, downbeats: float64, the beats in 0 <= t < duration and those of them that begin a bar.
    """

    parts: tuple[Part, ...]
    duration: float
    key: Key
    beats: Array
    downbeats: Array

    def __post_init__(self) -> None:
        for name in ["beats", "downbeats"]:
            _freeze(self, name, np.array(getattr(self, name), dtype=float))
        if not 0 <= self.key[0] < 12 or self.key[1] not in MODES:
            raise ValueError(f"got the key {self.key}, expected a pitch class and major or minor")

    def __len__(self) -> int:
        """How many notes there are."""
        return sum(map(len, self.parts))


def with_notes(part: Part, **columns: Any) -> Part:
    """The part with other notes: some of `start`, `duration`, `pitch`, `velocity`, `gain` replaced.

    >>> part = Part(0, False, [0.0, 1.0], [1.0, 1.0], [60, 64], [80, 80])
    >>> with_notes(part, pitch=part.pitch + 12).pitch
    array([72, 76])
    """
    return replace(part, **columns)


def chosen(part: Part, which: Array) -> Part:
    """The part with only some of its notes: a mask or indices, which may repeat."""
    columns = ["start", "duration", "pitch", "velocity", "gain"]
    return with_notes(part, **{name: getattr(part, name)[which] for name in columns})


def mapped(excerpt: Excerpt, change: Callable[[Part], Part]) -> Excerpt:
    """The excerpt with each part changed; parts that have no note left go."""
    return replace(excerpt, parts=tuple(p for p in map(change, excerpt.parts) if len(p)))


def cut(part: Part, start: float, duration: float) -> Part:
    """The part's notes in start <= t < start + duration, counted from `start`.

    A note that began before and still sounds begins anew at 0 with what is left of it, if that is 50 ms or more; what
    only the pedal holds at `start` is gone. A note that goes on beyond the end is cut there, and so is the pedal.
    """
    begin, end = np.maximum(part.start - start, 0.0), np.minimum(part.end - start, duration)
    inside = (part.start >= start) & (part.start < start + duration)
    across = (part.start < start) & (end >= SHORTEST)
    which = inside | across
    pedal = np.clip(part.pedal - start, 0.0, duration)
    return replace(
        chosen(part, which),
        start=begin[which],
        duration=np.maximum(end - begin, 0.0)[which],
        pedal=pedal[pedal[:, 1] > pedal[:, 0]],
    )


def _freeze(holder: Part | Excerpt, name: str, array: Array) -> None:
    array.setflags(write=False)
    object.__setattr__(holder, name, array)
