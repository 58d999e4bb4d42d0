"""What the report page says of its cells before any figure: what was run, what was rejected, and the table of cells."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow.parquet as pq

import noiseprobe
from noiseprobe.functional.regions import REGIONS
from noiseprobe.report import words
from noiseprobe.report.data import Cell
from noiseprobe.report.series import of_scorings
from noiseprobe.report.settings import PLACE, label, settings, varying

NAMED = 100  # rejected files that are named; the rest is in rejected.parquet


def title(cells: Sequence[Cell]) -> str:
    """Models, data and noises, as far as they are few."""
    parts = []
    for key, many in [("model", "models"), ("data", "data sets"), ("noise", "kinds of noise")]:
        names = list(dict.fromkeys(str(c.summary[key]) for c in cells))
        parts.append(", ".join(names) if len(names) <= 3 else f"{len(names)} {many}")
    return " · ".join(parts)


def facts(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """What was run, name and value."""

    def each(key: str) -> str:
        return ", ".join(dict.fromkeys(str(c.summary[key]) for c in cells))

    data: dict[str, tuple[int, int]] = {}
    for c in cells:
        clips, songs = data.get(c.summary["data"], (0, 0))
        data[c.summary["data"]] = max(clips, c.summary["n_clips"]), max(songs, c.summary["n_songs"])
    variants = sum(len(c.variants) for c in cells)
    models = dict.fromkeys(f"{c.summary['model']} ({c.summary['parameters']:,} parameters)" for c in cells)
    return [
        ("Models", ", ".join(models)),
        ("Data", ", ".join(f"{name}: {clips} clips of {songs} songs" for name, (clips, songs) in data.items())),
        ("Noise", each("noise")),
        ("Cells", f"{words.counted(len(cells), 'cell')} with {words.counted(variants, 'variant')}"),
        ("Scoring", each("scoring")), ("Condition", each("condition")), ("Precision", each("precision")),
        ("Seed", each("seed")), ("Backend", each("backend")),
        ("Ran on", ", ".join(dict.fromkeys(f"{c.meta['device']} ({c.meta['processor']})" for c in cells))),
    ]  # fmt: skip


def rejections(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """What was turned away, by cell and reason, the most frequent first."""
    found = []
    for cell in cells:
        rows = pq.read_table(cell.folder / "rejected.parquet").to_pylist()
        for reason, count in Counter(r["reason"] for r in rows).most_common():
            own = [r for r in rows if r["reason"] == reason]
            names = [", ".join(filter(None, [r["clip"] or r["path"], r["variant"]])) for r in own]
            found.append({
                "cell": cell.name, "reason": reason, "count": count, "names": names[:NAMED],
                "more": max(count - NAMED, 0),
            })  # fmt: skip
    return found


def cell_tables(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """A table for each scoring: a row for each cell and variant, with the columns in which they differ."""
    tables = []
    for scoring, own in of_scorings(cells).items():
        rows = [row for cell in own for row in cell.rows]
        known = settings(rows)
        names = [n for n in varying(known) if n not in ["noise", *PLACE]]  # the variant's name has these
        columns: list[dict[str, Any]] = [{"key": n, "name": n, "kind": "text", "se": None} for n in names]
        columns += [{"key": "variant", "name": "noise", "kind": "text", "se": None}]
        for key, name in [("n_clips", "clips"), ("n_songs", "songs")]:
            columns.append({"key": key, "name": name, "kind": "number", "se": None})
        for key in ["nll_clean", "nll_corrupted", "delta", *(f"{r}_delta" for r in REGIONS)]:
            heading = key.replace("nll_", "nll ").replace("_delta", "")
            columns.append({
                "key": key, "name": heading, "kind": "number", "se": f"{key}_se", "signed": "delta" in key
            })  # fmt: skip
        told = [{n: label(s, [n]) for n in names} for s in known]
        tables.append({
            "scoring": scoring, "columns": columns,
            "rows": [row | t for row, t in zip(rows, told, strict=True)],
        })  # fmt: skip
    return tables


def footer(cells: Sequence[Cell]) -> str:
    versions = sorted({str(c.meta["noiseprobe"]) for c in cells})
    commits = sorted({str(c.meta["git"])[:10] for c in cells if c.meta["git"]})
    return (
        f"Made by noiseprobe {noiseprobe.__version__} from cells of version {', '.join(versions)}"
        + (f" (commit {', '.join(commits)})" if commits else "")
        + ". This page is one file and loads nothing from a network."
    )
