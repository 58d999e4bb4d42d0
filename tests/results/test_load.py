"""Reading results back."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from running import run_cell

from noiseprobe import load_results
from noiseprobe.errors import NoiseprobeError
from noiseprobe.plot import profile
from noiseprobe.report.html import write_report
from noiseprobe.results import schema
from noiseprobe.results.index import write_index

KEYS = ["cell", "model", "group", "song", "clip", "noise", "variant", "length_s", "onset_s"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results")
    run_cell(path, "data.limit=2", "noise.length=0.2")
    run_cell(path, "data.limit=2", "noise.length=0", "seed=1")
    return path


def test_files_have_the_documented_columns(folder: Path) -> None:
    for cell in folder.iterdir():
        for name in ["clips", "nll", "profile", "rejected"]:
            assert pq.read_schema(cell / f"{name}.parquet").equals(getattr(schema, name.upper()))
    assert schema.CLIPS.names[:9] == KEYS
    assert schema.NLL.names[:11] == [*KEYS, "codebook", "frame"]


def test_a_folder_of_cells_is_read_as_one(folder: Path) -> None:
    results = load_results(folder)
    assert len(results.folders) == 2
    assert results.clips["cell"].nunique() == results.cells["cell"].nunique() == 2
    assert set(results.cells["variant"]) == {"white@2.0s+0.2s", "white@2.0s+0.0s"}
    assert len(load_results(results.folders[0]).folders) == 1


def test_a_renamed_folder_is_the_same_cell(folder: Path, tmp_path: Path) -> None:
    cell = load_results(folder).folders[0]
    renamed = shutil.copytree(cell, tmp_path / "good")
    results = load_results(tmp_path)
    assert not results.nll(cell=cell.name).empty
    assert write_report(tmp_path / "report.html", [renamed]).exists()
    assert profile(results, cell.name).get_axes()
    shutil.copytree(cell, tmp_path / cell.name)
    assert len(load_results(tmp_path).clips) == len(results.clips)


def test_nll_is_filtered_on_disk(folder: Path) -> None:
    results = load_results(folder)
    clip = results.clips["clip"].iloc[0]
    part = results.nll(clip=clip, codebook=2, variant="white@2.0s+0.2s")
    assert len(part) == 200
    assert part["frame"].tolist() == list(range(200))
    with pytest.raises(ValueError, match="got column 'song_name', expected one of cell"):
        results.nll(song_name="x")


def test_without_noise_everything_is_zero_and_regions_are_null(folder: Path) -> None:
    row = load_results(folder).clips.query("length_s == 0")
    assert (row["delta"] == 0).all()
    assert (row["changed_frames"] == 0).all()
    nulls = ["peak_delta", "assimilation_delta", "offset_delta", "recovery_delta", "first_changed_frame", "level_db"]
    assert row[nulls].isna().all(axis=None)
    profile = load_results(folder).profile.query("length_s == 0 and n_clips > 0")
    assert (profile["delta_mean"] == 0).all()
    assert (profile["delta_se"] == 0).all()


def test_whole_numbers_that_may_be_absent_stay_whole(folder: Path) -> None:
    results = load_results(folder)
    assert isinstance(results.clips["first_changed_frame"].dtype, pd.Int32Dtype)
    assert isinstance(results.profile["codebook"].dtype, pd.Int8Dtype)


def test_a_folder_without_a_finished_cell_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoiseprobeError, match="expected a finished cell"):
        load_results(tmp_path)


def test_results_of_a_newer_noiseprobe_are_refused(folder: Path, tmp_path: Path) -> None:
    cell = load_results(folder).folders[0]
    copy = shutil.copytree(cell, tmp_path / cell.name)
    meta = json.loads((copy / "meta.json").read_text())
    (copy / "meta.json").write_text(json.dumps(meta | {"schema_version": schema.VERSION + 1}))
    with pytest.raises(NoiseprobeError, match="update noiseprobe"):
        load_results(copy)


def test_results_of_an_older_noiseprobe_are_refused_and_left_out_of_the_index(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for cell in load_results(folder).folders:
        shutil.copytree(cell, tmp_path / cell.name)
    old = sorted(tmp_path.iterdir())[0]
    meta = json.loads((old / "meta.json").read_text())
    (old / "meta.json").write_text(json.dumps(meta | {"schema_version": schema.VERSION - 1}))
    summary = json.loads((old / "summary.json").read_text())
    (old / "summary.json").write_text(json.dumps({k: v for k, v in summary.items() if k != "backend"}))
    with pytest.raises(NoiseprobeError, match="run the cell again"):
        load_results(tmp_path)
    rows = pq.read_table(write_index(tmp_path)).to_pylist()
    assert {row["cell"] for row in rows} == {p.name for p in tmp_path.iterdir() if p.is_dir()} - {old.name}
    assert f"{old} was written by another version" in caplog.text


def test_the_large_table_can_be_left_out_and_changes_no_other(folder: Path, tmp_path: Path) -> None:
    with_nll = next(f for f in load_results(folder).folders if "0.2s" in str(load_results(f).cells["variant"][0]))
    without = run_cell(tmp_path, "data.limit=2", "noise.length=0.2", "keep_nll=false")
    assert without.name == with_nll.name
    assert not (without / "nll.parquet").exists()
    for name in ["clips", "profile", "rejected"]:
        assert (without / f"{name}.parquet").read_bytes() == (with_nll / f"{name}.parquet").read_bytes()
    with pytest.raises(NoiseprobeError, match="keep_nll=true force=true"):
        load_results(without).nll()


def test_a_table_that_is_cut_off_is_one_line(tmp_path: Path) -> None:
    cell = run_cell(tmp_path, "data.limit=1", "logger=none", "keep_audio=0")
    path = cell / "clips.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(NoiseprobeError, match=r"clips\.parquet can't be read .*force=true"):
        _ = load_results(cell).clips
