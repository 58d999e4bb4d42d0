"""Which of several processes this is, before torch is imported, and keeping two runs out of one cell."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from noiseprobe.errors import NoiseprobeError

# Set by Lightning's launcher, torchrun and Slurm.
RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")

_held: list[IO[str]] = []  # locks of this process


def is_first() -> bool:
    """Whether this is the process that prints and writes what all share."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


def check_launched(processes: int | None, sweep: bool) -> None:
    """That a launcher of processes (torchrun, srun) started as many as the configuration asks for, for one cell.

    Args:
        processes: of the configuration; None: as many as there are.
        sweep: whether there are several cells.

    Raises:
        NoiseprobeError: if not.
    """
    if "LOCAL_RANK" in os.environ and "TORCHELASTIC_RUN_ID" not in os.environ:
        return  # by Lightning's own launcher, which starts as many as it was asked to
    by_slurm = os.environ.get("SLURM_JOB_NAME") not in ("bash", "interactive")  # there Lightning looks away, too
    started = int(os.environ.get("WORLD_SIZE", os.environ.get("SLURM_NTASKS", "1") if by_slurm else "1"))
    if started == 1:
        return
    if sweep:
        raise NoiseprobeError(
            f"trainer: got {started} processes by a launcher for a sweep, expected one process, which starts those of"
            " each cell (trainer=ddp trainer.devices=N); over several machines use hydra/launcher=slurm"
        )
    if processes not in (None, started):
        raise NoiseprobeError(
            f"trainer.devices: got {processes} processes in all (devices times num_nodes), expected the {started} that"
            " the launcher started: trainer=ddp trainer.devices=N trainer.num_nodes=M"
        )


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
        _held.append(f)
        try:
            yield
        finally:
            _held.remove(f)


def let_go() -> None:
    """In a process forked by one that holds locks: else they would outlive a parent that is killed."""
    for f in _held:
        f.close()
