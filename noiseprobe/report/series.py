"""The words for cells and variants on the report page, and delta against what varies; one scoring at a time."""

from collections.abc import Hashable, Sequence
from typing import Any

from noiseprobe.functional.statistics import t95
from noiseprobe.report.data import Cell
from noiseprobe.report.panels import AXES, DECADE
from noiseprobe.report.settings import PLACE, Setting, is_number, label, ordered, settings, text, varying
from noiseprobe.report.settings import axis as axis_of


def of_scorings(cells: Sequence[Cell]) -> dict[str, list[Cell]]:
    """The cells of each scoring: numbers of two are never in one table, figure or mean."""
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(cell.scoring, []).append(cell)
    return found


def cell_labels(cells: Sequence[Cell]) -> dict[str, str]:
    """By a cell's name what tells it from the others, after its model, data and noise."""
    found: dict[str, str] = {}
    several = len(of_scorings(cells)) > 1
    for scoring, own in of_scorings(cells).items():
        rows = [row for cell in own for row in cell.rows]
        known = settings(rows)
        names = [n for n in varying(known) if n not in ["model", "data", "noise"]]
        for cell in own:
            mine = [s for s, row in zip(known, rows, strict=True) if row["cell"] == cell.name]
            constant = [n for n in names if len({s[n] for s in mine}) == 1]
            more = [label(mine[0], constant), f"{scoring} scoring" if several else ""]
            first = [str(mine[0]["model"]), str(mine[0]["data"]), str(mine[0]["noise"])]
            found[cell.name] = " · ".join([*first, *filter(None, more)])
    twice = {text for text in found.values() if list(found.values()).count(text) > 1}
    return {name: f"{text} · {name[-8:]}" if text in twice else text for name, text in found.items()}


def variant_labels(cell: Cell) -> list[str]:
    """Of each variant its name, after what tells it from the cell's others."""
    known = settings(cell.rows)
    names = varying(known)
    told = [label(s, names) for s in known]
    return [f"{t} · {r['variant']}" if t else r["variant"] for t, r in zip(told, cell.rows, strict=True)]


def effect(cells: Sequence[Cell]) -> dict[str, Any]:
    """Delta against the number that varies (`settings.axis`), a line for each other setting; a point each without one.

    `log` and `categories` say what the axis is: linear, logarithmic where its values span more than a decade, or texts
    where one of them is no number, such as noise to the end of the clip.
    """
    rows = [row for cell in cells for row in cell.rows]
    known = settings(rows)
    x = axis_of(known)
    names = [n for n in varying(known) if n != x]
    numbers = x is not None and all(is_number(s[x]) for s in known)
    values: list[Hashable] = ordered(s[x] for s in known) if x else []
    low, high = (float(str(values[0])), float(str(values[-1]))) if numbers else (0.0, 0.0)
    lines: dict[str, list[tuple[Setting, dict[str, Any]]]] = {}
    for s, row in zip(known, rows, strict=True):
        if row["delta"] is not None:
            lines.setdefault(label(s, names) if x else "", []).append((s, row))
    found = []
    for name, line in lines.items():
        if x:
            line.sort(key=lambda p: values.index(p[0][x]))
        found.append({
            "name": name, "x": [_at(s, x, numbers) if x else label(s, names) or row["variant"] for s, row in line],
            "y": [row["delta"] for _, row in line], "half": [_half(row) for _, row in line],
            "songs": [row["delta_songs"] for _, row in line], "clips": [row["delta_clips"] for _, row in line],
            "variant": [row["variant"] for _, row in line],
        })  # fmt: skip
    return {
        "axis": AXES.get(x, x) if x else None, "log": numbers and low > 0 and high > DECADE * low, "lines": found,
        "categories": None if numbers else [text(x, v) for v in values] if x else [],
        "ticks": values if numbers else [],
        "what": ", ".join(n for n in names if n not in PLACE),
    }  # fmt: skip


def _at(setting: Setting, x: str, numbers: bool) -> Hashable:
    return setting[x] if numbers else text(x, setting[x])


def _half(row: dict[str, Any]) -> float | None:
    return None if row["delta_se"] is None else t95(row["delta_songs"]) * row["delta_se"]
