"""Killed, stopped, or out of room at any moment: the same command goes on, and ends as if nothing had happened."""

import json
import os
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import soundfile as sf
from crashing import Command, Commands, Hit

from noiseprobe.data.datamodule import _unless_nobody_reads

SHORT = ["data.duration=2.5", "noise.onset=1", "report=false", "figures=[]"]
SWEEP = [*SHORT, "data.limit=4", "noise.length=0.2,0.3,0.4", "keep_audio=3", "-m"]
CELL = [*SHORT, "data.limit=2", "noise.length=[0.2,0.3]", "keep_audio=1"]
KILLS = 30


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    with Commands() as found:
        yield found


def run(commands: Commands, cwd: Path, *arguments: str, hit: Hit | None = None, status: int = 0, **env: str) -> Command:
    """A command to its end, which must be this one, without a traceback."""
    cwd.mkdir(exist_ok=True)
    command = commands.start(*arguments, cwd=cwd, hit=hit, **env)
    assert command.wait() == status, command.err
    assert "Traceback" not in command.err
    return command


@pytest.fixture(scope="module")
def whole(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[dict[str, Any], float]]:
    """What an uninterrupted run of a command leaves, and its seconds."""
    known: dict[tuple[str, ...], tuple[dict[str, Any], float]] = {}

    def find(*arguments: str) -> tuple[dict[str, Any], float]:
        if arguments not in known:
            cwd = tmp_path_factory.mktemp("whole")
            start = time.monotonic()
            run(commands, cwd, *arguments)
            known[arguments] = content(cwd / "results"), time.monotonic() - start
        return known[arguments]

    return find


def content(results: Path) -> dict[str, Any]:
    """All that lies there: bytes, and where these say when and how it was made, the rest of it."""
    found: dict[str, Any] = {}
    for path in sorted(p for p in results.rglob("*") if p.is_file()):
        name, stored = str(path.relative_to(results)), path.read_bytes()
        if path.suffix == ".ogg":  # whose stream has a random number
            found[name] = sf.read(path)[0].tobytes()
        elif path.name == "meta.json":
            found[name] = {k: v for k, v in json.loads(stored).items() if k not in ["seconds", "git"]}
        elif path.name == "config.yaml":
            found[name] = re.sub(rb"(?m)^ *(cache|force): .*", b"", stored)
        elif path.parent != results or path.suffix == ".parquet":  # Hydra's notes, parts of the index
            found[name] = stored
    return found


def same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []


def test_what_is_compared_is_everything(whole: Callable[..., tuple[dict[str, Any], float]]) -> None:
    expected, _ = whole(*CELL)
    names = {Path(name).name for name in expected}
    assert names >= {
        *(f"{n}.parquet" for n in ["clips", "nll", "profile", "rejected", "shapes", "signals"]),
        "summary.json", "meta.json", "config.yaml", "profile.svg", "profile.png", "metrics.csv", "DONE",
        "000000.json", "000000-clean.ogg", "000000-1.ogg", "000000-1.webp",
    }  # fmt: skip
    assert not any(name.endswith(".part") or "records" in name for name in expected)


@pytest.mark.slow
def test_thirty_random_kills_of_a_sweep(
    commands: Commands, whole: Callable[..., tuple[dict[str, Any], float]], tmp_path: Path
) -> None:
    """Half of them with the cache that cells share. A sweep that ends in spite of them is compared and begun anew."""
    whole(*CELL)  # in which matplotlib lists the fonts, for once
    expected, seconds = whole(*SWEEP)
    random, kills, rounds = Random(0), 0, 0
    phases: Counter[str] = Counter()
    while kills < KILLS:
        cwd = tmp_path / str(rounds)
        cwd.mkdir()
        arguments = [*SWEEP, f"cache={['false', 'true'][rounds % 2]}"]
        enough = kills + KILLS // 3
        status = None
        while status != 0:
            command = commands.start(*arguments, cwd=cwd)
            status = command.wait(random.uniform(0, seconds / 2) if kills < enough else 300)
            if status is None:
                command.send(signal.SIGKILL)
                status = command.wait()
            if status != 0:
                assert status == -signal.SIGKILL, command.err
                kills += 1
                phases[phase(command)] += 1
        same(content(cwd / "results"), expected)
        rounds += 1
    print(f"{kills} kills in {rounds} sweeps of {seconds:.1f} s: {dict(phases)}")


def phase(command: Command) -> str:
    """What the command was at when it was killed, by the last step that it took in a cell."""
    last = next((s for s in reversed(command.steps) if "/tiny-" in s and not s.startswith("mkdir")), "")
    if not last or last.endswith("/DONE"):
        return "starting"
    if "/audio/" in last or "/records" in last:
        return "scoring" if last.startswith("replace") else "ending"
    return "writing"


@pytest.fixture(scope="module")
def scored(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which CELL was killed when all was scored and no table was written."""
    cwd = tmp_path_factory.mktemp("scored")
    run(commands, cwd, *CELL, hit=Hit("kill", 1, "rejected.parquet"), status=-signal.SIGKILL)
    (cell,) = (cwd / "results").iterdir()
    assert {p.name for p in cell.iterdir() if p.is_dir()} == {"audio", "records"}
    assert {p.name for p in (cell / "records").iterdir()} == {"000000.npz", "000001.npz", "lock"}
    return cwd


@pytest.mark.slow
def test_a_kill_at_every_step_of_the_writing(
    commands: Commands, whole: Callable[..., tuple[dict[str, Any], float]], scored: Path, tmp_path: Path
) -> None:
    """Each table, each figure, DONE, each record that goes."""
    expected, _ = whole(*CELL)
    n, steps = 0, []
    while True:
        n += 1
        cwd = shutil.copytree(scored, tmp_path / str(n))
        command = commands.start(*CELL, cwd=cwd, hit=Hit("kill", n))
        if command.wait() == 0:
            break
        steps.append(Path(command.steps[-1]).name)
        again = run(commands, cwd, *CELL)
        done = "finished already" in again.out
        assert done == (steps.count("DONE") > 1 and steps[-1] != "DONE")  # first it is looked for
        same(content(cwd / "results"), expected)
        assert not list(cwd.glob("results/*/records"))
        shutil.rmtree(cwd)
    assert set(steps) >= {"clips.parquet", "summary.json", "profile.png", "DONE", "000001.npz", "records"}


@pytest.mark.parametrize("kind", ["white", pytest.param("token_self", marks=pytest.mark.slow)])
def test_a_clip_whose_record_was_written_and_whose_audio_was_not_gets_its_audio(
    commands: Commands, whole: Callable[..., tuple[dict[str, Any], float]], tmp_path: Path, kind: str
) -> None:
    """Also where audio is decoded from codes, of which a record has none."""
    arguments = [*CELL, f"noise={kind}"]
    expected, _ = whole(*arguments)
    run(commands, tmp_path, *arguments, hit=Hit("kill", 1, "rejected.parquet"), status=-signal.SIGKILL)
    (json_file,) = tmp_path.glob("results/*/audio/*.json")
    json_file.unlink()  # which is written last
    json_file.with_name("000000-clean.ogg").unlink()
    again = run(commands, tmp_path, *arguments)
    assert "1 clips were scored before and are not scored again" in again.out
    assert "1 clips were scored before but lack their audio" in again.out
    same(content(tmp_path / "results"), expected)


@pytest.mark.slow
@pytest.mark.parametrize(("what", "status"), [("interrupt", 130), ("terminate", 143)])
@pytest.mark.parametrize("at", ["000001.npz", "summary.json"])
def test_a_signal_ends_the_sweep_which_says_how_to_go_on(
    commands: Commands, whole: Callable[..., tuple[dict[str, Any], float]], tmp_path: Path, what: str, status: int,
    at: str,
) -> None:  # fmt: skip
    """Ctrl-C, and what Slurm sends first. Lightning would take either for a failure of one cell, or swallow it."""
    command = run(commands, tmp_path, *SWEEP, hit=Hit(what, 1, at), status=status)
    assert command.err.count("interrupted; the same command goes on where it stopped") == 1
    assert len(list(tmp_path.glob("results/tiny-*"))) == 1
    assert not list(tmp_path.glob("results/*/DONE"))
    run(commands, tmp_path, *SWEEP)
    same(content(tmp_path / "results"), whole(*SWEEP)[0])


def until_a_clip_is_scored(command: Command, cwd: Path) -> None:
    while not list(cwd.glob("results/*/records/*.npz")):
        assert command.wait(0.005) is None, command.err


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_terminals_ctrl_c_reaches_the_workers_too(commands: Commands, tmp_path: Path, workers: int) -> None:
    arguments = [*CELL, "data.limit=12", f"data.num_workers={workers}"]
    command = commands.start(*arguments, cwd=tmp_path)
    until_a_clip_is_scored(command, tmp_path)
    command.send(signal.SIGINT)
    assert command.wait() == 130, command.err
    assert "Traceback" not in command.err


@pytest.mark.slow
def test_ctrl_c_is_not_for_the_workers(commands: Commands, tmp_path: Path) -> None:
    """They end when the process that reads from them does, whichever of them the signal reaches first."""
    command = commands.start(*CELL, "data.limit=12", "data.num_workers=2", cwd=tmp_path)
    until_a_clip_is_scored(command, tmp_path)
    workers = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
    assert len(workers) >= 2
    for worker in workers:
        os.kill(int(worker), signal.SIGINT)
    assert command.wait() == 0, command.err


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_second_process_on_the_same_cell_says_so_and_the_lock_of_a_killed_one_is_free(
    commands: Commands, tmp_path: Path, workers: int
) -> None:
    """At once, though workers of the killed one live on for some seconds."""
    arguments = [*CELL, "data.limit=12", f"data.num_workers={workers}"]
    first = commands.start(*arguments, cwd=tmp_path)
    until_a_clip_is_scored(first, tmp_path)
    second = run(commands, tmp_path, *arguments, status=1)
    assert first.wait(0) is None
    assert [line for line in second.err.splitlines() if "another run is working on it; wait for it, or stop it" in line]
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert not list(tmp_path.glob("results/*/DONE"))
    run(commands, tmp_path, *arguments)


FULL = "No space left on device"


PLACES = ["000000-clean.ogg", "summary.json", "profile.svg", "/DONE", "/logs", "/records"]


@pytest.mark.parametrize(
    "at", ["000001.npz", "nll.parquet", *(pytest.param(place, marks=pytest.mark.slow) for place in PLACES)]
)
def test_a_full_disk_is_one_line_and_the_same_command_goes_on(
    commands: Commands, whole: Callable[..., tuple[dict[str, Any], float]], tmp_path: Path, at: str
) -> None:
    n = 2 if at == "/DONE" else 1  # first it is looked for
    full = run(commands, tmp_path, *CELL, hit=Hit("full", n, at), status=1)
    line = rf"^paths\.results: .*results/tiny-\S+ can't be written or read: {FULL}$"
    assert len(re.findall(line, full.err, flags=re.MULTILINE)) == 1, full.err
    assert not list(tmp_path.glob("results/**/.*.part"))
    assert not list(tmp_path.glob("results/*/DONE"))
    run(commands, tmp_path, *CELL)
    same(content(tmp_path / "results"), whole(*CELL)[0])


def test_a_worker_is_silent_of_a_reader_that_went_away_and_of_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    for error in [ConnectionResetError(104, "reset"), EOFError(), BrokenPipeError(32, "pipe")]:
        _unless_nobody_reads(type(error), error, None)
    assert capsys.readouterr().err == ""
    _unless_nobody_reads(OSError, OSError(5, "disk"), None)
    assert "disk" in capsys.readouterr().err
