"""A clip of a score as notes that can be changed, and as sound again.

The notes are those of `noiseprobe.score.read.excerpt`, counted in one order: part by part, and within a part by begin,
pitch and duration. A note lies in a span if the sample with which it begins does; what sounds there but began before is
not touched. A column of the notes, `start` or `pitch` for instance, is one array over all parts.

Changed notes are rendered with the renderer that made the clean clip, to the same length and the same loudness (LUFS of
the whole clip). So one gain for the whole clip may differ between the two, also where no note was changed; but for that
gain, samples before the first note that was changed are the clean ones. A corruption that sounds just like the clean
clip is no corruption: the clip is rejected.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from noiseprobe.noise.base import CannotCorrupt, Heard
from noiseprobe.score import read
from noiseprobe.score.notes import BadScore, Excerpt, with_notes
from noiseprobe.variants import Span

BEYOND = 2  # times the clip: what may be needed of the music after it, since no note moves forward by more than a clip


def excerpt(heard: Heard, times: int = 1) -> Excerpt:
    """The notes of the clip; with `times` as long, those after it too, and its last notes as long as they are.

    Raises:
        CannotCorrupt: if they can't be read.
    """
    try:
        return read.excerpt(heard.clip.path, heard.clip.start, heard.clip.duration * times)
    except BadScore as error:
        raise CannotCorrupt(str(error)) from error


def column(notes: Excerpt, name: str) -> np.ndarray:
    """One property of all notes: [n]."""
    return np.concatenate([getattr(part, name) for part in notes.parts])


def with_columns(notes: Excerpt, **columns: np.ndarray) -> Excerpt:
    """The excerpt with some properties of its notes replaced, each [n] over all parts."""
    ends = np.cumsum([len(part) for part in notes.parts])[:-1]
    split = {name: np.split(values, ends) for name, values in columns.items()}
    parts = (with_notes(p, **{name: own[i] for name, own in split.items()}) for i, p in enumerate(notes.parts))
    return replace(notes, parts=tuple(parts))


def begins(heard: Heard, notes: Excerpt) -> np.ndarray:
    """The sample with which each note begins, rounded as the renderer does: int64 [n]."""
    return np.round(column(notes, "start") * heard.sample_rate).astype(np.int64)


def span_of(heard: Heard, notes: Excerpt, spans: Sequence[Span]) -> np.ndarray:
    """Which span each note begins in, -1 where none: int64 [n]."""
    first, found = begins(heard, notes), np.full(len(notes), -1)
    for i, span in enumerate(spans):
        found[(first >= span.start) & (first < span.stop)] = i
    return found


def rendered(heard: Heard, notes: Excerpt) -> np.ndarray:
    """The notes as sound, as long and as loud as the clean clip: [C, N] float32.

    Raises:
        CannotCorrupt: if there is nothing to be heard, or nothing but the clean clip.
    """
    if not len(notes):
        raise CannotCorrupt("no note would be left")
    assert heard.renderer is not None, "the configuration refuses scores' kinds with other data"
    try:
        audio: Any = heard.renderer.render(notes, heard.sample_rate, len(heard.audio), heard.clip.duration)
    except BadScore as error:
        raise CannotCorrupt(f"with the notes changed: {error}") from error
    if np.array_equal(audio, heard.audio):
        raise CannotCorrupt("nothing that can be heard would change")
    return np.asarray(audio)
