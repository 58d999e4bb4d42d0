"""The published route in a process of its own, which waits while noiseprobe works.

noiseprobe sets how its process keeps memory (`noiseprobe.allocator`), and that makes the published route faster, too.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.published import Published
from bench.stopwatch import Stopwatch

_own: list[Published] = []


class Apart:
    """A `Published` elsewhere.

    Args:
        checkpoint, precision: as for `Published.load`.
    """

    def __init__(self, checkpoint: Path, precision: str) -> None:
        self.process = ProcessPoolExecutor(1, get_context("spawn"), _load, (checkpoint, precision))

    def grid(self, clip: Path, lengths: Sequence[int], scratch: Path) -> dict[str, float]:
        """Seconds of each part, and of all as `clip`."""
        return self.process.submit(_grid, clip, lengths, scratch).result()

    def encode(self, audio: Tensor) -> Tensor:
        """[N] -> [K, T]."""
        return torch.from_numpy(self.process.submit(_encode, audio.numpy()).result())

    def nll(self, codes: Tensor) -> Tensor:
        """[K, T] -> [K, T], nats."""
        return torch.from_numpy(self.process.submit(_nll, codes.numpy()).result())


def _load(checkpoint: Path, precision: str) -> None:
    _own.append(Published.load(checkpoint, precision))


def _grid(clip: Path, lengths: Sequence[int], scratch: Path) -> dict[str, float]:
    with (watch := Stopwatch())("clip"):
        _own[0].grid(clip, lengths, scratch, watch)
    return dict(watch.seconds)


def _encode(audio: np.ndarray) -> np.ndarray:
    return _own[0].encode(torch.from_numpy(audio)).numpy()


def _nll(codes: np.ndarray) -> np.ndarray:
    return _own[0].nll(torch.from_numpy(codes)).float().numpy()
