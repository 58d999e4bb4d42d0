"""The schema's version, and results that are in the repository: whoever changes a table is told here.

tests/golden_results holds what `data.limit=2 data.duration=1.5 noise.onset=0.2 noise.length=0.1 keep_audio=0
logger=none` left, without figures and without the machine's paths. A change of the schema raises `schema.VERSION`; they
are then made anew with that command, and the numbers below stay.
"""

import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pagereading import Page
from running import run_cell

from noiseprobe import load_results
from noiseprobe.errors import NoiseprobeError
from noiseprobe.report.html import write_report
from noiseprobe.results import schema
from noiseprobe.results.index import finished, write_index

GOLDEN = Path(__file__).parents[1] / "golden_results"
SETTINGS = ["data.limit=2", "data.duration=1.5", "noise.onset=0.2", "noise.length=0.1", "keep_audio=0", "logger=none"]
TABLES = {
    "clips": schema.CLIPS, "nll": schema.NLL, "profile": schema.PROFILE, "rejected": schema.REJECTED,
    "shapes": schema.SHAPES, "signals": schema.SIGNALS,
}  # fmt: skip
CLIPS = ["bach/bach_bwv111_6_1.ogg#0.0", "bach/bach_bwv135_6_1.ogg#0.0"]
NUMBERS = {
    "nll_clean": (3.896583661230, 3.820504417643),
    "nll_corrupted": (4.068158260443, 3.849506035499),
    "delta": (0.171574599213, 0.029001617856),
    "peak_delta": (0.160155477849, -0.335876763883),
    "changed": (53 / 288, 51 / 288),
    "music_db": (-28.921146456375, -17.415299502157),
}
EXACT = {"rel": 0, "abs": 1e-11}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The golden results, to write beside and to change."""
    return shutil.copytree(GOLDEN, tmp_path / "results")


def with_version(results: Path, version: object) -> Path:
    (cell,) = finished(results)
    meta = json.loads((cell / "meta.json").read_text())
    (cell / "meta.json").write_text(json.dumps(meta | {"schema_version": version}))
    return cell


def test_the_golden_results_are_of_this_version_small_and_of_no_machine() -> None:
    (cell,) = finished(GOLDEN)
    assert json.loads((cell / "meta.json").read_text())["schema_version"] == schema.VERSION
    assert sum(path.stat().st_size for path in cell.iterdir()) < 200_000
    texts = [(cell / name).read_text() for name in ["config.yaml", "meta.json", "summary.json"]]
    assert [path for text in texts for path in re.findall(r"(?:^|[\s\"'])(/[\w/.]+)", text)] == []


@pytest.mark.parametrize("table", TABLES)
def test_a_golden_table_has_the_columns_of_the_schema(table: str) -> None:
    (cell,) = finished(GOLDEN)
    assert pq.read_schema(cell / f"{table}.parquet").equals(TABLES[table])


def test_golden_results_are_read_with_their_numbers() -> None:
    results = load_results(GOLDEN)
    clips = results.clips
    assert clips["clip"].tolist() == CLIPS
    assert (clips["frames"].tolist(), clips["on_frame"].tolist(), clips["off_frame"].tolist()) == (
        [75, 75], [10, 10], [15, 15],
    )  # fmt: skip
    for name, values in NUMBERS.items():
        assert tuple(clips[name]) == pytest.approx(values, **EXACT), name

    (row,) = results.cells.to_dict("records")
    assert (row["variant"], row["n_clips"], row["n_songs"]) == ("white@0.2s+0.1s", 2, 2)
    assert (row["delta"], row["delta_se"]) == pytest.approx((0.100288108534, 0.071286490679), **EXACT)

    profile = results.profile
    assert len(profile) == 75 * (4 + 1)
    (frame,) = profile[profile["codebook"].isna() & (profile["frame"] == 12)].to_dict("records")
    assert (frame["delta_mean"], frame["clean_se"]) == pytest.approx((-0.814832463861, 0.211139008403), **EXACT)

    assert len(results.nll()) == 2 * 4 * 75
    codes = results.nll(codebook=2, frame=15)
    assert codes["nll_clean"].tolist() == pytest.approx([4.265537, 2.644954], abs=1e-6)
    assert codes["nll_corrupted"].tolist() == pytest.approx([4.288245, 8.031195], abs=1e-6)
    assert results.shapes["onset_peak"][0] == pytest.approx(2.184901118279, **EXACT)
    assert results.signals["random_corrupted"][0] == pytest.approx(0.138196339382, **EXACT)
    assert len(results.rejected) == 0


def test_the_index_and_the_report_are_made_of_golden_results(copy: Path) -> None:
    (row,) = pq.read_table(write_index(copy)).to_pylist()
    assert row["delta"] == pytest.approx(0.100288108534, **EXACT)
    assert row["signature"].startswith("noiseprobe|model:tiny@ab05|scoring:delay|cond:null|noise:white@match+5f@10|")
    page = Page(write_report(copy / "report.html", finished(copy)).read_text(encoding="utf-8"))
    (cell,) = page.json("data")["cells"]
    assert cell["name"] == finished(GOLDEN)[0].name
    assert "+0.100" in page.text


@pytest.mark.slow
def test_the_same_command_leaves_the_same_tables_today(tmp_path: Path) -> None:
    """Names and types to the letter; numbers as far as processors agree, a code now and then aside."""
    today = load_results(run_cell(tmp_path, *SETTINGS))
    golden = load_results(GOLDEN)
    assert today.folders[0].name == golden.folders[0].name
    assert {p.name for p in golden.folders[0].iterdir()} == {
        p.name for p in today.folders[0].iterdir() if p.suffix not in [".svg", ".png"]
    }
    for table in ["clips", "profile", "cells", "shapes", "signals", "rejected"]:
        ours, theirs = getattr(today, table), getattr(golden, table)
        assert ours.dtypes.equals(theirs.dtypes), table
        assert len(ours) == len(theirs)
    assert today.clips["delta"].to_numpy() == pytest.approx(golden.clips["delta"].to_numpy(), abs=0.05)


OLDER, NEWER = schema.VERSION - 1, schema.VERSION + 1
TODO = [
    (OLDER, "run the cell again with force=true"),
    (NEWER, "update noiseprobe"),
    ("x", "run the cell again"),
    (None, "run"),
]


@pytest.mark.parametrize(("version", "todo"), TODO)
def test_another_version_says_what_to_do_wherever_it_is_read(
    copy: Path, version: object, todo: str, caplog: pytest.LogCaptureFixture
) -> None:
    cell = with_version(copy, version)
    says = rf"got schema version {version}, expected {schema.VERSION}; {todo}"
    with pytest.raises(NoiseprobeError, match=rf"{cell.name}: {says}"):
        load_results(copy)
    with pytest.raises(NoiseprobeError, match=rf"{cell.name} \({says}"):
        write_report(copy / "report.html", [cell])
    assert not (copy / "report.html").exists()
    assert pq.read_table(write_index(copy)).num_rows == 0
    assert re.search(rf"{cell.name} was written by another version of noiseprobe .*{says}", caplog.text)


def test_a_finished_cell_of_another_version_is_run_again_only_if_told(copy: Path) -> None:
    """It has the same name, so it would count as finished, and nothing could read it."""
    cell = with_version(copy, OLDER)
    with pytest.raises(NoiseprobeError, match=rf"{cell.name}: got schema version {OLDER}.*force=true"):
        run_cell(copy, *SETTINGS)
    assert run_cell(copy, *SETTINGS, "force=true") == cell
    assert load_results(copy).cells["n_clips"].tolist() == [2]
