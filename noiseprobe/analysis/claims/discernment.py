"""Claim 4 of the paper: the shape of the loss curve, not its absolute value, says something.

Whether a score of one curve tells corrupted clips from clean ones (functional/signals.py, functional/discernment.py).
"""

import numpy as np
import pandas as pd

from noiseprobe.analysis.evidence import Evidence
from noiseprobe.analysis.group import SONG, Group, asked, where
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
    place = where(rows)
    aucs = {name: _aucs(group, rows, name) for name in ["loss", "shape"]}
    loss, shape = aucs["loss"], aucs["shape"]
    if loss is None or shape is None:
        return []
    found = []
    for claim, text, values, bound, shown in [
        ("shape tells", "The curve's shape tells corrupted clips from clean ones (AUC above 0.5)", shape[1], 0.5,
         pooled_share_interval(*shape)),
        ("loss tells", "The mean loss tells them apart (AUC above 0.5)", loss[1], 0.5, pooled_share_interval(*loss)),
        ("shape beats loss", "Shape tells them apart better than the mean loss (difference of AUC)",
         shape[1] - loss[1], 0.0, None),
    ]:  # fmt: skip
        found.append(Evidence(claim, text, place, "AUC", values, "above", MARGIN, bound, shown))
    return found


def table(group: Group) -> list[dict[str, object]]:
    """For each noise, length and signal: the share of twins told apart, and the pooled AUC, with 95 % intervals."""
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
    """The AUC and its pseudo-value of each song, averaged over the given rows; None where a row has no score.

    Songs that lack one of the rows are left out of the pseudo-values.
    """
    estimates, found = [], {}
    for cell, variant in zip(rows["cell"], rows["variant"], strict=True):
        own = _scores(group, cell, variant, name)
        if own.empty:
            return None
        songs = _songs(own)
        estimate, values = auc_jackknife(own[f"{name}_clean"], own[f"{name}_corrupted"], songs)
        estimates.append(estimate)
        found[cell, variant] = pd.Series(values, pd.MultiIndex.from_tuples(dict.fromkeys(songs), names=SONG))
    return float(np.mean(estimates)), pd.DataFrame(found).dropna().mean(axis=1).to_numpy(np.float64)


def _scores(group: Group, cell: str, variant: str, name: str) -> pd.DataFrame:
    """Rows of the signals table that have this signal."""
    own = group.signals[(group.signals["cell"] == cell) & (group.signals["variant"] == variant)]
    return own.dropna(subset=[f"{name}_clean", f"{name}_corrupted"])


def _songs(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rows["group"], rows["song"], strict=True))


def _named(name: str, interval: Interval) -> dict[str, object]:
    return {name: interval.estimate, f"{name} low": interval.low, f"{name} high": interval.high}
