"""One variant of one finished cell: what a figure that isn't about a comparison shows, and how such figures are kept.

They are [NAME-]FIGURE-SCORING[-SETTING].png and .svg: the setting (in what a sweep's cells and variants differ) is told
where there is more than one.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noiseprobe.functional.regions import REGIONS, region_frames
from noiseprobe.report.figures import Spans, around, common_spans
from noiseprobe.report.panels import NOISES, Point, points_by_scoring, title
from noiseprobe.report.settings import label, varying
from noiseprobe.report.sheet import GREY, SHADE, save
from noiseprobe.results.curves import Curves
from noiseprobe.results.index import cell_name
from noiseprobe.results.reach import reach

FLAT = 1e-9  # nats


@dataclass(frozen=True)
class View:
    """A variant of a finished cell.

    Attributes:
        folder: of the cell.
        point: its row of the index.
        differs: the keys in which it differs from others that are looked at with it.
    """

    folder: Path
    point: Point
    differs: Sequence[str] = field(default=())

    @property
    def variant(self) -> str:
        return str(self.point.row["variant"])

    @property
    def title(self) -> str:
        """What it is, and of how many clips and songs."""
        return title(self.point.row["scoring"], [self.point], [], also=self.differs)

    @property
    def songs(self) -> int:
        return int(self.point.row["n_songs"])

    @property
    def is_pure_noise(self) -> bool:
        """Whether it is noise of some colour from the first sample to the last, with nothing of the music left."""
        row = self.point.row
        whole = self.variant.endswith("@0.0s+end") and json.loads(row["options"]).get("mode") == "replace"
        return whole and row["noise"].removeprefix("paper_") in NOISES

    @cached_property
    def meta(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "meta.json").read_text())
        return found

    @property
    def frame_rate(self) -> float:
        return float(self.meta["frame_rate"])

    @cached_property
    def profile(self) -> pd.DataFrame:
        """Its rows of profile.parquet, by codebook and frame."""
        rows = pq.read_table(self.folder / "profile.parquet", filters=[("variant", "=", self.variant)]).to_pandas()
        return rows.sort_values(["codebook", "frame"], kind="stable")

    @cached_property
    def clips(self) -> pd.DataFrame:
        """Its rows of clips.parquet, by clip."""
        columns = ["variant", "group", "song", "clip", "frames", "spans", "delta", *(f"{r}_delta" for r in REGIONS)]
        path = self.folder / "clips.parquet"
        return pq.read_table(path, columns=columns, filters=[("variant", "=", self.variant)]).to_pandas()

    @cached_property
    def spans(self) -> Spans:
        """The frames [on, off) of its spans where all clips have the same; none else."""
        rows = [{"variant": self.variant, "spans": spans} for spans in self.clips["spans"]]
        return [(int(on), int(off)) for on, off in common_spans(rows)[self.variant]]

    @property
    def window(self) -> tuple[float, float]:
        """From and to which second the noise is shown."""
        return around([self.spans], self.frame_rate)

    def regions(self, spans: Sequence[Sequence[int]], frames: int) -> Mapping[str, np.ndarray]:
        """The frames of each region of a clip, as clips.parquet has them.

        Args:
            spans: of the clip.
            frames: T of the clip.
        """
        *around, tail = reach(self.folder)
        own = [(int(on), int(off)) for on, off in spans]
        return region_frames(own, frames - tail, *around)


def views(cells: Sequence[Path]) -> dict[str, list[View]]:
    """All variants of some cells that have a scored clip, of each scoring by itself."""
    folders = {cell_name(folder): folder for folder in cells}
    found = {}
    for scoring, points in points_by_scoring(cells).items():
        scored = [p for p in points if p.row["n_clips"]]
        differs = varying(p.setting for p in scored)
        found[scoring] = [View(folders[p.row["cell"]], p, differs) for p in scored]
    return found


def without_companions(found: Sequence[View]) -> list[View]:
    """Those that are not there to be compared with: pure noise stands beside other noise, if there is any."""
    return [v for v in found if not v.is_pure_noise] or list(found)


def write_views(
    results: Path, cells: Sequence[Path], name: str | None, what: str,
    draw: Callable[[View, Sequence[View]], Figure | None],
) -> list[Path]:  # fmt: skip
    """One figure for each variant of each cell; the paths of those that were drawn.

    Args:
        results: the folder that they go to.
        cells: the sweep's folders.
        name: of the sweep.
        what: the figure's name.
        draw: makes it of one variant, with all others of the same scoring beside it; None where it has nothing to say.
    """
    written = []
    for scoring, found in views(cells).items():
        shown = without_companions(found)
        names = varying(v.point.setting for v in shown)
        taken: set[str] = set()
        for view in shown:
            figure = draw(view, found)
            if figure is not None:
                parts = [*([name] if name else []), what, scoring, *([slug(view, names, taken)] if names else [])]
                path = results / f"{'-'.join(parts)}.png"
                save(figure, path.with_name(path.name.removesuffix(".png")))
                written.append(path)
    return written


def slug(view: View, names: Sequence[str], taken: set[str]) -> str:
    """What a variant differs in, as part of a file's name; never the same twice."""
    text = re.sub(r"[^\w.+-]+", "_", label(view.point.setting, names)).strip("_") or "none"
    own, n = text, 1
    while own.casefold() in taken:
        n += 1
        own = f"{text}-{n}"
    taken.add(own.casefold())
    return own


def shade_noise(axis: Axes, view: View) -> None:
    """The noise shaded, where it is the same in all clips."""
    for on, off in view.spans:
        axis.axvspan(on / view.frame_rate, off / view.frame_rate, color=SHADE, linewidth=0, zorder=0)


def zero(axis: Axes) -> None:
    axis.axhline(0, color=GREY, linewidth=0.5, zorder=1)


def not_flat(axis: Axes) -> None:
    """An axis on which all is 0 goes from -1 to 1: else its numbers would be of rounding alone."""
    if max(map(abs, axis.dataLim.intervaly)) < FLAT:
        axis.set_ylim(-1, 1)


def time_label(view: View) -> str:
    return "time in the clean clip (s)" + ("; noise shaded" if view.spans else "; noise elsewhere in each clip")


def within(view: View, frames: np.ndarray) -> np.ndarray:
    """Which frames are shown around the noise."""
    first, last = view.window
    found: np.ndarray = (frames / view.frame_rate >= first) & (frames / view.frame_rate <= last)
    return found


def codebook_deltas(c: Curves) -> np.ndarray:
    """Corrupted minus clean of each codebook: [K, T], NaN where no mean counts it."""
    return np.where(c.counts, c.corrupted - c.clean, np.nan)
