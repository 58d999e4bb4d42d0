"""Around a sweep: check all cells before the first one starts; at its end tables, figures, the report, failures."""

import importlib
import shutil
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import CompactHydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict

from noiseprobe import checks
from noiseprobe import config as configuration
from noiseprobe.errors import NoiseprobeError
from noiseprobe.files import replace_file
from noiseprobe.grouping import group, join, sweep_name
from noiseprobe.launching import check_installed, in_process, watch


class SweepCallback(Callback):
    """Hydra calls this around jobs; it turns exceptions of callbacks into warnings, SystemExit it lets through."""

    def __init__(self) -> None:
        self.jobs: list[JobReturn] = []
        self.overrides: list[str] = []
        self.sweeping = False

    def __reduce__(self) -> tuple[type, tuple[()]]:
        """A copy in a launcher's process begins as new: it sees jobs of a sweep that isn't its own to end."""
        return SweepCallback, ()

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Hydra would run a single cell right here, on a cluster's login node perhaps."""
        if not in_process(config):
            print("hydra/launcher: got one for a single cell, expected a sweep: add -m", file=sys.stderr)
            raise SystemExit(1)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Say which cells can't run, before any does."""
        try:
            if _several_experiments(config):
                raise NoiseprobeError("experiment: got several, expected one: run them one after another")
            put_first(config)
            cells = combinations(config)
            bad = [NoiseprobeError(f"{' '.join(o)}: {error}") for o in cells if (error := _error(config, o))]
            for line in bad:
                print(f"will fail: {line}", file=sys.stderr)
            if bad and (config.get("fail_fast") is True or len(bad) == len(cells)):
                raise SystemExit(1)
            check_installed(config)
            _make_folder(config)
            self.overrides = _task(config)
            join(sweep_name(config.get("sweep"), self.overrides))
        except NoiseprobeError as error:
            print(error, file=sys.stderr)
            raise SystemExit(1) from error
        self.sweeping = True
        watch(partial(self._ended, config))

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """For cells in this process."""
        if self.sweeping:
            error = job_return._return_value
            if job_return.status == JobStatus.FAILED and not isinstance(error, CompactHydraException):
                traceback.print_exception(error)
            self._ended(config, [job_return])

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """All cells have had their turn; `noiseprobe.launching` keeps Hydra from leaving earlier."""
        if not self._finish(config) or self._failed():
            raise SystemExit(1)

    def _ended(self, config: DictConfig, jobs: Sequence[JobReturn]) -> None:
        """Under fail_fast a failed cell ends the sweep; cells that a launcher has started run to their end first."""
        self.jobs += jobs
        if self._failed() and config.get("fail_fast") is True:
            self._finish(config)
            raise SystemExit(1)

    def _finish(self, config: DictConfig) -> bool:
        """The sweep's table, index, figures and report, then what failed and why; whether the former could be made."""
        from noiseprobe.report.console import print_cells
        from noiseprobe.results.index import write_index

        completed = [j for j in self.jobs if j.status == JobStatus.COMPLETED]
        done = [Path(j.return_value) for j in completed]
        config = completed[-1].cfg or config if completed else config  # a failed cell's may name no folder or figure
        results = Path(config.paths.results)
        complete = True
        written: list[Path] = []
        if cells := list(dict.fromkeys(done)):
            complete &= _step("table", lambda: print_cells(cells))
            complete &= _step("index", lambda: [write_index(results)])
            for name in config.figures if OmegaConf.is_list(config.figures) else [config.figures]:
                complete &= _step(name, partial(_draw, name, results, cells, config.sweep), written)
            if config.report is True:
                page = partial(_report, results, cells, self._failed(), config.verdicts, config.sweep)
                complete &= _step("report", page, written)
        if config.logger.get("name") == "wandb":
            complete &= _step("wandb", partial(self._show, config, results, cells, written))
        join(None)
        for overrides, error in self._failed():
            print(f"failed   {overrides}: {error}", file=sys.stderr)
        return complete

    def _show(self, config: DictConfig, results: Path, cells: Sequence[Path], written: Sequence[Path]) -> None:
        from noiseprobe.dashboard.sweep import log_sweep

        options = cast(dict[str, Any], OmegaConf.to_container(config.logger, resolve=True))
        at = log_sweep(options, results, group() or "", self.overrides, cells, self._failed(), written)
        print(f"wandb    {at}")

    def _failed(self) -> list[tuple[str, str]]:
        """The overrides of each failed job, and its error, which the property return_value would raise."""
        failed = [job for job in self.jobs if job.status == JobStatus.FAILED]
        return [(" ".join(job.overrides or []), str(job._return_value)) for job in failed]


def _step(name: str, step: Callable[[], Sequence[Path] | None], files: list[Path] | None = None) -> bool:
    """Do one thing and print what it wrote; what fails hides neither the rest nor itself.

    Args:
        name: of the step.
        step: what is to be done.
        files: takes the paths of what it wrote.

    Returns:
        Whether it succeeded.
    """
    try:
        written = step()
        for path in written or ():
            print(f"{name:8} {path}")
            if files is not None:
                files.append(path)
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
    overrides = OverridesParser.create().parse_overrides(_task(config))
    return any(o.key_or_group == "experiment" and o.is_sweep_override() for o in overrides)


def _task(config: DictConfig) -> list[str]:
    """The command line's overrides as they were typed: a `${KEY}` in them is a cell's to resolve."""
    return cast(list[str], OmegaConf.to_container(config.hydra.overrides.task, resolve=False))


def put_first(config: DictConfig) -> None:
    """Let what the command line sweeps over vary more slowly than what the experiment does.

    Hydra has it the other way round, so that with model=A,B each model would be loaded again for every cell. It reads
    the sweeper's parameters only after callbacks have seen them.
    """
    if not config.hydra.sweeper.get("params"):
        return
    task = [(o.get_key_element(), o) for o in OverridesParser.create().parse_overrides(_task(config))]
    values = {key: str(o.input_line).partition("=")[2] for key, o in task if o.is_sweep_override()}
    own = {key: text for key, text in values.items() if "${" not in text}  # which would be resolved here, not in a cell
    with open_dict(config.hydra.sweeper):
        config.hydra.sweeper.params = own | {k: v for k, v in config.hydra.sweeper.params.items() if k not in own}


def _make_folder(config: DictConfig) -> None:
    """Where Hydra notes the sweep: known to it only now, so that a cell whose results can't be written fails alone."""
    if config.hydra.sweep.dir == ".":
        config.hydra.sweep.dir = str(checks.path("paths.results", config.paths.results))
    notes = Path(config.hydra.sweep.dir, "multirun.yaml")
    try:
        notes.parent.mkdir(parents=True, exist_ok=True)
        replace_file(notes, lambda p: p.write_text(OmegaConf.to_yaml(config)))  # as Hydra does next, with a traceback
    except OSError as error:
        why = error.strerror or error
        raise NoiseprobeError(f"paths.results: {config.hydra.sweep.dir} can't be written: {why}") from error


def combinations(config: DictConfig) -> list[list[str]]:
    """The overrides of each cell, as Hydra's basic sweeper makes them; empty for other sweepers."""
    if not config.hydra.sweeper._target_.endswith("BasicSweeper"):
        return []
    params = [f"{k}={v}" for k, v in (config.hydra.sweeper.params or {}).items()]
    hydra = GlobalHydra.instance()
    parser = OverridesParser.create(hydra.config_loader() if hydra.is_initialized() else None)  # it looks for glob(...)
    overrides = parser.parse_overrides([*params, *_task(config)])
    for o in overrides:
        if o.is_sweep_override() and not (o.is_discrete_sweep() and any(True for _ in o.sweep_iterator())):
            got = str(o.input_line).partition("=")[2]
            raise checks.refusal(o.get_key_element(), got, "values to sweep over, one or more, such as a,b")
    size = config.hydra.sweeper.get("max_batch_size")
    checks.optional_integer("hydra.sweeper.max_batch_size", size, low=1)
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
