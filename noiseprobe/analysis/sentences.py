"""What was found, in two sentences for each model, data and scoring, made of the verdicts alone."""

from collections.abc import Sequence

from noiseprobe.analysis.verdict import FAILS, HOLDS, UNDECIDED, Verdict

DIGITS = 3


def sentences(verdicts: Sequence[Verdict]) -> list[str]:
    """The first says which claims hold, the second which don't and which are undecided."""
    found = []
    for key in dict.fromkeys((v.model, v.data, v.scoring) for v in verdicts):
        own = [v for v in verdicts if (v.model, v.data, v.scoring) == key]
        model, data, scoring = key
        songs = sorted({v.songs for v in own})
        counts = f"{songs[0]} songs" if len(songs) == 1 else f"{songs[0]} to {songs[-1]} songs"
        held = [v for v in own if v.verdict == HOLDS]
        begin = f"{model} on {data} ({counts}, {scoring} scoring)"
        held, failed, open_ = ([v for v in own if v.verdict == what] for what in (HOLDS, FAILS, UNDECIDED))
        found.append(f"{begin}: {len(held)} of {len(own)} claims hold" + (f": {_listed(held)}." if held else "."))
        rest = [
            f"{what}: {_listed(some)}" for what, some in [("these don't hold", failed), ("undecided", open_)] if some
        ]
        found.append(f"Of the others, {'; '.join(rest)}." if rest else "No claim fails and none is undecided.")
    return found


def _listed(verdicts: Sequence[Verdict]) -> str:
    return ", ".join(f"{v.claim} ({value(v)})" for v in verdicts)


def value(verdict: Verdict) -> str:
    """The estimate with its unit.

    >>> from types import SimpleNamespace
    >>> value(SimpleNamespace(estimate=-0.2307, unit="nats")), value(SimpleNamespace(estimate=None, unit="share"))
    ('-0.231 nats', 'no estimate')
    """
    if verdict.estimate is None:
        return "no estimate"
    return f"{verdict.estimate:+.{DIGITS}f} nats" if verdict.unit == "nats" else f"{verdict.estimate:.{DIGITS}f}"
