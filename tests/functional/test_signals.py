"""Each score by hand, what it must not depend on, and whether the shape score sees the shape that it is for."""

import itertools

import numpy as np
import pytest

from noiseprobe.functional.discernment import auc, paired
from noiseprobe.functional.signals import SIGNALS, loss, maximum, pseudorandom, spike_then_drop


def test_the_order_is_fixed():
    assert list(SIGNALS) == ["loss", "maximum", "shape", "constant", "random"]


def test_loss_and_maximum_by_hand():
    nll = np.array([[1.0, 5.0, 0.0], [3.0, 1.0, 2.0]])  # codebook means 2, 3, 1
    assert (loss(nll), maximum(nll)) == (2.0, 3.0)


def literal(c):
    """The docstring's formula, frame by frame."""
    noise = (sum((b - a) ** 2 for a, b in itertools.pairwise(c)) / (len(c) - 1) / 2) ** 0.5
    scores = []
    for t in range(5, len(c) - 9):
        before, spike, after = c[max(t - 50, 0) : t], c[t : t + 5], c[t + 5 : t + 55]
        b, p, a = (sum(x) / len(x) for x in (before, spike, after))
        nb, na = len(before), len(after)
        scores.append(min((p - b) / (1 / 5 + 1 / nb) ** 0.5, (b - a) / (1 / nb + 1 / na) ** 0.5) / noise)
    return max(scores)


@pytest.mark.parametrize("frames", [15, 16, 60, 105, 110, 400])
def test_shape_is_its_formula(frames):
    nll = np.random.default_rng(frames).gamma(2.0, size=(4, frames))
    assert spike_then_drop(nll) == pytest.approx(literal(nll.mean(axis=0).tolist()), rel=1e-9)


def test_the_spikes_error_is_that_of_the_frames_before_it_wherever_it_is():
    """A small spike before a large drop, so that the spike is the lesser of both and decides."""
    c = np.repeat([3.0, 4.0, 0.0], [201, 5, 194]) + np.random.default_rng(0).normal(scale=0.3, size=400)
    assert spike_then_drop(c[None]) == pytest.approx(literal(c.tolist()), rel=1e-9)


def test_shape_by_hand():
    # +-1 in turns, with 4 more on five frames and 2 less on the 50 after. 104 steps: 102 of +-2, one of 4 + 2 into the
    # spike, one of -6 - 2 out of it. b = 0, a = -2, and p = 4.2, as the spike begins and ends with +1.
    c = np.tile([1.0, -1.0], 53)[:105] + np.repeat([0.0, 4.0, -2.0], [50, 5, 50])
    s = ((102 * 2**2 + 6**2 + 8**2) / 104 / 2) ** 0.5
    spike, drop = 4.2 / (s * 0.22**0.5), 2 / (s * 0.04**0.5)
    assert spike < drop
    assert spike_then_drop(c[None]) == pytest.approx(spike)


def test_shape_knows_neither_level_nor_scale():
    nll = np.random.default_rng(0).gamma(2.0, size=(4, 300))
    assert spike_then_drop(3 * nll + 7) == pytest.approx(spike_then_drop(nll), rel=1e-9)


def test_shape_of_what_never_changes_and_of_too_little():
    assert spike_then_drop(np.full((4, 100), 7.0)) == 0
    with pytest.raises(ValueError, match="got 14 frames, expected at least 15"):
        spike_then_drop(np.ones((4, 14)))


def test_shape_wants_both_and_in_this_order():
    noise = 0.1 * np.random.default_rng(1).standard_normal(300)

    def score(*levels):
        return spike_then_drop((np.repeat(levels, [100, 5, 195]) + noise)[None])

    both = score(0.0, 1.0, -0.5)
    assert both > 2 * max(score(0.0, 1.0, 0.0), score(0.0, 0.0, -0.5), score(0.0, -1.0, 0.5), score(0.0, 1.0, 0.5))


@pytest.mark.parametrize("at", [20, 150, 260])
def test_shape_finds_it_anywhere(at):
    noise = 0.1 * np.random.default_rng(at).standard_normal(300)
    there = np.repeat([0.0, 1.0, -0.5], [at, 5, 295 - at])
    assert spike_then_drop((there + noise)[None]) > spike_then_drop(noise[None]) + 5


def test_random_is_uniform_and_a_function_of_the_curve():
    rng = np.random.default_rng(2)
    curves = rng.standard_normal((2000, 2, 20))
    scores = np.array([pseudorandom(c) for c in curves])
    assert [pseudorandom(c.copy(order="F")) for c in curves[:9]] == scores[:9].tolist()
    assert pseudorandom(curves[0] + 1e-12) != scores[0]
    assert scores.min() >= 0
    assert scores.max() < 1
    # Kolmogorov-Smirnov, p < 1e-6 beyond
    assert np.abs(np.sort(scores) - np.arange(2000) / 2000).max() < 2.7 / 2000**0.5


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("shape", [(20,), (4, 0), (0, 20), (2, 4, 20)])
def test_curves_of_another_shape_raise(name, shape):
    with pytest.raises(ValueError, match=r"^nll: got shape"):
        SIGNALS[name](np.ones(shape))


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_none_raise(name, value):
    nll = np.ones((2, 20))
    nll[1, 7] = value
    with pytest.raises(ValueError, match=r"^nll: got NaN or infinity"):
        SIGNALS[name](nll)


def twins(planted, clips=400, frames=300):
    """Clean and corrupted nll `[clips, 4, frames]` with noise of their own, as twins have from the onset on."""
    rng = np.random.default_rng(5)
    clean, corrupted = rng.standard_normal((2, clips, 4, frames)) * 0.5 + 5
    return clean, corrupted + planted


def scores(clean, corrupted):
    return {name: ([f(c) for c in clean], [f(c) for c in corrupted]) for name, f in SIGNALS.items()}


def test_shape_tells_spike_then_drop_from_noise_where_the_loss_is_equal():
    planted = np.repeat([0.0, 0.6, -0.25, 0.0], [100, 5, 100, 95])
    planted -= planted.mean()
    found = {name: auc(*pair, range(400)) for name, pair in scores(*twins(planted)).items()}
    assert found["shape"] > 0.95
    # 3 standard errors of an AUC of 0.5 with 400 against 400: 0.061
    assert abs(found["loss"] - 0.5) < 0.061
    assert abs(found["random"] - 0.5) < 0.061
    assert found["constant"] == 0.5


def test_nothing_planted_nothing_told():
    for name, pair in scores(*twins(np.zeros(300))).items():
        assert abs(auc(*pair, range(400)) - 0.5) < 0.061, name
        assert abs(paired(*pair, range(400)).mean() - 0.5) < 0.075, name


def test_at_length_0_every_score_ties():
    clean, _ = twins(np.zeros(300), clips=30)
    for name, pair in scores(clean, clean.copy()).items():
        assert auc(*pair, range(30)) == 0.5, name
        assert paired(*pair, range(30)).tolist() == [0.5] * 30, name
