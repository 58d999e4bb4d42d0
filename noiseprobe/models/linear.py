"""Linear layers in float32 through oneDNN, on CPUs whose widest vectors MKL doesn't use.

torch hands float32 products on a CPU to MKL, which on an AMD processor with AVX-512 stays with AVX2: 160 to 205 GFLOP/s
on 2 cores for MusicGen-small's layers, where oneDNN, which torch carries and uses in bfloat16, reaches 340 to 460
(docs/speed.md). The operator is the one that torch.compile's code calls on a CPU; a torch without it, another
processor, another precision and a GPU take the library's own module.
"""

from functools import cache

import torch
from torch import Tensor, nn


def linear(x: Tensor, layer: nn.Linear) -> Tensor:
    """`layer(x)` but for rounding; [..., in] -> [..., out]."""
    return product(x, layer.weight, layer.bias)


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x [..., in] times weight [out, in], transposed, plus bias [out]."""
    if x.device.type == "cpu" and x.dtype == weight.dtype == torch.float32 and wide():
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return nn.functional.linear(x, weight, bias)


@cache
def wide() -> bool:
    """Whether float32 products go to oneDNN here."""
    known = hasattr(torch.ops.mkldnn, "_linear_pointwise") and torch.backends.mkldnn.is_available()
    return known and torch.backends.cpu.get_cpu_capability() == "AVX512"
