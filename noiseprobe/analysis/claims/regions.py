"""Claim 2 of the paper, peak, assimilation and recovery; and beyond it the jolt where the noise ends."""

import numpy as np
import pandas as pd

from noiseprobe.analysis.evidence import Evidence, Side
from noiseprobe.analysis.group import Group, labels, mean, where
from noiseprobe.functional.regions import PEAK_FRAMES, regions
from noiseprobe.functional.shape import held_out
from noiseprobe.results.reach import reach

LONG = 1.0  # seconds; shorter noise has no assimilation


HELD_OUT = "every other song, at the frame that the rest choose"


def find(group: Group, margin: float) -> list[Evidence]:
    rows = group.of("white", shortest=LONG)
    if rows.empty:
        return []

    def evidence(claim: str, text: str, side: Side, values: pd.DataFrame, note: str = "", used: int = 1) -> Evidence:
        return Evidence(claim, text, where(rows), "nats", mean(values), side, margin, note=note, used=used)

    deltas = {name: group.songs(rows, f"{name}_delta") for name in ["peak", "assimilation", "recovery"]}
    found = [
        evidence("peak", "The loss rises where noise begins (mean of the peak region)", "above", deltas["peak"],
                 f"the region ends with the first {PEAK_FRAMES} frames of noise"),
        evidence("assimilation", "The loss falls and stays low while noise lasts", "below", deltas["assimilation"]),
        evidence("recovery", "After the noise the loss is back at the baseline", "within", deltas["recovery"]),
        evidence("unchanged codes suffer", "After the noise the very same codes are less likely than before", "above",
                 group.songs(rows, "recovery_delta_unchanged")),
    ]  # fmt: skip
    if group.has_curves:
        onset, offset = (_heights(group, rows, region) for region in ["peak", "offset"])
        both = onset.index.intersection(offset.index)
        larger = offset.loc[both] - onset.loc[both]
        found += [
            evidence("jump at the onset", "The loss jumps somewhere around the onset (highest frame)", "above", onset,
                     HELD_OUT, 2),
            evidence("jump at the offset", "The loss jumps where noise ends (highest frame)", "above", offset,
                     HELD_OUT, 2),
            evidence("offset jump is larger", "It jumps more where noise ends than where it begins", "above", larger,
                     HELD_OUT, 2),
        ]  # fmt: skip
    return found


def _heights(group: Group, rows: pd.DataFrame, region: str) -> pd.DataFrame:
    """Half of the songs at the frame of a region at which the mean of the other half is highest.

    Returns:
        A row a song, a column for each given row.
    """
    columns = {}
    for cell, variant in zip(rows["cell"], rows["variant"], strict=True):
        songs, delta = group.curves(cell, variant)
        if at := _bounds(group, cell, variant, delta.shape[1])[region]:
            columns[cell, variant] = pd.Series(held_out(delta, at), labels(songs))
    return pd.DataFrame(columns).dropna().astype(np.float64)


def _bounds(group: Group, cell: str, variant: str, frames: int) -> dict[str, tuple[int, int] | None]:
    """The regions of a variant whose noise is in the same frames of every clip."""
    own = group.clips[(group.clips["cell"] == cell) & (group.clips["variant"] == variant)]
    on, off = int(own["on_frame"].iloc[0]), int(own["off_frame"].iloc[0])
    *around, tail = reach(group.folders[cell])
    end = frames - tail
    return dict(regions(on, min(off, end), end, *around))
