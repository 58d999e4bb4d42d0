"""A signal during imports takes effect after them, once, and by the handler that was there."""

import signal
import threading
from collections.abc import Iterator

import pytest

from noiseprobe.stopping import held_back


class Stopped(BaseException):
    pass


@pytest.fixture
def caught() -> Iterator[list[int]]:
    """The signals that a handler has seen, which raises."""
    seen: list[int] = []

    def stop(number: int, frame: object) -> None:
        seen.append(number)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    yield seen
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_comes_at_the_end(number: int, caught: list[int]) -> None:
    during = []

    @held_back()
    def block() -> None:
        signal.raise_signal(number)
        signal.raise_signal(number)
        during.append(list(caught))

    with pytest.raises(Stopped):
        block()
    assert during == [[]]
    assert caught == [number]
    with pytest.raises(Stopped):  # as before the block
        signal.raise_signal(number)


def test_it_comes_although_the_block_fails(caught: list[int]) -> None:
    @held_back()
    def block() -> None:
        signal.raise_signal(signal.SIGTERM)
        raise ImportError

    with pytest.raises(Stopped):
        block()


def test_nothing_comes_of_nothing(caught: list[int]) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    with held_back():
        pass
    assert caught == []
    assert signal.getsignal(signal.SIGTERM) is handler


def test_what_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with held_back():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_thread_has_no_signals() -> None:
    found: list[object] = []

    def block() -> None:
        with held_back():
            found.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert found == [before]
