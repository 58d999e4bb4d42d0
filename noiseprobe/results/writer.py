"""Write a finished cell: every file in one step, DONE last."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from omegaconf import OmegaConf

from noiseprobe.errors import NoiseprobeError
from noiseprobe.files import replace_file, replacing, write_json
from noiseprobe.metrics.profile import Profile
from noiseprobe.results import schema, tables
from noiseprobe.results.cellinfo import CellInfo
from noiseprobe.results.curve_tables import shape_rows, signal_rows
from noiseprobe.results.index import DONE
from noiseprobe.results.meta import meta
from noiseprobe.results.records import Records
from noiseprobe.results.summary import summary


def write_cell(
    folder: Path, cell: CellInfo, records: Records, profiles: Sequence[tuple[Profile, Profile]], ran: dict[str, Any]
) -> dict[str, Any]:
    """Write all tables, the summary, the metadata and the configuration.

    Returns:
        The content of summary.json.

    Raises:
        NoiseprobeError: if a clip of the manifest has neither a record nor a reason, none could be scored, or
            `strict` and any was turned away.
    """
    scored, bad = records.scored(), records.rejected()
    bad = {i: r for i, r in bad.items() if i not in scored}
    lost = set(range(len(cell.clips))) - scored - set(bad)
    if lost:
        first = cell.clips[min(lost)].id
        raise NoiseprobeError(f"{cell.name}: {len(lost)} clips were neither scored nor rejected, {first} first")
    unfit = [r for index in sorted(scored) for r in records.read(index).rejected]
    rejected = [*cell.rejected, *(bad[i] for i in sorted(bad)), *unfit]
    replace_file(folder / "rejected.parquet", lambda p: pq.write_table(tables.rejected(cell, rejected), p))
    if not scored:
        raise NoiseprobeError(f"{cell.name}: none of {len(cell.clips)} clips could be scored: {rejected[-1].reason}")
    if rejected and cell.config.strict:
        raise NoiseprobeError(
            f"{cell.name}: {len(rejected)} rejected with strict=true, {rejected[0].path} first: {rejected[0].reason};"
            f" all are in {folder / 'rejected.parquet'}"
        )
    rows = [row for index in sorted(scored) for row in tables.clip_rows(cell, records.read(index))]
    if not rows:
        raise NoiseprobeError(f"{cell.name}: no clip could be corrupted so: {rejected[-1].reason}")
    if cell.config.keep_nll:
        with replacing(folder / "nll.parquet") as part, pq.ParquetWriter(part, schema.NLL) as writer:
            for index in sorted(scored):
                table = tables.nll(cell, records.read(index))
                writer.write_table(table, row_group_size=max(len(table), 1))  # one clip, as results.curves reads them
    else:
        (folder / "nll.parquet").unlink(missing_ok=True)
    replace_file(folder / "clips.parquet", lambda p: pq.write_table(tables.clips(rows), p))
    for name, make, columns in [("shapes", shape_rows, schema.SHAPES), ("signals", signal_rows, schema.SIGNALS)]:
        found = [row for index in sorted(scored) for row in make(cell, records.read(index))]
        table = pa.Table.from_pylist(found, schema=columns)
        replace_file(folder / f"{name}.parquet", partial(pq.write_table, table))
    replace_file(folder / "profile.parquet", lambda p: pq.write_table(tables.profile(cell, profiles), p))
    content = summary(cell, rows, len({(r.path, r.clip) for r in rejected}))
    write_json(folder / "summary.json", content)
    write_json(folder / "meta.json", meta(cell, content["signature"], ran))
    write_config(folder / "config.yaml", cell)
    return content


def finish(folder: Path, records: Records, signature: str) -> None:
    """Mark the cell as finished; from here on its records aren't needed."""
    for part in folder.glob(".*.part"):  # of a run that was killed while writing
        part.unlink()
    replace_file(folder / DONE, lambda p: p.write_text(signature + "\n"))
    shutil.rmtree(records.folder)


def write_config(path: Path, cell: CellInfo) -> None:
    """The checked configuration, for people to read; nothing is ever built from it."""
    plain = json.loads(json.dumps(asdict(cell.config), default=str))
    replace_file(path, lambda p: p.write_text(OmegaConf.to_yaml(OmegaConf.create(plain))))
