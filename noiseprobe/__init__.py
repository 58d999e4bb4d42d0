"""noiseprobe: how the loss of a music language model reacts to noise."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from noiseprobe import plot as plot
    from noiseprobe.api import probe as probe
    from noiseprobe.errors import NoiseprobeError as NoiseprobeError
    from noiseprobe.models.base import MusicLM as MusicLM
    from noiseprobe.results.load import load_results as load_results

__version__ = "0.1.0"
__all__ = ["MusicLM", "NoiseprobeError", "__version__", "load_results", "plot", "probe"]

_MODULES = {"MusicLM": "models.base", "NoiseprobeError": "errors", "load_results": "results.load", "probe": "api"}


def __getattr__(name: str) -> Any:
    # Lazy, so that `python -m noiseprobe --help` doesn't wait for torch, pandas and matplotlib.
    if name in _MODULES:
        return getattr(importlib.import_module(f"noiseprobe.{_MODULES[name]}"), name)
    if name == "plot":
        return importlib.import_module("noiseprobe.plot")
    raise AttributeError(f"module 'noiseprobe' has no attribute {name!r}")
