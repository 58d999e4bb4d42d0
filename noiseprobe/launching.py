"""Sweeps whose cells run in other processes, started by Hydra's launchers (joblib, submitit, Ray).

Hydra's sweeper raises the first failed job's error, and a launcher that lost a job raises too, so that a callback never
hears of the sweep's end. `Watched` stands between the two and accounts for each job, whatever happened to its process.
"""

import json
import os
import socket
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from noiseprobe.bars import Lines, Row
from noiseprobe.errors import NoiseprobeError, reason
from noiseprobe.files import write_json
from noiseprobe.grouping import group, join

Task = Callable[[DictConfig], Any]

# Hydra's plugins, and the extra of this package that brings each.
EXTRAS = {"hydra_joblib_launcher": "joblib", "hydra_submitit_launcher": "slurm", "hydra_ray_launcher": "ray"}


def in_process(config: DictConfig) -> bool:
    """Whether cells run one after another in the process of the sweep, as without a launcher."""
    return str(config.hydra.launcher._target_).endswith(".BasicLauncher")


def check_installed(config: DictConfig) -> None:
    """That the launcher's plugin is there.

    Raises:
        NoiseprobeError: if not.
    """
    plugin = str(config.hydra.launcher._target_).split(".")[1]
    if plugin in EXTRAS and (find_spec("hydra_plugins") is None or find_spec(f"hydra_plugins.{plugin}") is None):
        raise NoiseprobeError(
            f"hydra/launcher: got one of {plugin}, expected an installed one: pip install noiseprobe[{EXTRAS[plugin]}]"
        )


def watch(ended: Callable[[Sequence[JobReturn]], None]) -> None:
    """Have the next sweep's launcher be a `Watched` one.

    Hydra takes no launcher but a plugin's, named by the configuration, so its way of making one is replaced once.

    Args:
        ended: is called with the jobs of each batch that ran in other processes.
    """
    plugins = Plugins.instance()

    def instantiate(hydra_context: Any, task_function: Task, config: DictConfig) -> Launcher:
        del plugins.instantiate_launcher
        watched = Watched(partial(plugins.instantiate_launcher, hydra_context, config=config), ended)
        watched.setup(hydra_context=hydra_context, task_function=task_function, config=config)
        return watched

    plugins.instantiate_launcher = instantiate


class Watched(Launcher):
    """Another launcher, whose jobs are all accounted for.

    Args:
        make: makes the other launcher, given its task.
        ended: is called with the jobs of each batch that ran in other processes.
    """

    def __init__(self, make: Callable[..., Launcher], ended: Callable[[Sequence[JobReturn]], None]) -> None:
        self.make, self.ended = make, ended

    def setup(self, *, hydra_context: Any, task_function: Task, config: DictConfig) -> None:
        self.task, self.config = task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Run a batch of jobs.

        Returns:
            None of them: Hydra's sweeper would stop at the first one that failed.
        """
        if in_process(self.config):
            self.make(task_function=self.task).launch(job_overrides, initial_job_idx)
            return []
        # Beside the results, on the disk that all processes share.
        with tempfile.TemporaryDirectory(
            prefix=".sweep-", dir=self.config.hydra.sweep.dir, ignore_cleanup_errors=True
        ) as folder:
            jobs = self._launch(job_overrides, initial_job_idx, Path(folder))
        self.ended(jobs)
        return []

    def _launch(self, job_overrides: Sequence[Sequence[str]], first: int, outcomes: Path) -> list[JobReturn]:
        """The jobs as their launcher returns them, or where it raises, as they themselves say how they ended."""
        launcher = self.make(task_function=Away(self.task, outcomes))
        said = self.config.hydra.launcher.get("submitit_folder")  # %j is each job's number
        print(f"launched {len(job_overrides)} cells" + (f"; what they say: {said}" if said else ""), flush=True)
        try:
            with waiting_for_all(), counting(outcomes, len(job_overrides)):
                jobs = list(launcher.launch(job_overrides, first))
        except Exception as error:
            said = f"hydra/launcher: {type(error).__name__}: {reason(error)}"
            lost = NoiseprobeError(f"{said}; the same command goes on where this cell stopped")
            jobs = [_told(outcomes, number) or _failed(lost) for number in range(first, first + len(job_overrides))]
        for job, overrides in zip(jobs, job_overrides, strict=True):
            job.overrides = overrides
        return jobs


class Away:
    """A cell's task in another process, perhaps on another machine.

    It also leaves a note of how the cell ended, since launchers lose all answers with one process. Errors travel as
    NoiseprobeError: those of libraries may not survive pickling.
    """

    def __init__(self, task: Task, outcomes: Path) -> None:
        self.task, self.outcomes, self.folder, self.sweep = task, outcomes.absolute(), Path.cwd(), group()

    def __call__(self, cfg: DictConfig) -> Any:
        try:
            self._enter()
            join(self.sweep)
            os.environ["TERM"] = "dumb"  # a terminal that several cells may share is no place for bars
            folder = self.task(cfg)
        except Exception as error:
            if not isinstance(error, NoiseprobeError):
                traceback.print_exc()  # in this process's log: what travels has none
                error = NoiseprobeError(f"{type(error).__name__}: {reason(error)}")
            self._tell(error=str(error))
            raise error from None
        self._tell(folder=folder)
        return folder

    def _enter(self) -> None:
        """Relative paths are those of the process that launched; a cluster's own processes start elsewhere."""
        try:
            os.chdir(self.folder)
        except OSError as error:
            raise NoiseprobeError(
                f"hydra/launcher: got {self.folder}, which {socket.gethostname()} can't enter ({error.strerror}),"
                " expected a folder on a disk that all machines share"
            ) from error

    def _tell(self, **outcome: str) -> None:
        if self.outcomes.is_dir():  # a cluster's job may outlive the process that launched it
            write_json(self.outcomes / f"{HydraConfig.get().job.num}.json", outcome)


def _told(outcomes: Path, number: int) -> JobReturn | None:
    """What a job said of its end; None if it didn't come to it."""
    path = outcomes / f"{number}.json"
    if not path.exists():
        return None
    outcome = json.loads(path.read_text())
    if "error" in outcome:
        return _failed(NoiseprobeError(outcome["error"]))
    return JobReturn(status=JobStatus.COMPLETED, _return_value=outcome["folder"])


def _failed(error: NoiseprobeError) -> JobReturn:
    return JobReturn(status=JobStatus.FAILED, _return_value=error)


@contextmanager
def counting(outcomes: Path, cells: int) -> Iterator[None]:
    """Say on stderr how many cells have ended, by the notes that they leave, and when the others might.

    In lines, since cells on this machine print into the same terminal.
    """
    lines, start, over = Lines("sweep", 10), time.monotonic(), Event()

    def look() -> None:
        known, last = 0, False
        while not last:
            last = over.wait(1.0)
            ended = sum(1 for path in outcomes.glob("*.json") if not path.name.startswith("."))
            if ended > known:
                left = (time.monotonic() - start) * (cells - ended) / ended
                lines.show(Row(f"{ended}/{cells} cells", ended / cells, left=left))
            known = ended

    looking = Thread(target=look, name="cells", daemon=True)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()


@contextmanager
def waiting_for_all() -> Iterator[None]:
    """Let a job that submitit lost be a failed one.

    Its launcher asks one job after another for the result, and would leave the others to themselves at a lost one's.
    """
    if find_spec("submitit") is None:
        yield
        return
    from submitit import Job
    from submitit.core.utils import UncompletedJobError

    results = Job.results

    def settled(job: Any) -> list[Any]:
        try:
            found: list[Any] = results(job)
            return found
        except UncompletedJobError:
            state = f"{type(job).__name__} {job.job_id}: {job.state}"
            why = f"its process ended without an answer ({state}); what it said: {job.paths.stderr}"
            return [_failed(NoiseprobeError(why))]

    Job.results = settled
    try:
        yield
    finally:
        Job.results = results
