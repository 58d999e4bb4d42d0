"""Beyond the paper, which names a context amnesia but never tests it: is the music before the noise lost?"""

import numpy as np
import pandas as pd

from noiseprobe.analysis.evidence import Evidence
from noiseprobe.analysis.group import Group, columns, where
from noiseprobe.functional.amnesia import amnesia
from noiseprobe.functional.intervals import Interval, t_interval

PASTS = {"b": "noisy", "c": "none", "e": "cut", "f": "alone"}
BIN = 10  # frames of a point of the curve


def find(group: Group, margin: float) -> list[Evidence]:
    rows = pasts(group)
    if rows is None:
        return []
    b, c, e, f = (x.to_numpy() for x in values_of(group, rows, "after_delta"))
    found = amnesia(b, c, e, f)
    # where c - e is above 0, amnesia > 1/2 means f - b < (c - e) / 2: a mean over songs, with no ratio in it
    values = found.worth / 2 - found.worth_behind
    nothing = found.amnesia.estimate is None or found.worth.mean() <= 0
    return [
        Evidence(
            "old music helps", "Music before the noise helps with the second after it, were there no noise",
            where(rows["e"]), "nats", found.worth, "above", margin,
        ),
        Evidence(
            "amnesia", "More than half of what it is worth is lost behind noise (amnesia index above 0.5)",
            where(rows["b"]), "index", values, "above", 0.0, shown=found.amnesia,
            untested="no index: what the music is worth may be 0 or less" if nothing else "",
        ),
    ]  # fmt: skip


def pasts(group: Group) -> dict[str, pd.DataFrame] | None:
    """Rows of the index for b, c, e and f, of the variants that all four have; None if there are none."""
    rows = {name: group.of("token_past", past=past) for name, past in PASTS.items()}
    common = set.intersection(*(set(own["variant"]) for own in rows.values()))
    return {name: own[own["variant"].isin(common)] for name, own in rows.items()} if common else None


def values_of(group: Group, rows: dict[str, pd.DataFrame], column: str) -> list[pd.Series]:
    """A column for each past, averaged over its rows, of songs, over the clips that all of them have."""
    songs = group.songs(pd.concat(rows.values()), column)
    return [songs[columns(own)].mean(axis=1) for own in rows.values()]


def table(group: Group) -> list[dict[str, object]]:
    """For each length of the noise, over the first second after it: both indices, what they are made of, inside too."""
    rows = pasts(group)
    found = []
    for variant in [] if rows is None else rows["b"]["variant"]:
        own = {name: r[r["variant"] == variant] for name, r in rows.items()}  # type: ignore[union-attr]
        after = values_of(group, own, "after_delta")
        index = amnesia(*(x.to_numpy() for x in after))
        within = values_of(group, {name: own[name] for name in "bf"}, "inside_delta")
        inside = t_interval((within[1] - within[0]).to_numpy())
        line = own["b"].iloc[0]
        skipped = int(group.clips[group.clips["cell"] == line["cell"]]["skipped"].iloc[0])
        found.append({
            "model": group.model, "data": group.data, "scoring": group.scoring, "variant": variant,
            "length_s": float(line["length_s"]), "onset_s": float(line["onset_s"]), "songs": index.amnesia.songs,
            "skipped frames": skipped, **named("amnesia", index.amnesia), **named("context loss", index.context_loss),
            **{f"{name} - a": float(x.mean()) for name, x in zip(PASTS, after, strict=True)},
            **named("worth of old music", t_interval(index.worth)),
            **named("behind noise", t_interval(index.worth_behind)), **named("inside the noise", inside),
        })  # fmt: skip
    return found


def curve(group: Group) -> list[dict[str, object]]:
    """The same over frames after the noise, in bins of 10 frames; empty without nll.parquet."""
    rows = pasts(group)
    if rows is None or not all(map(group.has_curves, rows.values())):
        return []
    found = []
    for variant in rows["b"]["variant"]:
        own = {name: r[r["variant"] == variant] for name, r in rows.items()}
        clips = group.clip_values(group.clips, pd.concat(own.values()), "delta").index.get_level_values("clip")
        lines = {name: r.iloc[0] for name, r in own.items()}
        curves = [group.curves(line["cell"], variant, clips) for line in lines.values()]
        line = lines["b"]
        first = group.clips[(group.clips["cell"] == line["cell"]) & (group.clips["variant"] == variant)].iloc[0]
        off, skipped = int(first["off_frame"]), int(first["skipped"])
        songs = curves[0].index
        for start in range(off + skipped, curves[0].shape[1] - BIN + 1, BIN):
            both = [x.loc[songs].iloc[:, start : start + BIN].mean(axis=1, skipna=False).to_numpy() for x in curves]
            there = ~np.isnan(both).any(axis=0)
            index = amnesia(*(x[there] for x in both))
            found.append({
                "model": group.model, "data": group.data, "scoring": group.scoring, "variant": variant,
                "length_s": float(line["length_s"]), "frame after the noise": start - off, "songs": int(there.sum()),
                **named("amnesia", index.amnesia), **named("context loss", index.context_loss),
                **named("worth of old music", t_interval(index.worth)),
                **named("behind noise", t_interval(index.worth_behind)),
            })  # fmt: skip
    return found


def named(name: str, interval: Interval) -> dict[str, object]:
    return {name: interval.estimate, f"{name} low": interval.low, f"{name} high": interval.high}
