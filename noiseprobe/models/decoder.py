"""MusicGen's transformer run step by step with its keys and values kept, whichever library holds the weights.

Copet et al., "Simple and Controllable Music Generation", 2023: sums of the codebooks' embeddings with sinusoidal
positions, pre-norm blocks of causal self-attention, cross-attention where there is a text, and a GELU network, then a
head for each codebook. The libraries' own modules hold the weights and are the reference (`MusicLM.logits`); what they
lack is a way to continue many sequences from one prefix. A backend hands over the modules, as `Block`s.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right

Layer = Callable[[Tensor], Tensor]

QUERIES = 128  # at a time on a CPU, whose attention otherwise computes what the causal mask then hides


@dataclass(frozen=True)
class Cross:
    """Cross-attention: its norm, queries of the steps, keys and values of the condition's states, and what is after."""

    norm: Layer
    q: Layer
    kv: Callable[[Tensor], tuple[Tensor, Tensor]]
    out: Layer


@dataclass(frozen=True)
class Block:
    """One layer of the transformer.

    Attributes:
        norm, qkv, out: of the self-attention; `qkv` gives three tensors [B, S, D].
        cross: None where there is none.
        feed_norm, feed: of the feed-forward network.
    """

    norm: Layer
    qkv: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
    out: Layer
    cross: Cross | None
    feed_norm: Layer
    feed: Layer


class Memory:
    """Keys and values [B, H, S, D / H] of every layer, written in place; those of the condition in cross-attention.

    Args:
        layers: of the transformer.
        shape: B, H, S and D / H.
        like: gives type and device.
    """

    def __init__(self, layers: int, shape: tuple[int, int, int, int], like: Tensor) -> None:
        self.shape = shape
        self.keys, self.values = ([like.new_empty(shape) for _ in range(layers)] for _ in range(2))
        self.cross: list[tuple[Tensor, Tensor]] | None = None

    def fits(self, steps: int, like: Tensor) -> bool:
        """Whether so many steps of this type have room here, on this device."""
        mine = self.keys[0]
        return self.shape[2] >= steps and (mine.dtype, mine.device) == (like.dtype, like.device)

    def copies(self, count: int, steps: int) -> "Memory":
        """Another memory for `count` sequences that share the first steps of this one."""
        other = Memory(len(self.keys), (count, *self.shape[1:]), self.keys[0])
        for mine, its in [(self.keys, other.keys), (self.values, other.values)]:
            for a, b in zip(mine, its, strict=True):
                b[:, :, :steps] = a[:, :, :steps]
        other.cross = self.cross
        return other


@dataclass(frozen=True)
class Decoder:
    """The language model as it is run here.

    Attributes:
        embeddings: of each codebook.
        positions: what is added at the steps [first, first + n): [n, D], of the model's type.
        blocks: the layers.
        norm: before the heads.
        heads: of each codebook.
        count: H, of attention heads.
    """

    embeddings: Sequence[Layer]
    positions: Callable[[int, int], Tensor]
    blocks: Sequence[Block]
    norm: Layer
    heads: Sequence[Layer]
    count: int

    def embed(self, steps: Tensor) -> Tensor:
        """Sum of the codebooks' embeddings, without positions.

        Shape:
            steps: [B, K, S] -> [B, S, D]
        """
        return reduce(torch.add, (e(steps[:, k]) for k, e in enumerate(self.embeddings)))

    def memory(self, steps: int) -> Memory:
        """Room for one sequence of so many steps."""
        like = self.positions(0, 1)
        return Memory(len(self.blocks), (1, self.count, steps, like.shape[-1] // self.count), like)

    def cross(self, states: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Keys and values of the condition's states [1, L, D] for each layer's cross-attention."""
        found = [block.cross.kv(states) for block in self.blocks if block.cross is not None]
        return [(self._heads(k), self._heads(v)) for k, v in found]

    def run(self, x: Tensor, first: int, memory: Memory) -> Tensor:
        """The hidden states of some steps, after those before them, whose keys and values the memory has.

        Shape:
            x: [B, S, D], embeddings of the steps [first, first + S) -> [B, S, D]
        """
        size = x.shape[1]
        end = first + size
        x = x + self.positions(first, size)
        masks = _masks(first, size, x.device)
        for i, block in enumerate(self.blocks):
            q, k, v = (self._heads(t) for t in block.qkv(block.norm(x)))
            memory.keys[i][:, :, first:end], memory.values[i][:, :, first:end] = k, v
            heard = _attention(q, memory.keys[i][:, :, :end], memory.values[i][:, :, :end], masks)
            x = x + block.out(heard.transpose(1, 2).flatten(2))
            if block.cross is not None and memory.cross is not None:
                q = self._heads(block.cross.q(block.cross.norm(x)))
                k, v = (t.expand(len(x), -1, -1, -1) for t in memory.cross[i])
                x = x + block.cross.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
            x = x + block.feed(block.feed_norm(x))
        return x

    def nll(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy in float32, a codebook at a time: logits of all of them would fill a device's memory.

        Shape:
            hidden: [B, S, D], targets: [B, K, S] -> [B, K, S]; 0 where there is no target
        """
        hidden = self.norm(hidden)
        found = []
        for k, head in enumerate(self.heads):
            logits = head(hidden).float()
            found.append(F.cross_entropy(logits.transpose(1, 2), targets[:, k], reduction="none"))
        return torch.stack(found, 1)

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.count, -1)).transpose(1, 2)


def _masks(first: int, size: int, device: torch.device) -> list[tuple[int, int, Tensor | None]]:
    """Stretches of queries [a, b) with the mask of each over the keys [0, first + b); None: `causal_lower_right`."""
    if device.type != "cpu":
        return [(0, size, None)]
    found: list[tuple[int, int, Tensor | None]] = []
    for i in range(math.ceil(size / QUERIES)):
        a, b = i * QUERIES, min((i + 1) * QUERIES, size)
        found.append((a, b, torch.ones(b - a, first + b, dtype=torch.bool).tril(first + a)))
    return found


def _attention(q: Tensor, k: Tensor, v: Tensor, masks: list[tuple[int, int, Tensor | None]]) -> Tensor:
    """Causal attention of the last steps to all steps; q [B, H, n, d], k and v [B, H, S, d]."""
    before = k.shape[2] - q.shape[2]
    parts = []
    for a, b, mask in masks:
        own = k[:, :, : before + b], v[:, :, : before + b]
        bias = causal_lower_right(b - a, before + b) if mask is None else mask
        parts.append(F.scaled_dot_product_attention(q[:, :, a:b], *own, attn_mask=bias))
    return parts[0] if len(parts) == 1 else torch.cat(parts, 2)
