"""One cell from its configuration to finished results.

First everything that is cheap: find the weights, list the clips, work out the identity. A finished cell ends here,
before torch is imported; only then the model is loaded and `evaluate` runs.
"""

import errno
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from noiseprobe.config import Config
from noiseprobe.data.manifest import Manifest, Rejected
from noiseprobe.errors import NoiseprobeError
from noiseprobe.identity import cell_name, identity
from noiseprobe.models.held import Held
from noiseprobe.models.weights import AnyWeights, locate, with_text
from noiseprobe.processes import exclusive, is_first
from noiseprobe.results.index import DONE, broken, other_version
from noiseprobe.results.records import LOCK, Records
from noiseprobe.stopping import held_back
from noiseprobe.variants import MARGIN

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}  # a disk says so without a file's name
log = logging.getLogger(__name__)


def run(config: Config, held: Held | None = None) -> Path:
    """Run a cell, or what of it is left to run.

    Args:
        config: checked.
        held: the model, where the caller has it in memory; None: the configuration says which.

    Returns:
        The folder with its results.

    Raises:
        NoiseprobeError: for what the user can mend.
    """
    weights = locate(config.model) if held is None else held
    if config.model.description:
        weights = with_text(config.model, weights)  # before the data is listed, which may take long
    manifest = plan(config, weights)
    if weights.text is None and any(clip.description for clip in manifest.clips):
        weights = with_text(config.model, weights)
    name = cell_name(config, identity(config, weights.key, manifest.clips))
    folder = config.paths.results / name
    records = Records(folder / "records")
    # Records beside DONE: a run was killed, or is at work, while they go.
    if not records.folder.exists() and _is_finished(config, manifest, folder):
        _show(config, folder)
        return folder
    try:
        records.folder.mkdir(parents=True, exist_ok=True)
        with _alone(records):
            if _is_finished(config, manifest, folder):  # by a run that held the lock until now
                _show(config, folder)
                return folder
            log.info(f"{name}: {len(manifest.clips)} clips, {len(config.noise.variants)} variants")
            # Only now, so that finished cells and bad ones never wait for torch.
            with held_back():
                from noiseprobe.evaluate import evaluate

            evaluate(config, weights, manifest, folder)
    except OSError as error:
        if error.filename is None and error.errno not in FULL:
            raise  # of a model's or a library's own, a connection's for instance
        where = Path(error.filename or folder)
        if not Path(os.path.abspath(where)).is_relative_to(os.path.abspath(config.paths.results)):
            raise
        where = where.parent if where.suffix == ".part" else where
        raise NoiseprobeError(f"paths.results: {where} can't be written or read: {error.strerror or error}") from error
    return folder


@contextmanager
def _alone(records: Records) -> Iterator[None]:
    """Keep other runs out of the cell; a run that scored nothing leaves no lock and no folder that looks like a result.

    Under ddp the other processes of this run come here too, after the first, which holds the lock for them.
    """
    if not is_first():
        yield
        return
    cell = records.folder.parent
    with exclusive(records.folder / LOCK, str(cell)):
        if (cell / DONE).exists():
            records.clear()
        try:
            yield
        finally:
            if records.folder.is_dir() and all(p.name == LOCK for p in records.folder.iterdir()):
                shutil.rmtree(records.folder)
                if not any(cell.iterdir()):
                    cell.rmdir()


def _is_finished(config: Config, manifest: Manifest, folder: Path) -> bool:
    """Whether the cell's results are there and stand.

    What can't be scored of the data may have changed since, and strict is asked for now, so both are looked at again.
    """
    if config.force or not (folder / DONE).exists():
        return False
    if (why := broken(folder)) is not None:
        raise NoiseprobeError(f"{folder}: is DONE, but {why}; force=true runs it again")
    if (why := other_version(folder)) is not None:
        raise NoiseprobeError(f"{folder}: {why}")
    log.info(f"{folder.name} is finished already (force=true runs it again)")
    before = pq.ParquetFile(folder / "rejected.parquet").read().to_pylist()  # read_table would import pandas
    known = {(r["path"], r["clip"], r["variant"]) for r in before}
    new = [r for r in manifest.rejected if (r.path, r.clip, r.variant) not in known]
    if config.strict and (before or manifest.rejected):
        first = (manifest.rejected or [Rejected(**{k: r[k] for k in ["path", "reason"]}) for r in before])[0]
        raise NoiseprobeError(f"{folder.name}: rejected with strict=true, {first.path} first: {first.reason}")
    for r in new:
        log.warning(f"rejected since then, so not in these results: {r.path}: {r.reason}")
    if config.keep_nll and not (folder / "nll.parquet").exists():
        log.warning("these results were made without nll.parquet; force=true makes it")
    return True


def _show(config: Config, folder: Path) -> None:
    """A finished cell may never have been shown where it is asked for now."""
    if config.logger["name"] == "wandb" and is_first():
        from noiseprobe.callbacks.loggers import show_finished

        show_finished(config, folder)


def plan(config: Config, weights: AnyWeights) -> Manifest:
    """The clips of the cell: those into which at least the shortest variant fits, with what conditions the model.

    Raises:
        NoiseprobeError: if no clip is left.
    """
    shortest = min(v.needs(MARGIN) for v in config.noise.variants)
    manifest: Manifest = config.data.module.manifest(config, weights, shortest=shortest)
    rejected = list(manifest.rejected)
    for clip in manifest.clips:
        for v in config.noise.variants:
            if not clip.fits(v):
                reason = f"{clip.duration:.6g} s are too short for {v.name}, which needs {v.needs(MARGIN):g} s"
                rejected.append(Rejected(clip.file, reason, clip.id, v.name))
    if not manifest.clips:
        first = rejected[0]
        raise NoiseprobeError(
            f"data.root: no clip of {config.data.options.root} can be scored; {first.path}: {first.reason}"
        )
    described = (replace(c, description=c.description or config.model.description) for c in manifest.clips)
    return Manifest(tuple(described), tuple(rejected))
