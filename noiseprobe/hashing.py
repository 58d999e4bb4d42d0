"""Content hashes of files, remembered by path, size and modification time.

The memory is a JSON file under the user's cache folder. Losing it costs time, never correctness, so a broken one is
started anew; entries are only ever added, and the file is replaced in one step.
"""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from noiseprobe.files import write_json

CHUNK = 1 << 22


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/noiseprobe`, by default under ~/.cache: what may be lost, for it can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "noiseprobe"


def memory_file() -> Path:
    """`hashes.json` in the user's cache folder."""
    return cache_folder() / "hashes.json"


def hash_files(paths: Iterable[Path]) -> tuple[dict[Path, str], dict[Path, OSError]]:
    """sha256 of each file in hex, and the error of each that can't be read."""
    memory = _load()
    fresh: dict[str, list[str | int]] = {}
    hashes: dict[Path, str] = {}
    errors: dict[Path, OSError] = {}
    for path in paths:
        try:
            at = path.stat()
            if not stat.S_ISREG(at.st_mode):  # a pipe would wait, a device never end
                raise OSError(errno.EINVAL, "not a regular file", str(path))
            # latin-1: any bytes are a key, where JSON takes only text
            key, stamp = os.fsencode(path.resolve()).decode("latin-1"), [at.st_size, at.st_mtime_ns]
            known = memory.get(key)
            if isinstance(known, list) and len(known) == 3 and known[:2] == stamp:
                hashes[path] = str(known[2])
            else:
                hashes[path] = _sha256(path)
                fresh[key] = [*stamp, hashes[path]]
        except OSError as error:
            errors[path] = error
    if fresh:
        _save({**_load(), **fresh})
    return hashes, errors


def digest(value: object) -> str:
    """sha256 of a value's canonical JSON, in hex: the same for equal values, whatever the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _sha256(path: Path) -> str:
    h = hashlib.sha256()
    with path.open("rb") as f:
        while chunk := f.read(CHUNK):
            h.update(chunk)
    return h.hexdigest()


def _load() -> dict[str, object]:
    try:
        memory = json.loads(memory_file().read_text())
    except (OSError, ValueError):
        return {}
    return memory if isinstance(memory, dict) else {}


def _save(memory: dict[str, object]) -> None:
    target = memory_file()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_json(target, memory)
    except OSError:
        return  # a read-only home: hashes are computed again next time
