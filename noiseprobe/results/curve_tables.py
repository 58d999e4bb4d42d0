"""The tables about single curves: shapes.parquet (of delta) and signals.parquet (of nll, clean and corrupted)."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from noiseprobe.functional.shape import shape
from noiseprobe.functional.signals import FEWEST_FRAMES, SIGNALS
from noiseprobe.results.cellinfo import CellInfo
from noiseprobe.results.pairing import pairing
from noiseprobe.results.records import Record
from noiseprobe.results.tables import keys


def shape_rows(cell: CellInfo, record: Record) -> Iterator[dict[str, Any]]:
    """The rows of shapes.parquet for one clip: variants of one span that isn't empty."""
    frames = record.clean.shape[1]
    end = frames - cell.pattern.tail
    for v in record.variants:
        ((on, off), *more) = v.spans
        if more or not on < min(off, end):
            continue
        paired, counts = pairing(v, frames, cell.pattern)
        delta = np.where(counts, paired.mean(0, dtype=np.float64) - record.clean.mean(0, dtype=np.float64), np.nan)
        found = shape(
            delta[:end], on, min(off, end), cell.sample_rate / cell.hop, *cell.look, cell.pattern.context,
            cell.pattern.first,
        )  # fmt: skip
        yield keys(cell, record, v) | found._asdict()


def signal_rows(cell: CellInfo, record: Record) -> Iterator[dict[str, Any]]:
    """The rows of signals.parquet for one clip, each curve over all of its own frames that means are over."""
    clean = _signals(cell, record.clean)
    for v in record.variants:
        corrupted = _signals(cell, v.nll)
        row = {
            f"{name}_{curve}": own[name] for curve, own in [("clean", clean), ("corrupted", corrupted)] for name in own
        }
        yield keys(cell, record, v) | row


def _signals(cell: CellInfo, nll: np.ndarray) -> dict[str, float | None]:
    """Null for a curve too short to have a shape."""
    own = nll[:, cell.pattern.averaged(nll.shape[1])].astype(np.float64)
    return {name: signal(own) if own.shape[1] >= FEWEST_FRAMES else None for name, signal in SIGNALS.items()}
