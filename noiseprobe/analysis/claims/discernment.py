"""Claim 4 of the paper: the shape of the loss curve, not its absolute value, says something.

Whether a score of one curve tells corrupted clips from clean ones (functional/signals.py, functional/discernment.py).
"""

import math

import numpy as np
import pandas as pd

from noiseprobe.analysis.evidence import Evidence
from noiseprobe.analysis.group import SONG, Group, asked, columns, where
from noiseprobe.functional.discernment import auc_jackknife, paired
from noiseprobe.functional.intervals import Interval
from noiseprobe.functional.shares import pooled_share_interval, share_interval
from noiseprobe.functional.signals import SIGNALS

LONG = 1.0  # seconds
MARGIN = 0.05  # of an AUC


def find(group: Group, margin: float) -> list[Evidence]:
    rows = group.of("white", shortest=LONG)
    if rows.empty:
        return []
    aucs = {name: _aucs(group, rows, name) for name in ["loss", "shape"]}
    loss, shape = aucs["loss"], aucs["shape"]
    if loss is None or shape is None:
        return []
    place = where(rows)
    return [
        _told("shape tells", "The curve's shape tells corrupted clips from clean ones (AUC above 0.5)", place, *shape),
        _told("loss tells", "The mean loss tells them apart (AUC above 0.5)", place, *loss),
        Evidence(
            "shape beats loss", "Shape tells them apart better than the mean loss (difference of AUC)", place, "AUC",
            shape[1] - loss[1], "above", MARGIN,
        ),
    ]  # fmt: skip


def _told(claim: str, text: str, place: str, auc: float, pseudo: np.ndarray) -> Evidence:
    """Tested as the interval is made: on the logit scale, or, where all pairs agree, by songs like coins."""
    shown, g = pooled_share_interval(auc, pseudo), len(pseudo)
    if auc in (0.0, 1.0):
        ps = (0.5**g, 1.0) if auc else (1.0, (0.5 - MARGIN) ** g)
        return Evidence(claim, text, place, "AUC", pseudo, "above", MARGIN, 0.5, shown, ps=ps)
    values = logit(auc) + (pseudo - pseudo.mean()) / (auc * (1 - auc))
    return Evidence(claim, text, place, "AUC", values, "above", logit(0.5 + MARGIN), 0.0, shown)


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def table(group: Group) -> list[dict[str, object]]:
    """For each noise, length and signal: the share of twins told apart, and the pooled AUC, with 95 % intervals.

    Kinds that leave frames out aren't there: a maximum over fewer frames is lower by itself.
    """
    found = []
    for cell, variant, options in zip(group.cells["cell"], group.cells["variant"], asked(group.cells), strict=True):
        for name in SIGNALS:
            own = _scores(group, cell, variant, name)
            if own.empty:
                continue
            clean, corrupted, songs = own[f"{name}_clean"], own[f"{name}_corrupted"], _songs(own)
            share = share_interval(paired(clean, corrupted, songs), clips=len(own))
            estimate, pseudo = auc_jackknife(clean, corrupted, songs)
            found.append({
                "model": group.model, "data": group.data, "scoring": group.scoring, "variant": variant,
                "options": options, "signal": name, "songs": share.songs, "clips": len(own),
                **_named("paired", share), **_named("auc", pooled_share_interval(estimate, pseudo)),
            })  # fmt: skip
    return found


def _aucs(group: Group, rows: pd.DataFrame, name: str) -> tuple[float, np.ndarray] | None:
    """The AUC and its pseudo-value of each song, averaged over the given rows, over the clips that all of them have.

    None where no clip has a score in all rows.
    """
    clips = group.clip_values(group.signals, rows, f"{name}_corrupted").index.get_level_values("clip")
    estimates, found = [], []
    for cell, variant in columns(rows):
        own = _scores(group, cell, variant, name)
        own = own[own["clip"].isin(clips)]
        if own.empty:
            return None
        estimate, values = auc_jackknife(own[f"{name}_clean"], own[f"{name}_corrupted"], _songs(own))
        estimates.append(estimate)
        found.append(pd.Series(values, pd.MultiIndex.from_tuples(dict.fromkeys(_songs(own)), names=SONG)))
    return float(np.mean(estimates)), pd.concat(found, axis=1).mean(axis=1).to_numpy(np.float64)


def _scores(group: Group, cell: str, variant: str, name: str) -> pd.DataFrame:
    """Rows of the signals table that have this signal, of clips as long as before."""
    own = group.signals[(group.signals["cell"] == cell) & (group.signals["variant"] == variant)]
    own = own[own["frames"] == own["frames_corrupted"]]
    return own.dropna(subset=[f"{name}_clean", f"{name}_corrupted"])


def _songs(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rows["group"], rows["song"], strict=True))


def _named(name: str, interval: Interval) -> dict[str, object]:
    return {name: interval.estimate, f"{name} low": interval.low, f"{name} high": interval.high}
