"""The rule of verdicts, against scipy's own tests, and on planted song values."""

import numpy as np
import pytest
from scipy import stats

from noiseprobe.analysis.evidence import Evidence, judge, needed
from noiseprobe.functional.intervals import Interval

SONGS = np.random.default_rng(0).normal(0, 1, 20)
SONGS = (SONGS - SONGS.mean()) / SONGS.std(ddof=1)  # mean 0 and deviation 1, exactly


def evidence(mean, side="below", sd=0.1, margin=0.05, bound=0.0, g=20, **more):
    values = SONGS[:g] * sd + mean if g == 20 else np.full(g, float(mean))
    return Evidence("name", "Text", "white, 1 s", "nats", values, side, margin, bound, **more)


def verdict(*evidence, alpha=0.05):
    return judge(evidence, "tiny", "demo", "delay", alpha, 0.8)


@pytest.mark.parametrize(
    ("mean", "side", "expected"),
    [
        (-0.5, "below", "holds"),
        (0.5, "below", "doesn't hold"),
        (-0.02, "below", "undecided"),  # se .022: neither surely below 0 nor surely less than the margin
        (0.5, "above", "holds"),
        (-0.5, "above", "doesn't hold"),
        (0.02, "above", "undecided"),
        (0.0, "within", "holds"),
        (0.04, "within", "undecided"),
        (0.5, "within", "doesn't hold"),
        (-0.5, "within", "doesn't hold"),
    ],
)
def test_verdicts(mean, side, expected):
    (found,) = verdict(evidence(mean, side))
    assert found.verdict == expected
    assert (found.model, found.data, found.scoring, found.songs) == ("tiny", "demo", "delay", 20)
    assert found.estimate == pytest.approx(mean)


def test_an_effect_that_is_sure_holds_though_it_is_smaller_than_the_margin():
    (found,) = verdict(evidence(-0.02, sd=0.01))
    assert found.verdict == "holds"
    assert found.p_against < 0.05


def test_p_values_are_scipys():
    e = evidence(-0.03)
    (found,) = verdict(e)
    assert found.p_for == pytest.approx(stats.ttest_1samp(e.values, 0, alternative="less").pvalue)
    assert found.p_against == pytest.approx(stats.ttest_1samp(e.values, -0.05, alternative="greater").pvalue)
    e = evidence(0.7, "above", bound=0.5)
    (found,) = verdict(e)
    assert found.p_for == pytest.approx(stats.ttest_1samp(e.values, 0.5, alternative="greater").pvalue)
    assert found.p_against == pytest.approx(stats.ttest_1samp(e.values, 0.55, alternative="less").pvalue)
    e = evidence(0.03, "within")
    (found,) = verdict(e)
    ends = [stats.ttest_1samp(e.values, m, alternative=a).pvalue for m, a in [(0.05, "less"), (-0.05, "greater")]]
    assert found.p_for == pytest.approx(max(ends))
    assert found.p_against == pytest.approx(min(1, 2 * stats.ttest_1samp(e.values, 0.05, alternative="greater").pvalue))


def test_holm_is_over_all_claims_and_each_family_by_itself():
    sds = [0.02, 0.05, 0.0655, 0.5]
    found = verdict(*(evidence(-0.03, sd=sd) for sd in sds))
    p = [stats.ttest_1samp(SONGS * sd - 0.03, 0, alternative="less").pvalue for sd in sds]
    holm = np.maximum.accumulate([min(1, p[i] * (4 - i)) for i in range(4)])
    assert [v.p_for for v in found] == pytest.approx(p)
    assert [v.p_holm for v in found[:3]] == pytest.approx(list(holm[:3]))
    bh = np.minimum.accumulate([p[i] * 4 / (i + 1) for i in (3, 2, 1, 0)])[::-1]
    assert [v.p_bh for v in found[:2]] == pytest.approx(list(bh[:2]))
    assert found[2].p_for < 0.05 < found[2].p_holm, "significant alone and not among four"
    assert [v.verdict for v in found] == ["holds", "holds", "undecided", "undecided"]


def test_two_songs_decide_nothing():
    (found,) = verdict(evidence(-0.5, g=2))
    assert (found.verdict, found.p_holm, found.low, found.songs_needed) == ("undecided", None, None, None)
    assert found.estimate == -0.5
    assert found.note == "fewer than 3 songs"
    (none,) = verdict(evidence(-0.5, g=0))
    assert (none.verdict, none.estimate, none.songs) == ("undecided", None, 0)


def test_songs_without_a_spread():
    assert [v.verdict for v in verdict(evidence(0.0, "within", g=5), evidence(0.0, "below", g=5))] == [
        "holds",
        "doesn't hold",  # surely less than the margin
    ]


def test_what_is_shown_may_be_another_number():
    (found,) = verdict(evidence(-0.5, shown=Interval(0.9, 0.8, 1.0, 20)))
    assert (found.estimate, found.low, found.high) == (0.9, 0.8, 1.0)


@pytest.mark.parametrize(
    ("mean", "side", "bound", "towards"), [(-0.1, "below", 0.0, "less"), (0.62, "above", 0.5, "greater")]
)
def test_the_songs_needed_have_the_power(mean, side, bound, towards):
    n = needed(evidence(mean, side, sd=0.3, bound=bound), alpha=0.01, power=0.8)
    rng = np.random.default_rng(1)
    for count, enough in [(n, True), (n - 8, False)]:
        values = rng.normal(mean, 0.3, (4000, count))
        power = (stats.ttest_1samp(values, bound, axis=1, alternative=towards).pvalue < 0.01).mean()
        assert (power > 0.79) == enough


def test_the_songs_needed_to_be_within_the_margin_have_the_power():
    n = needed(evidence(0.01, "within", sd=0.1), alpha=0.05, power=0.8)
    values = np.random.default_rng(1).normal(0.01, 0.1, (4000, n))
    both = [stats.ttest_1samp(values, m, axis=1, alternative=a).pvalue for m, a in [(0.05, "less"), (-0.05, "greater")]]
    assert (np.maximum(*both) < 0.05).mean() > 0.79


def test_songs_that_choose_count_too():
    alone, half = (verdict(evidence(-0.1, sd=0.3, used=used))[0].songs_needed for used in (1, 2))
    assert half == 2 * alone
    assert verdict(evidence(0.0, sd=0.3))[0].songs_needed is not None, "less than the margin can be shown"
