"""The clips of one cell as a LightningDataModule: decode in workers, corrupt in collate, whole songs to a process."""

from collections.abc import Callable, Collection
from typing import Any

from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from noiseprobe.config import DataConfig
from noiseprobe.data.audio import BadAudio
from noiseprobe.data.collate import BadClip, Batch, Done, Loaded, PairCollate
from noiseprobe.data.manifest import Clip, Manifest, Rejected, shard


class ClipDataset(Dataset[Loaded | BadClip | Done]):
    """The clips of a manifest, decoded; those in `done` are not decoded again."""

    def __init__(self, manifest: Manifest, decode: Callable[[Clip], Tensor], done: Collection[int] = ()) -> None:
        self.clips, self.decode, self.done = manifest.clips, decode, frozenset(done)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Loaded | BadClip | Done:
        if index in self.done:
            return Done(index)
        clip: Clip = self.clips[index]
        try:
            return Loaded(index, clip, self.decode(clip))
        except BadAudio as error:
            return BadClip(index, Rejected(clip.file, str(error), clip.id))


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
            pin_memory=bool(self.trainer) and self.trainer.strategy.root_device.type == "cuda",
        )
