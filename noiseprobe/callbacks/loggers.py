"""Where a cell's numbers go besides its tables: a CSV file, or a Weights & Biases run."""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig

from noiseprobe.config import Config
from noiseprobe.grouping import group, measured
from noiseprobe.results.schema import MEANS

log = logging.getLogger(__name__)


@contextmanager
def cell_run(config: Config, folder: Path) -> Iterator[Callable[[], None]]:
    """Around the scoring of a cell: its Weights & Biases run, if there is one, which is finished whatever happens.

    Yields:
        What shows the finished cell there.
    """
    if config.logger["name"] != "wandb":
        yield lambda: None
        return
    from noiseprobe.dashboard.cell import log_cell
    from noiseprobe.dashboard.runs import About, is_offline, running, showing, where

    about = About(folder.name, config.model.name, group(), tags())
    with running(config.logger, folder, about) as run:
        log.info(f"wandb    {where(run, config.logger)}")

        def show() -> None:
            with showing():
                log_cell(run, folder, is_offline(config.logger))

        yield show


def show_finished(config: Config, folder: Path) -> None:
    """Put a cell that was finished before into the Weights & Biases run that is asked for now, unless it is there."""
    from noiseprobe.dashboard.runs import was_shown

    if not was_shown(config.logger, folder):
        with cell_run(config, folder) as show:
            show()


def tags() -> list[str]:
    """The overrides of this job that say what was measured."""
    return measured(HydraConfig.get().overrides.task if HydraConfig.initialized() else [])


def log_csv(folder: Path, summary: dict[str, Any]) -> None:
    """logs/metrics.csv: one step for each variant."""
    shutil.rmtree(folder / "logs", ignore_errors=True)  # of a run that was interrupted or is done again
    from lightning.pytorch.loggers import CSVLogger

    logger = CSVLogger(folder, name="", version="logs")
    for step, variant in enumerate(summary["variants"]):
        logger.log_metrics(scalars(variant), step=step)
    logger.finalize("success")


def scalars(variant: dict[str, Any]) -> dict[str, float]:
    """The numbers of one variant; a value that isn't there (null) isn't logged."""
    values = {"length_s": variant["length_s"], "onset_s": variant["onset_s"], "n_clips": variant["n_clips"]}
    for column in MEANS:
        values |= {column: variant[column]["mean"], f"{column}_se": variant[column]["se"]}
    return {name: value for name, value in values.items() if value is not None}
