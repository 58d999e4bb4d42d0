"""Where the noise is: `noise.length`, `frames`, `onset`, `onset_frame`, `spans` and `share`, checked, as variants."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from noiseprobe import checks
from noiseprobe.variants import (
    MARGIN,
    MOST,
    PAPER_FRAME_RATE,
    PAPER_LENGTHS,
    PAPER_ONSET,
    Fixed,
    Place,
    Scattered,
    Variant,
    at,
    seconds_of_frames,
)

KEYS = ["length", "frames", "onset", "onset_frame", "spans", "share"]
SHORTEST = 0.001  # seconds of noise, where there is any


def variants(raw: dict[str, Any], kind: str, whole: bool, duration: float) -> tuple[Variant, ...]:
    """The variants of a cell, by time.

    Args:
        raw: the noise section of the configuration.
        kind: of the noise.
        whole: whether the kind takes the whole clip where nothing says otherwise; else the paper's places.
        duration: `data.duration`, seconds.

    Raises:
        NoiseprobeError: for a value that isn't allowed, or doesn't fit into a clip.
    """
    if raw["spans"] is not None:
        return (Variant(kind, _spans(raw, duration)),)
    for key, other in [("frames", "length"), ("onset_frame", "onset")]:
        if raw[key] is not None and raw[other] is not None:
            expected = f"null while noise.{other} is {raw[other]}: set one of the two"
            raise checks.refusal(f"noise.{key}", raw[key], expected)
    lengths = _either(raw, "length", "frames", _length)
    onsets = _either(raw, "onset", "onset_frame", lambda k, v: checks.number(k, v, low=0.0))
    if raw["share"] is not None:
        return _scattered(raw, kind, onsets, lengths, duration)
    if lengths is None:
        lengths = [None] if whole else list(PAPER_LENGTHS)
    onsets = onsets or [0.0 if whole else PAPER_ONSET]
    for onset in onsets:
        if onset + MARGIN > duration + 1e-9:
            room = f"at most {max(duration - MARGIN, 0):g} s: {MARGIN:g} s from there on must fit in a clip"
            raise checks.refusal(
                _key(raw, "onset", "onset_frame"), f"{onset:g} s", f"{room} (data.duration={duration:g})"
            )
    latest = max(onsets)
    for length in lengths:
        if length is not None and latest + length + MARGIN > duration + 1e-9:
            room = max(duration - MARGIN - latest, 0)
            fit = f"noise from {latest:g} s and {MARGIN:g} s after it must fit in data.duration={duration:g}"
            got = f"{length:g} s" if raw["frames"] is None else f"{length * PAPER_FRAME_RATE:g} frames"
            raise checks.refusal(_key(raw, "length", "frames"), got, f"at most {room:g} s: {fit}")
    _once(raw, "onset", "onset_frame", onsets)
    _once(raw, "length", "frames", lengths)
    return tuple(Variant(kind, at(o, n)) for o in sorted(onsets) for n in sorted(lengths, key=_longest_last))


def _length(key: str, value: Any) -> float | None:
    """Seconds, 0 or at least SHORTEST; None for `end`."""
    if value == "end" and key == "noise.length":
        return None
    length = checks.number(key, value, low=0.0)
    if 0 < length < SHORTEST:
        raise checks.refusal(key, value, f"0 or at least {SHORTEST:g} s")
    return length


def _either(
    raw: dict[str, Any], seconds: str, frames: str, one: Callable[[str, Any], float | None]
) -> list[Any] | None:
    """The values of two keys of which at most one is set, in seconds; None where neither is."""
    if raw[frames] is not None:
        counts = checks.list_of(f"noise.{frames}", raw[frames], lambda k, v: checks.integer(k, v, low=0))
        return [seconds_of_frames(n) for n in counts]
    if raw[seconds] is not None:
        return checks.list_of(f"noise.{seconds}", raw[seconds], one)
    return None


def _key(raw: dict[str, Any], seconds: str, frames: str) -> str:
    return f"noise.{seconds if raw[frames] is None else frames}"


def _once(raw: dict[str, Any], seconds: str, frames: str, values: list[Any]) -> None:
    if len({None if v is None else round(v, 6) for v in values}) < len(values):
        key = _key(raw, seconds, frames)
        raise checks.refusal(key, raw[key.removeprefix("noise.")], f"each {seconds} once")


def _longest_last(length: float | None) -> float:
    return math.inf if length is None else length


def _spans(raw: dict[str, Any], duration: float) -> Fixed:
    for key in KEYS:
        if key != "spans" and raw[key] is not None:
            raise checks.refusal(f"noise.{key}", raw[key], "null while noise.spans is set")
    expected = "a list of [onset, length] in seconds, such as [[5,0.5],[8,0.5]], in order and apart"
    value = raw["spans"]
    if not isinstance(value, list) or not value or not all(isinstance(v, list) and len(v) == 2 for v in value):
        raise checks.refusal("noise.spans", value, expected)
    places = []
    for onset, length in value:
        seconds = None if length == "end" else checks.number("noise.spans", length, low=SHORTEST)
        places.append(Place(checks.number("noise.spans", onset, low=0.0), seconds))
    for before, after in pairwise(places):
        if before.length is None or before.ends >= after.onset:
            raise checks.refusal("noise.spans", value, expected)
    if places[-1].ends + MARGIN > duration + 1e-9:
        room = f"the last and {MARGIN:g} s after it to fit in data.duration={duration:g}"
        raise checks.refusal("noise.spans", value, room)
    return Fixed(tuple(places))


def _scattered(
    raw: dict[str, Any], kind: str, onsets: list[float] | None, lengths: list[float | None] | None, duration: float
) -> tuple[Variant, ...]:
    shares = checks.list_of("noise.share", raw["share"], lambda k, v: checks.number(k, v, 1e-6, 0.9))
    if not lengths or None in lengths or 0 in lengths:
        got = raw["length"] if raw["frames"] is None else raw["frames"]
        raise checks.refusal(_key(raw, "length", "frames"), got, "the length of each piece together with noise.share")
    if onsets and len(onsets) > 1:
        got = raw["onset"] if raw["onset_frame"] is None else raw["onset_frame"]
        raise checks.refusal(_key(raw, "onset", "onset_frame"), got, "one onset together with noise.share")
    earliest = Place(onsets[0] if onsets else 0.0, 0).onset
    found = []
    for share in shares:
        for length in lengths:
            piece = Place(0, length).length
            assert piece is not None
            where = Scattered(share, piece, earliest)
            most = min(duration - MARGIN - earliest, MOST * share * (duration - earliest))
            if piece > most + 1e-9:
                why = f"a piece and {MARGIN:g} s must fit in a clip, and one piece be about that share of it at most"
                allowed = f"at most {max(most, 0):.3g} s: {why}"
                raise checks.refusal(_key(raw, "length", "frames"), f"{piece:g} s", allowed)
            found.append(Variant(kind, where))
    _once(raw, "length", "frames", lengths)
    if len({v.name for v in found}) < len(found):  # a name rounds the share
        raise checks.refusal("noise.share", raw["share"], "each share once")
    return tuple(found)
