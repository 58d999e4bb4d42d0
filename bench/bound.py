"""The bound of the language model's time: matrix products that can't be avoided, at the speed that torch reaches here.

Operations are 2 for each multiply and add. Counted are the linear layers at every step that differs from the clean
sequence's, the attention of each of them to the steps up to it, and the heads of the codes that follow. Nothing else:
no norm, no GELU, no softmax, no cross-entropy, no traffic of memory.

The speed is that of the fastest product of the shapes in use, not of the mean over them. A weight that is multiplied
with again and again may stay in a cache; the model's 24 layers can't. So the bound can't be reached.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from noiseprobe.models.linear import product

DELAYS = (0, 1, 2, 3)  # steps, of each codebook
BLOCK = 122  # steps at a time of noiseprobe's clean pass
OWN = ", oneDNN"  # after the name of a product: as noiseprobe makes it, not torch's linear
TIMES = 3  # in a row, for one sample


@dataclass(frozen=True)
class Shape:
    """Of a MusicGen: layers, width, width of the feed-forward network, attention heads, entries of a codebook."""

    layers: int
    width: int
    feed: int
    heads: int
    cardinality: int


SMALL = Shape(24, 1024, 4096, 16, 2048)


@dataclass(frozen=True)
class Work:
    """Floating-point operations in linear layers and in attention's two products."""

    linear: int = 0
    attention: int = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(self.linear + other.linear, self.attention + other.attention)


def work(shape: Shape, frames: int, first: int = 0) -> Work:
    """Of scoring a sequence of so many frames from step `first` on, the steps before it being known."""
    steps = frames + max(DELAYS)
    scored = sum(max(0, frames + d - max(first, d)) for d in DELAYS)
    layer = 4 * shape.width**2 + 2 * shape.width * shape.feed
    linear = 2 * ((steps - first) * shape.layers * layer + scored * shape.width * shape.cardinality)
    pairs = sum(range(first + 1, steps + 1))  # of a query and a key not after it
    return Work(linear, 4 * shape.layers * shape.width * pairs)


def first_step(clean: Tensor, codes: Tensor) -> int:
    """The first step whose input differs: codebook k of frame t stands at step t + d_k + 1. Both [K, T]."""
    frames = [(a != b).nonzero() for a, b in zip(clean, codes, strict=True)]
    return min(int(f[0]) + d + 1 for f, d in zip(frames, DELAYS, strict=True) if len(f))


def grid(shape: Shape, codes: Sequence[Tensor]) -> Work:
    """Of a clip's codes [K, T], the clean ones first."""
    clean, *others = codes
    frames = clean.shape[1]
    return sum((work(shape, frames, first_step(clean, own)) for own in others), work(shape, frames))


def speeds(shape: Shape, dtype: torch.dtype, frames: int) -> dict[str, dict[str, float]]:
    """Operations a second of each product in use, one sample: name of the kind -> name of the product -> speed."""
    steps = frames + max(DELAYS)
    # a block, the last one, a variant with noise at a third, and all
    rows = [BLOCK, BLOCK + steps % BLOCK, steps - steps // 3 // BLOCK * BLOCK, steps]
    sides = {(shape.width, n) for n in (shape.width, shape.feed, shape.cardinality)} | {(shape.feed, shape.width)}
    size = shape.width // shape.heads
    linear, attention = {}, {}
    for m in rows:
        for k, n in sorted(sides):
            x, w = torch.randn(m, k, dtype=dtype), torch.randn(n, k, dtype=dtype)
            linear[f"{m}x{k}x{n}"] = 2 * m * k * n / _seconds(F.linear, x, w)
            linear[f"{m}x{k}x{n}{OWN}"] = 2 * m * k * n / _seconds(product, x, w)
        q = torch.randn(1, shape.heads, m, size, dtype=dtype)
        kv = torch.randn(1, shape.heads, steps, size, dtype=dtype)
        p = torch.randn(1, shape.heads, m, steps, dtype=dtype)
        one = 2 * m * steps * shape.width
        attention[f"{m}: queries by keys"] = one / _seconds(torch.matmul, q, kv.mT)
        attention[f"{m}: weights by values"] = one / _seconds(torch.matmul, p, kv)
        both = _seconds(F.scaled_dot_product_attention, q, kv, kv)
        attention[f"{m}: scaled_dot_product_attention"] = 2 * one / both
    return {"linear": linear, "attention": attention}


def _seconds(multiply: Callable[..., Tensor], *factors: Tensor) -> float:
    with torch.inference_mode():
        multiply(*factors)
        start = time.perf_counter()
        for _ in range(TIMES):
            multiply(*factors)
    return (time.perf_counter() - start) / TIMES
