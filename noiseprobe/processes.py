"""Which of several processes this is, before torch is imported, and keeping two runs out of one cell."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noiseprobe.errors import NoiseprobeError

# Set by Lightning's launcher, torchrun and Slurm.
RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")


def is_first() -> bool:
    """Whether this is the process that prints and writes what all share."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file while working on something that only one run may work on; it goes with the process.

    Raises:
        NoiseprobeError: if another process holds it.
    """
    with path.open("w") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NoiseprobeError(f"{what}: another run is working on it; wait for it, or stop it") from error
        yield
