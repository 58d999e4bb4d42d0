"""Crossfades, against one sample at a time in plain Python."""

import math
import random

import hearing
import numpy as np
import pytest

from noiseprobe.noise.tools.crossfade import at_ends, mixed, rise, seams


def slow_rise(n, fade, seams):
    fade = min(fade, n // 2)
    out = []
    for i in range(n):
        value = 1.0
        if seams[0] and i < fade:
            value = math.sin((i + 0.5) / fade * math.pi / 2)
        if seams[1] and n - 1 - i < fade:
            value = math.sin((n - 1 - i + 0.5) / fade * math.pi / 2)
        out.append(value)
    return out


CASES = [(n, fade, s) for n in [1, 2, 3, 7, 50] for fade in [0, 1, 3, 20, 99]
         for s in [(False, False), (True, False), (False, True), (True, True)]]  # fmt: skip


@pytest.mark.parametrize(("n", "fade", "seams"), CASES)
def test_rise(n, fade, seams):
    assert rise(n, fade, seams) == pytest.approx(slow_rise(n, fade, seams), abs=1e-12)
    assert rise(n, fade, seams)[n // 2 - (n % 2 == 0) : n // 2 + 1].min() > (0.1 if fade else 0.999)


def test_a_mix_of_unrelated_noise_keeps_its_power():
    rng = np.random.default_rng(0)
    n = 200_000
    old, new = rng.normal(size=(2, 1, n))
    power = mixed(old, new, rise(n, n // 2, (True, True))) ** 2
    assert power.reshape(20, -1).mean(1) == pytest.approx(1, abs=5 * math.sqrt(2 / 10_000))


@pytest.mark.parametrize("seed", range(50))
def test_at_ends(seed):
    r = random.Random(seed)
    rng = np.random.default_rng(seed)
    n, m, fade = r.randint(1, 40), r.randint(1, 40), r.randint(0, 30)
    old, new = rng.normal(size=(2, n)), rng.normal(size=(2, m))
    where = (r.random() < 0.7, r.random() < 0.7)
    found = at_ends(old, new, fade, where)
    f = min(fade, n // 2, m // 2)
    for c in range(2):
        for i in range(m):
            expected = new[c, i]
            if where[0] and i < f:
                p = (i + 0.5) / f * math.pi / 2
                expected = math.sin(p) * new[c, i] + math.cos(p) * old[c, i]
            if where[1] and m - 1 - i < f:
                p = (m - 1 - i + 0.5) / f * math.pi / 2
                expected = math.sin(p) * new[c, i] + math.cos(p) * old[c, n - m + i]
            assert found[c, i] == pytest.approx(expected, abs=1e-12)


def test_there_is_a_seam_where_there_is_music():
    audio = hearing.music(1, 1.0)
    clip = hearing.heard(audio)
    assert seams(clip, hearing.samples(1, 31_999)) == (True, True)
    assert seams(clip, hearing.samples(0, 31_999)) == (False, True)
    assert seams(clip, hearing.samples(1, 32_000)) == (True, False)
