"""What was found as Markdown: the verdicts of each model, data and scoring, and the tables that explain them."""

from collections.abc import Iterable, Mapping, Sequence

from noiseprobe.analysis.verdict import Findings, Verdict

SHOWN = ["Delta against length", "Amnesia"]  # short ones; the report has all


def markdown(findings: Findings, signatures: Sequence[str]) -> str:
    """The page.

    Args:
        findings: of some cells.
        signatures: of these cells.
    """
    tested = (
        f"margin {findings.margin:g} nats, alpha {findings.alpha:g}, songs needed for a power of {findings.power:g}"
    )
    parts = ["# Findings", *findings.sentences, f"The rule of each verdict is in claims.md; {tested}."]
    for key in dict.fromkeys((v.model, v.data, v.scoring) for v in findings.claims):
        own = [v for v in findings.claims if (v.model, v.data, v.scoring) == key]
        parts += [f"## {key[0]} on {key[1]}, {key[2]} scoring", _table([_row(v) for v in own])]
    for title in SHOWN:
        if rows := findings.tables.get(title):
            parts += [f"## {title}", _table(rows)]
    parts += ["## Cells", "\n".join(f"    {s}" for s in signatures)]
    return "\n\n".join(parts) + "\n"


def _row(v: Verdict) -> dict[str, object]:
    return {
        "claim": v.claim, "tested on": v.where, "estimate": number(v.estimate), "95 %": interval(v.low, v.high),
        "unit": v.unit, "p, Holm": p_value(v.p_holm), "p, BH": p_value(v.p_bh), "verdict": f"**{v.verdict}**",
        "songs": v.songs, "needed": v.songs_needed, "note": v.note,
    }  # fmt: skip


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names), *([_cell(name, row.get(name)) for name in names] for row in rows)]
    return "\n".join(_line(line) for line in lines)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cell(name: str, value: object) -> str:
    if name == "p" and isinstance(value, float):
        return p_value(value)
    return "" if value is None else number(value) if isinstance(value, float) else str(value)


def number(value: float | None) -> str:
    """Three digits after the point.

    >>> number(-0.23074), number(None)
    ('-0.231', '')
    """
    return "" if value is None else f"{value:.3f}"


def interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{low:.3f}, {high:.3f}]"


def p_value(p: float | None) -> str:
    """
    >>> p_value(0.0312), p_value(0.00001), p_value(None)
    ('0.031', '< 0.001', '')
    """
    return "" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"
