"""The model of a cell in memory: loaded once in a sweep, and at most one at a time beside a caller's own."""

import gc
import importlib
import logging
import warnings

from noiseprobe.models.base import MusicLM
from noiseprobe.models.held import Held
from noiseprobe.models.own import check_behaviour
from noiseprobe.models.weights import AnyWeights, Weights
from noiseprobe.stopping import held_back

log = logging.getLogger(__name__)

_loaded: dict[tuple[Weights, str], MusicLM] = {}


def load_model(weights: AnyWeights, precision: str) -> MusicLM:
    """The model, by its backend's module; one that a caller holds is looked at, and taken as it is.

    Raises:
        NoiseprobeError: for weights that can't be read or don't fit, and a model that isn't what it declares.
    """
    if isinstance(weights, Held):
        check_behaviour(weights.model)
        return weights.model
    key = (weights, precision)
    if key not in _loaded:
        _loaded.clear()
        gc.collect()  # a Trainer and its module hold each other: only a collection frees the model before the next one
        # What audiocraft says of its own code and of kernels that aren't used.
        logging.getLogger("xformers").setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", message=".*weight_norm.*deprecated", category=FutureWarning)
        log.info(f"loading {weights.model.folder} ({weights.backend})")
        with held_back():
            backend = importlib.import_module(f"noiseprobe.models.backends.{weights.backend}")
        _loaded[key] = backend.load(weights, precision)
    return _loaded[key]
