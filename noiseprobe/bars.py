"""Progress on stderr: bars in a terminal, and a few plain lines where nobody watches (a pipe, a file, CI)."""

import logging
import os
import sys
import time
from functools import partial
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as Live
from rich.table import Column
from rich.text import Text

LINES = 4  # for a cell, where there are no bars


class Row(NamedTuple):
    """How far something is.

    Attributes:
        label: what is counted, as in `13/24 clips`.
        share: of it that is done, 0 to 1.
        rate: in words, as in `0.52 clips/s`; empty if it isn't known or there is none.
        left: seconds; None if that isn't known.
    """

    label: str
    share: float
    rate: str = ""
    left: float | None = None


def display(name: str) -> "Bars | Lines":
    """What suits stderr: bars, or lines that begin with a name.

    FORCE_COLOR, which rich takes for a terminal, is set for many a pipe; CI gives some commands a terminal that nobody
    looks at.
    """
    console = Console(stderr=True)
    watched = sys.stderr.isatty() and os.environ.get("CI", "false").lower() in ("", "0", "false")
    if watched and console.is_terminal and not console.is_dumb_terminal:
        return Bars(console)
    return Lines(name)


class Bars:
    """Two bars at most, redrawn in place, in a terminal that belongs to this process until `close`."""

    def __init__(self, console: Console) -> None:
        whole = partial(Column, no_wrap=True)  # where a terminal is narrow the bars get shorter
        columns = [
            TextColumn("{task.description}", table_column=whole()), BarColumn(),
            TextColumn("{task.fields[rate]}", table_column=whole()), _Left(table_column=whole()),
        ]  # fmt: skip
        # What is printed meanwhile goes above the bars; but stdout stays apart where it is a file.
        self.live = Live(*columns, console=console, refresh_per_second=4, redirect_stdout=sys.stdout.isatty())
        self.sweep = self.live.add_task("", total=1, rate="", end=None, visible=False)
        self.cell = self.live.add_task("", total=1, rate="", end=None, visible=False)
        out, err = sys.stdout, sys.stderr
        self.live.start()
        console.show_cursor(True)  # else a process that is killed would leave a terminal without one
        self.handlers = [h for h in logging.getLogger().handlers if isinstance(h, logging.StreamHandler)]
        self.streams = [h.stream for h in self.handlers]
        for handler, stream in zip(self.handlers, self.streams, strict=True):  # they hold what was there before
            handler.setStream(sys.stdout if stream is out else sys.stderr if stream is err else stream)

    def show(self, cell: Row, sweep: Row | None = None) -> None:
        for task, row in [(self.cell, cell), (self.sweep, sweep)]:
            if row is not None:
                end = None if row.left is None else time.monotonic() + row.left
                self.live.update(
                    task, description=row.label, completed=row.share, rate=row.rate, end=end, visible=True
                )  # fmt: skip

    def close(self) -> None:
        """The cell's bar stays as it is, the sweep's goes: the next cell brings it again."""
        self.live.update(self.sweep, visible=False)
        for handler, stream in zip(self.handlers, self.streams, strict=True):
            handler.setStream(stream)
        self.live.stop()


class _Left(ProgressColumn):
    """Time left, counting down from what was last known."""

    def render(self, task: Task) -> Text:
        if task.finished:
            return Text("")
        end = task.fields["end"]
        return Text("-:--:-- left" if end is None else f"{clock(end - time.monotonic())} left")


class Lines:
    """A line whenever a further part is done.

    Args:
        name: with which each begins.
        lines: how many in all, at most.
    """

    def __init__(self, name: str, lines: int = LINES) -> None:
        self.name, self.lines, self.printed = name, lines, 0

    def show(self, row: Row, sweep: Row | None = None) -> None:
        parts = int(row.share * self.lines + 1e-9)
        if parts > self.printed:
            words = [row.label, row.rate, _left(row, "{} left"), _left(sweep, "sweep {} left") if sweep else ""]
            begin = sweep.label if sweep else self.name
            print(f"{begin}: {', '.join(filter(None, words))}", file=sys.stderr, flush=True)
        self.printed = max(self.printed, parts)

    def close(self) -> None:
        """Nothing: lines end by themselves."""


def _left(row: Row, words: str) -> str:
    return words.format(clock(row.left)) if row.left is not None and row.share < 1 else ""


def clock(seconds: float) -> str:
    """
    >>> clock(3725.4)
    '1:02:05'
    """
    whole = max(round(seconds), 0)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
