"""The numbers of a cell in a few lines: summary.json, from which the printed table and index.parquet are made."""

from typing import Any

import noiseprobe
from noiseprobe.functional.statistics import song_mean
from noiseprobe.noise.base import Level
from noiseprobe.results.cellinfo import CellInfo
from noiseprobe.results.schema import MEANS


def signature(cell: CellInfo, n_clips: int, n_songs: int) -> str:
    """One line for a paper: what was measured; `id` is the identity, which tells any two cells apart."""
    config = cell.config
    spans = [v.span(cell.sample_rate, cell.hop) for v in config.noise.variants]
    lengths = ",".join(dict.fromkeys(str(s.off - s.on) for s in spans))
    onsets = ",".join(dict.fromkeys(str(s.on) for s in spans))
    level = Level(config.noise.level, config.noise.snr).key
    precision = "" if config.precision == "fp32" else f"|precision:{config.precision}"
    return (
        f"noiseprobe|model:{config.model.name}@{cell.weights.hash[:4]}|scoring:{config.scoring}{precision}|cond:{cell.condition}"
        f"|noise:{config.noise.kind}@{level}+{lengths}f@{onsets}|data:{config.data.name}|n:{n_clips}|songs:{n_songs}"
        f"|agg:cb-frame-clip-song|seed:{config.seed}|id:{cell.name[-8:]}|v:{noiseprobe.__version__}"
    )


def summary(cell: CellInfo, rows: list[dict[str, Any]], rejected: int) -> dict[str, Any]:
    """The content of summary.json from the rows of clips.parquet.

    For each variant and column: mean over songs, standard error, and how many songs and clips have a value.
    """
    config = cell.config
    n_clips, n_songs = len({r["clip"] for r in rows}), len({_song(r) for r in rows})
    variants = []
    for name, v in cell.variants.items():
        own = [r for r in rows if r["variant"] == name]
        songs = [_song(r) for r in own]
        entry: dict[str, Any] = {"variant": name, "length_s": v.length, "onset_s": v.onset}
        entry |= {"n_clips": len(own), "n_songs": len(set(songs))}
        entry |= {column: song_mean([r[column] for r in own], songs)._asdict() for column in MEANS}
        silent = sum(r["level_db"] is None for r in own) if v.length > 0 else 0
        entry |= {"n_silent_spans": silent, "over_full_scale": sum(r["over_full_scale"] for r in own)}
        variants.append(entry)
    return {
        "cell": cell.name, "signature": signature(cell, n_clips, n_songs), "model": config.model.name,
        "weights": cell.weights.hash[:8], "backend": cell.weights.backend,
        "parameters": cell.weights.checkpoint.parameters, "condition": cell.condition,
        "data": config.data.name, "noise": config.noise.kind,
        "level": Level(config.noise.level, config.noise.snr).key, "scoring": config.scoring,
        "precision": config.precision, "seed": config.seed, "n_clips": n_clips, "n_songs": n_songs,
        "n_rejected": rejected, "variants": variants,
    }  # fmt: skip


def _song(row: dict[str, Any]) -> tuple[str, str]:
    return row["group"], row["song"]
