"""The attention of the last steps to all before them, against its definition."""

import math

import pytest
import torch

from noiseprobe.models import decoder


@pytest.mark.parametrize(("first", "size"), [(0, 1), (0, 5), (7, 1), (7, 5), (100, 300), (0, 129)])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_attention(first: int, size: int, device: str) -> None:
    """As on a CPU, in stretches with masks, and as on a GPU, in one piece; both computed here."""
    g = torch.Generator().manual_seed(0)
    q = torch.randn(2, 3, size, 4, generator=g)
    k, v = (torch.randn(2, 3, first + size, 4, generator=g) for _ in range(2))
    scores = torch.einsum("bhqd,bhkd->bhqk", q, k) / math.sqrt(4)
    for step in range(size):
        scores[:, :, step, first + step + 1 :] = -math.inf
    expected = torch.einsum("bhqk,bhkd->bhqd", torch.exp(scores) / torch.exp(scores).sum(-1, keepdim=True), v)
    masks = decoder._masks(first, size, torch.device(device))
    assert (masks[0][2] is None) == (device == "cuda")
    torch.testing.assert_close(decoder._attention(q, k, v, masks), expected, rtol=1e-5, atol=1e-5)
