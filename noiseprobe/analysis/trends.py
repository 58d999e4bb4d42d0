"""How delta changes with the length of white noise: over points, as the paper has it, and over clips by song."""

import numpy as np
import pandas as pd

from noiseprobe.analysis.group import SONG, Group
from noiseprobe.functional.intervals import t_interval
from noiseprobe.functional.trends import clustered_slope, correlations, song_slopes


def table(groups: list[Group]) -> list[dict[str, object]]:
    """A row for each model and data, and with several of them one over all points of each scoring."""
    found, points = [], []
    for group in groups:
        rows = group.of("white")
        if rows["length_s"].nunique() < 2:
            continue
        values = group.clip_values(group.clips, rows, "delta")
        y = values.to_numpy().ravel()  # clip by clip, over lengths
        x = np.tile(rows["length_s"].to_numpy(np.float64), len(values))
        by_clip = values.index.to_frame()[SONG].itertuples(index=False, name=None)
        songs = [song for song in by_clip for _ in range(len(rows))]
        slope, each = clustered_slope(x, y, songs), t_interval(song_slopes(x, y, songs))
        means = rows.dropna(subset=["delta"])
        points.append((group.scoring, means))
        found.append({
            "model": group.model, "data": group.data, "scoring": group.scoring, **_points(means), "songs": slope.songs,
            "nats/s": slope.slope, "low": slope.low, "high": slope.high, "p": slope.p,
            "songs' own": each.estimate, "songs' low": each.low, "songs' high": each.high,
        })  # fmt: skip
    for scoring in dict.fromkeys(s for s, _ in points):
        several = [means for s, means in points if s == scoring]
        if len(several) > 1:
            found.append({"model": "all", "data": "all", "scoring": scoring, **_points(pd.concat(several))})
    return found


def _points(means: pd.DataFrame) -> dict[str, object]:
    r = correlations(means["length_s"].to_numpy(np.float64), means["delta"].to_numpy(np.float64))
    return {
        "points": r.n, "Pearson": r.pearson, "Spearman": r.spearman, "nats/s over points": r.slope,
    }  # fmt: skip
