"""Pieces: their weights add up to the span, and each has its own stretch."""

import math
import random

import numpy as np
import pytest

from noiseprobe.noise.tools.pieces import pieces


def smooth(i, fade):
    """From 0 to 1 over `fade` samples from 0 on."""
    return 0.0 if i < 0 else math.sin((i + 0.5) / fade * math.pi / 2) ** 2 if i < fade else 1.0


@pytest.mark.parametrize("seed", range(100))
def test_weights_are_as_their_definition_says(seed):
    r = random.Random(seed)
    n, piece, asked = r.randint(1, 60), r.randint(1, 25), r.randint(0, 30)
    where = (r.random() < 0.5, r.random() < 0.5)
    found = pieces(n, piece, asked, where)
    assert len(found) == math.ceil(n / piece)
    fade, at_seam = min(asked, piece), min(asked, n // 2)
    total = np.zeros(n)
    for k, (begin, end, weight) in enumerate(found):
        assert begin == k * piece
        assert end == min((k + 1) * piece + fade, n)
        assert len(weight) == end - begin
        for i in range(n):
            envelope = 1.0
            if where[0]:
                envelope *= smooth(i, at_seam)
            if where[1]:
                envelope *= smooth(n - 1 - i, at_seam)
            own = envelope * ((smooth(i - begin, fade) if k else 1.0) - smooth(i - (k + 1) * piece, fade))
            assert (weight[i - begin] if begin <= i < end else 0.0) == pytest.approx(own, abs=1e-12)
        total[begin:end] += weight
    inner = total[at_seam : n - at_seam]
    assert inner == pytest.approx(np.ones(len(inner)))
