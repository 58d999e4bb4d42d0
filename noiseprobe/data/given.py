"""Clips as a caller in Python gives them, made into what `data=folder` reads: from there on they are clips like others.

Those in memory are kept as files of 32-bit floats:

    folder/01234567/memory/x.wav              of the name `x`                group: memory   song: x
    folder/01234567/memory/jazz/monk/1.wav    of the name `jazz/monk/1`      group: jazz     song: monk

The digits are a digest of names, samples and rates. So the same clips are the same files, whose contents the cell's
identity holds, and other clips of the same name are in another folder.
"""

import csv
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from noiseprobe.data.wav import wav
from noiseprobe.errors import NoiseprobeError
from noiseprobe.files import replace_file, replacing
from noiseprobe.hashing import digest

NAME = "memory"
RATES = range(1, 2**31)  # Hz; what a WAV file can say
CHANNELS = 8
BYTES = 2**32 - 64  # of samples


def keep(clips: Mapping[str, Any], folder: Path) -> Path:
    """Write clips that aren't there yet.

    Args:
        clips: by name `(samples, rate)`: floating point numbers [N] or [C, N] with full scale 1, of numpy or torch, and
            Hz. A name is a path without suffix; its folders say what belongs together, as those of `data=folder` do.
        folder: where to.

    Returns:
        The folder that `data=folder` takes as its root.

    Raises:
        NoiseprobeError: for clips that aren't such, and if they can't be written.
    """
    if not clips:
        raise NoiseprobeError("clips: got an empty mapping, expected a clip at least")
    files = {f"{_name(name)}.wav": _file(name, clip) for name, clip in clips.items()}
    key = digest({name: hashlib.sha256(content).hexdigest() for name, content in files.items()})
    root = folder / key[:8] / NAME
    with _written(root):
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != content:
                with replacing(path) as part:
                    part.write_bytes(content)
    return root


def listed(path: Path, folder: Path) -> Path:
    """A table that names one audio file, for `data.manifest` with the file's folder as the root.

    Args:
        path: the file.
        folder: where to write the table.

    Raises:
        NoiseprobeError: if it can't be written.
    """
    text = StringIO()
    csv.writer(text).writerows([["path"], [path.name]])
    table = folder / digest(text.getvalue())[:8] / "manifest.csv"
    with _written(folder):
        table.parent.mkdir(parents=True, exist_ok=True)
        replace_file(table, lambda p: p.write_text(text.getvalue(), encoding="utf-8", newline=""))
    return table


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NoiseprobeError(f"results: {folder} can't be written: {error.strerror or error}") from error


def _name(name: object) -> str:
    parts = PurePosixPath(name).parts if isinstance(name, str) else ()
    # Files whose names begin with a dot would be left alone.
    if not parts or "/".join(parts) != name or any(p[0] in "./" or not p.isprintable() for p in parts):
        expected = "a text such as x or group/song/x, no part of which begins with a dot"
        raise NoiseprobeError(f"clips: got the name {name!r}, expected {expected}")
    return name


def _file(name: str, clip: Any) -> bytes:
    match clip:
        case (samples, rate) if isinstance(clip, tuple | list):
            pass
        case _:
            raise NoiseprobeError(f"clips: {name}: got a {type(clip).__name__}, expected (samples, rate)")
    if isinstance(rate, bool) or not isinstance(rate, int | np.integer) or rate not in RATES:
        raise NoiseprobeError(f"clips: {name}: got the rate {rate}, expected Hz, a whole number")
    if hasattr(samples, "detach"):  # of torch, whose bfloat16 numpy doesn't have
        samples = samples.detach().cpu()
        samples = samples.float() if "bfloat16" in str(samples.dtype) else samples
    x = np.asarray(samples)
    if x.dtype.kind != "f":
        raise NoiseprobeError(f"clips: {name}: got samples of {x.dtype}, expected floating point with full scale 1")
    x = np.atleast_2d(x.astype("<f4"))
    if x.ndim != 2 or not 0 < x.shape[0] <= x.shape[1]:
        raise NoiseprobeError(f"clips: {name}: got samples of shape {list(x.shape)}, expected [N] or [C, N]")
    if x.shape[0] > CHANNELS:
        raise NoiseprobeError(f"clips: {name}: got {x.shape[0]} channels, expected at most {CHANNELS}")
    if x.nbytes > BYTES:
        raise NoiseprobeError(f"clips: {name}: got {x.nbytes:,} bytes, expected at most {BYTES:,}: give a file of it")
    return wav(x, int(rate))
