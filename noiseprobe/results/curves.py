"""The curves of single clips, from nll.parquet: one clip at a time, whatever the cell's size."""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from noiseprobe.errors import NoiseprobeError
from noiseprobe.results import schema


@dataclass(frozen=True)
class Curves:
    """A clip and one variant of it, at the clean clip's frames.

    Attributes:
        group, song, clip, variant: as in every table.
        clean: nll [K, T], float64; NaN at frames that the scoring leaves out.
        corrupted: nll [K, T], float64; NaN there and at frames without a counterpart.
        changed: bool [K, T], where the code differs; False at frames without a counterpart.
        counts: bool [T], the frames that means of delta are over.
    """

    group: str
    song: str
    clip: str
    variant: str
    clean: np.ndarray
    corrupted: np.ndarray
    changed: np.ndarray
    counts: np.ndarray

    @property
    def delta(self) -> np.ndarray:
        """Mean over codebooks of corrupted minus clean: [T], NaN where no mean counts it."""
        return np.where(self.counts, (self.corrupted - self.clean).mean(0), np.nan)


def curves(
    folder: Path, variants: Container[str] | None = None, clips: Container[str] | None = None
) -> Iterator[Curves]:
    """The curves of a cell's clips, in the table's order: by clip, then variant.

    Args:
        folder: of a finished cell.
        variants: names of those wanted; None: all.
        clips: ids of those wanted; None: all.

    Raises:
        NoiseprobeError: if the cell was run with keep_nll=false.
    """
    path = folder / "nll.parquet"
    if not path.exists():
        raise NoiseprobeError(f"{folder} has no nll.parquet; run it with keep_nll=true force=true")
    # texts as numbers, which are quick to compare and small
    file = pq.ParquetFile(path, read_dictionary=schema.TEXT_KEYS)
    for i in range(file.num_row_groups):  # whole clips in each (`tablefile`)
        table = file.read_row_group(i).filter(pc.is_valid(pc.field("frame"))).unify_dictionaries().combine_chunks()
        for own in _runs(table):
            clip, variant = own["clip"][0].as_py(), own["variant"][0].as_py()
            if (variants is None or variant in variants) and (clips is None or clip in clips):
                yield _curves(own, clip, variant)


def _runs(table: pa.Table) -> Iterator[pa.Table]:
    """The rows of each clip and variant, which stand together."""
    if not len(table):
        return
    numbers = np.stack([table[name].chunk(0).indices.to_numpy() for name in ["clip", "variant"]])
    starts = np.flatnonzero((np.diff(numbers) != 0).any(0)) + 1
    for start, stop in pairwise([0, *starts.tolist(), len(table)]):
        yield table.slice(start, stop - start)


def _curves(own: pa.Table, clip: str, variant: str) -> Curves:
    codebooks = pc.max(own["codebook"]).as_py() + 1

    def grid(name: str) -> np.ndarray:
        return own[name].to_numpy().reshape(codebooks, -1)

    return Curves(
        group=own["group"][0].as_py(), song=own["song"][0].as_py(), clip=clip, variant=variant,
        clean=grid("nll_clean").astype(np.float64), corrupted=grid("nll_corrupted").astype(np.float64),
        changed=pc.fill_null(own["changed"], False).to_numpy().reshape(codebooks, -1), counts=grid("in_means")[0],
    )  # fmt: skip


def song_curves(
    folder: Path, variant: str, curve: Callable[[Curves], np.ndarray] = lambda c: c.delta
) -> tuple[list[tuple[str, str]], np.ndarray]:
    """One curve for each song: the mean over its clips of some curve of each.

    Args:
        folder: of a finished cell.
        variant: its name.
        curve: [T] of one clip, NaN where it has no value; delta if it isn't said.

    Returns:
        (group, song) of each, and [G, T]: NaN at frames at which a song has no value; T is that of the longest clip.
    """
    return all_song_curves(folder, [variant], curve).get(variant, ([], np.empty((0, 0))))


def all_song_curves(
    folder: Path, variants: Container[str] | None = None, curve: Callable[[Curves], np.ndarray] = lambda c: c.delta,
    clips: Container[str] | None = None,
) -> dict[str, tuple[list[tuple[str, str]], np.ndarray]]:  # fmt: skip
    """The same for several variants (None: all), in one reading, over some clips (None: all).

    The clips of a song come one after the other; besides them, what is in memory is one curve a song and variant.
    """
    found: dict[str, dict[tuple[str, str], np.ndarray]] = {}
    for song, several in groupby(curves(folder, variants, clips), lambda c: (c.group, c.song)):
        own: dict[str, list[np.ndarray]] = {}
        for c in several:
            own.setdefault(c.variant, []).append(curve(c))
        for variant, values in own.items():
            found.setdefault(variant, {})[song] = _mean(values)
    return {variant: (list(songs), _padded(list(songs.values()))) for variant, songs in found.items()}


def _mean(clips: Sequence[np.ndarray]) -> np.ndarray:
    """[T] of the longest: at each frame the mean over the clips that have it."""
    padded = _padded(clips)
    there = ~np.isnan(padded).all(0)
    found = np.full(padded.shape[1], np.nan)
    found[there] = np.nanmean(padded[:, there], 0)
    return found


def _padded(curves: Sequence[np.ndarray]) -> np.ndarray:
    """[n, T] with NaN where a curve has ended."""
    found = np.full((len(curves), max(map(len, curves))), np.nan)
    for row, curve in zip(found, curves, strict=True):
        row[: len(curve)] = curve
    return found
