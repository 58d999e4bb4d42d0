"""meta.json: what ran, on what, with which versions and how long; nothing here is part of a cell's identity."""

import platform
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import noiseprobe
from noiseprobe.results.cellinfo import CellInfo
from noiseprobe.results.schema import VERSION

PACKAGES = ["torch", "torchaudio", "lightning", "transformers", "torchmetrics", "hydra-core", "numpy", "soundfile"]


def meta(cell: CellInfo, signature: str, ran: dict[str, Any]) -> dict[str, Any]:
    """The content of meta.json; `ran` says on which device, in how many processes and how long."""
    packages = [*PACKAGES, *(["audiocraft"] if cell.weights.backend == "audiocraft" else [])]
    on_gpu = ran["device"].startswith("cuda")
    return {
        "schema_version": VERSION,
        "signature": signature,
        "noiseprobe": noiseprobe.__version__,
        "git": _commit(),
        "backend": cell.weights.backend,
        "weights": cell.weights.hash,
        **cell.weights.origin,
        "checkpoint": asdict(cell.weights.checkpoint),
        "frame_rate": cell.sample_rate / cell.hop,
        "look_ahead": cell.look_ahead,
        "look_back": cell.look_back,
        "delays": list(cell.pattern.delays),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "processor": torch.cuda.get_device_name(ran["device"]) if on_gpu else platform.machine(),
        "threads": torch.get_num_threads(),
        **ran,
    }


def _commit() -> str | None:
    """The commit of the checkout that the package runs from; None for an installed package."""
    checkout = Path(noiseprobe.__file__).parents[1]
    if not (checkout / ".git").exists():
        return None  # an installed package may lie inside somebody else's repository
    try:
        run = subprocess.run(["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return run.stdout.strip()
