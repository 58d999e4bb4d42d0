"""The index of a results folder: one row for each finished cell and variant. Needs no torch."""

import json
import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from noiseprobe.files import replace_file
from noiseprobe.results import schema

DONE = "DONE"
log = logging.getLogger(__name__)


def finished(results: Path) -> list[Path]:
    """The finished cells at or right below a folder, by name."""
    return [results] if (results / DONE).exists() else [p.parent for p in sorted(results.glob(f"*/{DONE}"))]


def unfinished(results: Path) -> list[Path]:
    """Folders right below one that a run began and didn't finish, by name."""
    begun = [p.parent for name in ["records", "clips.parquet"] for p in results.glob(f"*/{name}")]
    return sorted({folder for folder in begun if not (folder / DONE).exists()})


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
    cells = finished(results)
    old = [c for c in cells if json.loads((c / "meta.json").read_text())["schema_version"] != schema.VERSION]
    for cell in old:
        log.warning(f"{cell} was written by another version of noiseprobe and is left out of the index")
    replace_file(path, lambda p: pq.write_table(index_table([c for c in cells if c not in old]), p))
    return path
