"""Sweeps through Hydra's launchers end as they do without one: results the same to the byte, and failures told."""

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import slurmcluster
from pagereading import Page
from running import SHORT, command, quick_command

pytestmark = pytest.mark.slow

SWEEP = [*SHORT[:-1], "noise.length=0.2,99,0.5", "-m"]  # 99 s don't fit
TABLES = ["clips.parquet", "profile.parquet", "nll.parquet", "summary.json"]
PLUGINS = {
    "local": "hydra_joblib_launcher", "submitit_local": "hydra_submitit_launcher",
    "ray_local": "hydra_ray_launcher", "slurm": "hydra_submitit_launcher",
}  # fmt: skip
OPTIONS = {
    "ray_local": ["hydra.launcher.ray.init.num_cpus=2"],
    "slurm": ["gpus_per_node=null", "cpus_per_task=1", "mem_gb=1"],
}
OPTIONS["slurm"] = [f"hydra.launcher.{option}" for option in OPTIONS["slurm"]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    if why := slurmcluster.missing():
        pytest.skip(why)
    with slurmcluster.slurm(tmp_path_factory.mktemp("slurm")) as env:
        yield env


def arguments(launcher: str) -> list[str]:
    """The part of a command line."""
    plugin = PLUGINS[launcher]
    if find_spec("hydra_plugins") is None or find_spec(f"hydra_plugins.{plugin}") is None:
        pytest.skip(f"{plugin} isn't installed")
    return [f"hydra/launcher={launcher}", *OPTIONS.get(launcher, [])]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the sweep without a launcher."""
    folder = tmp_path_factory.mktemp("plain")
    assert quick_command(*SWEEP, cwd=folder).returncode == 1
    return folder / "results"


@pytest.mark.parametrize("launcher", PLUGINS)
def test_a_sweep_is_that_without_a_launcher(
    plain: Path, launcher: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    env = request.getfixturevalue("cluster") if launcher == "slurm" else {}
    done = command(*SWEEP, *arguments(launcher), cwd=tmp_path, env=env)
    results = tmp_path / "results"
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("failed   ") == 1, done.stderr
    assert "noise.length=99: noise.length: got 99 s" in done.stderr
    assert "Traceback" not in done.stderr
    assert "launched 3 cells" in done.stdout
    # once, at the end
    assert [done.stdout.count(f"{what:8} results/") for what in ["index", "report", "effect"]] == [1, 3, 1]
    cells = sorted(p.name for p in plain.glob("*/"))
    assert len(cells) == 2
    assert sorted(p.name for p in results.glob("[!.]*/")) == cells
    for cell in cells:
        for name in TABLES:
            assert (results / cell / name).read_bytes() == (plain / cell / name).read_bytes(), name
    assert set(pq.read_table(results / "index.parquet")["cell"].to_pylist()) == set(cells)
    page = Page((results / "report.html").read_text(encoding="utf-8"))
    assert sorted(cell["name"] for cell in page.json("data")["cells"]) == cells
    assert "noise.length=99 failed: noise.length: got 99 s" in page.text
    assert not list(results.glob(".sweep-*"))

    again = quick_command(*SWEEP, "hydra/launcher=basic", "report=false", "figures=[]", cwd=tmp_path)
    assert again.returncode == 1
    assert again.stdout.count("is finished already") == 2


# noise.level=lufs is what imports pyloudnorm, so one of two cells meets what a module of that name does
TWO = [*SHORT, "noise.level=match,lufs", "-m"]


def meeting(folder: Path, code: str) -> dict[str, str]:
    (folder / "instead").mkdir()
    (folder / "instead" / "pyloudnorm.py").write_text(code)
    return {"PYTHONPATH": str(folder / "instead")}


@pytest.mark.parametrize("launcher", ["local", "submitit_local", "ray_local"])
def test_an_error_of_a_library_is_told(launcher: str, tmp_path: Path) -> None:
    env = meeting(
        tmp_path, "class Odd(Exception):\n def __init__(self, a, b): super().__init__(a)\nraise Odd('boom', 1)"
    )
    done = command(*TWO, *arguments(launcher), cwd=tmp_path, env=env)
    assert done.returncode == 1
    assert "noise.level=lufs: Odd: boom" in done.stderr
    assert done.stderr.count("failed   ") == 1
    assert len(list(tmp_path.glob("results/*/DONE"))) == 1
    assert "report   results/report.html" in done.stdout
    logs = [p.read_text() for p in tmp_path.glob("results/.submitit/*/*.err")]
    assert any("Traceback" in said for said in [done.stdout, done.stderr, *logs])


@pytest.mark.parametrize("launcher", ["local", "submitit_local"])
def test_a_killed_cell_is_told_and_goes_on_later(launcher: str, tmp_path: Path) -> None:
    env = meeting(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    done = command(*TWO, *arguments(launcher), cwd=tmp_path, env=env)
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("failed   ")]
    assert any("noise.level=lufs" in line for line in told), done.stderr
    if launcher == "submitit_local":  # where a cell's process is its own
        assert len(told) == 1
        assert "its process ended without an answer (LocalJob " in told[0]
        assert len(list(tmp_path.glob("results/*/DONE"))) == 1
        assert "report   results/report.html" in done.stdout
    else:
        assert all("hydra/launcher: TerminatedWorkerError" in line for line in told), told
    assert "Traceback" not in done.stderr
    again = command(*TWO, *arguments(launcher), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert len(list(tmp_path.glob("results/*/DONE"))) == 2


def test_two_jobs_of_one_cell_leave_one_result(plain: Path, tmp_path: Path) -> None:
    twice = [*SHORT[:-1], "noise.length=0.2", "seed=0,0", "-m"]
    done = command(*twice, *arguments("local"), cwd=tmp_path)
    told = [line for line in done.stderr.splitlines() if line.startswith("failed   ")]
    assert all("another run is working on it" in line for line in told), done.stderr
    assert len(told) < 2
    assert done.returncode == len(told)
    (cell,) = tmp_path.glob("results/*/DONE")
    for name in TABLES:
        assert (cell.parent / name).read_bytes() == (plain / cell.parent.name / name).read_bytes(), name


def test_jobs_share_the_cores(tmp_path: Path) -> None:
    """With two jobs on N cores each has N/2 threads, unless OMP_NUM_THREADS says otherwise."""
    code = "import torch\nraise RuntimeError(f'{torch.get_num_threads()} threads')"
    env = {k: v for k, v in {**os.environ, **meeting(tmp_path, code)}.items() if k != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-m", "noiseprobe", *SHORT, "noise.level=lufs", "-m", *arguments("local")],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert f"RuntimeError: {max(1, len(os.sched_getaffinity(0)) // 2)} threads" in done.stderr


def test_a_job_of_slurm_that_is_told_to_stop_goes_on_where_it_stopped(cluster: dict[str, str], tmp_path: Path) -> None:
    """As near the end of its time, or when another job takes its place."""
    sweep = ["data.limit=20", "noise.length=[0.2,0.5,1]", "keep_audio=0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "noiseprobe", *sweep, *arguments("slurm"), "-m"],
        cwd=tmp_path, env=cluster, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    with process:
        wait_for(lambda: len(list(tmp_path.glob("results/*/records/*"))) >= 4, process)
        slurm(cluster, "scancel", "--signal=USR2", "--name=noiseprobe")
        # Slurm lets a job that was queued again wait for two minutes.
        wait_for(lambda: slurm(cluster, "squeue", "-h", "-o", "%T") == "PENDING", process)
        slurm(cluster, "scontrol", "update", f"JobId={slurm(cluster, 'squeue', '-h', '-o', '%i')}", "StartTime=now")
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    (log,) = tmp_path.glob("results/.submitit/*/*_log.out")
    assert "this job is preempted" in log.read_text()
    assert "clips were scored before and are not scored again" in log.read_text()
    assert quick_command(*sweep, "paths.results=plain", cwd=tmp_path).returncode == 0
    (cell,) = tmp_path.glob("results/*/DONE")
    for name in TABLES:
        assert (cell.parent / name).read_bytes() == (tmp_path / "plain" / cell.parent.name / name).read_bytes(), name


def slurm(cluster: dict[str, str], *words: str) -> str:
    return subprocess.run(words, env=cluster, check=True, capture_output=True, text=True).stdout.strip()


def wait_for(ready: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + 120
    while not ready():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_running_ray_cluster_that_was_started_elsewhere(plain: Path, tmp_path: Path) -> None:
    arguments("ray_local")
    address = f"127.0.0.1:{slurmcluster.free_ports(1)[0]}"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    launcher = ["hydra/launcher=ray_cluster", f"hydra.launcher.ray.init.address={address}"]
    # A token of the test's own, so that it reaches its own cluster and no other.
    env = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with ray(address, tmp_path / "elsewhere", env):
        done = command(*SWEEP, *launcher, "hydra.launcher.ray.remote.num_gpus=0", cwd=tmp_path / "here", env=env)
    assert done.returncode == 1
    assert done.stderr.count("failed   ") == 1, done.stderr
    cells = [path.parent for path in plain.glob("*/DONE")]
    assert len(cells) == 2
    for cell in cells:
        for name in TABLES:
            assert (tmp_path / "here/results" / cell.name / name).read_bytes() == (cell / name).read_bytes(), name
    assert not (tmp_path / "elsewhere/results").exists()


@contextmanager
def ray(address: str, cwd: Path, env: dict[str, str]) -> Iterator[None]:
    """A cluster of this machine alone; its sockets need a short path."""
    host, port = address.split(":")
    program = str(Path(sys.executable).with_name("ray"))
    options = [f"--node-ip-address={host}", f"--port={port}", "--num-cpus=2", "--object-store-memory=80000000"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [program, "start", "--head", "--block", "--include-dashboard=false", f"--temp-dir={folder}", *options],
            cwd=cwd, env={**os.environ, **env, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            assert any("Ray runtime started" in line for line in process.stdout)
            yield
        finally:
            process.terminate()
            process.communicate(timeout=60)
