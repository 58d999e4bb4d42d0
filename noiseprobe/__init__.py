"""noiseprobe: how the loss of a music language model reacts to noise."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from noiseprobe import plot as plot
    from noiseprobe.results.load import load_results as load_results

__version__ = "0.1.0"
__all__ = ["__version__", "load_results", "plot"]


def __getattr__(name: str) -> Any:
    # Lazy, so that `python -m noiseprobe --help` doesn't wait for pandas and matplotlib.
    if name == "load_results":
        from noiseprobe.results.load import load_results

        return load_results
    if name == "plot":
        return importlib.import_module("noiseprobe.plot")
    raise AttributeError(f"module 'noiseprobe' has no attribute {name!r}")
