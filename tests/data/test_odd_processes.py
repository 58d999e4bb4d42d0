"""The odd inputs (tests/odd_inputs.py) under two processes: the same clips, numbers and reasons as under one."""

import os
import subprocess
from collections import Counter
from pathlib import Path

import odd_inputs
import pandas as pd
import pytest
from odd_inputs import CASES, DURATION
from running import quick_command

pytestmark = pytest.mark.slow

CELL = [f"data.duration={DURATION}", "data.limit=null", "noise.onset=0.2", "noise.length=0.1", "keep_nll=false"]
CELL += ["keep_audio=0", "logger=none"]
TWO = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("inputs") / "odd"
    root.mkdir()
    odd_inputs.build(root)
    return root


def overrides(root: Path, results: str) -> list[str]:
    return ["data=folder", f"data.root={root}", f"paths.results={results}", *CELL]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def one(inputs: Path, place: Path) -> Path:
    done = quick_command(*overrides(inputs, "one"), cwd=place)
    assert done.returncode == 0, done.stderr
    (cell,) = place.glob("one/tiny-*")
    return cell


@pytest.fixture(scope="module")
def two(inputs: Path, place: Path) -> tuple["subprocess.CompletedProcess[str]", Path]:
    """With a cache of its own: nothing that the other run found is used."""
    done = quick_command(*overrides(inputs, "two"), *TWO, cwd=place, XDG_CACHE_HOME=str(place / "cache"))
    assert done.returncode == 0, done.stderr
    (cell,) = place.glob("two/tiny-*")
    return done, cell


def test_no_clip_is_lost_or_there_twice(two: tuple["subprocess.CompletedProcess[str]", Path]) -> None:
    done, cell = two
    assert "Traceback" not in done.stderr
    clips, rejected = (pd.read_parquet(cell / f"{name}.parquet") for name in ["clips", "rejected"])
    scored = clips["clip"].str.rpartition("#")[0]
    assert Counter([*scored, *rejected["path"]]) == Counter(case.relative for case in CASES)
    assert f"rejected {len(rejected)}, with reasons in " in done.stdout
    assert (cell / "DONE").is_file()
    assert not (cell / "records").exists()


@pytest.mark.parametrize("table", ["clips", "rejected"])
def test_the_tables_are_those_of_one_process(
    one: Path, two: tuple["subprocess.CompletedProcess[str]", Path], table: str
) -> None:
    assert (two[1] / f"{table}.parquet").read_bytes() == (one / f"{table}.parquet").read_bytes()


def test_strict_ends_both_in_one_line(inputs: Path, one: Path, tmp_path: Path) -> None:
    done = quick_command(*overrides(inputs, "strict"), *TWO, "data.limit=4", "strict=true", cwd=tmp_path)
    first = pd.read_parquet(one / "rejected.parquet").iloc[0]
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "strict=true, " in line]
    assert line.partition("strict=true, ")[2].startswith(f"{first['path']} first: {first['reason']}")
    assert not list(tmp_path.glob("strict/*/DONE"))


def test_a_folder_of_nothing_but_bad_files_ends_both_in_one_line(tmp_path: Path) -> None:
    """Some are found bad when they are listed, others when they are decoded."""
    cases = [case for case in CASES if case.rejected is not None and case.path.count("/") == 1]
    root = tmp_path / "bad"
    made = []
    for case in cases:
        if "link" in case.path or "loop" in case.path or "\n" in case.path:
            continue
        path = root / case.path
        path.parent.mkdir(parents=True, exist_ok=True)
        case.make(path)
        made.append(path)
    assert len(made) > 30
    done = quick_command(*overrides(root, "results"), *TWO, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr, done.stderr
    said = [line for line in done.stderr.splitlines() if os.fspath(root) in line or "no clip" in line]
    assert said, done.stderr
    assert not list(tmp_path.glob("results/*/DONE"))
