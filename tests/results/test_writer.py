"""The writing of a cell from its records: each is read once, and the summary is that of the clips table."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from running import run_cell

from noiseprobe.results import tablefile
from noiseprobe.results.curves import curves
from noiseprobe.results.records import Records
from noiseprobe.results.schema import MEANS
from noiseprobe.results.summary import Summary

TABLES = ["clips", "nll", "rejected", "shapes", "signals"]


def test_each_record_is_read_once_in_order_and_small_row_groups_hold_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_cell(tmp_path / "whole", "data.limit=5")
    read, indices = Records.read, []
    monkeypatch.setattr(Records, "read", lambda self, index: indices.append(index) or read(self, index))
    monkeypatch.setattr(tablefile, "ROWS", 3)
    monkeypatch.setattr(tablefile, "CODES", 2500)  # a clip of two variants has 1600 rows
    small = run_cell(tmp_path / "small", "data.limit=5")
    assert indices == [0, 1, 2, 3, 4]
    for name in TABLES:
        one, other = (pq.read_table(cell / f"{name}.parquet") for cell in [whole, small])
        assert one.schema.equals(other.schema, check_metadata=True)
        assert one.to_pylist() == other.to_pylist()
    assert [pq.ParquetFile(c / "nll.parquet").metadata.num_row_groups for c in [whole, small]] == [1, 3]
    assert (whole / "summary.json").read_bytes() == (small / "summary.json").read_bytes()
    for a, b in zip(curves(whole), curves(small), strict=True):
        assert (a.song, a.clip, a.variant) == (b.song, b.clip, b.variant)
        np.testing.assert_array_equal(a.delta, b.delta)


def rows(variants: list[str]) -> pd.DataFrame:
    """Songs of one to four clips, some values null, some clips without a variant; in order."""
    random = np.random.default_rng(0)
    found = []
    for group, song in [("a", "x"), ("a", "y"), ("b", "x"), ("b", "z"), ("c", "only null")]:
        for clip in range(random.integers(1, 5)):
            for variant in variants:
                if random.random() < 0.2:
                    continue
                values = {name: None if random.random() < 0.3 else random.normal(5, 1) for name in MEANS}
                if song == "only null":
                    values["delta"] = None
                counts = {"frames": 9, "mapped_frames": random.integers(7, 10), "over_full_scale": clip}
                levels = {"level_db": random.choice([None, -20.0]), "level_lufs": random.choice([None, -20.0])}
                keys = {"group": group, "song": song, "clip": f"{group}{song}{clip}", "variant": variant}
                found.append(keys | values | counts | levels)
    return pd.DataFrame(found, dtype=object)


def test_the_summary_of_rows_that_come_one_by_one_is_pandas_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    variants = {"v": SimpleNamespace(length=1.0, onset=2.0), "none": SimpleNamespace(length=0.0, onset=2.0)}
    monkeypatch.setattr("noiseprobe.results.summary.signature", lambda cell, clips, songs: f"{clips}|{songs}")
    config = SimpleNamespace(
        model=SimpleNamespace(name="m"), data=SimpleNamespace(name="d"), noise=SimpleNamespace(kind="white"),
        scoring="delay", precision="fp32", seed=0,
    )  # fmt: skip
    weights = SimpleNamespace(hash="0" * 64, backend="b", checkpoint=SimpleNamespace(parameters=1))
    cell = SimpleNamespace(
        name="c", config=config, weights=weights, variants=variants, level="match", noise_options="{}", condition="null"
    )
    table = rows(list(variants))
    summary = Summary(cell)  # type: ignore[arg-type]
    for row in table.to_dict("records"):
        summary.add(row)
    content = json.loads(json.dumps(summary.content(7), default=int))
    assert (content["n_clips"], content["n_songs"], content["n_rejected"]) == (table["clip"].nunique(), 5, 7)
    for entry in content["variants"]:
        own = table[table["variant"] == entry["variant"]]
        assert (entry["n_clips"], entry["n_songs"]) == (len(own), len(own[["group", "song"]].drop_duplicates()))
        assert entry["n_shifted"] == (own["mapped_frames"] < 9).sum()
        assert entry["over_full_scale"] == own["over_full_scale"].sum()
        silent = (own["level_db"].isna() & own["level_lufs"].isna()).sum()
        assert entry["n_silent_spans"] == (silent if entry["variant"] == "v" else 0)
        for name in MEANS:
            songs = own.astype({name: float}).groupby(["group", "song"])[name].mean().dropna()
            got = entry[name]
            assert (got["clips"], got["songs"]) == (own[name].notna().sum(), len(songs))
            assert got["mean"] == pytest.approx(songs.mean(), abs=1e-12)
            se = songs.std(ddof=1) / math.sqrt(len(songs))
            assert got["se"] == (pytest.approx(se, abs=1e-12) if len(songs) > 1 else None)
