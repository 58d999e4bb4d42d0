"""Around a sweep: check all cells before the first one starts; at its end tables, figures, the report, failures."""

import importlib
import shutil
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict

from noiseprobe import config as configuration
from noiseprobe.errors import NoiseprobeError


class SweepCallback(Callback):
    """Hydra calls this around jobs; it turns exceptions of callbacks into warnings, SystemExit it lets through."""

    def __init__(self) -> None:
        self.jobs: list[JobReturn] = []
        self.expected: int | None = None  # how many jobs this process will see, None outside a sweep

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Say which cells can't run, before any does."""
        if _several_experiments(config):
            print("experiment: got several, expected one: run them one after another", file=sys.stderr)
            raise SystemExit(1)
        put_first(config)
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
            complete = self._finish(config)
            if stop or not complete:
                raise SystemExit(1)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """For launchers that run jobs in other processes: what is finished by now."""
        if not self.jobs and not self._finish(config):
            raise SystemExit(1)

    def _finish(self, config: DictConfig) -> bool:
        """The sweep's table, index, figures and report, then what failed and why; whether the former could be made."""
        from noiseprobe.report.console import print_cells
        from noiseprobe.results.index import finished, write_index

        results = Path(config.paths.results)
        done = [Path(j.return_value) for j in self.jobs if j.status == JobStatus.COMPLETED]
        complete = True
        if cells := list(dict.fromkeys(done)) if self.jobs else finished(results):
            complete &= _step("table", lambda: print_cells(cells))
            complete &= _step("index", lambda: [write_index(results)])
            for name in config.figures if OmegaConf.is_list(config.figures) else [config.figures]:
                complete &= _step(name, partial(_draw, name, results, cells, config.sweep))
            if config.report is True:
                page = partial(_report, results, cells, self._failed(), config.verdicts, config.sweep)
                complete &= _step("report", page)
        for overrides, error in self._failed():
            print(f"failed   {overrides}: {error}", file=sys.stderr)
        return complete

    def _failed(self) -> list[tuple[str, str]]:
        """The overrides of each failed job, and its error, which the property return_value would raise."""
        failed = [job for job in self.jobs if job.status == JobStatus.FAILED]
        return [(" ".join(job.overrides or []), str(job._return_value)) for job in failed]


def _step(name: str, step: Callable[[], Sequence[Path] | None]) -> bool:
    """Do one thing and print what it wrote; what fails hides neither the rest nor itself.

    Returns:
        Whether it succeeded.
    """
    try:
        written = step()
        for path in written or ():
            print(f"{name:8} {path}")
        if written is not None and not written:
            print(f"{name:8} nothing to draw for these cells")
    except Exception as error:
        print(f"failed   {name}: {type(error).__name__}: {error}", file=sys.stderr)
        if not isinstance(error, NoiseprobeError | OSError):
            traceback.print_exc()
        return False
    return True


def _draw(figure: str, results: Path, cells: Sequence[Path], sweep: str | None) -> list[Path]:
    module = importlib.import_module(f"noiseprobe.report.sweeps.{figure}")  # needs matplotlib
    written: list[Path] = module.write(results, cells, sweep)
    return written


def _report(
    results: Path, cells: Sequence[Path], failed: Sequence[tuple[str, str]], verdicts: DictConfig, sweep: str | None
) -> list[Path]:  # fmt: skip
    from noiseprobe.report.console import print_claims
    from noiseprobe.report.html import write_report  # needs matplotlib

    margin, alpha, power = verdicts.margin, verdicts.alpha, verdicts.power
    page = write_report(results / "report.html", cells, failed, margin=margin, alpha=alpha, power=power)
    print_claims(page.with_suffix(".json"))
    written = [page, page.with_suffix(".json"), page.with_suffix(".md")]
    if sweep:  # the next sweep in this folder writes report.html anew
        written += [Path(shutil.copyfile(path, path.with_name(f"{sweep}-{path.name}"))) for path in written]
    return written


def _several_experiments(config: DictConfig) -> bool:
    """Whether experiments are swept over: Hydra would take none of their own sweeps then."""
    overrides = OverridesParser.create().parse_overrides(config.hydra.overrides.task)
    return any(o.key_or_group == "experiment" and o.is_sweep_override() for o in overrides)


def put_first(config: DictConfig) -> None:
    """Let what the command line sweeps over vary more slowly than what the experiment does.

    Hydra has it the other way round, so that with model=A,B each model would be loaded again for every cell. It reads
    the sweeper's parameters only after callbacks have seen them.
    """
    if not config.hydra.sweeper.get("params"):
        return
    task = [(o.get_key_element(), o) for o in OverridesParser.create().parse_overrides(config.hydra.overrides.task)]
    own = {key: str(o.input_line).partition("=")[2] for key, o in task if o.is_sweep_override()}
    with open_dict(config.hydra.sweeper):
        config.hydra.sweeper.params = own | {k: v for k, v in config.hydra.sweeper.params.items() if k not in own}


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
