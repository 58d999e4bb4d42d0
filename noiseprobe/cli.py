"""The Hydra entry: one job is one cell. Nothing heavy is imported for --help, --cfg and finished cells."""

import re
import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig

from noiseprobe import config as configuration
from noiseprobe.errors import NoiseprobeError
from noiseprobe.help import help_text


def conf_dir() -> str:
    """The absolute folder of the yaml files: in the checkout, or in the installed package."""
    installed = Path(__file__).resolve().parent / "conf"
    return str(installed if installed.is_dir() else installed.parents[1] / "conf")


@hydra.main(version_base="1.3", config_path=conf_dir(), config_name="config")
def _job(cfg: DictConfig) -> str:
    config = configuration.check(cfg)
    from noiseprobe.cell import run
    from noiseprobe.processes import is_first
    from noiseprobe.report.console import print_cells

    if _is_sweep() and config.trainer.processes != 1:
        # Lightning starts them by this command line, and each would run the whole sweep.
        raise NoiseprobeError(
            "trainer.devices: got several processes in a sweep, expected trainer.devices=1; run its cells one by one"
        )
    folder = run(config)
    if is_first() and not _is_sweep():
        print_cells([folder])
    return str(folder)


def _is_sweep() -> bool:
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def main() -> None:
    """`python -m noiseprobe` and the console script."""
    if {"--help", "-h"} & set(sys.argv[1:]):
        print(help_text(Path(conf_dir())), end="")
        return
    # Shells leave the ~ of key=~/folder alone, and Hydra's grammar has no such character.
    home = f"={Path.home()}"
    # Hydra takes overrides before -m only.
    flags = [a for a in sys.argv[1:] if a in ("-m", "--multirun")]
    sys.argv[1:] = [*(a for a in sys.argv[1:] if a not in flags), *flags[:1]]
    sys.argv[1:] = [re.sub(r"=~(?=/|$)", lambda _: home, argument) for argument in sys.argv[1:]]
    try:
        _job()
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        sys.exit(130)
