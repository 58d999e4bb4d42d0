"""Progress on stderr: a bar in a terminal, a line every tenth in a pipe; rank 0 only."""

import sys
import time
from typing import Any

from lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress(Callback):
    """Counts clips."""

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.total = sum(len(loader.sampler) for loader in self._loaders(trainer))
        self.count, self.shown, self.start = 0, 0, time.monotonic()
        columns: list[str | ProgressColumn] = [
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
        ]
        console = Console(stderr=True)
        self.bar = Bar(*columns, TimeRemainingColumn(), console=console, disable=not trainer.is_global_zero)
        self.plain = trainer.is_global_zero and not console.is_terminal
        if not self.plain:
            self.task = self.bar.add_task("clips", total=self.total, rate="")
            self.bar.start()

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *args: Any, **kwargs: Any
    ) -> None:
        self.count += len(batch.items)
        rate = f"{self.count / max(time.monotonic() - self.start, 1e-9):.2f} clips/s"
        if not self.plain:
            self.bar.update(self.task, completed=self.count, rate=rate)
        elif self.count * 10 // self.total > self.shown:
            self.shown = self.count * 10 // self.total
            print(f"{self.count}/{self.total} clips, {rate}", file=sys.stderr, flush=True)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self.plain:
            self.bar.stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.on_test_end(trainer, pl_module)

    @staticmethod
    def _loaders(trainer: Trainer) -> list[Any]:
        loaders = trainer.test_dataloaders
        return loaders if isinstance(loaders, list) else [loaders]
