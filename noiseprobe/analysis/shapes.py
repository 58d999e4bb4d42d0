"""The shape of each variant's mean curve, and its regions as the paper's text and code would find them."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from noiseprobe.analysis.group import Group, asked
from noiseprobe.functional.finders import FINDERS
from noiseprobe.functional.regions import REGIONS
from noiseprobe.functional.shape import mean_shape
from noiseprobe.results.reach import Reach, reach


def table(group: Group) -> list[dict[str, object]]:
    """For each variant and field of `functional.shape`: the estimate and its standard error over songs."""
    found = []
    for row, delta, (on, off), around in _curves(group):
        rate = group.frame_rate(row["cell"])
        for field, own in mean_shape(delta, on, off, rate, *around[:-1]).items():
            if own is not None:
                found.append({
                    "model": group.model, "data": group.data, "scoring": group.scoring, "variant": row["variant"],
                    "options": row["asked"], "field": field, "estimate": own.estimate, "se": own.se, "songs": own.songs,
                })  # fmt: skip
    return found


def finders(group: Group) -> list[dict[str, object]]:
    """For each variant and finder: the mean of delta in the regions that it finds in the mean curve."""
    found = []
    for row, delta, (on, off), around in _curves(group):
        songs = (~np.isnan(delta)).sum(axis=0)
        mean = np.divide(np.nansum(delta, axis=0), songs, out=np.full(len(songs), np.nan), where=songs > 0)
        for name, finder in FINDERS.items():
            bounds = finder(mean, on, off, *around[:-1])
            values = {r: float(mean[slice(*at)].mean()) if (at := bounds.get(r)) else None for r in REGIONS}
            if any(value is not None for value in values.values()):
                found.append({
                    "model": group.model, "data": group.data, "scoring": group.scoring, "variant": row["variant"],
                    "options": row["asked"], "finder": name, **values,
                })  # fmt: skip
    return found


def _curves(group: Group) -> Iterator[tuple[pd.Series, np.ndarray, tuple[int, int], Reach]]:
    """Song curves [G, T] without the last frames, of variants whose noise is in the same frames of every clip."""
    for _, row in group.cells.assign(asked=asked(group.cells)).iterrows():
        if not (group.folders[row["cell"]] / "nll.parquet").exists():
            continue
        around = reach(group.folders[row["cell"]])
        places = _places(group.folders[row["cell"]])[row["variant"]]
        if len(places) != 1 or len(spans := min(places)) != 1:
            continue
        delta = group.curves(row["cell"], row["variant"]).to_numpy()
        end = delta.shape[1] - around.tail
        ((on, off),) = spans
        there = ~np.isnan(delta[:, :end]).all(axis=1)
        if on < min(off, end) and there.any() and not np.isnan(delta[:, around.first : end]).all(axis=0).any():
            yield row, delta[there, :end], (on, min(off, end)), around


@lru_cache(maxsize=8)  # asked for one variant after another
def _places(folder: Path) -> dict[str, frozenset[tuple[tuple[int, int], ...]]]:
    """For each variant the spans that its clips have."""
    found: dict[str, set[tuple[tuple[int, int], ...]]] = {}
    for part in pq.ParquetFile(folder / "clips.parquet").iter_batches(columns=["variant", "spans"]):
        for row in part.to_pylist():
            found.setdefault(row["variant"], set()).add(tuple((on, off) for on, off in row["spans"]))
    return {variant: frozenset(places) for variant, places in found.items()}
