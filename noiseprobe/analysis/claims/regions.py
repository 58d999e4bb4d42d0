"""Claim 2 of the paper, peak, assimilation and recovery; and beyond it the jolt where the noise ends."""

from dataclasses import replace

import numpy as np
import pandas as pd

from noiseprobe.analysis.evidence import Evidence, Side
from noiseprobe.analysis.group import SONG, Group, mean, where
from noiseprobe.functional.regions import PEAK_FRAMES, regions
from noiseprobe.functional.shape import held_out
from noiseprobe.results.reach import reach

LONG = 1.0  # seconds; shorter noise has no assimilation
JUMPS = ["peak", "offset"]  # regions


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
    onset, offset = _heights(group, rows)
    for claim, text, values in [
        ("jump at the onset", "The loss jumps somewhere around the onset (highest frame)", onset),
        ("jump at the offset", "The loss jumps where noise ends (highest frame)", offset),
        ("offset jump is larger", "It jumps more where noise ends than where it begins", offset - onset),
    ]:
        found.append(evidence(claim, text, "above", values, HELD_OUT, 2))
    if not group.has_curves(rows):
        found[-3:] = [replace(e, untested="needs nll.parquet (keep_nll=true)") for e in found[-3:]]
    return found


def _heights(group: Group, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Half of the songs at the frame at which the mean of the other half is highest, of the peak and of the offset.

    Of every song's curve no more than the frames of both regions is in memory.

    Returns:
        For each region a row a song, a column for each given row; empty without nll.parquet, or a clip in all rows.
    """
    clips = group.clip_values(group.clips, rows, "delta")
    if clips.empty or not group.has_curves(rows):
        return pd.DataFrame(), pd.DataFrame()
    ids, longest = clips.index.get_level_values("clip"), int(clips.index.get_level_values("frames").max())
    songs = clips.groupby(SONG, observed=True).size().index  # the halves are the same ones in all rows
    found: dict[str, dict[tuple[str, str], pd.Series]] = {region: {} for region in JUMPS}
    for cell in dict.fromkeys(rows["cell"]):
        variants = rows.loc[rows["cell"] == cell, "variant"]
        bounds = {variant: _bounds(group, cell, variant, longest) for variant in variants}
        frames = {v: {region: np.arange(*at[region] or (0, 0)) for region in JUMPS} for v, at in bounds.items()}
        curves = group.at_frames(cell, {v: np.concatenate(list(own.values())) for v, own in frames.items()}, ids)
        for variant, both in curves.items():
            peak = len(frames[variant]["peak"])
            values = both.loc[songs].to_numpy()
            for region, own in zip(JUMPS, [values[:, :peak], values[:, peak:]], strict=True):
                if own.shape[1]:
                    found[region][cell, variant] = pd.Series(held_out(own, (0, own.shape[1])), songs)
    onset, offset = (pd.DataFrame(own).dropna().astype(np.float64) for own in found.values())
    return onset, offset


def _bounds(group: Group, cell: str, variant: str, frames: int) -> dict[str, tuple[int, int] | None]:
    """The regions of a variant whose noise is in the same frames of every clip."""
    own = group.clips[(group.clips["cell"] == cell) & (group.clips["variant"] == variant)]
    (on, off), *others = set(zip(own["on_frame"].astype(int), own["off_frame"].astype(int), strict=True))
    assert not others, f"{variant}: noise elsewhere in each clip"
    *around, tail = reach(group.folders[cell])
    end = frames - tail
    return dict(regions(on, min(off, end), end, *around))
