"""Parquet files that are written bit by bit: no more of one is in memory than the row group that comes next.

Where a row group ends hangs on the rows alone, so the same rows give the same bytes. Each costs some kilobytes of the
file's footer, which whoever writes or reads it holds in memory: one row group a clip would grow with the data.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from noiseprobe.files import replacing

Item = TypeVar("Item")
ROWS = 1024  # in a row group of rows that come as dictionaries: about 4 MB of them
CODES = 1 << 17  # in one of codes, whose tables take about 200 bytes a row


class TableFile(Generic[Item]):
    """Takes rows as they come.

    Args:
        writer: of the file.
        join: makes one table of several items.
        most: rows of a row group; it ends with the item that reaches them.
    """

    def __init__(self, writer: pq.ParquetWriter, join: Callable[[list[Item]], pa.Table], most: int) -> None:
        self.writer, self.join, self.most = writer, join, most
        self.waiting: list[Item] = []
        self.rows = 0

    def add(self, item: Item, rows: int = 1) -> None:
        """An item of so many rows, which all go to the same row group."""
        self.waiting.append(item)
        self.rows += rows
        if self.rows >= self.most:
            self.flush()

    def flush(self) -> None:
        """End the row group, if it has any row."""
        if self.rows:
            table = self.join(self.waiting)
            self.writer.write_table(table, row_group_size=len(table))
        self.waiting, self.rows = [], 0


def file_of_rows(path: Path, schema: pa.Schema) -> AbstractContextManager[TableFile[dict[str, Any]]]:
    """A file made of dictionaries."""
    return _table_file(path, schema, partial(pa.Table.from_pylist, schema=schema), ROWS)


def file_of_tables(path: Path, schema: pa.Schema) -> AbstractContextManager[TableFile[pa.Table]]:
    """A file made of tables, none of which is torn apart."""
    return _table_file(path, schema, pa.concat_tables, CODES)


@contextmanager
def _table_file(
    path: Path, schema: pa.Schema, join: Callable[[list[Item]], pa.Table], most: int
) -> Iterator[TableFile[Item]]:
    """The file is there, and whole, once the block has ended well."""
    with replacing(path) as part, pq.ParquetWriter(part, schema) as writer:
        file = TableFile(writer, join, most)
        yield file
        file.flush()
