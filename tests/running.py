"""Run cells from tests: in this process, or as a user does."""

import os
import subprocess
import sys
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from noiseprobe.cell import run
from noiseprobe.cli import conf_dir
from noiseprobe.config import ModelConfig, check
from noiseprobe.models.weights import Weights, locate

# a short cell of the embedded model: seconds on one core
SHORT = ["data.limit=3", "data.duration=4", "noise.onset=2", "noise.length=[0.2,0.5]"]


def composed(*overrides: str) -> DictConfig:
    """What Hydra makes of a command line."""
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        return compose("config", list(overrides))


def weights(folder: Path, backend: str = "transformers", **options: object) -> Weights:
    """A local checkpoint, located."""
    return locate(ModelConfig("m", backend, folder, **options))  # type: ignore[arg-type]


def run_cell(results: Path, *overrides: str) -> Path:
    return run(check(composed(*SHORT, f"paths.results={results}", *overrides)))


def command(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`python -m noiseprobe` in a process of its own; on a busy machine several threads wait for each other, so one."""
    return subprocess.run(
        [sys.executable, "-m", "noiseprobe", *arguments],
        cwd=cwd, env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
