"""The curves of single clips, from nll.parquet: one clip at a time, whatever the cell's size."""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from noiseprobe.errors import NoiseprobeError


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
    file = pq.ParquetFile(path)
    for i in range(file.num_row_groups):  # each is what was written of one clip
        table = file.read_row_group(i)
        for variant in pc.unique(table["variant"]).to_pylist():
            if variants is not None and variant not in variants:
                continue
            own = table.filter(pc.and_(pc.equal(table["variant"], variant), pc.is_valid(table["frame"])))
            name = own["clip"][0].as_py()
            if clips is None or name in clips:
                yield _curves(own, name, variant)


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
    """The same for several variants (None: all), in one reading, over some clips (None: all)."""
    found: dict[str, dict[tuple[str, str], list[np.ndarray]]] = {}
    for c in curves(folder, variants, clips):
        found.setdefault(c.variant, {}).setdefault((c.group, c.song), []).append(curve(c))
    return {variant: (list(songs), _means(list(songs.values()))) for variant, songs in found.items()}


def _means(songs: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """[G, T], of each song the mean over the clips that have a frame."""
    longest = max(len(x) for own in songs for x in own)
    found = np.full((len(songs), longest), np.nan)
    for row, own in zip(found, songs, strict=True):
        padded = np.full((len(own), longest), np.nan)
        for line, x in zip(padded, own, strict=True):
            line[: len(x)] = x
        there = ~np.isnan(padded).all(0)
        row[there] = np.nanmean(padded[:, there], 0)
    return found
