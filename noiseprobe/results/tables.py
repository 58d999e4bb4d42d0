"""The tables of a cell, built from its records and profiles; schema.py says what each column means."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from noiseprobe.data.manifest import Rejected
from noiseprobe.functional.regions import REGIONS, regions
from noiseprobe.metrics.profile import Profile
from noiseprobe.noise.base import Level
from noiseprobe.results import schema
from noiseprobe.results.cellinfo import CellInfo
from noiseprobe.results.records import Record, VariantRecord


def keys(cell: CellInfo, record: Record, v: VariantRecord) -> dict[str, Any]:
    """The key columns of one clip and variant."""
    clip, variant = cell.clips[record.index], cell.variants[v.variant]
    return {
        "cell": cell.name, "model": cell.config.model.name, "group": clip.group, "song": clip.song, "clip": clip.id,
        "noise": variant.kind, "variant": variant.name, "length_s": variant.length, "onset_s": variant.onset,
    }  # fmt: skip


def clip_rows(cell: CellInfo, record: Record) -> Iterator[dict[str, Any]]:
    """The rows of clips.parquet for one clip."""
    level = Level(cell.config.noise.level, cell.config.noise.snr)
    frames = record.clean.shape[1]
    means = cell.pattern.averaged(frames)
    clean = record.clean.mean(0, dtype=np.float64)
    for v in record.variants:
        corrupted = v.nll.mean(0, dtype=np.float64)
        delta = corrupted - clean
        snr = None if v.music_db is None or v.noise_db is None else v.music_db - v.noise_db
        bounds = regions(
            v.on, v.off, frames - cell.pattern.tail,
            cell.look_ahead, cell.look_back, cell.pattern.context, cell.pattern.first,
        )  # fmt: skip
        yield keys(cell, record, v) | {
            "description": cell.clips[record.index].description, "frames": frames, "on_frame": v.on, "off_frame": v.off,
            "nll_clean": clean[means].mean(), "nll_corrupted": corrupted[means].mean(), "delta": delta[means].mean(),
            **{f"{r}_delta": None if (b := bounds[r]) is None else delta[b[0] : b[1]].mean() for r in REGIONS},
            "level": level.key, "level_db": v.level_db, "noise_db": v.noise_db, "music_db": v.music_db, "snr_db": snr,
            "over_full_scale": v.over_full_scale, "changed_frames": len(v.changed),
            "first_changed_frame": int(v.changed[0]) if len(v.changed) else None,
            "last_changed_frame": int(v.changed[-1]) if len(v.changed) else None,
        }  # fmt: skip


def clips(rows: Iterable[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema.CLIPS)


def nll(cell: CellInfo, record: Record) -> pa.Table:
    """The rows of nll.parquet for one clip: by variant, codebook and frame."""
    k, t = record.clean.shape
    means = np.zeros(t, dtype=bool)
    means[cell.pattern.averaged(t)] = True
    parts = []
    for v in record.variants:
        columns = {name: pa.repeat(value, k * t) for name, value in keys(cell, record, v).items()}
        columns |= {
            "codebook": np.repeat(np.arange(k, dtype=np.int8), t), "frame": np.tile(np.arange(t, dtype=np.int32), k),
            "nll_clean": pa.array(record.clean.ravel(), from_pandas=True),
            "nll_corrupted": pa.array(v.nll.ravel(), from_pandas=True), "in_means": np.tile(means, k),
        }  # fmt: skip
        parts.append(pa.table(columns, schema=schema.NLL))
    return pa.concat_tables(parts)


def profile(cell: CellInfo, profiles: list[Profile]) -> pa.Table:
    """profile.parquet: for each variant, codebook (null: their mean) and frame."""
    parts = []
    for variant, p in zip(cell.variants.values(), profiles, strict=True):
        rows, t = p.mean.shape[-2:]
        labels = {
            "cell": cell.name, "model": cell.config.model.name, "noise": variant.kind, "variant": variant.name,
            "length_s": variant.length, "onset_s": variant.onset,
        }  # fmt: skip
        columns: dict[str, Any] = {name: pa.repeat(value, rows * t) for name, value in labels.items()}
        codebook = np.repeat(np.arange(rows), t)
        columns |= {
            "codebook": pa.array(codebook, pa.int8(), mask=codebook == rows - 1),
            "frame": np.tile(np.arange(t, dtype=np.int32), rows),
            "n_clips": np.tile(p.clips.numpy(), rows), "n_songs": np.tile(p.songs.numpy(), rows),
        }  # fmt: skip
        for i, curve in enumerate(["clean", "corrupted", "delta"]):
            for value in ["mean", "sd", "se"]:
                columns[f"{curve}_{value}"] = pa.array(getattr(p, value)[i].numpy().ravel(), from_pandas=True)
        parts.append(pa.table(columns, schema=schema.PROFILE))
    return pa.concat_tables(parts)


def rejected(cell: CellInfo, found: Iterable[Rejected]) -> pa.Table:
    rows = [{"cell": cell.name, **asdict(r)} for r in found]
    return pa.Table.from_pylist(rows, schema=schema.REJECTED)
