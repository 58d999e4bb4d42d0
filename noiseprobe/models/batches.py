"""How many sequences a device takes at once: all of them, or half as many after it ran out of memory, and so on."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


def together(device: torch.device) -> bool:
    """Whether sequences are computed in batches there.

    Not on a CPU: one at a time is as fast, and a sequence's numbers then can't depend on what it shares a batch with,
    so a list of lengths and a sweep over them agree to the bit.
    """
    return device.type != "cpu"


class Batches:
    """Computes lists of sequences in batches, and remembers the size that fits."""

    def __init__(self) -> None:
        self.most: int | None = None

    def __call__(
        self, items: Sequence[T], device: torch.device, compute: Callable[[Sequence[T]], Sequence[R]]
    ) -> list[R]:
        """`compute` on all items, in order.

        Raises:
            torch.OutOfMemoryError: if even one is too large.
        """
        done: list[R] = []
        while len(done) < len(items):
            size = (self.most or len(items)) if together(device) else 1
            batch = items[len(done) : len(done) + size]
            try:
                done += compute(batch)
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                self.most = len(batch) // 2
        return done
