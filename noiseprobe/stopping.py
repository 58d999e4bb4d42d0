"""Signals that stop a command, held back where an exception in the middle does harm."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_back() -> Iterator[None]:
    """Around imports: SIGINT and SIGTERM take effect at its end.

    torch calls Python from C++ while it is imported. An exception there ends the process by SIGABRT, or is passed on as
    something else, so that a stopped command would not say so with its exit code. What has no handler of Python's (the
    system ends the process) and threads, which no signal interrupts, are left alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    held = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in held:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
