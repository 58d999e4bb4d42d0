"""Files written bit by bit: what is in them, where their row groups end, and that a broken one isn't there."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noiseprobe.results import tablefile
from noiseprobe.results.tablefile import file_of_rows, file_of_tables

SCHEMA = pa.schema([("n", pa.int64()), ("text", pa.string())])


def groups(path: Path) -> list[int]:
    metadata = pq.ParquetFile(path).metadata
    return [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]


def test_rows_are_those_that_came_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tablefile, "ROWS", 4)
    rows = [{"n": i, "text": None if i % 3 else str(i)} for i in range(10)]
    path = tmp_path / "t.parquet"
    with file_of_rows(path, SCHEMA) as file:
        for row in rows:
            file.add(row)
            assert len(file.waiting) < 4
    table = pq.read_table(path)
    assert table.schema.equals(SCHEMA)
    assert table.to_pylist() == rows
    assert groups(path) == [4, 4, 2]


def test_no_table_is_torn_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tablefile, "CODES", 5)
    path = tmp_path / "t.parquet"
    sizes = [2, 2, 3, 0, 9, 1]
    parts = [pa.table({"n": [i] * size, "text": [str(i)] * size}, SCHEMA) for i, size in enumerate(sizes)]
    with file_of_tables(path, SCHEMA) as file:
        for part in parts:
            file.add(part, len(part))
    assert pq.read_table(path).to_pylist() == pa.concat_tables(parts).to_pylist()
    assert groups(path) == [7, 9, 1]


def test_a_file_without_rows_has_its_columns(tmp_path: Path) -> None:
    with file_of_rows(tmp_path / "t.parquet", SCHEMA):
        pass
    assert pq.read_table(tmp_path / "t.parquet").equals(SCHEMA.empty_table())


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_text("before")
    with pytest.raises(pa.ArrowInvalid), file_of_rows(path, SCHEMA) as file:
        file.add({"n": "no number", "text": "a"})
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
