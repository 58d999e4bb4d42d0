"""A cell's summary for experiment loggers: the numbers of summary.json as scalars, one step for each variant."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger

from noiseprobe.config import Config
from noiseprobe.errors import NoiseprobeError, reason
from noiseprobe.results.schema import MEANS


@contextmanager
def cell_logger(config: Config, folder: Path) -> Iterator[Logger | None]:
    """The configured logger, None for none; closed with its exit code whatever happens."""
    logger = make_logger(config, folder)
    status = "failed"
    try:
        yield logger
        status = "success"
    finally:
        if logger is not None:
            logger.finalize(status)
        if isinstance(logger, WandbLogger):
            logger.experiment.finish(exit_code=0 if status == "success" else 1)


def log_summary(logger: Logger, summary: dict[str, Any]) -> None:
    """One step for each variant."""
    for step, variant in enumerate(summary["variants"]):
        logger.log_metrics(scalars(variant), step=step)
    logger.save()


def make_logger(config: Config, folder: Path) -> Logger | None:
    """The logger that `logger=` names, None for none.

    Raises:
        NoiseprobeError: if Weights & Biases can't begin a run.
    """
    options = config.logger
    match options["name"]:
        case "csv":
            shutil.rmtree(folder / "logs", ignore_errors=True)  # of a run that was interrupted or is done again
            return CSVLogger(folder, name="", version="logs")
        case "wandb":
            import wandb  # slow, and it takes hold of the console

            logger = WandbLogger(
                name=folder.name, save_dir=folder, project=options["project"], entity=options["entity"],
                offline=options["offline"], group=config.data.name, job_type=config.model.name,
            )  # fmt: skip
            try:
                _ = logger.experiment  # begins the run: now, not after everything was scored
            except wandb.errors.Error as error:
                raise NoiseprobeError(
                    f"logger: wandb can't begin a run ({reason(error)}); log in, or logger.offline=true"
                ) from error
            return logger
    return None


def scalars(variant: dict[str, Any]) -> dict[str, float]:
    """The numbers of one variant; a value that isn't there (null) isn't logged."""
    values = {"length_s": variant["length_s"], "onset_s": variant["onset_s"], "n_clips": variant["n_clips"]}
    for column in MEANS:
        values |= {column: variant[column]["mean"], f"{column}_se": variant[column]["se"]}
    return {name: value for name, value in values.items() if value is not None}
