"""How far a cell is: clips per second and time left, and of a sweep which cell it is; the first process says it."""

import time
from collections.abc import Collection
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any

from lightning import Callback, LightningModule, Trainer

from noiseprobe.bars import Bars, Lines, Row, display
from noiseprobe.data.collate import Done
from noiseprobe.data.manifest import shard
from noiseprobe.results.records import Records
from noiseprobe.turns import said


class Progress(Callback):
    """Counts the clips of all processes; the rate is of those dealt with now, without those scored before.

    Its `with` block goes around `Trainer.test` and the wait for other processes, whose clips are counted by the files
    that they leave: no process has to wait for another one.
    """

    def __init__(self) -> None:
        self.display: Bars | Lines | None = None
        self.own = self.others = 0
        self.lock, self.over = Lock(), Event()
        self.looking: Thread | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.over.set()
        if self.looking is not None:
            self.looking.join()
        if self.display is not None:
            self.display.close()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Between two barriers of Lightning's, so no process has scored a clip yet."""
        if trainer.is_global_zero and trainer.world_size > 1:
            self.before = pl_module.records.files()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        records, clips = pl_module.records, pl_module.manifest.clips
        self.known, self.total = len(trainer.datamodule.dataset.done), len(clips)
        self.turn, self.start = said(), time.monotonic()
        self.display = display(records.folder.parent.name)
        self._show()
        if trainer.world_size > 1:
            mine = frozenset(shard(clips, trainer.world_size, trainer.global_rank))
            self.looking = Thread(target=self._look, args=(records, mine), name="progress", daemon=True)
            self.looking.start()

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *args: Any, **kwargs: Any
    ) -> None:
        if self.display is not None:
            self.own += sum(not isinstance(item, Done) for item in batch.items)
            if not self.own + self.others:  # clips scored before take no time that would count
                self.start = time.monotonic()
            self._show()

    def _look(self, records: Records, mine: Collection[int]) -> None:
        """Every second, or less often where the disk is slow; once more at the end, when all are done."""
        ended, took = False, 0.0
        while not ended:
            ended = self.over.wait(max(1.0, 20 * took))
            start = time.monotonic()
            new = {index for name, (index, node) in records.files().items() if self.before.get(name) != (index, node)}
            self.others = len(new.difference(mine))
            took = time.monotonic() - start
            self._show()

    def _show(self) -> None:
        assert self.display is not None
        with self.lock:
            new = self.own + self.others
            share = (self.known + new) / self.total
            rate = new / max(time.monotonic() - self.start, 1e-9)
            left = (self.total - self.known - new) / rate if new else None
            cell = Row(f"{self.known + new}/{self.total} clips", share, f"{rate:.2f} clips/s" if new else "", left)
            self.display.show(cell, self._sweep(share, left))

    def _sweep(self, share: float, left: float | None) -> Row | None:
        """As if the cells to come took as long as those scored so far on average, or in the first one, as this one."""
        if self.turn is None:
            return None
        number, cells, seconds = self.turn
        if left is not None:
            whole = seconds if seconds is not None else time.monotonic() - self.start + left
            left += (cells - number) * whole
        return Row(f"cell {number}/{cells}", (number - 1 + share) / cells, left=left)
