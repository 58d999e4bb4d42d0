"""Around a sweep: check all cells before the first one starts; tables, index and failures at the end."""

import sys
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from noiseprobe import config as configuration
from noiseprobe.errors import NoiseprobeError


class SweepCallback(Callback):
    """Hydra calls this around jobs; it turns exceptions of callbacks into warnings, SystemExit it lets through."""

    def __init__(self) -> None:
        self.jobs: list[JobReturn] = []
        self.expected: int | None = None  # how many jobs this process will see, None outside a sweep

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Say which cells can't run, before any does."""
        cells = combinations(config)
        self.expected = len(cells)
        bad = [f"{' '.join(o)}: {error}" for o in cells if (error := _error(config, o))]
        for line in bad:
            print(f"will fail: {line}", file=sys.stderr)
        if bad and config.fail_fast is True:
            raise SystemExit(1)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        self.jobs.append(job_return)
        stop = job_return.status == JobStatus.FAILED and config.get("fail_fast") is True
        # After a failed job Hydra's sweeper raises once all have run, and never calls on_multirun_end.
        if self.expected is not None and (stop or len(self.jobs) == self.expected):
            self._finish(Path(config.paths.results))
            if stop:
                raise SystemExit(1)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """For launchers that run jobs in other processes: what is finished by now."""
        if not self.jobs:
            self._finish(Path(config.paths.results))

    def _finish(self, results: Path) -> None:
        """The sweep's table and index, then what failed and why."""
        from noiseprobe.report.console import print_cells
        from noiseprobe.results.index import finished, models, write_index

        done = [Path(j.return_value) for j in self.jobs if j.status == JobStatus.COMPLETED]
        if cells := list(dict.fromkeys(done)) if self.jobs else finished(results):
            print_cells(cells)
            print(f"index    {write_index(results)}")
            if len(models(cells)) > 1:
                from noiseprobe.report.sizes import write_sizes  # needs pandas and matplotlib

                for path in write_sizes(results, cells):
                    print(f"sizes    {path}")
        for job in self.jobs:
            if job.status == JobStatus.FAILED:
                error = job._return_value  # the property would raise it
                print(f"failed   {' '.join(job.overrides or [])}: {error}", file=sys.stderr)


def combinations(config: DictConfig) -> list[list[str]]:
    """The overrides of each cell, as Hydra's basic sweeper makes them; empty for other sweepers."""
    if not config.hydra.sweeper._target_.endswith("BasicSweeper"):
        return []
    params = [f"{k}={v}" for k, v in (config.hydra.sweeper.params or {}).items()]
    overrides = OverridesParser.create().parse_overrides([*params, *config.hydra.overrides.task])
    return [list(job) for batch in BasicSweeper.split_arguments(overrides, None) for job in batch]


def _error(config: DictConfig, overrides: list[str]) -> str | None:
    loader = GlobalHydra.instance().config_loader()
    try:
        composed = loader.load_sweep_config(config, overrides)
    except Exception:  # Hydra's own errors are raised by Hydra, for the whole sweep, before it starts
        return None
    try:
        configuration.check(OmegaConf.masked_copy(composed, [k for k in composed if k != "hydra"]))
    except NoiseprobeError as error:
        return str(error)
    return None
