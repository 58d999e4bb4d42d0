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
from noiseprobe.data.manifest import Clip, Manifest, Rejected, in_order, limited
from noiseprobe.data.scan import Entry, group_and_song, reason, relative, scan, windows
from noiseprobe.errors import NoiseprobeError
from noiseprobe.hashing import hash_files
from noiseprobe.models.weights import AnyWeights

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


def manifest(config: Config, weights: AnyWeights, shortest: float) -> Manifest:
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
    entries = list(_table(options) if options.manifest else _files(options, rejected))
    if not entries:
        where = options.manifest or options.root
        raise NoiseprobeError(f"data.root: no {', '.join(sorted(s[1:] for s in SUFFIXES))} file in {where}")
    clips: list[Clip] = []
    for entry in entries:
        try:
            seconds = _seconds(entry.path)
        except (OSError, sf.LibsndfileError, ValueError) as error:
            rejected.append(Rejected(entry.relative, _unreadable(error)))
            continue
        found = list(windows(entry, seconds, data.duration))
        if not found:
            why = f"the file ends at {seconds:.3f} s, before the clip's start at {entry.start:g} s"
            rejected.append(Rejected(entry.relative, why))
        clips += found
    if len({c.id for c in clips}) < len(clips):
        raise NoiseprobeError(f"data.manifest: {options.manifest} names a clip (path and start) twice")
    short = [c for c in clips if c.duration < shortest - 1e-9]
    why = f"too short: the shortest noise and what must follow it end at {shortest:g} s"
    rejected += [Rejected(relative(c.path, options.root), f"{c.duration:.6g} s are {why}", c.id) for c in short]
    clips = limited(in_order(c for c in clips if c.duration >= shortest - 1e-9), data.limit)
    content, errors = hash_files(dict.fromkeys(c.path for c in clips))
    vanished = [c for c in clips if c.path in errors]
    rejected += [Rejected(relative(c.path, options.root), reason(errors[c.path]), c.id) for c in vanished]
    return Manifest(
        tuple(replace(c, content=content[c.path], file_sha256=content[c.path]) for c in clips if c.path in content),
        tuple(rejected),
    )


def _files(options: Options, rejected: list[Rejected]) -> Iterator[Entry]:
    return scan(options.root, SUFFIXES, rejected, options.start, options.clips_per_file)


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
                yield _row(row, options, f"data.manifest: {options.manifest}, line {reader.line_num}")
    except (UnicodeDecodeError, csv.Error) as error:
        raise NoiseprobeError(f"data.manifest: {options.manifest}: {error}, expected a CSV table in UTF-8") from error


def _row(row: dict[str, str], options: Options, where: str) -> Entry:
    if not row["path"]:
        raise NoiseprobeError(f"{where}: the path is empty")
    path = Path(os.path.abspath(options.root / row["path"]))
    group, song = group_and_song(path, options.root)
    start, clips = options.start, options.clips_per_file
    if row.get("start"):
        try:
            start, clips = float(row["start"]), 1
        except ValueError:
            start = -1.0
        if not 0 <= start < float("inf"):
            raise NoiseprobeError(f"{where}: start: got {row['start']}, expected seconds of at least 0")
    return Entry(
        path,
        relative(path, options.root),
        row.get("song") or song,
        row.get("group") or group,
        start,
        clips,
        (row.get("description") or "").strip() or None,
    )


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


def _unreadable(error: Exception) -> str:
    """One line, without the path that libsndfile puts into its messages."""
    if isinstance(error, sf.LibsndfileError):
        if error.code == NO_MPEG:
            return "not readable as audio: no MPEG audio in it"
        return f"not readable as audio: {error.error_string}"
    return reason(error)
