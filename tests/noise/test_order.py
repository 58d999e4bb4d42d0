"""Orders of segments: nothing lost or doubled, known orders by hand, every order as likely as any other."""

import itertools
from collections import Counter

import numpy as np
import pytest
from running import composed
from scipy import stats

from noiseprobe.config import check
from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise.base import CannotCorrupt
from noiseprobe.noise.tools.order import ORDERS, Options, options, reordered


def state(seed=0):
    return np.random.RandomState(seed)


def segments(window, size):
    """A window's whole segments as tuples, and what is left: plain Python."""
    window = list(window)
    whole = len(window) // size
    return [tuple(window[i * size : (i + 1) * size]) for i in range(whole)], tuple(window[whole * size :])


@pytest.mark.parametrize("order", ORDERS)
def test_nothing_is_lost_or_doubled_and_segments_stay_whole(order):
    cases = 0
    for n, size in itertools.product(
        [2, 3, 7, 10, 49, 50, 51, 200, 701, 750], [1, 2, 3, 5, 10, 35, 50, 70, 100, 150, 200]
    ):
        if n // size < 2:
            continue
        for seed in range(3):
            cases += 1
            found = reordered(n, size, order, state(seed))
            assert found.dtype == np.int64
            assert sorted(found.tolist()) == list(range(n))
            (before, rest), (after, rest_after) = segments(range(n), size), segments(found.tolist(), size)
            assert sorted(after) == before, "a segment was torn"
            assert rest_after == rest, "what is shorter than a segment has moved"
            assert after != before, "nothing was reordered"
    assert cases > 150


@pytest.mark.parametrize(
    ("n", "size", "order", "expected"),
    [
        (6, 1, "adjacent", [1, 0, 3, 2, 5, 4]),
        (7, 1, "adjacent", [1, 0, 3, 2, 5, 4, 6]),
        (7, 2, "adjacent", [2, 3, 0, 1, 4, 5, 6]),  # three segments: the third stays, and so does the rest
        (9, 2, "adjacent", [2, 3, 0, 1, 6, 7, 4, 5, 8]),
        (6, 1, "far", [5, 1, 2, 3, 4, 0]),
        (9, 2, "far", [6, 7, 2, 3, 4, 5, 0, 1, 8]),
        (6, 2, "far", [4, 5, 2, 3, 0, 1]),
        *[(4, 2, order, [2, 3, 0, 1]) for order in ORDERS],  # of two segments there is one other order
        *[(5, 2, order, [2, 3, 0, 1, 4]) for order in ORDERS],
    ],
)
def test_known_orders(n, size, order, expected):
    for seed in range(5):
        assert reordered(n, size, order, state(seed)).tolist() == expected


def test_every_other_order_is_as_likely():
    """Chi-square over the 4! - 1 orders of four segments; and the old order never."""
    draws = 23 * 200
    found = Counter(tuple(reordered(8, 2, "shuffle", state(seed))[::2] // 2) for seed in range(draws))
    orders = set(itertools.permutations(range(4))) - {(0, 1, 2, 3)}
    assert set(found) == orders
    statistic = sum((found[o] - 200) ** 2 / 200 for o in orders)
    assert stats.chi2.ppf(0.001, 22) < statistic < stats.chi2.ppf(0.999, 22)


def test_where_a_segment_goes_is_uniform_in_a_long_window():
    """Of 75 segments the first goes anywhere; so does the one in the middle."""
    draws = 75 * 60
    places = np.array([np.argsort(reordered(750, 10, "shuffle", state(seed))[::10])[[0, 37]] for seed in range(draws)])
    for column in places.T:
        counts = np.bincount(column, minlength=75)
        assert len(counts) == 75
        statistic = ((counts - 60) ** 2 / 60).sum()
        assert stats.chi2.ppf(0.001, 74) < statistic < stats.chi2.ppf(0.999, 74)


def test_draws_decide_a_shuffle_and_nothing_else():
    assert reordered(100, 5, "shuffle", state(1)).tolist() == reordered(100, 5, "shuffle", state(1)).tolist()
    assert reordered(100, 5, "shuffle", state(1)).tolist() != reordered(100, 5, "shuffle", state(2)).tolist()
    for order in ["adjacent", "far"]:
        random = state()
        reordered(100, 5, order, random)
        assert random.random_sample() == state().random_sample(), f"{order} draws"


def test_the_draw_is_frozen():
    """Every published result hangs on it; whoever changes it raises PROTOCOL."""
    assert reordered(13, 2, "shuffle", state(7)).tolist() == [6, 7, 10, 11, 0, 1, 4, 5, 2, 3, 8, 9, 12]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("n", "size"), [(1, 1), (0, 1), (9, 5), (199, 100), (10, 10**18)])
def test_fewer_than_two_segments_have_no_other_order(n, size, order):
    with pytest.raises(CannotCorrupt, match=f"^a span of {n} samples has no two segments of {size} samples"):
        reordered(n, size, order, state(), "samples")


def test_an_unknown_order_is_an_error():
    with pytest.raises(ValueError, match="order: got 'reverse', expected one of shuffle, adjacent, far"):
        reordered(10, 2, "reverse", state())


@pytest.mark.parametrize("kind", ["shuffle", "token_shuffle"])
def test_keys(kind):
    assert check(composed(f"noise={kind}")).noise.options == Options() == Options(10, "shuffle")
    asked = check(composed(f"noise={kind}", "noise.segment_frames=35", "noise.order=far")).noise.options
    assert asked == Options(35, "far")
    assert asked.seconds == 0.7
    assert options({"segment_frames": 1.0, "order": "adjacent"}) == Options(1, "adjacent")
    (variant,) = check(composed(f"noise={kind}")).noise.variants
    assert variant.name == f"{kind}@0.0s+end", "the paper shuffles whole clips"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("noise.segment_frames=0", "noise.segment_frames: got 0, expected a whole number of at least 1"),
        ("noise.segment_frames=2.5", "noise.segment_frames: got 2.5, expected a whole number of at least 1"),
        ("noise.segment_frames=[1,2]", r"noise.segment_frames: got \[1, 2\], expected a whole number of at least 1"),
        ("noise.order=reverse", "noise.order: got reverse, expected one of shuffle, adjacent, far"),
        ("noise.order=null", "noise.order: got null, expected one of shuffle, adjacent, far"),
    ],
)
def test_wrong_keys(override, message):
    with pytest.raises(NoiseprobeError, match=f"^{message}"):
        check(composed("noise=shuffle", override))
