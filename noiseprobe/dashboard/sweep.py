"""What a sweep's run holds: the tables of all its cells, its figures, the verdicts, and the report as an artifact."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from noiseprobe.dashboard.cell import MOST_POINTS
from noiseprobe.dashboard.runs import About, artifact_name, running, showing, where
from noiseprobe.dashboard.scalars import HEIGHTS, scalars
from noiseprobe.dashboard.tables import as_table
from noiseprobe.results.index import cell_name
from noiseprobe.results.load import Results

# keys in which cells of one scoring may differ
APART = ["model", "weights", "backend", "data", "noise", "options", "onset_s", "level", "precision", "condition"]
APART += ["seed"]


def log_sweep(
    options: Mapping[str, Any], results: Path, name: str, overrides: Sequence[str], cells: Sequence[Path],
    failed: Sequence[tuple[str, str]], files: Sequence[Path],
) -> str:  # fmt: skip
    """Put a finished sweep into a run of its own, which has failed if a cell has.

    Args:
        options: of the configuration's section `logger`.
        results: the folder of the cells.
        name: of the sweep, by which the runs of its cells are grouped.
        overrides: of the command line.
        cells: folders of the finished ones.
        failed: overrides and error of each other cell.
        files: figures and report that the sweep has left.

    Returns:
        Where the run is.

    Raises:
        NoiseprobeError: if Weights & Biases can't begin a run, or doesn't take what is put into it.
    """
    import wandb

    with running(options, results, About(name, "sweep", name), code=1 if failed else 0) as run, showing():
        names = [cell_name(cell) for cell in cells]
        run.config.update({"overrides": list(overrides), "cells": names}, allow_val_change=True)
        run.summary.update({"n_cells": len(cells), "n_failed": len(failed)})
        found: dict[str, Any] = {}
        if failed:
            found["failed"] = as_table(pd.DataFrame(failed, columns=["overrides", "error"]))
        for scoring, rows in with_heights(cells).groupby("scoring", sort=False):
            found[f"cells/{scoring}"] = as_table(rows)
            if (lines := against_length(rows)) is not None:
                xs, ys = zip(*lines.values(), strict=True)
                found[f"delta/{scoring}"] = wandb.plot.line_series(
                    list(xs), list(ys), keys=list(lines), title="delta (nats) against length", xname="length (s)"
                )
        for path in files:
            if path.suffix == ".png":
                found[f"figures/{path.stem}"] = wandb.Image(str(path))
            elif path.name == "report.json":
                found["verdicts"] = as_table(pd.DataFrame(json.loads(path.read_text())["found"]["claims"]))
        run.log(found)
        if files:
            artifact = wandb.Artifact(artifact_name("sweep", name), type="report", metadata={"cells": names})
            for path in files:
                artifact.add_file(str(path), name=path.name)  # a copy: the next sweep writes some of them anew
            run.log_artifact(artifact)
        return where(run, options)


def with_heights(cells: Sequence[Path]) -> pd.DataFrame:
    """`Results.cells`, and in further columns the shape of the songs' average curve (`scalars.HEIGHTS`)."""
    rows = Results(cells).cells
    found = {(cell_name(cell), variant): own for cell in cells for variant, own in scalars(cell).items()}
    own = [found[at] for at in zip(rows["cell"], rows["variant"], strict=True)]
    more = [f"{name}{error}" for name in HEIGHTS for error in ["", "_se"]]
    heights = pd.DataFrame([{name: values.get(name) for name in more} for values in own], rows.index, dtype=float)
    return pd.concat([rows, heights], axis=1)


def against_length(rows: pd.DataFrame) -> dict[str, tuple[list[float], list[float]]] | None:
    """Delta over length, a line for each combination of what else varies; None where no line has each length once."""
    rows = rows.dropna(subset=["length_s", "delta"]).sort_values("length_s")
    if rows["length_s"].nunique() < 2 or len(rows) > MOST_POINTS:
        return None
    names = [name for name in APART if rows[name].nunique(dropna=False) > 1]
    keys = rows[names].astype(str).agg(" ".join, axis=1) if names else pd.Series("delta", index=rows.index)
    if pd.DataFrame({"key": keys, "x": rows["length_s"]}).duplicated().any():  # cells of other clips, other places
        keys = keys + " " + rows["cell"].str[-8:]
    if pd.DataFrame({"key": keys, "x": rows["length_s"]}).duplicated().any():
        return None
    return {
        str(key): ([float(x) for x in own["length_s"]], [float(y) for y in own["delta"]])
        for key, own in rows.groupby(keys, sort=False)
    }
