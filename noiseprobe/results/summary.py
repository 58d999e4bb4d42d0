"""The numbers of a cell in a few lines: summary.json, from which the printed table and index.parquet are made."""

from collections.abc import Hashable
from dataclasses import fields
from typing import Any

import noiseprobe
from noiseprobe.functional.statistics import MeanOverSongs
from noiseprobe.results.cellinfo import CellInfo
from noiseprobe.results.schema import MEANS
from noiseprobe.variants import Fixed


def signature(cell: CellInfo, n_clips: int, n_songs: int) -> str:
    """One line for a paper: what was measured; `id` is the identity, which tells any two cells apart."""
    config = cell.config
    precision = "" if config.precision == "fp32" else f"|precision:{config.precision}"
    return (
        f"noiseprobe|model:{config.model.name}@{cell.weights.hash[:4]}|scoring:{config.scoring}{precision}|cond:{cell.condition}"
        f"|noise:{_noise(cell)}|data:{config.data.name}|n:{n_clips}|songs:{n_songs}"
        f"|agg:cb-frame-clip-song|seed:{config.seed}|id:{cell.name[-8:]}|v:{noiseprobe.__version__}"
    )


def _noise(cell: CellInfo) -> str:
    """Kind, keys that aren't the default, level, and where in frames of the model: white@match+50f,100f@250."""
    options = cell.config.noise.options
    plain = type(options)()
    own = [f.name for f in fields(options) if f.name not in ["level", "snr"]]
    more = ",".join(f"{n}={getattr(options, n)}" for n in own if getattr(options, n) != getattr(plain, n))
    text = cell.config.noise.kind + (f"[{more}]" if more else "") + (f"@{cell.level}" if cell.level else "")
    variants = cell.config.noise.variants
    if not all(isinstance(v.where, Fixed) and len(v.where.places) == 1 for v in variants):
        return f"{text}+{';'.join(v.where.name for v in variants)}"
    rate = cell.sample_rate / cell.hop
    lengths = ",".join(dict.fromkeys(f"{v.length * rate:g}" for v in variants if v.length is not None))
    lengths += "f" if lengths else ""
    if any(v.length is None for v in variants):
        lengths += ",end" if lengths else "end"
    onsets = dict.fromkeys(f"{(v.onset or 0) * rate:g}" for v in variants)
    return f"{text}+{lengths}@{','.join(onsets)}"


class Summary:
    """The content of summary.json from rows of clips.parquet that come one by one, in order.

    For each variant and column: mean over songs, standard error, and how many songs and clips have a value. Held are 8
    bytes for each song, variant and column.
    """

    def __init__(self, cell: CellInfo) -> None:
        self.cell = cell
        self.variants = {name: _Variant() for name in cell.variants}
        self.clips, self.songs = _Runs(), _Runs()

    def add(self, row: dict[str, Any]) -> None:
        """A row; those of a clip, and the clips of a song, come one after the other."""
        song = row["group"], row["song"]
        self.clips.add(row["clip"])
        self.songs.add(song)
        self.variants[row["variant"]].add(row, song)

    def content(self, rejected: int) -> dict[str, Any]:
        """What summary.json holds, of so many clips and files that were turned away."""
        cell, config = self.cell, self.cell.config
        n_clips, n_songs = self.clips.count, self.songs.count
        variants = []
        for name, v in cell.variants.items():
            asked = cell.level is not None and v.length != 0
            entry: dict[str, Any] = {"variant": name, "length_s": v.length, "onset_s": v.onset}
            variants.append(entry | self.variants[name].entry(asked))
        return {
            "cell": cell.name, "signature": signature(cell, n_clips, n_songs), "model": config.model.name,
            "weights": cell.weights.hash[:8], "backend": cell.weights.backend,
            "parameters": cell.weights.checkpoint.parameters, "condition": cell.condition,
            "data": config.data.name, "noise": config.noise.kind,
            "options": cell.noise_options, "level": cell.level, "scoring": config.scoring,
            "precision": config.precision, "seed": config.seed, "n_clips": n_clips, "n_songs": n_songs,
            "n_rejected": rejected, "variants": variants,
        }  # fmt: skip


class _Variant:
    """The rows of one variant."""

    def __init__(self) -> None:
        self.rows = self.shifted = self.silent = self.over = 0
        self.songs = _Runs()
        self.means = {column: MeanOverSongs() for column in MEANS}

    def add(self, row: dict[str, Any], song: tuple[str, str]) -> None:
        self.rows += 1
        self.songs.add(song)
        for column, means in self.means.items():
            means.add(row[column], song)
        self.shifted += row["mapped_frames"] < row["frames"]  # whose delta is over part of the frames
        self.silent += row["level_db"] is None and row["level_lufs"] is None
        self.over += row["over_full_scale"]

    def entry(self, asked: bool) -> dict[str, Any]:
        """Of summary.json; `asked`: whether there is noise of some level, which a silent span would give none."""
        counts = {"n_clips": self.rows, "n_songs": self.songs.count}
        means = {column: means.result()._asdict() for column, means in self.means.items()}
        last = {"n_shifted": self.shifted, "n_silent_spans": self.silent if asked else 0}
        return counts | means | last | {"over_full_scale": self.over}


class _Runs:
    """How many different values come, where the same ones come together."""

    def __init__(self) -> None:
        self.count = 0
        self.last: Hashable = None

    def add(self, value: Hashable) -> None:
        self.count += value != self.last
        self.last = value
