"""Tell each cell of a sweep which one it is, and how long those before it took."""

import time
from pathlib import Path
from statistics import fmean
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from noiseprobe.callbacks.sweep import combinations
from noiseprobe.launching import in_process
from noiseprobe.results.index import DONE
from noiseprobe.turns import Turn, say


class TurnCallback(Callback):
    """Hydra calls this around jobs. Of cells elsewhere it says nothing; `launching` counts them."""

    def __init__(self) -> None:
        self.cells = 0
        self.seconds: list[float] = []

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        if in_process(config):
            self.cells = len(combinations(config))

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        self.began = time.time()
        if self.cells:
            say(Turn(config.hydra.job.num + 1, self.cells, fmean(self.seconds) if self.seconds else None))

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Cells that failed, or were finished already, say nothing about those to come."""
        if self.cells and job_return.status == JobStatus.COMPLETED:
            done = Path(job_return.return_value, DONE)
            if done.stat().st_mtime >= self.began:
                self.seconds.append(time.time() - self.began)
