"""Odd inputs (tests/odd_inputs.py): each is scored right or rejected with its reason; the rest is done and counted."""

import faulthandler
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import odd_inputs
import pandas as pd
import pytest
import torch
from odd_inputs import CASES, DURATION, RATE, SHORTEST, Case
from running import composed, quick_command, run_cell

from noiseprobe.config import check
from noiseprobe.data.audio import BadAudio, decode
from noiseprobe.data.manifest import Manifest
from noiseprobe.data.sources import folder
from noiseprobe.errors import NoiseprobeError
from noiseprobe.hashing import hash_files, memory_file

CELL = [f"data.duration={DURATION}", "data.limit=null", "noise.onset=0.2", "noise.length=0.1", "keep_nll=false"]
Outcome = np.ndarray | str


def listing(root: Path) -> Manifest:
    return folder.listing(check(composed("data=folder", f"data.root={root}", *CELL)).data, SHORTEST)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("inputs") / "odd"
    root.mkdir()
    odd_inputs.build(root)
    return root


@pytest.fixture(scope="module")
def outcomes(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Outcome]]:
    """By path: what is heard, or the reason."""
    faulthandler.dump_traceback_later(300, exit=True)  # a pipe blocks and /dev/zero never ends, in C
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
            found = listing(inputs)
        result: list[tuple[str, Outcome]] = [(r.path, r.reason) for r in found.rejected]
        for clip in found.clips:
            try:
                result.append((clip.id.removesuffix("#0.0"), decode(clip, RATE, 1)[0].numpy()))
            except BadAudio as error:
                result.append((clip.id.removesuffix("#0.0"), str(error)))
    finally:
        faulthandler.cancel_dump_traceback_later()
    return result


def test_there_are_200_and_each_has_one_outcome(outcomes: list[tuple[str, Outcome]]) -> None:
    assert len(CASES) >= 200
    assert Counter(path for path, _ in outcomes) == Counter(case.relative for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=[ascii(case.path)[1:60] for case in CASES])
def test_an_odd_input_is_scored_right_or_rejected_with_its_reason(
    case: Case, outcomes: list[tuple[str, Outcome]]
) -> None:
    found = dict(outcomes)[case.relative]
    if case.rejected is not None:
        assert isinstance(found, str)
        assert re.search(case.rejected, found)
        assert len(found.splitlines()) == 1
    else:
        assert not isinstance(found, str), found
        assert len(found) == len(case.heard)
        error = np.abs(found.astype(np.float64) - case.heard)[case.inner]
        assert error.max() <= case.tolerance


# What can't be in the table: it takes another user, or more than a test's folder may hold


def test_what_may_not_be_read_is_rejected_and_the_others_go_on() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "music"
        if not all(p.stat().st_mode & 1 for p in root.parents if p != Path(temporary)):
            pytest.skip("others may not enter the temporary folder")
        for name in ["good.wav", "closed.wav", "shut/x.wav", "only listed/x.wav", "only listed/more/x.wav"]:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            odd_inputs.sound("").make(root / name)
        data = check(composed("data=folder", f"data.root={root}", *CELL)).data
        modes = {root.parent: 0o755, root / "closed.wav": 0, root / "shut": 0, root / "only listed": 0o444}
        for path, mode in modes.items():
            path.chmod(mode)
        user = os.geteuid()
        os.seteuid(user or 65_534)  # root may read everything
        try:
            found = folder.listing(data, SHORTEST)
        finally:
            os.seteuid(user)
            for path in modes:
                path.chmod(0o755)
    assert [clip.id for clip in found.clips] == ["good.wav#0.0"]
    assert {r.path: r.reason for r in found.rejected} == dict.fromkeys(
        ["closed.wav", "shut", "only listed/x.wav", "only listed/more"], "Permission denied"
    )


def test_folders_may_lie_thousands_of_levels_deep(tmp_path: Path) -> None:
    """Beyond what recursion, libsndfile (1024 bytes) and the operating system (4096 bytes) take."""
    root = tmp_path / "music"
    root.mkdir()
    odd_inputs.sound("").make(root / "x.wav")
    at = os.open(root, os.O_RDONLY)
    try:
        for level, name in enumerate(["d"] * 1200 + ["n" * 200] * 10, 1):
            os.mkdir(name, dir_fd=at)
            inner = os.open(name, os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = inner
            if level in [100, 1200, 1210]:
                os.link(root / "x.wav", "x.wav", dst_dir_fd=at)
        found = listing(root)
    finally:
        os.close(at)
        subprocess.run(["rm", "-rf", root], check=True)  # shutil.rmtree recurses
    assert [clip.id for clip in found.clips] == ["d/" * 100 + "x.wav#0.0", "x.wav#0.0"]
    (unopened, unlisted) = sorted(found.rejected, key=lambda r: len(r.path))
    assert (unopened.path, "filename too long" in unopened.reason) == ("d/" * 1200 + "x.wav", True)
    assert (unlisted.path.strip("dn/"), unlisted.reason) == ("", "File name too long")


def test_two_names_that_read_alike_are_not_one_clip(tmp_path: Path) -> None:
    for name in [b"a\xff.wav", rb"a\xff.wav", b"b.wav"]:
        odd_inputs.sound("").make(tmp_path / os.fsdecode(name))
    found = listing(tmp_path)
    assert [clip.id for clip in found.clips] == [r"a\xff.wav#0.0", "b.wav#0.0"]
    assert [(r.path, r.reason) for r in found.rejected] == [
        (r"a\xff.wav", "another file's name, with its bytes written out, is the same")
    ]


def test_an_odd_rate_of_millions_takes_no_gigabytes(tmp_path: Path) -> None:
    case = odd_inputs.sound("x.wav", rate=4_000_037, seconds=1.4)
    case.make(tmp_path / "x.wav")
    (clip,) = listing(tmp_path).clips
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), before[1]))
    try:
        found = decode(clip, RATE, 1)[0].numpy()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert np.abs(found - case.heard)[case.inner].max() <= case.tolerance


def test_a_file_that_only_goes_forward_can_be_scored_from_anywhere(tmp_path: Path) -> None:
    case = odd_inputs.sound("x.wav", subtype="GSM610")
    case.make(tmp_path / "x.wav")
    (clip,) = listing(tmp_path).clips
    later = decode(replace(clip, start=0.25, duration=1.0), RATE, 1)
    assert torch.equal(later, decode(clip, RATE, 1)[:, 8000:40_000])


def test_only_regular_files_are_hashed_and_any_name_is_remembered(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"\xff\n")
    odd.write_bytes(b"music")
    os.mkfifo(tmp_path / "pipe")
    endless = [tmp_path / "pipe", Path("/dev/zero"), tmp_path]
    for _ in range(2):  # the second time from memory
        hashes, errors = hash_files([odd, *endless])
        assert hashes == {odd: hashlib.sha256(b"music").hexdigest()}
        assert {path: error.strerror for path, error in errors.items()} == dict.fromkeys(endless, "not a regular file")
    assert len(json.loads(memory_file().read_text())) == 1


def test_an_error_that_names_a_file_is_one_line_whatever_the_name(tmp_path: Path) -> None:
    odd = tmp_path / "music/odd\nname.wav"
    odd.parent.mkdir()
    odd.touch()
    data = ["data=folder", f"data.root={odd.parent}", *CELL]
    with pytest.raises(NoiseprobeError, match="can be scored") as nothing:
        run_cell(tmp_path / "results", *data)
    odd_inputs.sound("").make(odd.with_name("good.wav"))
    with pytest.raises(NoiseprobeError, match="strict=true") as fresh:
        run_cell(tmp_path / "results", *data, "strict=true")
    run_cell(tmp_path / "results", *data)
    with pytest.raises(NoiseprobeError, match="strict=true") as finished:
        run_cell(tmp_path / "results", *data, "strict=true")
    errors = [str(error.value) for error in [nothing, fresh, finished]]
    assert [len(error.splitlines()) for error in errors] == [1, 1, 1]
    assert all(r"odd\nname.wav" in error for error in errors)


# A whole cell


class Cell:
    """`python -m noiseprobe` on a folder, and what it leaves."""

    def __init__(self, root: Path, results: Path, *overrides: str) -> None:
        self.root, self.results = root, results
        self.first = self.run(*overrides)

    def run(self, *overrides: str) -> subprocess.CompletedProcess[str]:
        arguments = ["data=folder", f"data.root={self.root}", f"paths.results={self.results}", *CELL, *overrides]
        return quick_command(*arguments, cwd=self.results, XDG_CACHE_HOME=str(self.results / "cache"))

    @property
    def folder(self) -> Path:
        (found,) = self.results.glob("tiny-*")
        return found

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / f"{name}.parquet")


@pytest.fixture(scope="module")
def cell(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Cell:
    return Cell(inputs, tmp_path_factory.mktemp("results"))


@pytest.mark.slow
def test_a_cell_of_odd_inputs_ends_well_with_each_scored_or_rejected_once(
    cell: Cell, outcomes: list[tuple[str, Outcome]]
) -> None:
    assert cell.first.returncode == 0, cell.first.stderr
    assert "Traceback" not in cell.first.stderr
    rejected, clips = cell.table("rejected"), cell.table("clips")
    clips["path"] = clips["clip"].str.rpartition("#")[0]
    assert Counter([*rejected["path"], *clips["path"]]) == Counter(case.relative for case in CASES)
    assert dict(zip(rejected["path"], rejected["reason"], strict=True)) == {
        path: found for path, found in outcomes if isinstance(found, str)
    }
    assert re.search(rf"^rejected {len(rejected)}, with reasons in ", cell.first.stdout, re.MULTILINE)

    assert np.isfinite(clips[["nll_clean", "nll_corrupted", "delta", "peak_delta", "recovery_delta"]]).all(axis=None)
    # The only numbers that may be absent are levels, and those of silence.
    heard = {path: found for path, found in outcomes if not isinstance(found, str)}
    span = slice(round(0.2 * RATE), round(0.3 * RATE))
    power = np.array([np.mean(np.square(heard[path][span], dtype=np.float64)) for path in clips["path"]])
    assert (power == 0).any()
    assert clips[["level_db", "music_db"]][power == 0].isna().all(axis=None)
    assert clips[["level_db", "music_db", "noise_db", "snr_db"]][power > 1e-80].notna().all(axis=None)
    np.testing.assert_allclose(clips["music_db"][power > 0], 10 * np.log10(power[power > 0]), atol=1e-6)


@pytest.mark.slow
def test_a_finished_cell_of_odd_inputs_finds_nothing_new(cell: Cell) -> None:
    before = (cell.folder / "clips.parquet").read_bytes()
    again = cell.run()
    assert again.returncode == 0
    assert "is finished already" in again.stdout
    assert "rejected since" not in again.stdout + again.stderr
    assert (cell.folder / "clips.parquet").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("finished", [True, False])
def test_strict_makes_the_first_rejected_an_error_of_one_line(
    cell: Cell, inputs: Path, tmp_path: Path, finished: bool
) -> None:
    strict = cell.run("strict=true") if finished else Cell(inputs, tmp_path, "data.limit=2", "strict=true").first
    assert strict.returncode == 1
    assert "Traceback" not in strict.stderr
    first = cell.table("rejected").iloc[0]
    (line,) = [line for line in strict.stderr.splitlines() if "strict=true, " in line]
    assert f"strict=true, {first['path']} first: {first['reason']}" in line


@pytest.mark.slow
def test_workers_change_no_byte_of_the_tables(cell: Cell, inputs: Path, tmp_path: Path) -> None:
    other = Cell(inputs, tmp_path, "data.num_workers=2", "data.batch_size=5")
    for table in ["clips.parquet", "rejected.parquet", "profile.parquet"]:
        assert (other.folder / table).read_bytes() == (cell.folder / table).read_bytes()


@pytest.mark.slow
def test_odd_inputs_change_no_number_of_the_others(cell: Cell, inputs: Path, tmp_path: Path) -> None:
    scored = [case for case in CASES if case.rejected is None and not (inputs / case.path).is_symlink()][::10]
    (tmp_path / "results").mkdir()
    for case in scored:
        path = tmp_path / "odd" / case.path
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(inputs / case.path, path)
    alone = Cell(tmp_path / "odd", tmp_path / "results").table("clips").drop(columns="cell")
    together = cell.table("clips").drop(columns="cell")
    together = together[together["clip"].isin(alone["clip"])].reset_index(drop=True)
    assert len(alone) == len(scored) > 20
    pd.testing.assert_frame_equal(alone, together, check_exact=True)
