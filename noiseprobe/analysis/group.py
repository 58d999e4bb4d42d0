"""The cells that one verdict may draw on: one model on one data set, scored one way, with one seed of the noise."""

import importlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from noiseprobe.functional import signals
from noiseprobe.results.curves import Curves, all_song_curves
from noiseprobe.results.load import Results
from noiseprobe.results.schema import CURVES

SAME = ["model", "weights", "backend", "data", "scoring", "precision", "condition", "seed"]
SONG = ["group", "song"]
CLIP = [*SONG, "clip", "content", "frames"]
# what findings are made of; some hundred bytes of each clip and variant are in memory
CLIPS = [
    "cell", "variant", *CLIP, "frames_corrupted", "on_frame", "off_frame", "skipped", "delta", "peak_delta",
    "assimilation_delta", "recovery_delta", "recovery_delta_unchanged", "inside_delta", "after_delta",
]  # fmt: skip
SIGNALS = ["cell", "variant", *SONG, "clip", *(f"{name}_{curve}" for name in signals.SIGNALS for curve in CURVES)]
TELL = {"weights": "@{:.4}", "backend": "({})", "precision": "{}", "condition": "condition {}", "seed": "seed {}"}


@dataclass(frozen=True)
class Group:
    """Cells that differ in their noise alone.

    Attributes:
        cells: rows of the index, one for each cell and variant.
        clips: rows of this table, and `number`: the same for what `CLIP` says is the same clip.
        signals: rows of this table, with what `CLIP` names.
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
            By length, then onset; no row where the kind has no such cell. See `_comparable` for several cells.
        """
        own = self.cells[self.cells["noise"] == kind]
        plain = asdict(importlib.import_module(f"noiseprobe.noise.{kind}").Options()) | options
        wanted = json.loads(json.dumps(plain))
        own = own[np.array([json.loads(text) == wanted for text in own["options"]], dtype=bool)]
        own = own[(own["length_s"] > 0) & own["length_s"].between(shortest, longest)]
        own = own[~own["variant"].str.contains(",").astype(bool)]  # several places
        return self._comparable(own, ["variant"]).sort_values(["length_s", "onset_s"])

    def whole(self, kind: str, **options: object) -> pd.DataFrame:
        """Rows of the index for a kind that takes the whole clip, with some of its keys."""
        own = self.cells[(self.cells["noise"] == kind) & self.cells["length_s"].isna() & (self.cells["onset_s"] == 0)]
        there = [json.loads(text) for text in own["options"]]
        fits = [all(o[name] == value for name, value in options.items()) for o in there]
        return self._comparable(own[np.array(fits, dtype=bool)], ["variant", "options"])

    def _comparable(self, rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
        """One row for each value of some columns, all over about the same clips as the one with most.

        A small cell beside a large one would leave only the clips of the small one to compare: rows with less than half
        of the largest one's clips are left out, and `where` says so.
        """
        rows = rows.sort_values(["n_clips", "cell"], ascending=[False, True]).drop_duplicates(names)
        if rows.empty:
            return rows
        clips = (self._clips_of(*at) for at in zip(rows["cell"], rows["variant"], strict=True))
        most = next(clips)
        shared = [len(most), *(len(np.intersect1d(most, own)) for own in clips)]
        enough = 2 * np.array(shared) >= len(most)
        left_out = [v for v, fits in zip(rows["variant"], enough, strict=True) if not fits]
        rows = rows[enough]
        rows.attrs["left out"] = left_out
        return rows

    def _clips_of(self, cell: str, variant: str) -> np.ndarray:
        """Their numbers."""
        own = self.clips[(self.clips["cell"] == cell) & (self.clips["variant"] == variant)]
        return np.unique(own["number"].to_numpy())

    def songs(self, rows: pd.DataFrame, column: str) -> pd.DataFrame:
        """A column of clips.parquet as means over the clips of a song: a row a song, a column for each given row.

        Over the clips that all rows have, with the same content and length, so that no song is compared with itself in
        other clips; songs without any are left out.
        """
        return self.clip_values(self.clips, rows, column).groupby(SONG, observed=True).mean()

    def clip_values(self, table: pd.DataFrame, rows: pd.DataFrame, column: str) -> pd.DataFrame:
        """A column of a table: a row for each clip that all given rows have, a column (cell, variant) for each row."""
        found = {}
        for cell, variant in zip(rows["cell"], rows["variant"], strict=True):
            own = table[(table["cell"] == cell) & (table["variant"] == variant)]
            found[cell, variant] = own.dropna(subset=[column]).set_index(CLIP)[column].astype(np.float64)
        return pd.DataFrame(found).dropna()

    def frame_rate(self, cell: str) -> float:
        """Frames a second."""
        return float(json.loads((self.folders[cell] / "meta.json").read_text())["frame_rate"])

    def has_curves(self, rows: pd.DataFrame) -> bool:
        """Whether the cells of some rows kept their single values."""
        return all((self.folders[cell] / "nll.parquet").exists() for cell in set(rows["cell"]))

    def curves(self, cell: str, variant: str, clips: Collection[str] | None = None) -> pd.DataFrame:
        """The mean delta curve of each song, over all or some of its clips: a row (group, song), a column a frame.

        Those of the last few cells that were asked for stay in memory.
        """
        songs, delta = _curves(self.folders[cell], self._some(cell, clips))[variant]
        return pd.DataFrame(delta, index=pd.MultiIndex.from_tuples(songs, names=SONG))

    def at_frames(
        self, cell: str, frames: Mapping[str, np.ndarray], clips: Collection[str]
    ) -> dict[str, pd.DataFrame]:  # fmt: skip
        """Some frames of the curves of some variants, in one reading, with no other frames in memory.

        Args:
            cell: its name.
            frames: of each variant.
            clips: ids of those wanted.

        Returns:
            For each variant a row (group, song), a column a frame.
        """

        def at(c: Curves) -> np.ndarray:
            wanted = frames[c.variant]
            found = np.full(len(wanted), np.nan)
            there = wanted < len(c.counts)
            found[there] = c.delta[wanted[there]]
            return found

        found = all_song_curves(self.folders[cell], frames, at, self._some(cell, clips))
        return {
            variant: pd.DataFrame(values, index=pd.MultiIndex.from_tuples(songs, names=SONG))
            for variant, (songs, values) in found.items()
        }

    def _some(self, cell: str, clips: Collection[str] | None) -> frozenset[str] | None:
        """The clips wanted, None if they are all of the cell's."""
        if clips is None or self.clips.loc[self.clips["cell"] == cell, "clip"].isin(clips).all():
            return None
        return frozenset(clips)


@lru_cache(maxsize=8)  # what asks, asks for one variant after another, of a few cells
def _curves(folder: Path, clips: frozenset[str] | None) -> dict[str, tuple[list[tuple[str, str]], np.ndarray]]:
    return all_song_curves(folder, clips=clips)


def groups(results: Results) -> list[Group]:
    """Results by what a verdict may draw on, in the order in which they come."""
    cells, all_clips, all_signals = results.cells, results.columns("clips", CLIPS), results.columns("signals", SIGNALS)
    found = []
    told = {
        name: text for name, text in TELL.items()
        if (cells.groupby(["model", "data", "scoring"], dropna=False)[name].nunique(dropna=False) > 1).any()
    }  # fmt: skip
    for _, own in cells.groupby(SAME, sort=False, dropna=False):
        names = set(own["cell"])
        clips, signals = (table[table["cell"].isin(names)] for table in (all_clips, all_signals))
        clips = clips.assign(number=clips.groupby(CLIP, observed=True, dropna=False, sort=False).ngroup())
        known = clips[["cell", "variant", "clip", "content", "frames", "frames_corrupted"]]
        signals = signals.merge(known, on=["cell", "variant", "clip"])
        found.append(Group(own, clips, signals, {name: f for name, f in results.named.items() if name in names}, told))
    return found


def where(rows: pd.DataFrame) -> str:
    """The noise and its lengths in words, its onsets where there are several, and what was left out."""
    lengths = ", ".join(f"{x:g}" for x in dict.fromkeys(rows["length_s"].dropna()))
    text = f"{rows['noise'].iloc[0]}" + (f", {lengths} s" if lengths else "")
    onsets = list(dict.fromkeys(rows["onset_s"].dropna()))
    if len(onsets) > 1:
        text += f" from {', '.join(f'{x:g}' for x in onsets)} s on"
    return text + left_out(rows)


def left_out(rows: pd.DataFrame) -> str:
    """Which rows were not comparable."""
    names = rows.attrs.get("left out", [])
    return f"; left out, of other clips: {', '.join(names)}" if names else ""


def asked(rows: pd.DataFrame) -> list[str]:
    """Of each row the kind's keys that aren't as by default, in words."""
    found = []
    for kind, text in zip(rows["noise"], rows["options"], strict=True):
        plain = json.loads(json.dumps(asdict(importlib.import_module(f"noiseprobe.noise.{kind}").Options())))
        found.append(", ".join(f"{k} {v}" for k, v in json.loads(text).items() if v != plain[k]))
    return found


def columns(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """The columns that `Group.songs` has for some rows."""
    return list(zip(rows["cell"], rows["variant"], strict=True))


def mean(values: pd.DataFrame) -> np.ndarray:
    """Of each song the mean over columns: [G]."""
    return values.mean(axis=1).to_numpy()
