"""The expensive part of a cell: load the model, run `Trainer.test`, write the results."""

import logging
import math
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from lightning import Callback, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException

from noiseprobe.allocator import keep_freed_memory
from noiseprobe.analysis.record import add_to_cell
from noiseprobe.callbacks.audio import KeepAudio
from noiseprobe.callbacks.loggers import cell_run, log_csv
from noiseprobe.callbacks.progress import Progress
from noiseprobe.clean import CleanStore
from noiseprobe.config import Config
from noiseprobe.dashboard.runs import MARK
from noiseprobe.data.collate import PairCollate
from noiseprobe.data.datamodule import ClipDataset, PairDataModule, still_there
from noiseprobe.data.manifest import Manifest
from noiseprobe.errors import NoiseprobeError, reason
from noiseprobe.lightning_module import NoiseProbe
from noiseprobe.models.loading import load_model
from noiseprobe.models.weights import AnyWeights
from noiseprobe.report.figures import write_figures
from noiseprobe.results.cellinfo import CellInfo
from noiseprobe.results.index import DONE
from noiseprobe.results.records import Records
from noiseprobe.results.writer import finish, write_cell
from noiseprobe.store import Store
from noiseprobe.surroundings import TALKATIVE, full_float32

log = logging.getLogger(__name__)


def evaluate(config: Config, weights: AnyWeights, manifest: Manifest, folder: Path) -> None:
    """Score what isn't scored yet and finish the cell.

    Raises:
        NoiseprobeError: for what the user can mend.
    """
    start = time.perf_counter()
    keep_freed_memory()
    audio = KeepAudio(folder / "audio", config.keep_audio, config.noise)
    progress = Progress()
    trainer = make_trainer(config, progress, audio)
    model = load_model(weights, config.precision)
    longest = max(clip.duration for clip in manifest.clips)
    frames = math.ceil(round(longest * model.sample_rate) / model.hop)
    if frames > model.max_frames:
        seconds = model.max_frames / model.frame_rate
        raise NoiseprobeError(
            f"data.duration: got a clip of {longest:g} s, expected at most this model's {seconds:g} s"
        )
    loaded = time.perf_counter()
    records = Records(folder / "records")
    before = records.whole()
    unheard = audio.lacking(before)
    scored = before - unheard
    if scored:
        log.info(f"{folder.name}: {len(scored)} clips were scored before and are not scored again")
    if unheard:
        log.info(f"{folder.name}: {len(unheard)} clips were scored before but lack their audio, so they are once more")
    clean = None
    if config.cache:
        store = Store(config.paths.cache, int(config.cache_gb * 1e9))
        clean = CleanStore(store, model, weights.key, config.scoring, config.precision)
    probe = NoiseProbe(model, config.scoring, config.noise.variants, manifest, records, frames, clean)
    source, options = config.data.module, config.data.options
    decode = still_there(
        partial(source.decode, sample_rate=model.sample_rate, channels=model.channels, options=options)
    )
    dataset = ClipDataset(manifest, decode, scored)
    renderer = source.renderer(options) if hasattr(source, "renderer") else None
    collate = PairCollate(
        config.noise, config.seed, model.sample_rate, model.hop, manifest.clips, decode, renderer
    )  # fmt: skip
    with cell_run(config, folder) if trainer.is_global_zero else nullcontext() as show:
        if trainer.is_global_zero:
            # Nothing is in the way any more: with force=true a finished cell is begun again, an unfinished one goes on.
            (folder / DONE).unlink(missing_ok=True)
            (folder / MARK).unlink(missing_ok=True)
            audio.tidy(fresh=not before)
        with progress:
            try:
                trainer.test(probe, PairDataModule(config.data, dataset, collate), verbose=False)
            except SystemExit as error:  # what Lightning makes of Ctrl-C
                if trainer.interrupted:
                    _leave()  # the others have been interrupted, too
                    raise KeyboardInterrupt from error
                raise
            finally:
                probe.background.close()
            with _others():
                profiles = probe.reduce(trainer.strategy.root_device)
        tested = time.perf_counter()
        try:
            if trainer.is_global_zero:
                cell = CellInfo(
                    name=folder.name, config=config, clips=manifest.clips, rejected=manifest.rejected,
                    weights=weights, pattern=probe.pattern,
                    look_ahead=model.look_ahead, look_back=model.look_back, hop=model.hop,
                    sample_rate=model.sample_rate,
                )  # fmt: skip
                ran = {
                    "device": str(trainer.strategy.root_device), "processes": trainer.world_size,
                    "seconds": {"load": round(loaded - start, 3), "test": round(tested - loaded, 3)},
                }  # fmt: skip
                write_cell(folder, cell, records, profiles, ran)
                summary = add_to_cell(folder, **asdict(config.verdicts))
                write_figures(folder, model.frame_rate)
                if config.logger["name"] == "csv":
                    log_csv(folder, summary)
                finish(folder, records, summary["signature"])
                assert show
                show()
        finally:
            _leave_together()


def _leave_together() -> None:
    """All processes wait for the one that writes, whether it succeeds or not, and leave the group in order.

    A process that ended earlier aborted in a gloo thread once in about ten runs; Lightning then kills the others.
    """
    if torch.distributed.is_initialized():
        with _others():
            torch.distributed.barrier()
    _leave()


@contextmanager
def _others() -> Iterator[None]:
    """Something that all processes do together, which fails in those that are left when one has ended."""
    try:
        yield
    except RuntimeError as error:
        if not (isinstance(error, torch.distributed.DistError) or "gloo" in str(error)):
            raise
        raise NoiseprobeError(
            f"another process of this cell has ended ({reason(error)}); what it said is above, and the same command"
            " goes on where they stopped"
        ) from error


def _leave() -> None:
    """Out of the group of processes, whose threads would otherwise still run while Python ends."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def make_trainer(config: Config, *callbacks: Callback) -> Trainer:
    """A Trainer that only tests: 32-true always (the probe's states are float64, the model casts itself)."""
    for talkative in TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*`srun` command is available.*")  # a cell may be one task of a job
    # Lightning asks for more workers than a test run needs; data.num_workers says how many there are.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*")  # between Lightning and torch
    full_float32()
    t = config.trainer
    try:
        return Trainer(
            accelerator=t.accelerator, devices=t.devices, num_nodes=t.num_nodes, strategy=t.strategy,
            precision="32-true", logger=False, callbacks=list(callbacks), enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, use_distributed_sampler=False, inference_mode=True,
        )  # fmt: skip
    except (MisconfigurationException, ValueError, TypeError) as error:
        raise NoiseprobeError(
            f"trainer.accelerator: got {t.accelerator} with devices {t.devices}: {' '.join(str(error).split())}"
        ) from error
