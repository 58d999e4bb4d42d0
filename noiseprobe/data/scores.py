"""Clips of scores, for the sources that have them: MIDI files, played when they are decoded.

A clip's content, on which a cell's identity hangs, is the score's together with all else that its sound comes from: the
SoundFont, the loudness, and the version of the player.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noiseprobe import checks
from noiseprobe.config import PACKAGE, DataConfig
from noiseprobe.data.manifest import Clip, Manifest, Rejected, in_order, limited
from noiseprobe.data.scan import Entry, reason, relative, windows
from noiseprobe.errors import NoiseprobeError
from noiseprobe.hashing import digest, hash_files
from noiseprobe.score import read
from noiseprobe.score.notes import BadScore
from noiseprobe.score.render import VERSION, Renderer

if TYPE_CHECKING:
    from torch import Tensor

SCORES = PACKAGE / "assets/midi"
SOUNDFONT = PACKAGE / "assets/soundfont/piano_and_more.sf2"
SOFTEST, LOUDEST = -70.0, 0.0  # LUFS; BS.1770's gate, and more than full scale can hold


def soundfont(value: Any) -> Path:
    """The checked `data.soundfont`.

    Raises:
        NoiseprobeError: for anything but a SoundFont file.
    """
    if value is None:
        return SOUNDFONT
    path = checks.path("data.soundfont", value)
    expected = "a SoundFont file (.sf2 or .sf3) that exists; null: the embedded one"
    if not checks.exists(path, "file"):
        raise checks.refusal("data.soundfont", path, expected)
    try:
        with path.open("rb") as f:
            head = f.read(12)
    except OSError as error:
        raise checks.refusal("data.soundfont", path, f"a file that can be read ({error.strerror})") from error
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise checks.refusal("data.soundfont", path, expected)
    return path.resolve()


def loudness(value: Any) -> float:
    """The checked `data.loudness`.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    return checks.number("data.loudness", value, low=SOFTEST, high=LOUDEST)


def manifest(
    entries: Iterable[Entry], rejected: Iterable[Rejected], data: DataConfig, shortest: float, player: Renderer
) -> Manifest:
    """The clips of some scores; `data.limit` counts those of at least `shortest` seconds.

    Args:
        entries: the files.
        rejected: what was turned away before.
        data: duration, limit and the source's options, which have a root.
        shortest: seconds.
        player: with what they are to be played.

    Raises:
        NoiseprobeError: if the SoundFont can't be read.
    """
    root: Path = data.options.root
    turned_away = list(rejected)
    clips: list[Clip] = []
    for entry in entries:
        try:
            seconds = _length(entry.path)
        except BadScore as error:
            turned_away.append(Rejected(entry.relative, str(error)))
            continue
        found = list(windows(entry, seconds, data.duration))
        if not found:
            why = f"the last note ends at {seconds:.3f} s, before the clip's start at {entry.start:g} s"
            turned_away.append(Rejected(entry.relative, why))
        for clip in found:
            unfit = _unfit(clip, shortest)
            if unfit is None:
                clips.append(clip)
            else:
                turned_away.append(Rejected(entry.relative, unfit, clip.id))
    clips = limited(in_order(clips), data.limit)
    content, errors = hash_files(dict.fromkeys([player.soundfont, *(c.path for c in clips)]))
    if player.soundfont in errors:
        raise NoiseprobeError(f"data.soundfont: {player.soundfont}: {reason(errors[player.soundfont])}")
    vanished = [c for c in clips if c.path in errors]
    turned_away += [Rejected(relative(c.path, root), reason(errors[c.path]), c.id) for c in vanished]
    sound = {"soundfont": content[player.soundfont], "loudness": player.loudness, "player": VERSION}
    whole = [
        replace(c, content=digest({"score": content[c.path], **sound}), file_sha256=content[c.path])
        for c in clips if c.path in content
    ]  # fmt: skip
    return Manifest(tuple(whole), tuple(turned_away))


def decode(clip: Clip, sample_rate: int, channels: int, player: Renderer) -> "Tensor":
    """A clip as it sounds.

    Shape:
        -> float32 [channels, round(clip.duration * sample_rate)]

    Raises:
        BadAudio: for a score that can't be read or makes no sound.
        NoiseprobeError: if the SoundFont can't be read.
    """
    import torch  # only now, so that finished cells never wait for it

    from noiseprobe.data.audio import BadAudio

    try:
        excerpt = read.excerpt(clip.path, clip.start, clip.duration)
        return torch.from_numpy(player.render(excerpt, sample_rate, channels, clip.duration))
    except BadScore as error:
        raise BadAudio(str(error)) from error


def _length(path: Path) -> float:
    if path.is_dir():
        raise BadScore("a folder, not a MIDI file")
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise BadScore("not a file")
    return read.seconds(path)


def _unfit(clip: Clip, shortest: float) -> str | None:
    """Why a clip can't be one, or None."""
    if clip.duration < shortest - 1e-9:
        why = f"too short: the shortest noise and what must follow it end at {shortest:g} s"
        return f"{clip.duration:.3f} s are {why}"
    try:
        read.excerpt(clip.path, clip.start, clip.duration)
    except BadScore as error:
        return str(error)
    return None
