"""Beyond the paper's claims, though its numbers show it: the colour of the noise decides."""

import numpy as np
import pandas as pd

from noiseprobe.analysis.evidence import Evidence
from noiseprobe.analysis.group import Group, columns, mean, where

EXPONENTS = {"violet": -2, "blue": -1, "white": 0, "pink": 1, "brown": 2}  # b of a power 1/f^b
LONG = 1.0  # seconds


def find(group: Group, margin: float) -> list[Evidence]:
    found = []
    brown = group.of("brown", shortest=LONG)
    if len(brown):
        found.append(Evidence(
            "brown noise raises it", "Brown noise raises the mean loss", where(brown), "nats",
            mean(group.songs(brown, "delta")), "above", margin,
        ))  # fmt: skip
    rows = {kind: group.of(kind, shortest=LONG) for kind in EXPONENTS}
    # the same lengths of each, or a colour would stand for a length
    lengths = set.intersection(*(set(own["length_s"]) for own in rows.values()))
    if lengths:
        same = {kind: own[own["length_s"].isin(lengths)] for kind, own in rows.items()}
        values = group.songs(pd.concat(same.values()), "delta")
        songs = pd.DataFrame({kind: values[columns(own)].mean(axis=1) for kind, own in same.items()})
        b = np.array(list(EXPONENTS.values()), dtype=np.float64)
        rise = songs.to_numpy() @ b / (b @ b) * (b.max() - b.min())
        text = "The deeper the noise, the higher the loss: its line's rise from violet to brown"
        place = f"{', '.join(EXPONENTS)}, {', '.join(f'{x:g}' for x in sorted(lengths))} s"
        found.append(Evidence("deeper noise raises it more", text, place, "nats", rise, "above", margin))
    return found
