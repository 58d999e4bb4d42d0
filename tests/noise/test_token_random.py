"""Random tokens: where they stand, what they hang on, and whether they are uniform and independent."""

import math
import pickle
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from running import composed
from scipy import stats

from noiseprobe.config import check
from noiseprobe.data.manifest import Clip
from noiseprobe.noise.base import Draws, Heard
from noiseprobe.noise.token_random import CHANGES, WHOLE, NoOptions, corrupt
from noiseprobe.variants import Fixed, Place, Span, Variant

RATE, HOP, T = 1000, 20, 200
DRAWS = Draws(0, "a.wav#0.0", "token_random", "")
# no code that is drawn can be this one, so what was drawn shows
CLEAN = -1


def recode(*places, draws=DRAWS, audio=None):
    audio = np.full((1, T * HOP), 0.5, dtype=np.float32) if audio is None else audio
    heard = Heard(Clip("a.wav#0.0", Path("a.wav"), 0, 4, "s", "g"), audio, RATE, HOP, None)
    variant = Variant("token_random", Fixed(tuple(Place(*p) for p in places)))
    made = corrupt(heard, variant.spans(RATE, HOP, audio.shape[1], np.random.RandomState(0)), draws, NoOptions())
    assert (made.audio, made.frame_map) == (None, None)
    return made


def drawn(*places, k=4, cardinality=2048, draws=DRAWS, t=T):
    clean = torch.full((k, t), CLEAN)
    made = pickle.loads(pickle.dumps(recode(*places, draws=draws).recode))  # as from a worker
    found = made(clean, None, SimpleNamespace(cardinality=cardinality))
    assert (clean == CLEAN).all(), "the clean codes were written to"
    assert (found.dtype, found.shape) == (clean.dtype, clean.shape)
    return found


def many(cardinality, n, k=4):
    """n codes of each codebook."""
    made = recode((0, None))
    (span,) = made.recode.spans
    long = replace(made.recode, spans=(Span(span.onset, 0, n * HOP, 0, n),))
    return long(torch.full((k, n), CLEAN), None, SimpleNamespace(cardinality=cardinality)).numpy()


def test_it_declares_what_it_does():
    assert (CHANGES, WHOLE) == ("codes", False)
    noise = check(composed("noise=token_random")).noise
    assert noise.options == NoOptions()
    assert len(noise.variants) == 6


@pytest.mark.parametrize(
    ("places", "frames"),
    [
        ([(1, 0.5)], [(50, 75)]),
        ([(0, 0.1)], [(0, 5)]),
        ([(3, None)], [(150, 200)]),
        ([(0.5, 0.1), (1, 0.1), (3.9, None)], [(25, 30), (50, 55), (195, 200)]),
        ([(1.013, 0.001)], [(50, 51)]),
        ([(1, 0)], []),
    ],
)
@pytest.mark.parametrize("k", [4, 8])
def test_codes_are_drawn_in_the_span_and_nowhere_else(places, frames, k):
    found = drawn(*places, k=k) != CLEAN
    expected = torch.zeros(k, T, dtype=torch.bool)
    for on, off in frames:
        expected[:, on:off] = True
    assert torch.equal(found, expected)


@pytest.mark.parametrize("cardinality", [1, 2, 3, 5, 1000, 1024, 2048, 2049])
def test_every_code_is_as_likely_and_the_special_token_is_none(cardinality):
    n = max(cardinality * 20, 2000)
    for codes in many(cardinality, n):
        counts = np.bincount(codes, minlength=cardinality)
        assert len(counts) == cardinality, "the special token was drawn"
        if cardinality > 1:
            expected = n / cardinality
            statistic = ((counts - expected) ** 2 / expected).sum()
            low, high = stats.chi2.ppf([0.0005, 0.9995], cardinality - 1)
            assert low < statistic < high


def test_codes_are_independent_over_frames_and_codebooks():
    codes = many(16, 16 * 16 * 20, k=3)
    pairs = [codes[0, 1:] * 16 + codes[0, :-1], codes[0] * 16 + codes[1], codes[1] * 16 + codes[2]]
    for pair in pairs:
        counts, expected = np.bincount(pair, minlength=256), len(pair) / 256
        low, high = stats.chi2.ppf([0.0005, 0.9995], 255)
        assert low < ((counts - expected) ** 2 / expected).sum() < high


def test_shorter_is_the_beginning_of_longer():
    long = drawn((1, 2))
    for seconds in [0.02, 0.1, 0.5, 1.98]:
        off = 50 + math.ceil(round(seconds * 50, 6))
        assert torch.equal(drawn((1, seconds))[:, 50:off], long[:, 50:off])


@pytest.mark.parametrize("cardinality", [5, 2048])
def test_a_codebook_s_codes_are_the_same_whatever_the_number_of_codebooks(cardinality):
    few, more = (drawn((1, 2), k=k, cardinality=cardinality) for k in [2, 8])
    assert torch.equal(few, more[:2])


@pytest.mark.parametrize("change", [{"seed": 1}, {"clip": "b"}, {"kind": "c"}, {"level": "d"}])
def test_every_part_of_the_key_changes_the_codes(change):
    a, b = drawn((1, 2))[:, 50:150], drawn((1, 2), draws=replace(DRAWS, **change))[:, 50:150]
    assert (a == b).sum() < 5  # of 400, each equal with 1 / 2048


def test_the_onset_is_part_of_the_key():
    assert (drawn((1, 2))[:, 50:150] == drawn((1.02, 2))[:, 51:151]).sum() < 5


def test_the_codes_are_frozen():
    """Every published result hangs on them; whoever changes them raises PROTOCOL."""
    assert drawn((1, 0.06), k=2)[:, 50:53].tolist() == [[473, 1378, 522], [1184, 824, 1646]]


def test_the_music_is_measured_and_nothing_else():
    measured = recode((1, 2)).measured
    assert measured.music_db == pytest.approx(20 * np.log10(0.5))
    assert (measured.noise_db, measured.level_db, measured.over_full_scale) == (None, None, 0)
