"""A cell of a sweep in processes of its own, where it takes several.

Lightning starts the others by this process's command line, and each would run the whole sweep; what one cell leaves in
them (process groups, ports) is in the next one's way. So the sweep itself stays one process, which loads nothing, and
each such cell is a command of its own, with a model loaded once for each of its processes.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from noiseprobe.errors import NoiseprobeError
from noiseprobe.files import write_json

OUTCOME = "NOISEPROBE_OUTCOME"  # names the file in which such a command says how its cell ended
PATIENCE = 60  # seconds that an interrupted cell has to end in order


def outcome() -> Path | None:
    """Where this process has to say how its cell ended; None for a command that a user gave."""
    return Path(os.environ[OUTCOME]) if OUTCOME in os.environ else None


def run_fresh() -> Path:
    """Run the cell of this job of a sweep.

    Returns:
        The folder with its results.

    Raises:
        NoiseprobeError: what the cell raised, or that its processes were killed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "outcome.json")
        # Under Slurm Lightning would wait for tasks that nobody starts: this job is one task, and starts its own.
        env = {k: v for k, v in os.environ.items() if k != "SLURM_NTASKS"} | {OUTCOME: str(path)}
        process = subprocess.Popen([sys.executable, "-m", "noiseprobe", *arguments()], env=env)
        try:
            process.wait()
        except KeyboardInterrupt:
            _end(process)
            raise
        if not path.exists():
            raise NoiseprobeError(f"its processes ended with exit status {process.returncode}; what they said is above")
        found = json.loads(path.read_text())
    if "error" in found:
        raise NoiseprobeError(found["error"])
    return Path(found["folder"])


def arguments() -> list[str]:
    """The command line that runs this job alone: its overrides, and where Hydra found more yaml files."""
    hydra = HydraConfig.get()
    folders = [s.path for s in hydra.runtime.config_sources if s.provider == "command-line"]
    flags = [part for folder in folders for part in ("--config-dir", folder)]
    more = [o for o in hydra.overrides.hydra if o.startswith("hydra.searchpath=")]
    return [*flags, *hydra.overrides.task, *more, "hydra.mode=RUN"]  # presets of several cells say MULTIRUN


def tell(path: Path, **content: str) -> None:
    """Say how the cell ended: `folder` or `error`."""
    write_json(path, content)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Wait for an interrupted cell; a terminal's Ctrl-C has reached it already, `kill -INT` hasn't."""
    try:
        process.wait(PATIENCE / 6)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
