"""Run cells from tests: in this process, or as a user does."""

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
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


@cache
def server(**env: str) -> "subprocess.Popen[str]":
    """It ends with this process, as its input does; it can't reach the hub: nothing listens there."""
    return subprocess.Popen(
        [sys.executable, Path(__file__).with_name("forking.py")], text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_ENDPOINT": "http://127.0.0.1:9", **env},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def quick_command(*arguments: str, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """As `command`, in a process forked from one that has done 5 s of imports; env is for what they don't read.

    A PYTHONPATH in it, that of a copy of the package, gets a server of its own.
    """
    own = server(**{name: env[name] for name in ["PYTHONPATH"] if name in env})
    stdin, stdout = own.stdin, own.stdout
    assert stdin
    assert stdout
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        request = {
            "arguments": arguments, "cwd": str(cwd), "env": {**os.environ, "OMP_NUM_THREADS": "1", **env},
            "output": [str(out), str(err)], "limit": 300,
        }  # fmt: skip
        print(json.dumps(request), file=stdin, flush=True)
        status = int(stdout.readline())
        return subprocess.CompletedProcess(arguments, status, out.read_text(), err.read_text())
