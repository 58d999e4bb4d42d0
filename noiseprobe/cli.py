"""The Hydra entry: one job is one cell. Nothing heavy is imported for --help, --cfg and finished cells."""

import logging
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hydra
from omegaconf import DictConfig

from noiseprobe import config as configuration
from noiseprobe.composing import conf_dir
from noiseprobe.errors import NoiseprobeError
from noiseprobe.help import help_text
from noiseprobe.overrides import check_arguments, quoted
from noiseprobe.stopping import held_back


@hydra.main(version_base="1.3", config_path=conf_dir(), config_name="config")
def _job(cfg: DictConfig) -> str:
    config = configuration.check(cfg)
    with held_back():
        from noiseprobe.cell import run
        from noiseprobe.fresh import outcome, run_fresh, tell
        from noiseprobe.processes import check_launched, is_first
        from noiseprobe.report.console import print_cells

    check_launched(config.trainer.processes, _is_sweep())
    if not is_first():  # it would say the same once more
        logging.getLogger("noiseprobe").setLevel(logging.WARNING)
    if _is_sweep():
        return str(run(config) if config.trainer.processes == 1 else run_fresh())
    told = outcome() if is_first() else None
    try:
        folder = run(config)
    except NoiseprobeError as error:
        if told is None:
            raise
        tell(told, error=str(error))
        sys.exit(1)
    if told is not None:
        tell(told, folder=str(folder))
    elif is_first():
        print_cells([folder])
    return str(folder)


def _is_sweep() -> bool:
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def _speaks() -> bool:
    """Whether the user hears of an interruption from this process: neither another rank nor a cell of a sweep."""
    from noiseprobe.fresh import outcome
    from noiseprobe.processes import is_first

    return is_first() and outcome() is None


def main() -> None:
    """`python -m noiseprobe` and the console script."""
    if {"--help", "-h"} & set(sys.argv[1:]):
        print(help_text(Path(conf_dir())), end="")
        return
    logging.getLogger("matplotlib").setLevel(logging.WARNING)  # the first time, that it looks for fonts
    # Shells leave the ~ of key=~/folder alone, and Hydra's grammar has no such character.
    home = f"={Path.home()}"
    # Hydra takes overrides before -m only.
    flags = [a for a in sys.argv[1:] if a in ("-m", "--multirun")]
    sys.argv[1:] = [*(a for a in sys.argv[1:] if a not in flags), *flags[:1]]
    sys.argv[1:] = [re.sub(r"=~(?=/|$)", lambda _: home, argument) for argument in sys.argv[1:]]
    sys.argv[1:] = [quoted(argument) for argument in sys.argv[1:]]
    try:
        check_arguments(sys.argv[1:], Path(conf_dir()))
    except NoiseprobeError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    try:
        with stopping_in_order() as stopped:
            _job()
    except KeyboardInterrupt:
        if _speaks():
            print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        sys.exit(128 + stopped[-1])


@contextmanager
def stopping_in_order() -> Iterator[list[int]]:
    """SIGTERM, by which Slurm says that a job must go, does what Ctrl-C does; by itself Lightning would end that cell
    as failed, after its next batch, and a sweep would go on with the next one.

    Yields:
        The number of the signal that stopped the command, last.
    """
    stopped: list[int] = [signal.SIGINT]

    def stop(number: int, frame: object) -> None:
        stopped.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGTERM, before)
