"""How what is put into a span meets the music: all of it inside the span, so that nothing outside changes.

At each seam, over `fade` seconds (at most half the span), the new comes in while the old goes out. A span that begins
where the clip begins, or ends where it ends, has no seam there and no fade. With p from 0 to 1 over the fade:

    power       new sin(p pi/2) + old cos(p pi/2)       keeps the power where the two have nothing to do with each other
    amplitude   new sin^2(p pi/2) + old cos^2(p pi/2)   keeps the amplitude where the one is the other, changed
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import Heard
from noiseprobe.variants import Span

Seams = tuple[bool, bool]  # whether there is music before, after

LONGEST = 1.0  # seconds


@dataclass(frozen=True)
class Options:
    """The keys of a kind that has nothing but a fade.

    Attributes:
        fade: seconds of crossfade with the music.
    """

    fade: float = 0.0


def options(raw: dict[str, Any]) -> Options:
    """The checked keys.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    return Options(fade=fade(raw))


def fade(raw: dict[str, Any], most: float = LONGEST) -> float:
    """The checked key `fade`, in seconds.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    return checks.number("noise.fade", raw["fade"], low=0.0, high=most) + 0.0


def seams(heard: Heard, span: Span) -> Seams:
    """Whether there is music before and after a span."""
    return span.start > 0, span.stop < heard.audio.shape[1]


def ramp(n: int) -> np.ndarray:
    """[n]: a quarter of a sine from 0 to 1, at the middle of each sample."""
    return np.sin((np.arange(n) + 0.5) / max(n, 1) * (math.pi / 2))


def rise(n: int, fade: int, seams: Seams) -> np.ndarray:
    """[n]: from 0 to 1 over `fade` samples and back to 0 at the end, at most half of it each; only where a seam is."""
    fade, out = min(fade, n // 2), np.ones(n)
    if fade and seams[0]:
        out[:fade] = ramp(fade)
    if fade and seams[1]:
        out[n - fade :] = ramp(fade)[::-1]
    return out


def mixed(old: np.ndarray, new: np.ndarray, up: np.ndarray) -> np.ndarray:
    """`power`: the new, and the old where `up` [n] is below 1.

    Shape:
        old, new: [C, n] -> [C, n]
    """
    return new * up + old * np.sqrt(1 - up**2)


def at_ends(old: np.ndarray, new: np.ndarray, fade: int, seams: Seams) -> np.ndarray:
    """`power` where the two differ in length: the new begins with the beginning of the old and ends with its end.

    Shape:
        old: [C, n], new: [C, n'] -> [C, n']
    """
    n, fade = new.shape[1], min(fade, old.shape[1] // 2, new.shape[1] // 2)
    up = rise(n, fade, seams)
    under = np.zeros_like(new)
    under[:, :fade], under[:, n - fade :] = old[:, :fade], old[:, old.shape[1] - fade :]
    return mixed(under, new, up)
