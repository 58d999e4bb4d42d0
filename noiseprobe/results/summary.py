"""The numbers of a cell in a few lines: summary.json, from which the printed table and index.parquet are made."""

from dataclasses import fields
from typing import Any

import noiseprobe
from noiseprobe.functional.statistics import song_mean
from noiseprobe.results.cellinfo import CellInfo
from noiseprobe.results.schema import MEANS
from noiseprobe.variants import Fixed


def signature(cell: CellInfo, n_clips: int, n_songs: int) -> str:
    """One line for a paper: what was measured; `id` is the identity, which tells any two cells apart."""
    config = cell.config
    precision = "" if config.precision == "fp32" else f"|precision:{config.precision}"
    return (
        f"noiseprobe|model:{config.model.name}@{cell.weights.hash[:4]}|scoring:{config.scoring}{precision}|cond:{cell.condition}"
        f"|noise:{_noise(cell)}|data:{config.data.name}|n:{n_clips}|songs:{n_songs}"
        f"|agg:cb-frame-clip-song|seed:{config.seed}|id:{cell.name[-8:]}|v:{noiseprobe.__version__}"
    )


def _noise(cell: CellInfo) -> str:
    """Kind, keys that aren't the default, level, and where in frames of the model: white@match+50f,100f@250."""
    options = cell.config.noise.options
    plain = type(options)()
    own = [f.name for f in fields(options) if f.name not in ["level", "snr"]]
    more = ",".join(f"{n}={getattr(options, n)}" for n in own if getattr(options, n) != getattr(plain, n))
    text = cell.config.noise.kind + (f"[{more}]" if more else "") + (f"@{cell.level}" if cell.level else "")
    variants = cell.config.noise.variants
    if not all(isinstance(v.where, Fixed) and len(v.where.places) == 1 for v in variants):
        return f"{text}+{';'.join(v.where.name for v in variants)}"
    rate = cell.sample_rate / cell.hop
    lengths = ",".join(dict.fromkeys(f"{v.length * rate:g}" for v in variants if v.length is not None))
    lengths += "f" if lengths else ""
    if any(v.length is None for v in variants):
        lengths += ",end" if lengths else "end"
    onsets = dict.fromkeys(f"{(v.onset or 0) * rate:g}" for v in variants)
    return f"{text}+{lengths}@{','.join(onsets)}"


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
        asked = cell.level is not None and v.length != 0
        silent = sum(r["level_db"] is None and r["level_lufs"] is None for r in own) if asked else 0
        entry["n_shifted"] = sum(
            r["mapped_frames"] < r["frames"] for r in own
        )  # whose delta is over part of the frames
        entry |= {"n_silent_spans": silent, "over_full_scale": sum(r["over_full_scale"] for r in own)}
        variants.append(entry)
    return {
        "cell": cell.name, "signature": signature(cell, n_clips, n_songs), "model": config.model.name,
        "weights": cell.weights.hash[:8], "backend": cell.weights.backend,
        "parameters": cell.weights.checkpoint.parameters, "condition": cell.condition,
        "data": config.data.name, "noise": config.noise.kind,
        "options": cell.noise_options, "level": cell.level, "scoring": config.scoring,
        "precision": config.precision, "seed": config.seed, "n_clips": n_clips, "n_songs": n_songs,
        "n_rejected": rejected, "variants": variants,
    }  # fmt: skip


def _song(row: dict[str, Any]) -> tuple[str, str]:
    return row["group"], row["song"]
