"""Progress on stderr: a bar in a terminal, a line every tenth in a pipe; rank 0 only."""

import sys
import time
from typing import Any

from lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from noiseprobe.data.collate import Pair


class Progress(Callback):
    """Counts clips; the rate is that of the clips scored now, without those read back."""

    def __init__(self) -> None:
        self.bar: Bar | None = None

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        loaders = trainer.test_dataloaders
        loaders = loaders if isinstance(loaders, list) else [loaders]
        self.total = sum(len(loader.sampler) for loader in loaders)
        self.count = self.scored = self.tenths = 0
        self.start = time.monotonic()
        self.speaks = trainer.is_global_zero
        console = Console(stderr=True)
        if self.speaks and console.is_terminal:
            columns: list[str | ProgressColumn] = ["clips", BarColumn(), MofNCompleteColumn()]
            columns += [TextColumn("{task.fields[rate]}"), TimeRemainingColumn()]
            self.bar = Bar(*columns, console=console)
            self.task = self.bar.add_task("clips", total=self.total, rate="")
            self.bar.start()

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *args: Any, **kwargs: Any
    ) -> None:
        self.count += len(batch.items)
        self.scored += sum(isinstance(item, Pair) for item in batch.items)
        rate = f"{self.scored / max(time.monotonic() - self.start, 1e-9):.2f} clips/s"
        tenths = self.count * 10 // self.total
        if self.bar:
            self.bar.update(self.task, completed=self.count, rate=rate)
        elif self.speaks and tenths > self.tenths:
            print(f"{self.count}/{self.total} clips, {rate}", file=sys.stderr, flush=True)
        self.tenths = tenths

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.bar:
            self.bar.stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.on_test_end(trainer, pl_module)
