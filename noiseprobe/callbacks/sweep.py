"""Around a sweep: check all cells before the first one starts; tables, index and failures at the end."""

import sys
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from noiseprobe import config as configuration
from noiseprobe.errors import NoiseprobeError


class SweepCallback(Callback):
    """Hydra calls this around jobs; it turns exceptions of callbacks into warnings, SystemExit it lets through."""

    def __init__(self) -> None:
        self.jobs: list[JobReturn] = []

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Say which cells can't run, before any does."""
        bad = [f"{' '.join(o)}: {error}" for o in combinations(config) if (error := _error(config, o))]
        for line in bad:
            print(f"this cell will fail: {line}", file=sys.stderr)
        if bad and config.fail_fast is True:
            raise SystemExit(1)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        self.jobs.append(job_return)
        if job_return.status == JobStatus.FAILED and config.fail_fast is True and len(job_return.overrides or []) > 0:
            error = job_return._return_value  # the property raises it
            if isinstance(error, NoiseprobeError):
                print(f"fail_fast: {error}", file=sys.stderr)
                raise SystemExit(1)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """The sweep's table, and what failed."""
        from noiseprobe.report.console import print_cells
        from noiseprobe.results.index import write_index

        finished = [Path(j.return_value) for j in self.jobs if j.status == JobStatus.COMPLETED]
        failed = [j for j in self.jobs if j.status == JobStatus.FAILED]
        if finished:
            print_cells(finished)
            print(f"index    {write_index(Path(config.paths.results))}")
        for job in failed:
            print(f"failed   {' '.join(job.overrides or [])}: {job._return_value}", file=sys.stderr)


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
    composed.pop("hydra", None)
    try:
        configuration.check(composed)
    except NoiseprobeError as error:
        return str(error)
    return None
