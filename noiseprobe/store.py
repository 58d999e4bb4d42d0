"""Arrays kept on disk between cells: a folder of bounded size that any number of processes share without locks.

    folder/KIND/01/0123...cdef.npz      KIND: what the arrays are; the name: sha256 of all that they depend on

A file carries a digest of itself (`sealed`), and is written aside and moved there in one step, so a reader finds all
of it or none. What is found wrong is a miss. Losing files costs time and nothing else.

The first digits of the names make shards, each with an equal share of the limit. A process lists a shard to make room
in it, then writes up to a tenth of the share before it lists that again. So all files together stay within the limit
while one process writes; each further one that writes at the same time can add a tenth of it.
"""

import errno
import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from numpy.typing import NDArray

from noiseprobe.files import replacing
from noiseprobe.sealed import seal, unseal

log = logging.getLogger(__name__)

SHARE = 64_000_000  # bytes that a shard's share has at least, or there is one shard: far more than a file
FOLDERS = 256  # two digits

# Nothing else is counted or removed, whatever lies there: whole files, and parts that killed processes left.
OURS = re.compile(r"[0-9a-f]{64}\.npz|\.[0-9a-f]{64}\.npz\..+\.part")


class Store:
    """Arrays by kind and key.

    Args:
        folder: made when first needed.
        limit: bytes of all files together.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.shards = 1 << max(min(limit // SHARE, FOLDERS).bit_length() - 1, 0)  # a power of two divides the folders
        self.share = limit // self.shards
        self.room: dict[int, int] = {}  # by shard: bytes that may be written before it is listed again
        self.random = Random()
        self.writable = True

    def get(self, kind: str, key: str) -> dict[str, NDArray[Any]] | None:
        """What was put there, or None; a file that is torn or not ours is removed."""
        path = self._path(kind, key)
        try:
            stored = path.read_bytes()
        except OSError:
            return None
        found = unseal(stored)
        if found is None:
            with suppress(OSError):
                path.unlink()
        return found

    def put(self, kind: str, key: str, **arrays: NDArray[Any]) -> None:
        """Keep arrays until there is no room for them; what is larger than a share isn't kept.

        Where nothing can be written, one warning says so, and no more is tried.

        Args:
            kind: a folder's name.
            key: 64 hexadecimal digits.
            arrays: of numbers, by name.
        """
        if not self.writable:
            return
        content = seal(arrays)
        if len(content) > self.share:
            return
        path = self._path(kind, key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._make_room(int(key[:2], 16) * self.shards // FOLDERS, len(content))
            with replacing(path) as part:
                part.write_bytes(content)
        except OSError as error:
            if error.errno in [errno.ENOENT, errno.ESTALE]:  # another process has just removed it
                return
            self.writable = False
            reason = error.strerror or error
            log.warning(f"paths.cache: {self.folder} can't be written ({reason}); what it lacks is computed each time")

    def _path(self, kind: str, key: str) -> Path:
        return self.folder / kind / key[:2] / f"{key}.npz"

    def _make_room(self, shard: int, size: int) -> None:
        """Make sure that so many bytes fit into the shard, and take them."""
        if self.room.get(shard, 0) < size:
            room = max(size, self.share // 10)
            files = list(self._files(shard))
            excess = sum(taken for _, taken in files) + room - self.share
            # Victims are random: cells walk over their clips in the same order, so where these don't all fit, the least
            # recently used is the next to be asked for, and evicting it would leave no hits at all. Waiting times at a
            # rate of the size put each first with a chance proportional to it: a few large ones go for many small.
            for path, taken in sorted(files, key=lambda file: self.random.expovariate(file[1] or 1)):
                if excess <= 0:
                    break
                path.unlink(missing_ok=True)
                excess -= taken
            self.room[shard] = room
        self.room[shard] -= size

    def _files(self, shard: int) -> Iterator[tuple[Path, int]]:
        """Paths and bytes; other processes may remove any of them at any time."""
        first, end = (number * FOLDERS // self.shards for number in [shard, shard + 1])
        for kind in self.folder.iterdir():
            for digits in range(first, end):
                with suppress(FileNotFoundError, NotADirectoryError), os.scandir(kind / f"{digits:02x}") as entries:
                    for entry in entries:
                        if OURS.fullmatch(entry.name):
                            with suppress(FileNotFoundError):
                                yield Path(entry.path), entry.stat(follow_symlinks=False).st_size
