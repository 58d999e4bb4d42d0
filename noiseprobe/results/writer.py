"""Write a finished cell: every file in one step, DONE last."""

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from omegaconf import OmegaConf

from noiseprobe.data.manifest import Rejected
from noiseprobe.errors import NoiseprobeError
from noiseprobe.files import replace_file, write_json
from noiseprobe.metrics.profile import Profile
from noiseprobe.results import schema, tables
from noiseprobe.results.cellinfo import CellInfo
from noiseprobe.results.curve_tables import shape_rows, signal_rows
from noiseprobe.results.index import DONE
from noiseprobe.results.meta import meta
from noiseprobe.results.records import Record, Records
from noiseprobe.results.summary import Summary
from noiseprobe.results.tablefile import file_of_rows, file_of_tables


def write_cell(
    folder: Path, cell: CellInfo, records: Records, profiles: Sequence[tuple[Profile, Profile]], ran: dict[str, Any]
) -> dict[str, Any]:
    """Write all tables, the summary, the metadata and the configuration.

    One clip is in memory at a time, and a row group of each table (`tablefile`).

    Returns:
        The content of summary.json.

    Raises:
        NoiseprobeError: if a clip of the manifest has neither a record nor a reason, none could be scored, or
            `strict` and any was turned away.
    """
    scored, bad = records.scored(), records.rejected()
    lost = set(range(len(cell.clips))) - scored - set(bad)
    if lost:
        first = cell.clips[min(lost)].id
        raise NoiseprobeError(
            f"{cell.name}: {len(lost)} clips were neither scored nor rejected, {first} first; of several machines all"
            f" must see paths.results ({folder.parent})"
        )
    order = sorted(scored)
    unfit = (r for index in order for r in records.unfit(index))
    rejected = _write_rejected(folder, cell, chain(cell.rejected, (bad[i] for i in sorted(bad)), unfit))
    if not scored:
        raise NoiseprobeError(f"{cell.name}: none of {len(cell.clips)} clips could be scored: {rejected.last}")
    if rejected.rows and cell.config.strict:
        raise NoiseprobeError(
            f"{cell.name}: {rejected.rows} rejected with strict=true, {rejected.first} first: {rejected.why};"
            f" all are in {folder / 'rejected.parquet'}"
        )
    summary = _write_clips(folder, cell, (records.read(index) for index in order), rejected.last)
    replace_file(folder / "profile.parquet", lambda p: pq.write_table(tables.profile(cell, profiles), p))
    content = summary.content(len(rejected.clips))
    write_json(folder / "summary.json", content)
    write_json(folder / "meta.json", meta(cell, content["signature"], ran))
    write_config(folder / "config.yaml", cell)
    return content


@dataclass
class _TurnedAway:
    """How many rows rejected.parquet has, the path and reason of the first, the last's reason, and their clips."""

    rows: int = 0
    first: str = ""
    why: str = ""
    last: str = ""
    clips: set[tuple[str, str | None]] = field(default_factory=set)


def _write_rejected(folder: Path, cell: CellInfo, rejected: Iterable[Rejected]) -> _TurnedAway:
    found = _TurnedAway()
    with file_of_rows(folder / "rejected.parquet", schema.REJECTED) as file:
        for r in rejected:
            file.add({"cell": cell.name, **asdict(r)})
            if not found.rows:
                found.first, found.why = r.path, r.reason
            found.rows += 1
            found.last = r.reason
            found.clips.add((r.path, r.clip))
    return found


def _write_clips(folder: Path, cell: CellInfo, records: Iterable[Record], why: str) -> Summary:
    """The tables that have rows for each clip, and the summary of these rows; `why`: the last was turned away."""
    summary = Summary(cell)
    with ExitStack() as open_files:
        clips, shapes, signals = (
            open_files.enter_context(file_of_rows(folder / f"{name}.parquet", columns))
            for name, columns in [("clips", schema.CLIPS), ("shapes", schema.SHAPES), ("signals", schema.SIGNALS)]
        )
        codes = folder / "nll.parquet"
        nll = open_files.enter_context(file_of_tables(codes, schema.NLL)) if cell.config.keep_nll else None
        for record in records:
            for row in tables.clip_rows(cell, record):
                clips.add(row)
                summary.add(row)
            for row in shape_rows(cell, record):
                shapes.add(row)
            for row in signal_rows(cell, record):
                signals.add(row)
            if nll is not None:
                table = tables.nll(cell, record)
                nll.add(table, len(table))
        if not summary.clips.count:
            raise NoiseprobeError(f"{cell.name}: no clip could be corrupted so: {why}")
    if nll is None:
        codes.unlink(missing_ok=True)
    return summary


def finish(folder: Path, records: Records, signature: str) -> None:
    """Mark the cell as finished; from here on its records aren't needed.

    A run that is killed while they go leaves some; the next one removes them (`cell`).
    """
    for part in folder.glob(".*.part"):  # of a run that was killed while writing
        part.unlink()
    replace_file(folder / DONE, lambda p: p.write_text(signature + "\n"))
    records.clear()


def write_config(path: Path, cell: CellInfo) -> None:
    """The checked configuration, for people to read; nothing is ever built from it."""
    plain = json.loads(json.dumps(asdict(cell.config), default=str))
    replace_file(path, lambda p: p.write_text(OmegaConf.to_yaml(OmegaConf.create(plain))))
