"""A span cut into pieces of equal length, each with something of its own, that go over into each other smoothly.

A piece begins to come in where it begins and is there after `fade` (at most a piece); so long the one before it lasts.
Weights go as the square of a quarter of a sine and those of all pieces add up to 1, but for the fades at the seams with
the music (`tools.crossfade`, `amplitude`). The last piece may be shorter. A shorter span has the first pieces of a
longer one, up to the fade at its end.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.tools.crossfade import Seams, ramp, rise

SHORTEST, LONGEST = 0.02, 30.0  # seconds


def seconds(raw: dict[str, Any]) -> float:
    """The checked key `piece`.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    return checks.number("noise.piece", raw["piece"], SHORTEST, LONGEST)


def idle(options: object, names: Iterable[str], why: str) -> None:
    """Check that keys which another one makes idle were left at their defaults, so that none is ignored in silence.

    Raises:
        NoiseprobeError: for one that wasn't.
    """
    plain = type(options)()
    for name in names:
        value, default = getattr(options, name), getattr(plain, name)
        if value != default:
            raise checks.refusal(f"noise.{name}", value, f"its default, {default}, while {why}")


def pieces(n: int, piece: int, fade: int, seams: Seams) -> Sequence[tuple[int, int, np.ndarray]]:
    """Where each piece of n samples begins and ends, and its weight from there to there."""
    envelope = rise(n, fade, seams) ** 2
    fade = min(fade, piece)
    step = ramp(fade) ** 2
    found = []
    for begin in range(0, n, piece):
        end = min(begin + piece + fade, n)
        weight = envelope[begin:end].copy()
        if begin:
            weight[:fade] *= step[: len(weight)]
        weight[piece:] *= 1 - step[: len(weight[piece:])]
        found.append((begin, end, weight))
    return found
