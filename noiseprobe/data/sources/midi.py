"""A folder of MIDI files as a data source, played with a SoundFont at one loudness; by default the pieces that ship.

    root/x.mid                group: the root's name   song: x
    root/bach/x.mid           group: bach              song: x
    root/bach/suite/x.mid     group: bach              song: suite (all files below it)

A file lasts until its last note is let go. What is read of it and how it sounds say `noiseprobe.score.midifile` and
`noiseprobe.score.render`; files and clips without a note are rejected.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noiseprobe import checks
from noiseprobe.config import Config, DataConfig
from noiseprobe.data import scores
from noiseprobe.data.manifest import Clip, Manifest, Rejected
from noiseprobe.data.scan import scan
from noiseprobe.errors import NoiseprobeError
from noiseprobe.models.weights import AnyWeights
from noiseprobe.score.render import Renderer

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = {".mid", ".midi"}


@dataclass(frozen=True)
class Options:
    """The keys of this source.

    Attributes:
        root: the folder.
        soundfont: what plays.
        loudness: LUFS of each clip.
        start: seconds into each file.
        clips_per_file: None for all that fit.
    """

    root: Path
    soundfont: Path
    loudness: float
    start: float
    clips_per_file: int | None


def options(raw: dict[str, Any]) -> Options:
    """The checked keys of this source.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    root = scores.SCORES if raw["root"] is None else checks.folder("data.root", raw["root"])
    return Options(
        # Absolute and without "..": clip ids are paths relative to it, however it was written.
        root=Path(os.path.abspath(root)),
        soundfont=scores.soundfont(raw["soundfont"]),
        loudness=scores.loudness(raw["loudness"]),
        start=checks.number("data.start", raw["start"], low=0.0),
        clips_per_file=checks.optional_integer("data.clips_per_file", raw["clips_per_file"], low=1),
    )


def manifest(config: Config, weights: AnyWeights, shortest: float) -> Manifest:
    """The clips of the folder that a cell's configuration names, whatever the model."""
    return listing(config.data, shortest)


def decode(clip: Clip, sample_rate: int, channels: int, options: Options) -> "Tensor":
    """A clip as it sounds; `noiseprobe.data.scores.decode` says how."""
    return scores.decode(clip, sample_rate, channels, renderer(options))


def renderer(options: Options) -> Renderer:
    """What plays the clips."""
    return Renderer(options.soundfont, options.loudness)


def listing(data: DataConfig, shortest: float = 0.0) -> Manifest:
    """The clips of a folder; `data.limit` counts those of at least `shortest` seconds.

    Raises:
        NoiseprobeError: if there is no MIDI file, or the SoundFont can't be read.
    """
    options: Options = data.options
    rejected: list[Rejected] = []
    entries = list(scan(options.root, SUFFIXES, rejected, options.start, options.clips_per_file))
    if not entries:
        raise NoiseprobeError(f"data.root: no {', '.join(sorted(s[1:] for s in SUFFIXES))} file in {options.root}")
    return scores.manifest(entries, rejected, data, shortest, renderer(options))
