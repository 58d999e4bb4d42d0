"""Beyond the paper, which names a context amnesia but never tests it: is the music before the noise lost?"""

import numpy as np
import pandas as pd

from noiseprobe.analysis.evidence import Evidence
from noiseprobe.analysis.group import SONG, Group, where
from noiseprobe.functional.amnesia import amnesia
from noiseprobe.functional.intervals import Interval, t_interval

PASTS = {"b": "noisy", "c": "none", "e": "cut", "f": "alone"}
BIN = 10  # frames of a point of the curve


def find(group: Group, margin: float) -> list[Evidence]:
    rows = pasts(group)
    if rows is None:
        return []
    songs = {name: group.songs(own, "after_delta") for name, own in rows.items()}
    b, c, e, f = (x.mean(axis=1).to_numpy() for x in aligned(songs))
    found = amnesia(b, c, e, f)
    # amnesia > 1/2 where f - b < (c - e) / 2: a mean over songs, with no ratio in it
    values = found.worth / 2 - found.worth_behind
    return [
        Evidence(
            "old music helps", "Music before the noise helps with the second after it, were there no noise",
            where(rows["e"]), "nats", found.worth, "above", margin,
        ),
        Evidence(
            "amnesia", "More than half of what it is worth is lost behind noise (amnesia index above 0.5)",
            where(rows["b"]), "share", values, "above", 0.0, shown=found.amnesia,
            note="" if found.amnesia.estimate is not None else "no index: what it is worth may be 0",
        ),
    ]  # fmt: skip


def pasts(group: Group) -> dict[str, pd.DataFrame] | None:
    """Rows of the index for b, c, e and f, of the variants that all four have; None if there are none."""
    rows = {name: group.of("token_past", past=past) for name, past in PASTS.items()}
    common = set.intersection(*(set(own["variant"]) for own in rows.values()))
    return {name: own[own["variant"].isin(common)] for name, own in rows.items()} if common else None


def aligned(songs: dict[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """b, c, e and f over the songs that all have."""
    common = sorted(set.intersection(*(set(x.index) for x in songs.values())))
    return [songs[name].loc[common] for name in PASTS]


def table(group: Group) -> list[dict[str, object]]:
    """For each length of the noise, over the first second after it: both indices, what they are made of, inside too."""
    rows = pasts(group)
    found = []
    for variant in [] if rows is None else rows["b"]["variant"]:
        own = {name: r[r["variant"] == variant] for name, r in rows.items()}  # type: ignore[union-attr]
        after = aligned({name: group.songs(r, "after_delta") for name, r in own.items()})
        values = [x.iloc[:, 0].to_numpy() for x in after]
        index = amnesia(*values)
        inside = aligned({name: group.songs(own["f" if name in "ce" else name], "inside_delta") for name in PASTS})
        alone = t_interval((inside[3].iloc[:, 0] - inside[0].iloc[:, 0]).to_numpy())
        line = own["b"].iloc[0]
        skipped = int(group.clips[group.clips["cell"] == line["cell"]]["skipped"].iloc[0])
        found.append({
            "model": group.model, "data": group.data, "scoring": group.scoring, "variant": variant,
            "length_s": float(line["length_s"]), "onset_s": float(line["onset_s"]), "songs": index.amnesia.songs,
            "skipped frames": skipped, **named("amnesia", index.amnesia), **named("context loss", index.context_loss),
            **{f"{name} - a": float(x.mean()) for name, x in zip(PASTS, values, strict=True)},
            **named("worth of old music", t_interval(index.worth)),
            **named("behind noise", t_interval(index.worth_behind)), **named("inside the noise", alone),
        })  # fmt: skip
    return found


def curve(group: Group) -> list[dict[str, object]]:
    """The same over frames after the noise, in bins of 10 frames; empty without nll.parquet."""
    rows = pasts(group)
    if rows is None or not group.has_curves:
        return []
    found = []
    for variant in rows["b"]["variant"]:
        curves = {}
        for name, own in rows.items():
            line = own[own["variant"] == variant].iloc[0]
            songs, delta = group.curves(line["cell"], variant)
            curves[name] = pd.DataFrame(delta, index=pd.MultiIndex.from_tuples(songs, names=SONG))
            clips = group.clips[(group.clips["cell"] == line["cell"]) & (group.clips["variant"] == variant)]
        off, skipped = int(clips["off_frame"].iloc[0]), int(clips["skipped"].iloc[0])
        both = aligned(curves)
        for start in range(off + skipped, both[0].shape[1] - BIN + 1, BIN):
            values = [x.iloc[:, start : start + BIN].mean(axis=1, skipna=False) for x in both]
            there = ~np.isnan(np.array(values)).any(axis=0)
            index = amnesia(*(x.to_numpy()[there] for x in values))
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
