"""A folder of audio files as a data source: wav, flac, ogg and mp3 at any rate and channel count.

Without a manifest, subfolders say what belongs together:

    root/x.wav                group: the root's name   song: x
    root/jazz/x.wav           group: jazz              song: x
    root/jazz/monk/x.wav      group: jazz              song: monk (all files below it)

Files whose names begin with a dot or end otherwise are left alone; links are followed, each folder is searched once.

With a manifest, a CSV table with the column `path` (relative to the root or absolute) and optionally `start` (seconds),
`song`, `group` and `description` (text that the model is conditioned on); a row is a clip where `start` is given, else
a file. Other columns are left alone.
"""

import csv
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import soundfile as sf

from noiseprobe import checks
from noiseprobe.config import Config, DataConfig
from noiseprobe.data.manifest import Clip, Manifest, Rejected, clip_id, in_order, limited
from noiseprobe.errors import NoiseprobeError
from noiseprobe.hashing import hash_files
from noiseprobe.models.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor

UNKNOWN = 1 << 62  # libsndfile's length of a file that states none is 2^63 - 1
NO_MPEG = 7  # libsndfile's code for files that don't exist, and for an ID3 tag without a frame of MPEG after it
SUFFIXES = {".wav", ".flac", ".ogg", ".mp3"}
# Reading a pipe waits for ever, and /dev/zero never ends: nothing but a regular file is opened.
KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}


@dataclass(frozen=True)
class Options:
    """The keys of this source.

    Attributes:
        root: the folder.
        manifest: a CSV table; None for all files of the folder.
        start: seconds into each file.
        clips_per_file: None for all that fit.
    """

    root: Path
    manifest: Path | None
    start: float
    clips_per_file: int | None


@dataclass(frozen=True)
class Entry:
    path: Path
    relative: str
    song: str
    group: str
    start: float | None
    description: str | None = None


def options(raw: dict[str, Any]) -> Options:
    """The checked keys of this source.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    if raw["root"] is None:
        raise checks.refusal("data.root", None, "a folder of wav, flac, ogg or mp3 files, such as data.root=~/music")
    manifest = raw["manifest"]
    if manifest is not None:
        manifest = checks.path("data.manifest", manifest)
        if not checks.exists(manifest, "file"):
            raise checks.refusal("data.manifest", manifest, "a CSV file that exists")
    return Options(
        # Absolute and without "..": clip ids are paths relative to it, however it was written.
        root=Path(os.path.abspath(checks.folder("data.root", raw["root"]))),
        manifest=manifest,
        start=checks.number("data.start", raw["start"], low=0.0),
        clips_per_file=checks.optional_integer("data.clips_per_file", raw["clips_per_file"], low=1),
    )


def manifest(config: Config, weights: Weights, shortest: float) -> Manifest:
    """The clips of the folder that a cell's configuration names, whatever the model."""
    return listing(config.data, shortest)


def decode(clip: Clip, sample_rate: int, channels: int, options: Options) -> "Tensor":
    """The samples of a clip; `noiseprobe.data.audio.decode` says how."""
    from noiseprobe.data import audio  # only now, so that finished cells never wait for torch

    return audio.decode(clip, sample_rate, channels)


def listing(data: DataConfig, shortest: float = 0.0) -> Manifest:
    """The clips of a folder, from file headers alone; `data.limit` counts those of at least `shortest` seconds.

    Raises:
        NoiseprobeError: if there is no audio file, or the table can't be used.
    """
    options: Options = data.options
    rejected: list[Rejected] = []
    entries = list(_table(options) if options.manifest else _scan(options.root, rejected))
    if not entries:
        where = options.manifest or options.root
        raise NoiseprobeError(f"data.root: no {', '.join(sorted(s[1:] for s in SUFFIXES))} file in {where}")
    clips: list[Clip] = []
    for entry in entries:
        try:
            seconds = _seconds(entry.path)
        except (OSError, sf.LibsndfileError, ValueError) as error:
            rejected.append(Rejected(entry.relative, _reason(error)))
            continue
        found = list(_windows(entry, seconds, data.duration, options))
        if not found:
            start = options.start if entry.start is None else entry.start
            reason = f"the file ends at {seconds:.3f} s, before the clip's start at {start:g} s"
            rejected.append(Rejected(entry.relative, reason))
        clips += found
    if len({c.id for c in clips}) < len(clips):
        raise NoiseprobeError(f"data.manifest: {options.manifest} names a clip (path and start) twice")
    short = [c for c in clips if c.duration < shortest - 1e-9]
    why = f"too short: the shortest noise and what must follow it end at {shortest:g} s"
    rejected += [Rejected(_relative(c.path, options.root), f"{c.duration:.6g} s are {why}", c.id) for c in short]
    clips = limited(in_order(c for c in clips if c.duration >= shortest - 1e-9), data.limit)
    content, errors = hash_files(dict.fromkeys(c.path for c in clips))
    vanished = [c for c in clips if c.path in errors]
    rejected += [Rejected(_relative(c.path, options.root), _reason(errors[c.path]), c.id) for c in vanished]
    return Manifest(tuple(replace(c, content=content[c.path]) for c in clips if c.path in content), tuple(rejected))


def _scan(root: Path, rejected: list[Rejected]) -> Iterator[Entry]:
    known: set[str] = set()
    for folder, names in _folders(root, rejected):
        for name in names:
            path = folder / name
            if path.suffix.lower() not in SUFFIXES or name.startswith("."):
                continue
            relative = _relative(path, root)
            if relative in known:  # a file called a\xff.wav beside one whose name holds that byte
                rejected.append(Rejected(relative, "another file's name, with its bytes written out, is the same"))
                continue
            known.add(relative)
            group, song = _group_and_song(path, root)
            yield Entry(path, relative, song, group, None)


def _folders(root: Path, rejected: list[Rejected]) -> Iterator[tuple[Path, list[str]]]:
    """Each folder once and the sorted names in it; os.walk would fail a thousand levels down."""
    seen: set[tuple[int, int]] = set()  # by device and inode: links are followed, loops are not
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            at = folder.stat()
            if (at.st_dev, at.st_ino) in seen:
                continue
            seen.add((at.st_dev, at.st_ino))
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda e: e.name)
        except OSError as error:
            rejected.append(Rejected(_relative(folder, root), _reason(error)))
            continue
        yield folder, [e.name for e in entries]
        pending += [folder / e.name for e in reversed(entries) if _is_folder(e)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _group_and_song(path: Path, root: Path) -> tuple[str, str]:
    try:
        parts = path.relative_to(root).parts
    except ValueError:  # a table may name files elsewhere
        return _text(path.parent.name), _text(path.stem)
    group = parts[0] if len(parts) > 1 else root.name
    return _text(group), _text(parts[1] if len(parts) > 2 else path.stem)


def _table(options: Options) -> Iterator[Entry]:
    assert options.manifest is not None
    try:
        with options.manifest.open(newline="", encoding="utf-8-sig") as f:
            reader = csv.DictReader(f)
            if "path" not in (reader.fieldnames or []):
                got = ", ".join(reader.fieldnames or ["nothing"])
                raise NoiseprobeError(
                    f"data.manifest: {options.manifest}: got the columns {got}, expected one named path"
                )
            for row in reader:
                yield _row(row, options.root, f"data.manifest: {options.manifest}, line {reader.line_num}")
    except (UnicodeDecodeError, csv.Error) as error:
        raise NoiseprobeError(f"data.manifest: {options.manifest}: {error}, expected a CSV table in UTF-8") from error


def _row(row: dict[str, str], root: Path, where: str) -> Entry:
    if not row["path"]:
        raise NoiseprobeError(f"{where}: the path is empty")
    path = Path(os.path.abspath(root / row["path"]))
    group, song = _group_and_song(path, root)
    start = None
    if row.get("start"):
        try:
            start = float(row["start"])
        except ValueError:
            start = -1.0
        if not 0 <= start < float("inf"):
            raise NoiseprobeError(f"{where}: start: got {row['start']}, expected seconds of at least 0")
    return Entry(
        path,
        _relative(path, root),
        row.get("song") or song,
        row.get("group") or group,
        start,
        (row.get("description") or "").strip() or None,
    )


def _relative(path: Path, root: Path) -> str:
    return _text(path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix())


def _text(name: str) -> str:
    """A file's name as text that every table can hold: bytes that aren't UTF-8 are written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _seconds(path: Path) -> float:
    at = path.stat()
    if not stat.S_ISREG(at.st_mode):
        raise ValueError(f"{KINDS.get(stat.S_IFMT(at.st_mode), 'a device')}, not an audio file")
    if at.st_size == 0:
        raise ValueError("an empty file")
    with path.open("rb"):
        pass  # libsndfile calls a missing permission a system error
    info = sf.info(os.fsencode(path))  # soundfile refuses text that isn't UTF-8
    if info.frames < 1:
        raise ValueError("no audio in the file")
    if info.frames >= UNKNOWN:  # of a streamed FLAC, whose end libsndfile can't find
        raise ValueError("a stream whose header doesn't say how long it is")
    return float(info.frames / info.samplerate)


def _windows(entry: Entry, seconds: float, duration: float, options: Options) -> Iterator[Clip]:
    """Clips of one file: the first may be short, further ones are whole."""
    first = options.start if entry.start is None else entry.start
    count = 1 if entry.start is not None else options.clips_per_file
    i = 0
    while count is None or i < count:
        start = round(first + i * duration, 6)
        left = seconds - start
        if left <= 1e-6 or (i > 0 and left < duration - 1e-6):
            return
        length = min(duration, left)
        yield Clip(
            clip_id(entry.relative, start),
            entry.path,
            start,
            length,
            entry.song,
            entry.group,
            description=entry.description,
        )
        i += 1


def _reason(error: Exception) -> str:
    """One line, without the path that libsndfile and the OS put into their messages."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, sf.LibsndfileError):
        if error.code == NO_MPEG:
            return "not readable as audio: no MPEG audio in it"
        return f"not readable as audio: {error.error_string}"
    return str(error)
