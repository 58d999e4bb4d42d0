"""noiseprobe: how the loss of a music language model reacts to noise."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from noiseprobe.results.load import load_results as load_results

__version__ = "0.1.0"
__all__ = ["__version__", "load_results"]


def __getattr__(name: str) -> Any:
    # Lazy, so that `python -m noiseprobe --help` doesn't wait for pandas.
    if name == "load_results":
        from noiseprobe.results.load import load_results

        return load_results
    raise AttributeError(f"module 'noiseprobe' has no attribute {name!r}")
