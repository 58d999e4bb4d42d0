"""One cell from its configuration to finished results.

First everything that is cheap: find the weights, list the clips, work out the identity. A finished cell ends here,
before torch is imported; only then the model is loaded and `evaluate` runs.
"""

import importlib
import logging
import shutil
from dataclasses import replace
from pathlib import Path

from noiseprobe.config import MARGIN, Config
from noiseprobe.data.manifest import Manifest, Rejected
from noiseprobe.errors import NoiseprobeError
from noiseprobe.identity import cell_name, identity
from noiseprobe.models.weights import locate
from noiseprobe.results.index import DONE

log = logging.getLogger(__name__)


def run(config: Config) -> Path:
    """Run a cell, or what of it is left to run.

    Returns:
        The folder with its results.

    Raises:
        NoiseprobeError: for what the user can mend.
    """
    weights = locate(config.model)
    manifest = plan(config)
    name = cell_name(config, identity(config, weights.hash, manifest.clips))
    folder = config.paths.results / name
    if (folder / DONE).exists() and not config.force:
        log.info(f"{name} is finished already (force=true runs it again)")
        return folder
    try:
        if config.force and folder.exists():
            shutil.rmtree(folder)
        (folder / "records").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NoiseprobeError(f"paths.results: {error.filename} can't be written: {error.strerror}") from error
    log.info(f"{name}: {len(manifest.clips)} clips, {len(config.noise.variants)} variants")
    # Only now, so that finished cells and bad ones never wait for torch.
    from noiseprobe.evaluate import evaluate

    evaluate(config, weights, manifest, folder)
    return folder


def plan(config: Config) -> Manifest:
    """The clips of the cell, without those into which no variant fits.

    Raises:
        NoiseprobeError: if no clip is left.
    """
    source = importlib.import_module(f"noiseprobe.data.{config.data.source}")
    found: Manifest = source.manifest(config.data)
    rejected = list(found.rejected)
    kept = []
    for clip in found.clips:
        misfits = [v for v in config.noise.variants if not clip.fits(v, MARGIN)]
        for v in misfits:
            end = v.onset + v.length
            reason = f"{clip.duration:.3f} s are too short for noise up to {end:g} s and {MARGIN:g} s after it"
            rejected.append(Rejected(clip.id.rpartition("#")[0], reason, clip.id, v.name))
        if len(misfits) < len(config.noise.variants):
            kept.append(clip)
    if not kept:
        first = rejected[0]
        raise NoiseprobeError(f"data.root: no clip of {config.data.root} can be scored; {first.path}: {first.reason}")
    return replace(found, clips=tuple(kept), rejected=tuple(rejected))
