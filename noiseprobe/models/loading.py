"""The model of a cell in memory: loaded once in a sweep, and at most one at a time."""

import gc
import importlib
import logging
import warnings

from noiseprobe.models.base import MusicLM
from noiseprobe.models.weights import Weights

log = logging.getLogger(__name__)

_loaded: dict[tuple[Weights, str], MusicLM] = {}


def load_model(weights: Weights, precision: str) -> MusicLM:
    """The model, by its backend's module.

    Raises:
        NoiseprobeError: for weights that can't be read or don't fit.
    """
    key = (weights, precision)
    if key not in _loaded:
        _loaded.clear()
        gc.collect()  # a Trainer and its module hold each other: only a collection frees the model before the next one
        # What audiocraft says of its own code and of kernels that aren't used.
        logging.getLogger("xformers").setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", message=".*weight_norm.*deprecated", category=FutureWarning)
        log.info(f"loading {weights.model.folder} ({weights.backend})")
        _loaded[key] = importlib.import_module(f"noiseprobe.models.backends.{weights.backend}").load(weights, precision)
    return _loaded[key]
