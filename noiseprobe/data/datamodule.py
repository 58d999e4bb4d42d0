"""The clips of one cell as a LightningDataModule: decode in workers, corrupt in collate, whole songs to a process."""

import os
import signal
import sys
from collections.abc import Callable, Collection
from functools import partial
from types import TracebackType
from typing import Any

from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from noiseprobe.config import DataConfig
from noiseprobe.data.audio import BadAudio
from noiseprobe.data.collate import BadClip, Batch, Done, Failed, Loaded, PairCollate
from noiseprobe.data.manifest import Clip, Manifest, Rejected, shard
from noiseprobe.errors import NoiseprobeError
from noiseprobe.processes import let_go


def still_there(decode: Callable[[Clip], Tensor]) -> Callable[[Clip], Tensor]:
    """Decodes clips, and tells a file that is bad from one that was there when clips were listed and now isn't.

    A drive that goes away would else turn clip after clip away, in a cell that is finished for good; so it is an error.
    """
    return partial(_decode, decode)  # which, unlike a closure, any worker process can be given


def _decode(decode: Callable[[Clip], Tensor], clip: Clip) -> Tensor:
    try:
        return decode(clip)
    except BadAudio as error:
        if os.path.exists(clip.path):  # False also where the drive doesn't answer
            raise
        raise NoiseprobeError(
            f"{clip.path} was there when clips were listed and is gone; what is scored is kept: put it back and run the"
            " same command again"
        ) from error


class ClipDataset(Dataset[Loaded | BadClip | Done | Failed]):
    """The clips of a manifest, decoded; those in `done` are not decoded again."""

    def __init__(self, manifest: Manifest, decode: Callable[[Clip], Tensor], done: Collection[int] = ()) -> None:
        self.clips, self.decode, self.done = manifest.clips, decode, frozenset(done)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Loaded | BadClip | Done | Failed:
        if index in self.done:
            return Done(index)
        clip: Clip = self.clips[index]
        try:
            return Loaded(index, clip, self.decode(clip))
        except BadAudio as error:
            return BadClip(index, Rejected(clip.file, str(error), clip.id))
        except NoiseprobeError as error:
            return Failed(str(error))


def as_worker(number: int) -> None:
    """What a worker does first. A terminal's Ctrl-C is for the process that reads from it, which ends its workers: one
    that ended by itself would leave that process waiting for a batch that is half handed over."""
    let_go()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.excepthook = _unless_nobody_reads


def _unless_nobody_reads(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The thread that hands over tensors reports here. Where the reader went away meanwhile, interrupted, it says so
    itself; what goes wrong in the dataset or collate is sent to it, and never comes here."""
    if not isinstance(error, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)


class PairDataModule(LightningDataModule):
    """Clean and corrupted pairs for `Trainer.test`, without padding, duplicates or shuffling.

    Args:
        data: batch size and workers.
        dataset: the cell's clips.
        collate: injects the noise.
    """

    def __init__(self, data: DataConfig, dataset: ClipDataset, collate: PairCollate) -> None:
        super().__init__()
        self.data, self.dataset, self.collate = data, dataset, collate
        # There may be more processes than songs.
        self.allow_zero_length_dataloader_with_multiple_devices = True

    def test_dataloader(self) -> DataLoader[Batch]:
        world, rank = (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        mine: Dataset[Any] = Subset(self.dataset, shard(self.dataset.clips, world, rank))
        return DataLoader(
            mine,
            batch_size=self.data.batch_size,
            num_workers=self.data.num_workers,
            collate_fn=self.collate,
            worker_init_fn=as_worker,
            pin_memory=bool(self.trainer) and self.trainer.strategy.root_device.type == "cuda",
        )
