"""Claim 2 of the paper, peak, assimilation and recovery; and beyond it the jolt where the noise ends."""

from dataclasses import replace

import numpy as np
import pandas as pd

from noiseprobe.analysis.evidence import Evidence, Side
from noiseprobe.analysis.group import SONG, Group, columns, mean, where
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
    onset, offset = (_heights(group, rows, region) for region in ["peak", "offset"])
    for claim, text, values in [
        ("jump at the onset", "The loss jumps somewhere around the onset (highest frame)", onset),
        ("jump at the offset", "The loss jumps where noise ends (highest frame)", offset),
        ("offset jump is larger", "It jumps more where noise ends than where it begins", offset - onset),
    ]:
        found.append(evidence(claim, text, "above", values, HELD_OUT, 2))
    if not group.has_curves(rows):
        found[-3:] = [replace(e, untested="needs nll.parquet (keep_nll=true)") for e in found[-3:]]
    return found


def _heights(group: Group, rows: pd.DataFrame, region: str) -> pd.DataFrame:
    """Half of the songs at the frame of a region at which the mean of the other half is highest.

    Returns:
        A row a song, a column for each given row; empty without nll.parquet.
    """
    if not group.has_curves(rows):
        return pd.DataFrame()
    clips = group.clip_values(group.clips, rows, "delta")
    ids = clips.index.get_level_values("clip")
    songs = clips.groupby(SONG).size().index  # the halves are the same ones in all rows
    found = {}
    for cell, variant in columns(rows):
        delta = group.curves(cell, variant, ids).loc[songs]
        if at := _bounds(group, cell, variant, delta.shape[1])[region]:
            found[cell, variant] = pd.Series(held_out(delta.to_numpy(), at), songs)
    return pd.DataFrame(found).dropna().astype(np.float64)


def _bounds(group: Group, cell: str, variant: str, frames: int) -> dict[str, tuple[int, int] | None]:
    """The regions of a variant whose noise is in the same frames of every clip."""
    own = group.clips[(group.clips["cell"] == cell) & (group.clips["variant"] == variant)]
    (on, off), *others = set(zip(own["on_frame"].astype(int), own["off_frame"].astype(int), strict=True))
    assert not others, f"{variant}: noise elsewhere in each clip"
    *around, tail = reach(group.folders[cell])
    end = frames - tail
    return dict(regions(on, min(off, end), end, *around))
