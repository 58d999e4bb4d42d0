"""What the report page shows of each cell, as plain values: tables read once, curves packed for the browser.

Nothing is computed anew that a table holds already: means and standard errors are those of summary.json, curves those
of profile.parquet and nll.parquet. Packed curves are int16 in steps of 0.001 nats (coarser where a value is beyond
32), for drawing alone; every number that the page prints is the table's own.
"""

import base64
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from markupsafe import Markup

from noiseprobe.errors import NoiseprobeError
from noiseprobe.functional.regions import REGIONS
from noiseprobe.functional.statistics import t95
from noiseprobe.results import schema
from noiseprobe.results.curves import curves
from noiseprobe.results.index import index_table, other_version, usable
from noiseprobe.results.load import Results

CURVES = ("clean", "corrupted", "delta")
STEP = 1e-3  # nats
MISSING = -32768  # where a curve has no value
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cell:
    """A finished cell.

    Attributes:
        folder: with its tables.
        summary, meta: its json files.
    """

    folder: Path
    summary: Mapping[str, Any]
    meta: Mapping[str, Any]
    results: Results = field(repr=False)

    @property
    def name(self) -> str:
        return str(self.summary["cell"])

    @property
    def scoring(self) -> str:
        return str(self.summary["scoring"])

    @property
    def variants(self) -> list[Mapping[str, Any]]:
        """The summary's entries of the variants."""
        return list(self.summary["variants"])

    @property
    def default(self) -> int:
        """The variant to begin with: the longest noise; where the clip decides how long it is, that."""
        lengths = [float("inf") if v["length_s"] is None else v["length_s"] for v in self.variants]
        return lengths.index(max(lengths))

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The cell's rows of the index, one a variant."""
        return index_table([self.folder]).to_pylist()

    @cached_property
    def clips(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Rows of clips.parquet by clip and variant."""
        columns = [
            "clip", "variant", "song", "group", "frames", "frames_corrupted", "mapped_frames", "spans", "nll_clean",
            "nll_corrupted", "delta", *(f"{region}_delta" for region in REGIONS),
        ]  # fmt: skip
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for row in pq.read_table(self.folder / "clips.parquet", columns=columns).to_pylist():
            found.setdefault(row["clip"], {})[row["variant"]] = row
        return found


def read_cells(folders: Sequence[Path]) -> tuple[list[Cell], list[str]]:
    """The cells, by scoring, and what was left out of them and why: broken ones, the same cell in two folders.

    Raises:
        NoiseprobeError: if there is none, or cells were written by another version.
    """
    if not folders:
        raise NoiseprobeError("report: got no finished cell")
    folders, left_out = usable(folders)
    for line in left_out:
        log.warning(line)
    if not folders:
        raise NoiseprobeError("report: no cell is left")
    other = [f"{folder} ({why})" for folder in folders if (why := other_version(folder)) is not None]
    if other:
        raise NoiseprobeError(
            f"report: got cells of other schema versions than {schema.VERSION}, leave them out or: {', '.join(other)}"
        )
    cells: dict[str, Cell] = {}
    for folder in dict.fromkeys(f.resolve() for f in folders):
        summary = json.loads((folder / "summary.json").read_text())
        if summary["cell"] in cells:
            left_out.append(f"{summary['cell']} is there twice; {folder.parent} has the copy that was left out")
            continue
        meta = json.loads((folder / "meta.json").read_text())
        cells[summary["cell"]] = Cell(folder, summary, meta, Results([folder]))
    return sorted(cells.values(), key=lambda c: c.scoring), left_out


def pack(curves: np.ndarray) -> dict[str, Any]:
    """Curves of one scale for the browser: base64 of int16, little-endian, in units of `scale`; NaN is -32768.

    >>> pack(np.array([[0.5, np.nan]]))
    {'scale': 0.001, 'shape': [1, 2], 'data': '9AEAgA=='}
    """
    largest = float(np.nanmax(np.abs(curves), initial=0.0))
    scale = max(STEP, largest / 32767)
    whole = np.where(np.isnan(curves), MISSING, np.round(np.nan_to_num(curves) / scale)).astype("<i2")
    return {"scale": scale, "shape": list(curves.shape), "data": base64.b64encode(whole.tobytes()).decode()}


def profiles(cell: Cell) -> list[dict[str, Any]]:
    """Of each variant the mean curves over codebooks (row K: their mean) and frames, and half of their 95 % intervals.

    The interval is that of the figures: clustered standard errors, Student's t, each frame by itself.
    """
    table = pq.read_table(cell.folder / "profile.parquet")
    variant = table["variant"].to_numpy()
    found = []
    for v in cell.variants:
        own = table.filter(variant == v["variant"])
        frames = int(own["frame"].to_numpy().max()) + 1
        songs = own["n_songs"].to_numpy()
        half = np.array([t95(n) if n > 1 else np.nan for n in range(int(songs.max()) + 1)])[songs]
        grids = {f"{c}_mean": own[f"{c}_mean"].to_numpy() for c in CURVES}
        grids |= {f"{c}_half": own[f"{c}_se"].to_numpy() * half for c in CURVES}
        grids["changed"] = own["changed_mean"].to_numpy()
        found.append({name: pack(x.astype(float).reshape(-1, frames)) for name, x in grids.items()})
    return found


def region_means(cell: Cell) -> list[dict[str, Any]]:
    """Of each variant and region the mean over songs, half of its 95 % interval, and the songs' own means."""
    found = []
    for v in cell.variants:
        by_song: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for rows in cell.clips.values():
            if (row := rows.get(v["variant"])) is not None:
                by_song.setdefault((row["group"], row["song"]), []).append(row)
        entry = {}
        for region in REGIONS:
            mean = v[f"{region}_delta"]
            songs = {}
            for (_, song), own in by_song.items():
                values = [r[f"{region}_delta"] for r in own if r[f"{region}_delta"] is not None]
                if values:
                    songs[song] = round(float(np.mean(values)), 5)
            entry[region] = {"mean": mean["mean"], "half": half95(mean), "songs": mean["songs"], "of": songs}
        found.append(entry)
    return found


def half95(mean: Mapping[str, Any]) -> float | None:
    """Half of the 95 % interval of an entry of summary.json; None for fewer than two songs."""
    return None if mean["se"] is None else t95(mean["songs"]) * mean["se"]


def clip_curves(cell: Cell, clips: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The packed nll of single clips, clean and of each variant: [K, T] at the clean clip's frames.

    Corrupted values are left out where no mean counts them: the last frames, and those without a counterpart. `map` has
    for each clean frame the corrupted clip's, where time was shifted.

    Raises:
        NoiseprobeError: if the cell was run with keep_nll=false.
    """
    wanted, found = set(clips), dict[str, dict[str, Any]]()
    for c in curves(cell.folder, clips=wanted):
        own = found.setdefault(c.clip, {"clean": pack(c.clean), "variants": {}})
        own["variants"][c.variant] = {"nll": pack(np.where(c.counts, c.corrupted, np.nan)), "map": None}
        if len(found) == len(wanted) and set(own["variants"]) == set(cell.clips[c.clip]):
            break  # the rest of the table is other clips
    for clip, own in found.items():
        for variant, entry in own["variants"].items():
            row = cell.clips[clip][variant]
            if not row["frames"] == row["frames_corrupted"] == row["mapped_frames"]:
                entry["map"] = _frame_map(cell.folder, clip, variant)
    return found


def _frame_map(folder: Path, clip: str, variant: str) -> list[int | None]:
    at = [("clip", "=", clip), ("variant", "=", variant), ("codebook", "=", 0)]
    rows = pq.read_table(folder / "nll.parquet", columns=["frame", "frame_corrupted"], filters=at).to_pylist()
    return [r["frame_corrupted"] for r in rows if r["frame"] is not None]


def as_json(content: Any) -> Markup:
    """JSON for a script element: no `<`, so that no tag begins or ends in it; NaN is refused.

    >>> as_json({"name": "</script>"})
    Markup('{"name": "\\\\u003c/script>"}')
    """
    return Markup(json.dumps(content, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"))
