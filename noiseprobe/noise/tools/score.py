"""A clip of a score as notes that can be changed, and as sound again.

The notes are those of `noiseprobe.score.read.excerpt`, counted in one order: part by part, and within a part by begin,
pitch and duration. Each has its own sound from the outset: it lasts for as long as it is heard in the clean clip, until
key and pedal are let go or its pitch is struck again. So a note that is changed or left out changes no other one, and
one that is moved is heard for as long as before. Notes that aren't heard at all (two of a part that begin together on
one pitch are one, the longer) are none. Those after the clip are there too, as long again, since music may move into
the clip and its last notes go on beyond it.

A note lies in a span if the sample with which it begins does; what sounds there but began before is not touched.

Changed notes are rendered with the renderer that made the clean clip, to the same length. Where the whole clip is the
span, it gets the clean one's loudness (LUFS), by a gain of its own. Where only part of it is, it keeps the clean clip's
gain: another one would change every sample outside the span too, and samples before the first note that was changed
are the clean ones, bit for bit. A corruption that sounds just like the clean clip is no corruption: the clip is
rejected.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from noiseprobe.noise.base import CannotCorrupt, Heard
from noiseprobe.score import read
from noiseprobe.score.notes import BadScore, Excerpt, Part, chosen, mapped, with_notes
from noiseprobe.score.render import held_until
from noiseprobe.variants import Span

BEYOND = 2  # times the clip: what may be needed of the music after it, since no note moves forward by more than a clip


def excerpt(heard: Heard) -> Excerpt:
    """The notes of the clip and of as much time after it, as they sound; the key is that of the clip.

    Raises:
        CannotCorrupt: if they can't be read.
    """
    clip = heard.clip
    try:
        key = read.excerpt(clip.path, clip.start, clip.duration).key
        return replace(mapped(read.excerpt(clip.path, clip.start, clip.duration * BEYOND), _sounding), key=key)
    except BadScore as error:
        raise CannotCorrupt(str(error)) from error


def column(notes: Excerpt, name: str) -> np.ndarray:
    """One property of all notes, `start` or `pitch` for instance: [n], over all parts."""
    return np.concatenate([getattr(part, name) for part in notes.parts])


def with_columns(notes: Excerpt, **columns: np.ndarray) -> Excerpt:
    """The excerpt with some properties of its notes replaced, each [n] over all parts."""
    split = {name: _by_part(notes, values) for name, values in columns.items()}
    parts = (with_notes(p, **{name: own[i] for name, own in split.items()}) for i, p in enumerate(notes.parts))
    return replace(notes, parts=tuple(parts))


def only(notes: Excerpt, which: np.ndarray) -> Excerpt:
    """The excerpt with some of its notes: bool [n] over all parts."""
    left = (chosen(part, own) for part, own in zip(notes.parts, _by_part(notes, which), strict=True))
    return replace(notes, parts=tuple(part for part in left if len(part)))


def begins(heard: Heard, notes: Excerpt) -> np.ndarray:
    """The sample with which each note begins, rounded as the renderer does: int64 [n]."""
    return np.round(column(notes, "start") * heard.sample_rate).astype(np.int64)


def span_of(heard: Heard, notes: Excerpt, spans: Sequence[Span]) -> np.ndarray:
    """Which span each note begins in, -1 where none: int64 [n]."""
    first, found = begins(heard, notes), np.full(len(notes), -1)
    for i, span in enumerate(spans):
        found[(first >= span.start) & (first < span.stop)] = i
    return found


def rendered(heard: Heard, notes: Excerpt, spans: Sequence[Span]) -> np.ndarray:
    """The notes as sound, as long as the clean clip, as loud or (spans in part of it) at its gain: [C, N] float32.

    Raises:
        CannotCorrupt: if there is nothing to be heard, or nothing but the clean clip.
    """
    assert heard.renderer is not None, "the configuration refuses scores' kinds with other data"
    clip, how = heard.clip, (heard.sample_rate, len(heard.audio), heard.clip.duration)
    try:
        if sum(span.stop - span.start for span in spans) == heard.audio.shape[1]:
            audio: Any = heard.renderer.render(notes, *how)
        else:
            clean = heard.renderer.play(read.excerpt(clip.path, clip.start, clip.duration), *how)
            audio = heard.renderer.play(notes, *how) * np.float32(heard.renderer.gain(clean, heard.sample_rate))
    except BadScore as error:
        raise CannotCorrupt(f"with the notes changed: {error}") from error
    if np.array_equal(audio, heard.audio):
        raise CannotCorrupt("nothing that can be heard would change")
    return np.asarray(audio)


def _by_part(notes: Excerpt, values: np.ndarray) -> list[np.ndarray]:
    return np.split(values, np.cumsum([len(part) for part in notes.parts])[:-1])


def _sounding(part: Part) -> Part:
    """The part with the notes that are heard, each for as long as it is; nothing is left for the pedal to do."""
    length = held_until(part) - part.start
    heard = length > 0
    return with_notes(chosen(part, heard), duration=length[heard], pedal=np.zeros((0, 2)))
