"""The cells that one verdict may draw on: one model on one data set, scored one way, with one seed of the noise."""

import importlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from noiseprobe.results.curves import all_song_curves
from noiseprobe.results.load import Results

SAME = ["model", "weights", "backend", "data", "scoring", "precision", "condition", "seed"]
SONG = ["group", "song"]
TELL = {"weights": "@{:.4}", "backend": "({})", "precision": "{}", "condition": "condition {}", "seed": "seed {}"}


@dataclass(frozen=True)
class Group:
    """Cells that differ in their noise alone.

    Attributes:
        cells: rows of the index, one for each cell and variant.
        clips, signals: rows of these tables.
        folders: of the cells, by name.
        told: keys in which groups of the same model, data and scoring differ, and how to tell them.
    """

    cells: pd.DataFrame
    clips: pd.DataFrame
    signals: pd.DataFrame
    folders: dict[str, Path]
    told: dict[str, str]

    @property
    def model(self) -> str:
        return str(self.cells["model"].iloc[0])

    @property
    def label(self) -> str:
        """The model, and what else tells this group from others of the same model, data and scoring."""
        first = self.cells.iloc[0]
        more = [self.told[name].format(first[name]) for name in self.told]
        return " ".join([self.model, *more])

    @property
    def data(self) -> str:
        return str(self.cells["data"].iloc[0])

    @property
    def scoring(self) -> str:
        return str(self.cells["scoring"].iloc[0])

    def of(self, kind: str, shortest: float = 0.0, longest: float = np.inf, **options: object) -> pd.DataFrame:
        """Rows of the index for a kind of noise in one place of some length, with its keys as they are by default.

        Args:
            kind: of noise.
            shortest, longest: seconds, both included; a length of 0 never is.
            options: the kind's keys that aren't as by default.

        Returns:
            By length, then onset. No row where the kind has no such cell; where it has several (the same noise on
            other clips, say), those of the one with most clips.
        """
        own = self.cells[self.cells["noise"] == kind]
        plain = asdict(importlib.import_module(f"noiseprobe.noise.{kind}").Options()) | options
        wanted = json.loads(json.dumps(plain))
        own = own[np.array([json.loads(text) == wanted for text in own["options"]], dtype=bool)]
        own = own[(own["length_s"] > 0) & own["length_s"].between(shortest, longest)]
        # one row a variant: of cells that both have it the larger
        own = own.sort_values(["n_clips", "cell"], ascending=[False, True]).drop_duplicates("variant")
        return own.sort_values(["length_s", "onset_s"])

    def whole(self, kind: str, **options: object) -> pd.DataFrame:
        """Rows of the index for a kind that takes the whole clip."""
        own = self.cells[(self.cells["noise"] == kind) & self.cells["length_s"].isna() & (self.cells["onset_s"] == 0)]
        there = [json.loads(text) for text in own["options"]]
        fits = [all(o[name] == value for name, value in options.items()) for o in there]
        return own[np.array(fits, dtype=bool)]

    def songs(self, rows: pd.DataFrame, column: str) -> pd.DataFrame:
        """A column of clips.parquet as means over the clips of a song: a row a song, a column for each given row.

        Songs that lack one of them are left out, so that every column is over the same songs.
        """
        return self.per_song(self.clips, rows, column)

    def per_song(self, table: pd.DataFrame, rows: pd.DataFrame, column: str) -> pd.DataFrame:
        """The same of any table that has a row for each clip and variant."""
        found = {}
        for cell, variant in zip(rows["cell"], rows["variant"], strict=True):
            own = table[(table["cell"] == cell) & (table["variant"] == variant)]
            found[cell, variant] = own.dropna(subset=[column]).groupby(SONG)[column].mean()
        return pd.DataFrame(found).dropna().astype(np.float64)

    def frame_rate(self, cell: str) -> float:
        """Frames a second."""
        return float(json.loads((self.folders[cell] / "meta.json").read_text())["frame_rate"])

    @cached_property
    def has_curves(self) -> bool:
        """Whether every cell kept its single values."""
        return all((folder / "nll.parquet").exists() for folder in self.folders.values())

    def curves(self, cell: str, variant: str) -> tuple[list[tuple[str, str]], np.ndarray]:
        """The mean delta curve of each song: (group, song), and [G, T]."""
        return _curves(self.folders[cell])[variant]


@lru_cache(maxsize=8)  # what asks, asks for one variant after another, of a few cells
def _curves(folder: Path) -> dict[str, tuple[list[tuple[str, str]], np.ndarray]]:
    return all_song_curves(folder)


def groups(results: Results) -> list[Group]:
    """Results by what a verdict may draw on, in the order in which they come."""
    cells = results.cells
    found = []
    told = {
        name: text for name, text in TELL.items()
        if (cells.groupby(["model", "data", "scoring"], dropna=False)[name].nunique(dropna=False) > 1).any()
    }  # fmt: skip
    for _, own in cells.groupby(SAME, sort=False, dropna=False):
        names = set(own["cell"])
        clips, signals = (table[table["cell"].isin(names)] for table in (results.clips, results.signals))
        found.append(Group(own, clips, signals, {f.name: f for f in results.folders if f.name in names}, told))
    return found


def where(rows: pd.DataFrame) -> str:
    """The noise and its lengths, in words."""
    lengths = ", ".join(f"{x:g}" for x in dict.fromkeys(rows["length_s"].dropna()))
    return f"{rows['noise'].iloc[0]}" + (f", {lengths} s" if lengths else "")


def asked(rows: pd.DataFrame) -> list[str]:
    """Of each row the kind's keys that aren't as by default, in words."""
    found = []
    for kind, text in zip(rows["noise"], rows["options"], strict=True):
        plain = json.loads(json.dumps(asdict(importlib.import_module(f"noiseprobe.noise.{kind}").Options())))
        found.append(", ".join(f"{k} {v}" for k, v in json.loads(text).items() if v != plain[k]))
    return found


def mean(values: pd.DataFrame) -> np.ndarray:
    """Of each song the mean over columns: [G]."""
    return values.mean(axis=1).to_numpy()


def labels(songs: Sequence[tuple[str, str]]) -> pd.MultiIndex:
    """Songs as the index that `Group.songs` has."""
    return pd.MultiIndex.from_tuples(songs, names=SONG)
