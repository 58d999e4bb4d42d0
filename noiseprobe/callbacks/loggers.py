"""A cell's summary for experiment loggers: the numbers of summary.json as scalars, one step for each variant."""

from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger

from noiseprobe.config import Config
from noiseprobe.results.index import MEANS


def log_cell(config: Config, folder: Path, summary: dict[str, Any]) -> None:
    """Log a finished cell with the configured logger and close it, with its exit code, whatever happens."""
    logger = make_logger(config, folder)
    if logger is None:
        return
    status = "failed"
    try:
        for step, variant in enumerate(summary["variants"]):
            logger.log_metrics(scalars(variant), step=step)
        logger.save()
        status = "success"
    finally:
        logger.finalize(status)
        if isinstance(logger, WandbLogger):
            logger.experiment.finish(exit_code=0 if status == "success" else 1)


def make_logger(config: Config, folder: Path) -> Logger | None:
    """The logger that `logger=` names, None for none."""
    options = config.logger
    match options["name"]:
        case "csv":
            return CSVLogger(folder, name="", version="logs")
        case "wandb":
            return WandbLogger(
                name=folder.name, save_dir=folder, project=options["project"], entity=options["entity"],
                offline=options["offline"], group=config.data.name, job_type=config.model.name,
            )  # fmt: skip
    return None


def scalars(variant: dict[str, Any]) -> dict[str, float]:
    """The numbers of one variant; a value that isn't there (null) isn't logged."""
    values = {"length_s": variant["length_s"], "onset_s": variant["onset_s"], "n_clips": variant["n_clips"]}
    for column in MEANS:
        values |= {column: variant[column]["mean"], f"{column}_se": variant[column]["se"]}
    return {name: value for name, value in values.items() if value is not None}
