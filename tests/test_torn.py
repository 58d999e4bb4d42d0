"""Torn, half-written and vanished files: each is said in a line, and nothing that was scored is lost."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import soundfile as sf
from running import SHORT, quick_command, run_cell

import noiseprobe
from noiseprobe.config import PACKAGE
from noiseprobe.data.datamodule import ClipDataset
from noiseprobe.data.manifest import Rejected
from noiseprobe.errors import NoiseprobeError
from noiseprobe.lightning_module import NoiseProbe
from noiseprobe.report.__main__ import main as report
from noiseprobe.results.index import write_index
from noiseprobe.results.records import Records

TABLES = ["clips", "nll", "profile", "rejected", "shapes", "signals"]
FILES = [*(f"{name}.parquet" for name in TABLES), "summary.json"]
FEW = ["keep_audio=0", "noise.length=0.2"]


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_cell(tmp_path_factory.mktemp("results"), *FEW)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_cell(tmp_path_factory.mktemp("other"), *FEW, "seed=1")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a cell that was stopped when its three clips were scored and its tables written."""
    results = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("noiseprobe.evaluate.finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_cell(results, *FEW)
    return results


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The indices of the clips that are scored."""
    codes: Any = NoiseProbe.codes
    found: list[int] = []
    monkeypatch.setattr(NoiseProbe, "codes", lambda self, pair: found.append(pair.index) or codes(self, pair))
    return found


def equal(one: Path, other: Path) -> None:
    assert [name for name in FILES if (one / name).read_bytes() != (other / name).read_bytes()] == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:-1],
        lambda raw: raw[: len(raw) // 2],
        lambda raw: bytes(len(raw)),
        lambda raw: raw[:2000] + bytes([raw[2000] ^ 1]) + raw[2001:],
        lambda raw: b"garbage",
    ],
)
def test_a_torn_record_is_scored_again_with_a_warning(
    cell: Path, begun: Path, tmp_path: Path, scored: list[int], caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], bytes],
) -> None:  # fmt: skip
    results = shutil.copytree(begun, tmp_path / "results")
    record = results / cell.name / "records/000001.npz"
    record.write_bytes(damage(record.read_bytes()))
    equal(run_cell(results, *FEW), cell)
    assert scored == [1]
    assert f"{record} is torn" in caplog.text
    assert [r.levelname for r in caplog.records if "torn" in r.message] == ["WARNING"]


def test_a_record_that_is_torn_while_tables_are_written_is_one_line(begun: Path, tmp_path: Path, cell: Path) -> None:
    folder = shutil.copytree(begun / cell.name / "records", tmp_path / "records")
    (folder / "000002.npz").write_bytes(b"")
    with pytest.raises(NoiseprobeError, match=r"000002\.npz is torn; the same command scores its clip again"):
        Records(folder).read(2)


def test_a_torn_record_of_a_clip_that_no_longer_decodes_does_not_count(tmp_path: Path) -> None:
    records = Records(tmp_path)
    (tmp_path / "000000.npz").write_bytes(b"torn")
    records.reject(0, Rejected("a.wav", "doesn't decode"))
    assert records.scored() == set()
    assert records.rejected() == {0: Rejected("a.wav", "doesn't decode")}


def test_whatever_else_lies_in_an_unfinished_cell_is_written_anew(
    cell: Path, begun: Path, tmp_path: Path, scored: list[int]
) -> None:
    """Tables, summary and reasons cut off, and parts of files."""
    results = shutil.copytree(begun, tmp_path / "results")
    folder = results / cell.name
    for name in [*FILES, "meta.json", "config.yaml", "profile.png"]:
        (folder / name).write_bytes((folder / name).read_bytes()[:20])
    (folder / "records/000001.rejected.json").write_text('{"path": "a.w')
    (folder / ".clips.parquet.abc.part").write_bytes(b"PAR1")
    (folder / "records/.000002.npz.abc.part").write_bytes(b"PK")
    equal(run_cell(results, *FEW), cell)
    assert scored == []
    assert {p.name for p in folder.iterdir()} == {p.name for p in cell.iterdir()}


@pytest.mark.parametrize("force", [False, True])
def test_records_that_a_killed_run_left_beside_done_go(
    cell: Path, begun: Path, tmp_path: Path, scored: list[int], force: bool
) -> None:
    """And aren't taken for an unfinished cell's where a finished one is begun again."""
    results = shutil.copytree(cell.parent, tmp_path / "results")
    shutil.copytree(begun / cell.name / "records", results / cell.name / "records")
    equal(run_cell(results, *FEW, f"force={str(force).lower()}"), cell)
    assert scored == ([0, 1, 2] if force else [])
    assert not (results / cell.name / "records").exists()


BROKEN = [
    ("summary.json", None, "summary.json is missing"),
    ("summary.json", 100, r"summary.json can't be read \("),
    ("meta.json", 0, r"meta.json can't be read \("),
    ("clips.parquet", None, "clips.parquet is missing"),
    ("rejected.parquet", None, "rejected.parquet is missing"),
    ("profile.parquet", 1000, r"profile.parquet can't be read \("),
    ("nll.parquet", 1000, r"nll.parquet can't be read \("),
    ("signals.parquet", 0, r"signals.parquet can't be read \("),
]


@pytest.mark.parametrize(("name", "length", "why"), BROKEN)
def test_a_finished_cell_without_one_of_its_files_says_so_and_what_to_do(
    cell: Path, other: Path, tmp_path: Path, name: str, length: int | None, why: str,
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """To whoever runs it again or loads it; index and report go on without it."""
    results = shutil.copytree(cell.parent, tmp_path / "results")
    bad = results / cell.name
    if length is None:
        (bad / name).unlink()
    else:
        (bad / name).write_bytes((bad / name).read_bytes()[:length])
    for attempt in [lambda: run_cell(results, *FEW), lambda: noiseprobe.load_results(results)]:
        with pytest.raises(NoiseprobeError, match=rf"{cell.name}: is DONE, but {why}.*force=true"):
            attempt()
    assert pq.read_table(write_index(results)).num_rows == 0
    assert re.search(rf"{cell.name} is left out: {why}", caplog.text)
    assert report([str(results)]) == 1
    assert "report: no cell is left" in capsys.readouterr().err
    shutil.copytree(other, results / other.name)
    assert pq.read_table(write_index(results)).num_rows == 1
    assert report([str(results)]) == 0
    page = unescape((results / "report.html").read_text(encoding="utf-8"))
    assert re.search(rf"{cell.name} is left out: {why}", page)
    equal(run_cell(results, *FEW, "force=true"), cell)


@pytest.mark.slow
def test_a_broken_cell_fails_alone_in_a_sweep(tmp_path: Path) -> None:
    sweep = [*SHORT, *FEW, "data.limit=1", "noise.length=0.2,0.3", "report=false", "figures=[]", "-m"]
    assert quick_command(*sweep, cwd=tmp_path).returncode == 0
    first, second = sorted(tmp_path.glob("results/tiny-*"))
    (first / "clips.parquet").unlink()
    (second / "DONE").unlink()
    done = quick_command(*sweep, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    failed = [line for line in done.stderr.splitlines() if line.startswith("failed   ")]
    assert len(failed) == 1
    assert f"{first.name}: is DONE, but clips.parquet is missing; force=true runs it again" in failed[0]
    assert (second / "DONE").exists()
    assert quick_command(*sweep, "fail_fast=true", cwd=tmp_path).returncode == 1


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Three songs."""
    folder = tmp_path / "music"
    folder.mkdir()
    for i, path in enumerate(sorted((PACKAGE / "assets/demo").glob("*/*.ogg"))[:3]):
        x, rate = sf.read(path)
        sf.write(folder / f"{i}.wav", x[: 4 * rate], rate)
    return folder


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("noise", "at", "which"), [("white", 1, [1]), ("other", 0, [1, 2])])
def test_a_clip_that_vanishes_once_listed_ends_the_cell_and_loses_nothing(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, noise: str, at: int, which: list[int]
) -> None:
    """It would else be turned away for good: a drive that goes away is no bad file. Also one that gives noise."""
    data = [*FEW, "data=folder", f"data.root={music}", f"data.num_workers={workers}", f"noise={noise}"]
    whole = run_cell(tmp_path / "whole", *data)
    item: Any = ClipDataset.__getitem__
    away = tmp_path / "away"
    away.mkdir()

    def meanwhile(self: ClipDataset, index: int) -> Any:
        if index == at:
            for i in which:
                (music / f"{i}.wav").rename(away / f"{i}.wav")
        return item(self, index)

    with monkeypatch.context() as patch:
        patch.setattr(ClipDataset, "__getitem__", meanwhile)
        with pytest.raises(NoiseprobeError, match=r"^\S+/music/[12].wav was there when clips were listed and is gone"):
            run_cell(tmp_path / "results", *data)
    assert not list(tmp_path.glob("results/*/DONE"))
    for path in away.iterdir():
        path.rename(music / path.name)
    equal(run_cell(tmp_path / "results", *data), whole)


def test_a_root_that_vanishes_between_runs_is_one_line_and_what_was_scored_stays(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scored: list[int]
) -> None:
    data = [*FEW, "data=folder", f"data.root={music}"]
    codes: Any = NoiseProbe.codes

    def stopped(self: NoiseProbe, pair: Any) -> Any:
        if pair.index == 2:
            raise KeyboardInterrupt
        return codes(self, pair)

    with monkeypatch.context() as patch:
        patch.setattr(NoiseProbe, "codes", stopped)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            run_cell(tmp_path / "results", *data)
    music.rename(tmp_path / "elsewhere")
    gone = quick_command(*SHORT, *data, f"paths.results={tmp_path}/results", cwd=tmp_path)
    assert gone.returncode == 1
    assert f"data.root: got {music}, expected a folder that exists" in gone.stderr
    assert "Traceback" not in gone.stderr
    (tmp_path / "elsewhere").rename(music)
    scored.clear()
    run_cell(tmp_path / "results", *data)
    assert scored == [2]


def test_results_that_are_removed_while_a_cell_runs_are_one_line(
    cell: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: Any = NoiseProbe.codes

    def removed(self: NoiseProbe, pair: Any) -> Any:
        if pair.index == 1:
            shutil.rmtree(tmp_path / "results", ignore_errors=True)
        return codes(self, pair)

    with monkeypatch.context() as patch:
        patch.setattr(NoiseProbe, "codes", removed)
        with pytest.raises(NoiseprobeError, match=r"^paths\.results: \S+ can't be written or read: No such file"):
            run_cell(tmp_path / "results", *FEW, "keep_audio=3")
    assert not list(tmp_path.glob("results/*"))
    equal(run_cell(tmp_path / "results", *FEW), cell)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Makes `results` or another folder a disk of its own, of some size; again: with other options."""
    done: list[Path] = []

    def mount(name: str, options: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        again = "remount," if folder in done else ""
        command = ["mount", "-t", "tmpfs", "-o", again + options, "tmpfs", str(folder)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"needs the right to mount: {made.stderr.strip()}")
        done.append(folder)
        return folder

    yield mount
    for folder in set(done):
        subprocess.run(["umount", folder], check=True)


SIZES = [pytest.param(size, marks=pytest.mark.slow) for size in ["4k", "72k", "160k"]]  # a record, tables, figures


@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
@pytest.mark.parametrize("size", ["40k", *SIZES])
def test_a_disk_that_is_full(cell: Path, tmp_path: Path, mounted: Callable[..., Path], size: str) -> None:
    """At a record, at a table: what is scored stays, nothing is half written, and with room the cell goes on."""
    results = mounted("results", f"size={size}")
    full = quick_command(*SHORT, *FEW, cwd=tmp_path)
    assert full.returncode == 1, full.stderr
    assert "Traceback" not in full.stderr
    line = r"^paths\.results: \S*results\S* can't be written or read: .*No space left on device"
    assert len(re.findall(line, full.stderr, flags=re.MULTILINE)) == 1, full.stderr
    assert not list(results.glob("**/.*.part"))
    mounted("results", "size=50m")
    assert quick_command(*SHORT, *FEW, cwd=tmp_path).returncode == 0
    equal(results / cell.name, cell)


@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
def test_a_full_disk_under_the_cache_is_a_warning(cell: Path, tmp_path: Path, mounted: Callable[..., Path]) -> None:
    cache = mounted("cache", "size=8k")
    done = quick_command(*SHORT, *FEW, f"paths.cache={cache}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert said.count(f"paths.cache: {cache} can't be written (No space left on device)") == 1
    equal(tmp_path / "results" / cell.name, cell)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
def test_a_folder_that_cannot_be_written_is_one_line_and_its_finished_cells_are_read(
    tmp_path: Path, mounted: Callable[..., Path]
) -> None:
    mounted("results", "size=50m")
    assert quick_command(*SHORT, *FEW, cwd=tmp_path).returncode == 0
    mounted("results", "ro")
    again = quick_command(*SHORT, *FEW, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "finished already" in again.stdout
    new = quick_command(*SHORT, *FEW, "seed=1", cwd=tmp_path)
    assert new.returncode == 1
    assert re.search(r"(?m)^paths\.results: \S+ can't be written or read: Read-only file system$", new.stderr)
    assert "Traceback" not in new.stderr
    assert "loading " not in new.stdout
    sweep = quick_command(*SHORT, *FEW, "seed=0,1", "-m", cwd=tmp_path)
    assert sweep.returncode == 1
    assert "Traceback" not in sweep.stderr
    assert sweep.stderr == "paths.results: results can't be written: Read-only file system\n"
