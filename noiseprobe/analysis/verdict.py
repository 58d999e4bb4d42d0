"""What was found: a row for each claim, with its estimate, tests and verdict."""

from dataclasses import dataclass, field
from typing import Final, Literal

HOLDS: Final = "holds"
FAILS: Final = "doesn't hold"
UNDECIDED: Final = "undecided"


@dataclass(frozen=True)
class Verdict:
    """One claim on one model and data.

    Attributes:
        claim: its name, such as `noise lowers the loss`.
        text: the claim in words.
        model, data, scoring: of the cells.
        where: the noise and the variants that it was tested on.
        estimate: in `unit`; None where nothing could be estimated.
        low, high: the 95 % interval; None for fewer than 3 songs.
        unit: `nats`, `AUC` or `index`.
        p_for, p_against: one-sided p-values against "the claim is false" and "the claim is true".
        p_holm, p_bh: the smaller of the two, corrected over all claims of the model, data and scoring.
        verdict: `holds`, `doesn't hold` or `undecided`.
        songs: how many it rests on.
        songs_needed: how many a verdict would need, were the estimate true; None where no number would do.
        note: what else must be known, such as why nothing was tested.
    """

    claim: str
    text: str
    model: str
    data: str
    scoring: str
    where: str
    estimate: float | None
    low: float | None
    high: float | None
    unit: str
    p_for: float | None
    p_against: float | None
    p_holm: float | None
    p_bh: float | None
    verdict: Literal["holds", "doesn't hold", "undecided"]
    songs: int
    songs_needed: int | None
    note: str = ""


@dataclass(frozen=True)
class Findings:
    """All claims of some cells, and what they say in two sentences.

    Attributes:
        claims: by model, data and scoring, in the order of docs/claims.md.
        sentences: generated from the claims alone.
        margin, alpha, power: of the tests.
    """

    claims: list[Verdict]
    sentences: list[str]
    margin: float
    alpha: float
    power: float
    tables: dict[str, list[dict[str, object]]] = field(default_factory=dict)
