import gc
import os
import signal
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch: the tests' numbers, and what `auto` stands for, are a CPU's

import torch

if TYPE_CHECKING:
    from checkpoints import Made

sys.path.insert(0, str(Path(__file__).parent))  # toys.py

# One thread: tests here are small, and the bits of a sum then don't depend on the machine's cores.
torch.set_num_threads(1)


# A shell starts background jobs with Ctrl-C ignored, and so would be all that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def frozen() -> None:
    """What is imported stays: no collection looks at it again, and statsmodels asks for one at each correction."""
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the fixtures of modules remember stays out of the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        # One for all: its list of the machine's fonts takes seconds, and each new process would make it again.
        patch.setenv("MPLCONFIGDIR", str(tmp_path_factory.mktemp("matplotlib")))
        yield


@pytest.fixture(scope="session")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders that aren't there yet; mktemp would list those of all tests before to number the next."""
    folder = tmp_path_factory.mktemp("caches")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def cache_of_a_test(caches: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """And each test has its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(next(caches)))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> "Made":
    """A small mono MusicGen of random weights in both layouts; tests work on copies."""
    pytest.importorskip("audiocraft", reason="audiocraft isn't installed")
    import checkpoints

    return checkpoints.make(tmp_path_factory.mktemp("mono"))
