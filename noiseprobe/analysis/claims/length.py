"""Claim 1 of the paper: short noise leaves the mean loss as it is, longer noise lowers it, the longer the more."""

import numpy as np

from noiseprobe.analysis.evidence import Evidence
from noiseprobe.analysis.group import Group, mean, where
from noiseprobe.functional.trends import correlations

SHORT, LONG = 0.2, 1.0  # seconds: up to 10 frames, and from 50 on


def find(group: Group, margin: float) -> list[Evidence]:
    found = []
    short = group.of("white", longest=SHORT)
    if len(short):
        found.append(Evidence(
            "short noise changes nothing", "Noise of 0.2 s or less leaves the mean loss as it is", where(short), "nats",
            mean(group.songs(short, "delta")), "within", margin,
        ))  # fmt: skip
    long = group.of("white", shortest=LONG)
    if len(long):
        found.append(Evidence(
            "noise lowers the loss", "Noise of 1 s and more lowers the mean loss", where(long), "nats",
            mean(group.songs(long, "delta")), "below", margin,
        ))  # fmt: skip
    rows = group.of("white")
    lengths = rows["length_s"].to_numpy(np.float64)
    if len(set(lengths)) > 1:
        values = group.songs(rows, "delta")
        around = lengths - lengths.mean()
        # each song's least-squares line, as the fall from the shortest to the longest
        fall = values.to_numpy() @ around / (around @ around) * (lengths.max() - lengths.min())
        r = correlations(lengths, values.mean().to_numpy())
        note = f"over {r.n} points Pearson {_r(r.pearson)}, Spearman {_r(r.spearman)} (points share their songs)"
        text = (
            f"The longer the noise, the lower the loss: its line's fall from {lengths.min():g} to {lengths.max():g} s"
        )
        found.append(Evidence("longer lowers it more", text, where(rows), "nats", fall, "below", margin, note=note))
    return found


def _r(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"
