"""Verdicts and the tables behind them, in rows for the report page."""

import numbers
from collections.abc import Iterable, Mapping
from typing import Any

from noiseprobe.analysis.verdict import Verdict


def claim_groups(claims: Iterable[Verdict]) -> list[dict[str, Any]]:
    """The verdicts of each model, data set and scoring, in their order."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in claims:
        name = f"{verdict.model} · {verdict.data} · {verdict.scoring} scoring"
        groups.setdefault(name, []).append(verdict)
    return [{"title": name, "rows": rows} for name, rows in groups.items()]


def generic_tables(tables: Mapping[str, list[dict[str, object]]]) -> list[dict[str, Any]]:
    """Tables of any columns: those of all rows, in the order in which they come; numbers where every value is one."""
    found = []
    for title, rows in tables.items():
        keys = list(dict.fromkeys(key for row in rows for key in row))
        complete = [{key: _plain(row.get(key)) for key in keys} for row in rows]
        columns = [{"key": key, "name": key.replace("_", " "), "kind": _kind(r[key] for r in complete)} for key in keys]
        found.append({"title": title, "columns": columns, "rows": complete})
    return found


def _plain(value: object) -> object:
    """numpy's numbers as Python's."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else value


def _kind(values: Iterable[object]) -> str:
    there = [v for v in values if v is not None]
    return "number" if there and all(isinstance(v, int | float) for v in there) else "text"
