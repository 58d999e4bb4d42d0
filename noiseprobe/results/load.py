"""Read finished cells back as pandas tables; results/schema.py says what each column means."""

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from noiseprobe.errors import NoiseprobeError
from noiseprobe.results import schema
from noiseprobe.results.index import broken, cell_name, finished, index_table, other_version


class Results:
    """The tables of one or more finished cells, one under the other.

    Attributes:
        named: the cells' folders, by the cells' names.
        folders: of the cells.
        clips: a row for each clip and variant.
        shapes: a row for each clip and variant of one span: the shape of its delta curve.
        signals: a row for each clip and variant: scores of the clean and of the corrupted curve.
        profile: a row for each cell, variant, codebook (null: their mean) and frame.
        cells: a row for each cell and variant, with means and standard errors over songs.
        rejected: a row for each file, clip or variant that wasn't scored, with the reason.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        # The same cell twice, in two folders, would count its clips twice.
        self.named = dict(reversed({cell_name(folder): folder for folder in reversed(folders)}.items()))
        self.folders = tuple(self.named.values())

    @cached_property
    def clips(self) -> pd.DataFrame:
        return self._table("clips.parquet")

    @cached_property
    def shapes(self) -> pd.DataFrame:
        return self._table("shapes.parquet")

    @cached_property
    def signals(self) -> pd.DataFrame:
        return self._table("signals.parquet")

    @cached_property
    def profile(self) -> pd.DataFrame:
        return self._table("profile.parquet")

    @cached_property
    def cells(self) -> pd.DataFrame:
        return _frame(index_table(list(self.folders)))

    @cached_property
    def rejected(self) -> pd.DataFrame:
        return self._table("rejected.parquet")

    def nll(self, **equals: Any) -> pd.DataFrame:
        """The nll of every code, for the rows where columns equal given values; read from disk at each call.

        Example:
            >>> results.nll(clip="bach/bach_bwv274_1.ogg#0.0", codebook=0)  # doctest: +SKIP

        Raises:
            ValueError: for a column that isn't there.
            NoiseprobeError: for a cell that ran with keep_nll=false.
        """
        folders = [folder for name, folder in self.named.items() if equals.get("cell", name) == name]
        for folder in folders:
            if not (folder / "nll.parquet").exists():
                raise NoiseprobeError(f"{folder} has no nll.parquet; run it with keep_nll=true force=true")
        condition = None
        for name, value in equals.items():
            if name not in schema.NLL.names:
                raise ValueError(f"nll: got column {name!r}, expected one of {', '.join(schema.NLL.names)}")
            own = ds.field(name) == value
            condition = own if condition is None else condition & own
        dataset = ds.dataset([str(f / "nll.parquet") for f in folders], schema=schema.NLL)
        return _frame(dataset.to_table(filter=condition))

    def columns(self, table: str, names: Sequence[str]) -> pd.DataFrame:
        """Some columns of `clips` or `signals`, in a tenth of the memory: for what works through many clips.

        Texts are categories, in the order of texts; of `content`, which is only ever compared, there is a number.
        """
        columns = {"clips": schema.CLIPS, "signals": schema.SIGNALS}[table]
        texts = [name for name in names if columns.field(name).type == pa.string() and name != "content"]
        parts = [_read(f / f"{table}.parquet", columns=list(names), read_dictionary=texts) for f in self.folders]
        found = pa.concat_tables(parts)
        if "content" in names:
            numbers = found["content"].combine_chunks().dictionary_encode().indices
            found = found.set_column(found.schema.get_field_index("content"), "content", numbers)
        frame = _frame(found)
        for name in texts:
            frame[name] = frame[name].cat.reorder_categories(frame[name].cat.categories.sort_values())
        return frame

    def __repr__(self) -> str:
        return f"Results({len(self.folders)} cells: {', '.join(f.name for f in self.folders)})"

    def _table(self, name: str) -> pd.DataFrame:
        return _frame(pa.concat_tables([_read(folder / name) for folder in self.folders]))


def load_results(path: str | Path, scoring: str | None = None) -> Results:
    """The finished cells at a path: a cell's folder, or a folder of cells.

    Args:
        path: the folder.
        scoring: `delay` or `parallel`, for a folder that holds cells of both: their numbers are never in one table.

    Raises:
        NoiseprobeError: if there is none, one was written by another noiseprobe or lacks a file, or there are two
            scorings and none is asked for.

    Example:
        >>> load_results("results").cells[["variant", "delta", "delta_se"]]  # doctest: +SKIP
    """
    folders = finished(Path(path))
    if not folders:
        raise NoiseprobeError(f"{path}: expected a finished cell (a folder with DONE) or a folder of them")
    for folder in folders:
        if (why := broken(folder)) is not None:
            raise NoiseprobeError(f"{folder}: is DONE, but {why}; run the cell again with force=true, or move it away")
        if (why := other_version(folder)) is not None:
            raise NoiseprobeError(f"{folder}: {why}")
    scorings = {f: json.loads((f / "summary.json").read_text())["scoring"] for f in folders}
    asked = [f for f in folders if scoring in (None, scorings[f])]
    if not asked or (scoring is None and len(set(scorings.values())) > 1):
        there = " and ".join(sorted(set(scorings.values())))
        raise NoiseprobeError(
            f"{path}: has cells with scoring {there}, got scoring={scoring}; numbers of the two can't be compared: load"
            " those of one, load_results(path, scoring='delay')"
        )
    return Results(asked)


def _read(path: Path, **options: Any) -> pa.Table:
    try:
        return pq.read_table(path, **options)
    except (OSError, pa.ArrowInvalid) as error:
        why = " ".join(str(error).split())
        raise NoiseprobeError(f"{path} can't be read ({why}); run the cell again with force=true") from error


def _frame(table: pa.Table) -> pd.DataFrame:
    """pandas with nullable types, so that a whole number that isn't there stays null and doesn't become a float."""
    types: dict[pa.DataType, Any] = {
        pa.int8(): pd.Int8Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.string(): pd.StringDtype(),
    }
    mapper: Callable[[pa.DataType], Any] = types.get
    return table.to_pandas(types_mapper=mapper)
