"""How cells in other processes are accounted for; tests/launchers has the launchers themselves."""

import os
import pickle
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import DictConfig, OmegaConf
from running import SHORT, quick_command

from noiseprobe import launching
from noiseprobe.callbacks.sweep import SweepCallback
from noiseprobe.errors import NoiseprobeError
from noiseprobe.launching import Away, Watched, check_installed, counting


def test_errors_travel_between_processes() -> None:
    error = NoiseprobeError("data.root: got a\nb, expected é")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is NoiseprobeError
    assert str(copy) == str(error) == "data.root: got a\\nb, expected é"


def test_a_copy_of_the_callback_ends_no_sweep(tmp_path: Path) -> None:
    callback = SweepCallback()
    callback.sweeping = True
    callback.jobs = [JobReturn()]
    copy = pickle.loads(pickle.dumps(callback))
    config = OmegaConf.create({"fail_fast": True, "paths": {"results": str(tmp_path)}, "logger": {"name": "csv"}})
    failed = JobReturn(status=JobStatus.FAILED, _return_value=NoiseprobeError("no"))
    copy.on_job_end(config, failed)  # under fail_fast the sweep's own one would exit
    assert copy.jobs == []
    with pytest.raises(SystemExit):
        callback.on_job_end(config, failed)


class Job:
    """Stands for a cell's task in a launcher's process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int = 0) -> None:
        hydra = OmegaConf.create({"job": {"num": number}})
        monkeypatch.setattr(HydraConfig, "get", staticmethod(lambda: hydra))


class Odd(Exception):
    """As of a library: it can be pickled, but not unpickled."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(f"{why}\n{code}")


def test_an_error_that_cannot_travel_becomes_one_that_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Job(monkeypatch)

    def task(cfg: DictConfig) -> str:
        raise Odd(7, "torn")

    with pytest.raises(NoiseprobeError) as caught:
        Away(task, tmp_path)(OmegaConf.create())
    assert str(pickle.loads(pickle.dumps(caught.value))) == "Odd: torn"
    assert "in task" in capsys.readouterr().err  # the traceback, where it happened


def test_a_cell_elsewhere_works_in_the_folder_of_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Job(monkeypatch)
    (tmp_path / "sweep").mkdir()
    monkeypatch.chdir(tmp_path / "sweep")
    away = Away(lambda cfg: os.getcwd(), tmp_path)
    monkeypatch.chdir(tmp_path)
    assert away(OmegaConf.create()) == str(tmp_path / "sweep")
    away.folder = tmp_path / "unshared"
    with pytest.raises(NoiseprobeError, match=r"unshared, .* expected a folder on a disk that all machines share"):
        away(OmegaConf.create())


def launched(
    tmp_path: Path, launch: Callable[[Callable[[DictConfig], Any]], Sequence[JobReturn]], jobs: Sequence[Sequence[str]]
) -> list[JobReturn]:
    """What the callback hears of jobs under a launcher of another kind."""

    class Other:
        def __init__(self, task_function: Callable[[DictConfig], Any]) -> None:
            self.task = task_function

        def launch(self, job_overrides: Sequence[Sequence[str]], first: int) -> Sequence[JobReturn]:
            return launch(self.task)

    heard: list[JobReturn] = []
    watched = Watched(Other, heard.extend)  # type: ignore[arg-type]
    config = OmegaConf.create({"hydra": {"launcher": {"_target_": "x.Other"}, "sweep": {"dir": str(tmp_path)}}})
    watched.setup(hydra_context=None, task_function=lambda cfg: cfg.folder, config=config)
    assert watched.launch(jobs, 3) == []  # Hydra's sweeper would raise at a failed one
    assert list(tmp_path.iterdir()) == []
    return heard


def test_what_a_launcher_lost_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def launch(task: Callable[[DictConfig], Any]) -> Sequence[JobReturn]:
        Job(monkeypatch, 3)
        task(OmegaConf.create({"folder": "results/cell"}))
        Job(monkeypatch, 4)
        with pytest.raises(NoiseprobeError):
            task(OmegaConf.create({"folder": "${missing}"}))
        raise ConnectionError("lost")

    done, failed, lost = launched(tmp_path, launch, [["seed=1"], ["seed=2"], ["seed=3"]])
    assert (done.status, done.return_value, done.overrides) == (JobStatus.COMPLETED, "results/cell", ["seed=1"])
    assert failed.status == lost.status == JobStatus.FAILED
    assert "missing" in str(failed._return_value)
    assert lost.overrides == ["seed=3"]
    assert str(lost._return_value).startswith("hydra/launcher: ConnectionError: lost; the same command goes on")


def test_a_launcher_that_answers_is_believed(tmp_path: Path) -> None:
    jobs = [JobReturn(status=JobStatus.COMPLETED, _return_value="a"), JobReturn(status=JobStatus.FAILED)]
    heard = launched(tmp_path, lambda task: jobs, [["seed=1"], ["seed=2"]])
    assert [(job.status, job.overrides) for job in heard] == [
        (JobStatus.COMPLETED, ["seed=1"]), (JobStatus.FAILED, ["seed=2"])
    ]  # fmt: skip


def test_cells_elsewhere_are_counted_as_they_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with counting(tmp_path, 4):
        for name in ["7.json", "9.json", ".8.json.part", ".8.json"]:  # jobs' numbers; the last two aren't whole
            (tmp_path / name).touch()
    line = capsys.readouterr().err
    assert re.fullmatch(r"sweep: 2/4 cells, 0:00:0\d left\n", line), line


def test_a_cell_elsewhere_draws_no_bars_into_a_terminal_that_it_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Job(monkeypatch)
    monkeypatch.setenv("TERM", "xterm")
    away = Away(lambda cfg: os.environ["TERM"], tmp_path)
    assert away(OmegaConf.create()) == "dumb"  # for which tests/test_bars.py has lines


@pytest.mark.parametrize(("plugin", "extra"), launching.EXTRAS.items())
def test_a_missing_plugin_is_named(plugin: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = OmegaConf.create({"hydra": {"launcher": {"_target_": f"hydra_plugins.{plugin}.some.Launcher"}}})
    monkeypatch.setattr(launching, "find_spec", lambda name: None)
    with pytest.raises(NoiseprobeError, match=rf"pip install noiseprobe\[{extra}\]"):
        check_installed(config)


def test_a_launcher_for_a_single_cell_is_refused(tmp_path: Path) -> None:
    done = quick_command("hydra/launcher=slurm", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "hydra/launcher: got one for a single cell, expected a sweep: add -m\n"
    assert list(tmp_path.iterdir()) == []


def test_a_failed_cell_does_not_stop_later_batches(tmp_path: Path) -> None:
    sweep = [*SHORT[:-1], "data.limit=1", "noise.length=99,0.2", "hydra.sweeper.max_batch_size=1", "keep_audio=0", "-m"]
    done = quick_command(*sweep, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count("failed   ") == 1
    assert len(list(tmp_path.glob("results/*/DONE"))) == 1
    assert done.stdout.count("index    results/index.parquet") == 1
