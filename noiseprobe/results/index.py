"""The index of a results folder: one row for each finished cell and variant. Needs no torch."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from noiseprobe.files import replace_file
from noiseprobe.results import schema

DONE = "DONE"
TABLES = ["clips", "shapes", "signals", "profile", "rejected", "nll"]
log = logging.getLogger(__name__)


def finished(results: Path) -> list[Path]:
    """The finished cells at or right below a folder, by name."""
    return [results] if (results / DONE).exists() else [p.parent for p in sorted(results.glob(f"*/{DONE}"))]


def cell_name(folder: Path) -> str:
    """What a finished cell is called in its tables; its folder may have been renamed."""
    return str(json.loads((folder / "summary.json").read_text())["cell"])


def unfinished(results: Path) -> list[Path]:
    """Folders right below one that a run began and didn't finish, by name."""
    begun = [p.parent for name in ["records", "clips.parquet"] for p in results.glob(f"*/{name}")]
    return sorted({folder for folder in begun if not (folder / DONE).exists()})


def broken(cell: Path) -> str | None:
    """Why what a finished cell should have left can't be used; None if it can.

    Looked at is what a file that was cut off, or lost, betrays at once. nll.parquet need not be there.
    """
    path = cell
    try:
        for name in ["summary.json", "meta.json"]:
            path = cell / name
            content = json.loads(path.read_text())
        if content["schema_version"] != schema.VERSION:  # whoever reads it says what to do
            return None
        for name in TABLES:
            path = cell / f"{name}.parquet"
            if name != "nll" or path.exists():
                pq.read_metadata(path)
    except (OSError, ValueError, LookupError, TypeError) as error:
        said = " ".join(str(error).split())
        return f"{path.name} " + ("is missing" if isinstance(error, FileNotFoundError) else f"can't be read ({said})")
    return None


def other_version(cell: Path) -> str | None:
    """What to do about a cell that another version of noiseprobe wrote; None for one that this version reads."""
    return schema.other_version(json.loads((cell / "meta.json").read_text())["schema_version"])


def usable(cells: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The finished cells that aren't broken, and a sentence about each that is."""
    found = {cell: broken(cell) for cell in cells}
    whole = [cell for cell, why in found.items() if why is None]
    return whole, [f"{c} is left out: {why}; run it again with force=true" for c, why in found.items() if why]


def models(cells: list[Path]) -> set[str]:
    """The models of cells, by their weights."""
    return {json.loads((cell / "summary.json").read_text())["weights"] for cell in cells}


def index_table(cells: list[Path]) -> pa.Table:
    """The summaries of cells as a table."""
    shared = [
        "cell", "model", "weights", "backend", "parameters", "data", "noise", "options", "level", "scoring",
        "precision", "condition", "seed", "signature",
    ]  # fmt: skip
    rows: list[dict[str, Any]] = []
    for cell in cells:
        summary = json.loads((cell / "summary.json").read_text())
        for v in summary["variants"]:
            row = {name: summary[name] for name in shared}
            row |= {name: v[name] for name in ["variant", "length_s", "onset_s", "n_clips", "n_songs"]}
            row |= {"delta_clips": v["delta"]["clips"], "delta_songs": v["delta"]["songs"]}
            for name in schema.MEANS:
                row |= {name: v[name]["mean"], f"{name}_se": v[name]["se"]}
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=schema.INDEX)


def write_index(results: Path) -> Path:
    """index.parquet over all finished cells of a results folder."""
    path = results / "index.parquet"
    cells, left_out = usable(finished(results))
    for line in left_out:
        log.warning(line)
    old = {cell: why for cell in cells if (why := other_version(cell)) is not None}
    for cell, why in old.items():
        log.warning(f"{cell} was written by another version of noiseprobe and is left out of the index: {why}")
    replace_file(path, lambda p: pq.write_table(index_table([c for c in cells if c not in old]), p))
    return path
