"""Segments of a window in another order.

The window is cut into segments of equal length from its beginning on; each goes as it is to its new place, so nothing
is lost or doubled. What is left at the end, shorter than a segment, stays where it is: the same in every order, and no
seam of another length. Orders:

    shuffle    every order but the old one is as likely as any other: one is drawn, and drawn anew while it is the old
    adjacent   the segments change places two by two, the first with the second, the third with the fourth; an odd last
               one stays; nothing is drawn
    far        the first and the last segment, the two furthest apart, change places; nothing is drawn

A window of fewer than two whole segments has no other order and can't be corrupted so. Segments that are alike, silent
ones for instance, leave things as they were in any order.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from noiseprobe import checks
from noiseprobe.noise.base import CannotCorrupt
from noiseprobe.variants import PAPER_FRAME_RATE

ORDERS = ["shuffle", "adjacent", "far"]


@dataclass(frozen=True)
class Options:
    """The keys of reordering.

    Attributes:
        segment_frames: length of a segment in codec frames of 20 ms, whatever the model (`variants.PAPER_FRAME_RATE`).
        order: `shuffle`, `adjacent` or `far`.
    """

    segment_frames: int = 10
    order: str = "shuffle"

    @property
    def seconds(self) -> float:
        """Length of a segment."""
        return self.segment_frames / PAPER_FRAME_RATE


def options(raw: dict[str, Any]) -> Options:
    """The checked keys of reordering.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    return Options(
        segment_frames=checks.integer("noise.segment_frames", raw["segment_frames"], low=1),
        order=checks.choice("noise.order", raw["order"], ORDERS),
    )


def reordered(n: int, size: int, order: str, random: np.random.RandomState, unit: str = "frames") -> np.ndarray:
    """Which position's content each position of a window gets: int64 [n], each of 0..n-1 once.

    Args:
        n: length of the window.
        size: of a segment, in the same unit.
        order: one of ORDERS.
        random: draws for `shuffle`.
        unit: what is counted, for the reason.

    Raises:
        CannotCorrupt: if the window holds fewer than two segments.

    >>> reordered(11, 2, "adjacent", np.random.RandomState(0)).tolist()
    [2, 3, 0, 1, 6, 7, 4, 5, 8, 9, 10]
    >>> reordered(11, 2, "far", np.random.RandomState(0)).tolist()
    [8, 9, 2, 3, 4, 5, 6, 7, 0, 1, 10]
    """
    segments = n // size
    if segments < 2:
        raise CannotCorrupt(f"a span of {n} {unit} has no two segments of {size} {unit} that could change places")
    old = np.arange(segments)
    new = old.copy()
    match order:
        case "shuffle":
            while (new == old).all():
                new = random.permutation(segments)
        case "adjacent":
            pairs = segments // 2 * 2
            new[:pairs] = old[:pairs].reshape(-1, 2)[:, ::-1].ravel()
        case "far":
            new[[0, -1]] = old[[-1, 0]]
        case _:
            raise ValueError(f"order: got {order!r}, expected one of {', '.join(ORDERS)}")
    moved = new[:, None] * size + np.arange(size)
    return np.concatenate([moved.ravel(), np.arange(segments * size, n)])
