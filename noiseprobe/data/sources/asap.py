"""The scores of ASAP as a data source: piano music in MIDI, played with a SoundFont at one loudness.

ASAP (F. Foscarin and others, "ASAP: a dataset of aligned scores and performances for piano transcription", ISMIR 2020)
is a git repository; a clone's `metadata.csv` has a row for each performance with `composer`, `title`, `folder` and
`midi_score`, the score's path in the clone. Each score is one clip, from its begin, however many performances it has;
the group is the composer, the song the title, so that two versions of a piece stay together.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noiseprobe import checks
from noiseprobe.config import Config, DataConfig
from noiseprobe.data import scores
from noiseprobe.data.manifest import Clip, Manifest, Rejected
from noiseprobe.data.scan import Entry, relative
from noiseprobe.errors import NoiseprobeError
from noiseprobe.models.weights import AnyWeights
from noiseprobe.score.render import Renderer

if TYPE_CHECKING:
    from torch import Tensor

CLONE = "git clone https://github.com/fosfrancesco/asap-dataset"
COLUMNS = ["composer", "title", "midi_score"]


@dataclass(frozen=True)
class Options:
    """The keys of this source.

    Attributes:
        root: a clone of the data set.
        soundfont: what plays.
        loudness: LUFS of each clip.
    """

    root: Path
    soundfont: Path
    loudness: float


def options(raw: dict[str, Any]) -> Options:
    """The checked keys of this source.

    Raises:
        NoiseprobeError: for a value that isn't allowed.
    """
    if raw["root"] is None:
        raise checks.refusal("data.root", None, f"the folder of a clone of ASAP ({CLONE})")
    return Options(
        root=Path(os.path.abspath(checks.folder("data.root", raw["root"]))),
        soundfont=scores.soundfont(raw["soundfont"]),
        loudness=scores.loudness(raw["loudness"]),
    )


def manifest(config: Config, weights: AnyWeights, shortest: float) -> Manifest:
    """The scores of the clone that a cell's configuration names, whatever the model."""
    return listing(config.data, shortest)


def decode(clip: Clip, sample_rate: int, channels: int, options: Options) -> "Tensor":
    """A clip as it sounds; `noiseprobe.data.scores.decode` says how."""
    return scores.decode(clip, sample_rate, channels, renderer(options))


def renderer(options: Options) -> Renderer:
    """What plays the clips."""
    return Renderer(options.soundfont, options.loudness)


def listing(data: DataConfig, shortest: float = 0.0) -> Manifest:
    """The scores of a clone; `data.limit` counts those of at least `shortest` seconds.

    Raises:
        NoiseprobeError: if the folder isn't a clone of ASAP, or the SoundFont can't be read.
    """
    options: Options = data.options
    rejected: list[Rejected] = []
    entries = list(_scores(options.root, rejected))
    if not entries:
        raise NoiseprobeError(f"data.root: metadata.csv in {options.root} names no score, expected ASAP's ({CLONE})")
    return scores.manifest(entries, rejected, data, shortest, renderer(options))


def _scores(root: Path, rejected: list[Rejected]) -> Iterator[Entry]:
    """Each score once, in the table's order; rows that name none are rejected."""
    table = root / "metadata.csv"
    try:
        with table.open(newline="", encoding="utf-8-sig") as f:
            reader = csv.DictReader(f)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
            if missing:
                expected = f"ASAP's table with the column {missing[0]} ({CLONE})"
                raise NoiseprobeError(f"data.root: {table}: got another table, expected {expected}")
            rows = list(enumerate(reader, 2))
    except FileNotFoundError as error:
        raise NoiseprobeError(f"data.root: no metadata.csv in {root}, expected a clone of ASAP ({CLONE})") from error
    except OSError as error:
        raise NoiseprobeError(f"data.root: {table}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise NoiseprobeError(f"data.root: {table}: {error}, expected ASAP's table ({CLONE})") from error
    seen = set()
    for number, row in rows:
        name = (row["midi_score"] or "").strip()
        if not name:
            rejected.append(Rejected("metadata.csv", f"row {number} names no midi_score"))
            continue
        path = Path(os.path.abspath(root / name))
        if path not in seen:
            seen.add(path)
            title, composer = row["title"] or path.parent.name, row["composer"] or "unknown"
            yield Entry(path, relative(path, root), title, composer)
