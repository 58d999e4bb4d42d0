import os
import sys
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


@pytest.fixture(autouse=True)
def own_hash_memory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes remembered by tests stay out of the user's cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> "Made":
    """A small mono MusicGen of random weights in both layouts; tests work on copies."""
    pytest.importorskip("audiocraft", reason="audiocraft isn't installed")
    import checkpoints

    return checkpoints.make(tmp_path_factory.mktemp("mono"))
