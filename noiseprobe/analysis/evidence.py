"""From song values to verdicts: the one rule that all claims are judged by (docs/claims.md).

A claim says that a mean over songs lies above a bound, below it, or within a margin around 0. Two one-sided p-values
are computed, one against "the claim is false" and one against "the claim is true":

    above b      for: mean <= b          against: mean >= b + margin
    below b      for: mean >= b          against: mean <= b - margin
    within m     for: |mean| >= m        against: |mean| <= m

each corrected by Holm over all claims of a model, data and scoring. The claim holds where the first is below alpha,
else doesn't hold where the second is, else it is undecided. So an effect smaller than the margin counts as none, unless
it is certain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from noiseprobe.analysis.verdict import FAILS, HOLDS, UNDECIDED, Verdict
from noiseprobe.functional.hypotheses import adjust, equivalence, songs_needed, t_test
from noiseprobe.functional.intervals import FEWEST, Interval, t_interval

Side = Literal["above", "below", "within"]


@dataclass(frozen=True)
class Evidence:
    """What a claim rests on.

    Attributes:
        claim, text, where, unit, note: as in `Verdict`.
        values: [G], one a song, whose mean is tested.
        side: where the claim says that the mean lies.
        margin: the smallest amount that matters, in the values' unit; for `within` half the range.
        bound: of `above` and `below`.
        shown: the interval of the estimate, where that isn't the mean of the values.
        used: of so many songs one has a value; the others chose what was measured.
        untested: why there is nothing to test; the claim is undecided then.
        ps: the two one-sided p-values, where they aren't those of a t test of the values.
    """

    claim: str
    text: str
    where: str
    unit: str
    values: np.ndarray
    side: Side
    margin: float
    bound: float = 0.0
    shown: Interval | None = None
    note: str = ""
    used: int = 1
    untested: str = ""
    ps: tuple[float, float] | None = None


def judge(
    evidence: Sequence[Evidence], model: str, data: str, scoring: str, alpha: float, power: float
) -> list[Verdict]:
    """The verdict on each claim of one model, data and scoring."""
    ps = [_ps(e) for e in evidence]
    corrected = [adjust([p[i] for p in ps], "holm") for i in (0, 1)]
    milder = [adjust([p[i] for p in ps], "bh") for i in (0, 1)]
    tested = sum(p[0] is not None for p in ps)
    verdicts = []
    for i, e in enumerate(evidence):
        held, failed = corrected[0][i], corrected[1][i]
        verdict: Literal["holds", "doesn't hold", "undecided"] = UNDECIDED
        smaller = 0
        if held is not None and failed is not None:
            verdict = HOLDS if held < alpha else FAILS if failed < alpha else UNDECIDED
            smaller = 0 if verdict == HOLDS or (verdict == UNDECIDED and held <= failed) else 1
        shown = e.shown or t_interval(e.values)
        p_for = ps[i][0]
        small = verdict == FAILS and e.side != "within" and p_for is not None and p_for < alpha
        there = "there may be such an effect, but surely smaller than the margin" if small else ""
        few = f"fewer than {FEWEST} songs" if len(e.values) < FEWEST and not e.untested else ""
        number = needed(e, alpha / max(tested, 1), power)
        verdicts.append(Verdict(
            claim=e.claim, text=e.text, model=model, data=data, scoring=scoring, where=e.where,
            estimate=shown.estimate, low=shown.low, high=shown.high, unit=e.unit,
            p_for=ps[i][0], p_against=ps[i][1], p_holm=corrected[smaller][i], p_bh=milder[smaller][i],
            verdict=verdict, songs=len(e.values), songs_needed=number and e.used * number,
            note="; ".join(filter(None, [e.untested, few, there, e.note])),
        ))  # fmt: skip
    return verdicts


def _ps(e: Evidence) -> tuple[float | None, float | None]:
    """One-sided p-values for and against a claim."""
    if e.untested or (e.ps and len(e.values) < FEWEST):
        return None, None
    if e.ps:
        return e.ps
    if e.side == "within":
        outside = [t_test(e.values, e.margin).greater, t_test(e.values, -e.margin).less]
        if outside[0] is None or outside[1] is None:
            return None, None
        return equivalence(e.values, e.margin), min(1.0, 2 * min(outside[0], outside[1]))
    if e.side == "above":
        return t_test(e.values, e.bound).greater, t_test(e.values, e.bound + e.margin).less
    return t_test(e.values, e.bound).less, t_test(e.values, e.bound - e.margin).greater


def needed(e: Evidence, alpha: float, power: float) -> int | None:
    """How many songs it takes for either verdict, were mean and deviation of these songs true.

    Args:
        e: of one claim.
        alpha: of a single test, divided by the number of claims: at least as strict as Holm's correction.
        power: chance of the verdict.

    Returns:
        None for fewer than 3 songs, where nothing was tested, or where the mean lies on a bound.
    """
    if len(e.values) < FEWEST or e.untested:
        return None
    mean, sd = float(e.values.mean()), float(e.values.std(ddof=1))
    if e.side == "within":
        # both tests must succeed, each with more than the power asked for, or one of two with half of alpha
        each = (1 + power) / 2
        inside = [
            songs_needed(mean, sd, e.margin, alpha, each, "less"),
            songs_needed(mean, sd, -e.margin, alpha, each, "greater"),
        ]
        if inside[0] is not None and inside[1] is not None:
            return max(inside[0], inside[1])
        return songs_needed(abs(mean), sd, e.margin, alpha / 2, power, "greater")
    sign = 1 if e.side == "above" else -1
    distance = sign * (mean - e.bound)
    found = [
        songs_needed(distance, sd, 0.0, alpha, power, "greater"),
        songs_needed(distance, sd, e.margin, alpha, power, "less"),
    ]
    numbers = [n for n in found if n is not None]
    return min(numbers) if numbers else None
