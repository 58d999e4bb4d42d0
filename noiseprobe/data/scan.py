"""The files of a folder, for the sources that search one: which there are, what they belong to, and their clips.

Of root/GROUP/SONG/... the subfolders say what belongs together, as far as there are any (`group_and_song`).
Files whose names begin with a dot or end otherwise are left alone; links are followed, each folder is searched once.
No file is opened.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from noiseprobe.data.manifest import Clip, Rejected, clip_id


@dataclass(frozen=True)
class Entry:
    """A file, and which clips of it are wanted.

    Attributes:
        path: the file.
        relative: the path relative to the root, as text.
        song, group: what it belongs to.
        start: seconds into the file.
        clips: how many, one after the other; None for all that fit.
        description: text that the model is conditioned on.
    """

    path: Path
    relative: str
    song: str
    group: str
    start: float = 0.0
    clips: int | None = 1
    description: str | None = None


def scan(
    root: Path, suffixes: Collection[str], rejected: list[Rejected], start: float, clips: int | None
) -> Iterator[Entry]:
    """The files of a folder and those below it.

    Args:
        root: the folder, absolute.
        suffixes: how names end, in small letters and with the dot.
        rejected: takes the folders and files that can't be used.
        start, clips: of each entry.
    """
    known: set[str] = set()
    for folder, names in _folders(root, rejected):
        for name in names:
            path = folder / name
            if path.suffix.lower() not in suffixes or name.startswith("."):
                continue
            text = relative(path, root)
            if text in known:  # a file called a\xff.wav beside one whose name holds that byte
                rejected.append(Rejected(text, "another file's name, with its bytes written out, is the same"))
                continue
            known.add(text)
            group, song = group_and_song(path, root)
            yield Entry(path, text, song, group, start, clips)


def windows(entry: Entry, seconds: float, duration: float) -> Iterator[Clip]:
    """Clips of one file: the first may be short, further ones are whole."""
    i = 0
    while entry.clips is None or i < entry.clips:
        start = round(entry.start + i * duration, 6)
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


def group_and_song(path: Path, root: Path) -> tuple[str, str]:
    """What a file belongs to.

    >>> root = Path("/root")
    >>> [group_and_song(root / p, root) for p in ["x.wav", "jazz/x.wav", "jazz/monk/x.wav", "jazz/monk/live/x.wav"]]
    [('root', 'x'), ('jazz', 'x'), ('jazz', 'monk'), ('jazz', 'monk')]
    """
    try:
        parts = path.relative_to(root).parts
    except ValueError:  # a table may name files elsewhere
        return _text(path.parent.name), _text(path.stem)
    group = parts[0] if len(parts) > 1 else root.name
    return _text(group), _text(parts[1] if len(parts) > 2 else path.stem)


def relative(path: Path, root: Path) -> str:
    """The path relative to the root, as text; that of a file elsewhere stays absolute."""
    return _text(path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix())


def reason(error: Exception) -> str:
    """One line, without the path that the OS puts into its messages."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


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
            rejected.append(Rejected(relative(folder, root), reason(error)))
            continue
        yield folder, [e.name for e in entries]
        pending += [folder / e.name for e in reversed(entries) if _is_folder(e)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _text(name: str) -> str:
    """A file's name as text that every table can hold: bytes that aren't UTF-8 are written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
