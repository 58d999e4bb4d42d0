"""Models whose likelihood is known exactly, for tests."""

import itertools

import torch
from torch import Tensor

from noiseprobe.models.base import MusicLM


class ToyLM(MusicLM):
    """A language model whose next-code distribution is a function of everything that it has seen.

    The state after step s is a running hash of the columns 0..s, and `table[codebook, state]` is the distribution of
    what follows. Any misplaced, missing or extra column changes every later state. Its codec reads codes from samples:
    sample n * hop + k holds code k of frame n.
    """

    STATES = 97

    def __init__(self, codebooks: int = 3, cardinality: int = 5, seed: int = 0, hop: int = 8) -> None:
        super().__init__()
        self.sample_rate, self.channels, self.hop = 50 * hop, 1, hop
        self.codebooks, self.cardinality = codebooks, cardinality
        self.delays = tuple(range(codebooks))
        self.look_ahead = self.look_back = 0
        self.max_frames = 10_000
        g = torch.Generator().manual_seed(seed)
        self.table = torch.rand(codebooks, self.STATES, cardinality, generator=g, dtype=torch.float64) + 0.05
        self.table /= self.table.sum(-1, keepdim=True)

    def encode(self, audio: Tensor) -> Tensor:
        b, _, n = audio.shape
        frames = audio[:, 0].view(b, n // self.hop, self.hop)[..., : self.codebooks]
        return frames.transpose(1, 2).round().long()

    @classmethod
    def advance(cls, state: int, column: list[int]) -> int:
        for value in column:
            state = (state * 31 + value + 1) % cls.STATES
        return state

    def logits(self, steps: Tensor, description: str | None = None) -> Tensor:
        b, k, s = steps.shape
        out = torch.empty(b, k, s, self.cardinality, dtype=torch.float64)
        for i in range(b):
            states = itertools.accumulate(steps[i].T.tolist(), self.advance, initial=0)
            out[i] = self.table[:, torch.tensor(list(states)[1:])].log()
        return out
