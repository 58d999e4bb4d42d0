"""One cell in several processes, however they are started: each clip once, the numbers of one process, and an end."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import pytest
import soundfile as sf

from noiseprobe import load_results
from noiseprobe.errors import NoiseprobeError
from noiseprobe.processes import check_launched
from tests.running import quick_command

RATE = 32_000
SONGS = [3, 2, 1, 1, 1, 1, 2]  # clips of each: 11 of 7
CELL = ["data=folder", "data.duration=2", "noise.onset=0.5", "noise.length=[0.1,0.4]", "cache=off", "report=false"]
DDP = ["trainer=ddp", "trainer.accelerator=cpu"]
KEYS = ["song", "clip", "variant"]


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Coloured noise, each clip another one, in a folder for each song."""
    root = tmp_path_factory.mktemp("music")
    random = np.random.default_rng(0)
    for song, clips in enumerate(SONGS):
        for clip in range(clips):
            folder = root / "band" / f"song{song}"
            folder.mkdir(parents=True, exist_ok=True)
            samples = np.cumsum(random.normal(0, 1, 2 * RATE))
            sf.write(folder / f"{clip}.wav", 0.1 * samples / np.abs(samples).max(), RATE)
    return root


@pytest.fixture(scope="module")
def alone(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of one process."""
    folder = tmp_path_factory.mktemp("alone")
    done = quick_command(*CELL, f"data.root={music}", "paths.results=one", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "one"


def same(one: Path, several: Path) -> None:
    """Rows of the same keys hold the same numbers, and there is the same number of rows."""
    a, b = load_results(one), load_results(several)
    assert not a.clips.empty
    clips = [r.clips.set_index(KEYS).sort_index() for r in (a, b)]
    assert clips[0].index.is_unique
    pd.testing.assert_frame_equal(*clips, rtol=0, atol=1e-9)
    # null stands for the mean of the codebooks
    profiles = [r.profile.fillna({"codebook": -1}).set_index(["variant", "codebook", "frame"]) for r in (a, b)]
    assert profiles[0].index.is_unique
    pd.testing.assert_frame_equal(*(p.sort_index() for p in profiles), rtol=0, atol=1e-9)
    assert a.rejected.equals(b.rejected)


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "force"), [(2, True), (3, False)])
def test_any_number_of_processes_gives_the_same_numbers(
    processes: int, force: bool, music: Path, alone: Path, tmp_path: Path
) -> None:
    """Also in place of a finished cell."""
    if force:
        shutil.copytree(alone, tmp_path / "results")
    overrides = [*CELL, *DDP, f"trainer.devices={processes}", f"data.root={music}", f"force={str(force).lower()}"]
    done = quick_command(*overrides, cwd=tmp_path)
    assert "finished already" not in done.stdout
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert len(load_results(alone).clips) == 2 * sum(SONGS)
    counted = [int(n) for n in re.findall(r"^tiny-\S+: (\d+)/11 clips, ", done.stderr, re.MULTILINE)]
    assert counted == sorted(set(counted))  # by one process, of all
    assert counted[-1] == 11
    same(alone, tmp_path / "results")
    assert not list((tmp_path / "results").glob("*/records"))


@pytest.mark.slow
def test_fewer_clips_than_processes(music: Path, tmp_path: Path) -> None:
    two = [*CELL, f"data.root={music}", "data.limit=2"]
    assert quick_command(*two, "paths.results=one", cwd=tmp_path).returncode == 0
    done = quick_command(*two, *DDP, "trainer.devices=3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(load_results(tmp_path / "one").clips) == 4
    same(tmp_path / "one", tmp_path / "results")


@pytest.mark.slow
def test_a_sweep_starts_fresh_processes_for_each_cell(music: Path, tmp_path: Path) -> None:
    """One cell fails, in its own processes: the others are scored, the end says why, and nothing else is left."""
    silent = tmp_path / "silent"
    silent.mkdir()
    (silent / "broken.wav").write_bytes(b"RIFF")
    swept = [*CELL, "data.limit=3", f"data.root={silent},{music}", "-m"]
    one = quick_command(*swept, "paths.results=one", cwd=tmp_path)
    done = quick_command(*swept, *DDP, cwd=tmp_path)
    assert (one.returncode, done.returncode) == (1, 1)
    assert "Traceback" not in done.stderr
    failures = [line for line in done.stderr.splitlines() if line.startswith("failed ")]
    assert len(failures) == 1
    assert "no clip of" in failures[0]
    assert str(silent) in failures[0]
    assert done.stdout.count("loading ") == 1  # by the first process of the other cell
    assert done.stdout.count("results  ") == 1  # once, at the end
    for cell in (cells := load_results(tmp_path / "one").folders):
        same(cell, tmp_path / "results" / cell.name)
    assert len(cells) == 1
    assert {p.name for p in tmp_path.iterdir()} == {"silent", "one", "results"}
    names = [{p.name for p in (tmp_path / folder).iterdir()} for folder in ("one", "results")]
    assert names[0] == names[1]
    again = quick_command(*swept, *DDP, cwd=tmp_path)
    assert again.stdout.count("is finished already") == 1
    assert "loading " not in again.stdout


@pytest.mark.slow
def test_an_experiment_of_many_cells(tmp_path: Path) -> None:
    """Its preset sweeps by itself, also over one cell, and none of the processes of its cells may."""
    short = ["data.limit=1", "data.duration=4", "noise.onset=2", "noise.length=0.5", "report=false"]
    done = quick_command("+experiment=paper_colors", *short, "noise=pink", *DDP, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "index    results/" in done.stdout  # the end of a sweep
    assert len(load_results(tmp_path / "results").folders) == 1


def launched(tmp_path: Path, environments: list[dict[str, str]], *overrides: str) -> list[tuple[int, str, str]]:
    """The same command in several processes that somebody else starts: exit status, stdout and stderr of each."""
    base = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "RANK", "LOCAL_RANK", "WORLD_SIZE"))}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "noiseprobe", *overrides], cwd=tmp_path, text=True,
            env=base | {"OMP_NUM_THREADS": "1"} | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for environment in environments
    ]  # fmt: skip
    ended = [p.communicate(timeout=240) for p in started]
    return [(p.returncode, *texts) for p, texts in zip(started, ended, strict=True)]


def free_port() -> str:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


@pytest.mark.slow
def test_two_nodes_of_torchrun(music: Path, alone: Path, tmp_path: Path) -> None:
    port = free_port()
    nodes = [
        {
            "RANK": str(rank), "LOCAL_RANK": "0", "GROUP_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "1",
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "here",
        }
        for rank in range(2)
    ]  # fmt: skip
    two = ["trainer.devices=1", "trainer.num_nodes=2"]
    ended = launched(tmp_path, nodes, *CELL, *DDP, *two, f"data.root={music}")
    assert [status for status, *_ in ended] == [0, 0], ended
    same(alone, tmp_path / "results")
    assert "results  " in ended[0][1]
    assert ended[1][1] == ""  # one of them speaks


@pytest.mark.slow
def test_two_tasks_of_slurm(music: Path, alone: Path, tmp_path: Path) -> None:
    """With the variables that srun sets; tests/launchers runs Slurm itself."""
    port = free_port()
    tasks = [
        {
            "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank),
            "SLURM_NODEID": "0", "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "probe", "SLURM_NODELIST": "localhost",
            "SLURM_NNODES": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
        }
        for rank in range(2)
    ]  # fmt: skip
    ended = launched(tmp_path, tasks, *CELL, *DDP, "trainer.devices=2", f"data.root={music}")
    assert [status for status, *_ in ended] == [0, 0], ended
    same(alone, tmp_path / "results")


def at_work(overrides: list[str], cwd: Path) -> "tuple[subprocess.Popen[str], IO[str]]":
    """A command that has scored its first clip, in a process group of its own, and its stderr."""
    process = subprocess.Popen(
        [sys.executable, "-m", "noiseprobe", *overrides], cwd=cwd, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"}, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if " clips/s" in line:
            break
    return process, process.stderr


def with_variable(group: int, variable: str) -> int:
    """The process of a process group that has a variable in its environment."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(entry.name)) == group and variable.encode() in (entry / "environ").read_bytes().split(
                b"\0"
            ):
                return int(entry.name)
        except OSError:
            continue  # it has ended, or isn't ours
    raise AssertionError(f"no process has {variable}")


@pytest.mark.slow
def test_a_process_that_is_killed_ends_its_cell_and_no_other(music: Path, alone: Path, tmp_path: Path) -> None:
    swept = [*CELL, *DDP, f"data.root={music}", "seed=0,1", "-m"]
    process, said = at_work(swept, tmp_path)
    os.kill(with_variable(process.pid, "LOCAL_RANK=1"), signal.SIGKILL)
    rest = said.read()
    assert process.wait(240) == 1, rest
    assert "Traceback" not in rest
    failures = [line for line in rest.splitlines() if line.startswith("failed ")]
    assert len(failures) == 1
    # whichever comes first: Lightning kills the others, or they notice
    assert "its processes ended with exit status" in failures[0] or "another process of this cell" in failures[0]
    assert len(load_results(tmp_path / "results").folders) == 1
    done = quick_command(*swept, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "clips were scored before" in done.stdout
    same(alone, next((tmp_path / "results").glob(alone_name(alone))))


def alone_name(alone: Path) -> str:
    return load_results(alone).folders[0].name


@pytest.mark.slow
def test_ctrl_c_ends_all_processes_of_a_sweep(music: Path, tmp_path: Path) -> None:
    swept = [*CELL, *DDP, f"data.root={music}", "data.limit=6", "seed=1,2", "keep_audio=0", "-m"]
    process, said = at_work(swept, tmp_path)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    rest = said.read()
    assert process.wait(120) == 130, rest
    assert "the same command goes on" in rest
    assert "Traceback" not in rest
    for _ in range(100):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.1)
    else:
        raise AssertionError("a process is left")
    done = quick_command(*swept, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(load_results(tmp_path / "results").clips) == 2 * 2 * 6


@pytest.mark.parametrize(
    ("environment", "processes", "sweep", "refused"),
    [
        ({}, 2, False, None),
        ({}, 2, True, None),
        ({"WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x", "LOCAL_RANK": "1"}, 2, False, None),
        ({"WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x", "LOCAL_RANK": "1"}, None, False, None),
        ({"WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x", "LOCAL_RANK": "1"}, 1, False, "expected the 2 that"),
        ({"WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x", "LOCAL_RANK": "0"}, 2, True, "for a sweep"),
        ({"SLURM_NTASKS": "4"}, 2, False, "expected the 4 that"),
        ({"SLURM_NTASKS": "4", "SLURM_JOB_NAME": "bash"}, 1, True, None),
        ({"SLURM_NTASKS": "1"}, 1, True, None),
        ({"WORLD_SIZE": "2", "LOCAL_RANK": "1"}, 2, False, None),  # Lightning's own child
    ],
)
def test_as_many_processes_as_asked_for(
    environment: dict[str, str], processes: int | None, sweep: bool, refused: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ["WORLD_SIZE", "LOCAL_RANK", "TORCHELASTIC_RUN_ID", "SLURM_NTASKS", "SLURM_JOB_NAME"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if refused is None:
        check_launched(processes, sweep)
    else:
        with pytest.raises(NoiseprobeError, match=refused):
            check_launched(processes, sweep)
