"""The tables of a cell, built from its records and profiles; schema.py says what each column means."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from noiseprobe.functional.regions import region_frames
from noiseprobe.metrics.profile import Profile
from noiseprobe.models.patterns import Pattern
from noiseprobe.results import schema
from noiseprobe.results.cellinfo import CellInfo
from noiseprobe.results.pairing import pairing
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
    clip, frames = cell.clips[record.index], record.clean.shape[1]
    clean = record.clean.mean(0, dtype=np.float64)
    noise = {"options": cell.noise_options, "level": cell.level}
    for v in record.variants:
        paired, counts = pairing(v, frames, cell.pattern)
        delta = paired.mean(0, dtype=np.float64) - clean
        by_code = paired.astype(np.float64) - record.clean
        heard = v.nll.mean(0, dtype=np.float64)[cell.pattern.averaged(v.nll.shape[1])]
        frames_changed = np.flatnonzero(v.changed.any(0))
        m = v.measured
        found = region_frames(
            v.spans, frames - cell.pattern.tail, *cell.look, cell.pattern.context, cell.pattern.first
        )  # fmt: skip
        within = {"": np.flatnonzero(counts)} | {f"{name}_": own[counts[own]] for name, own in found.items()}
        inside, after = _around_offset(cell, v.spans[-1], frames)
        yield keys(cell, record, v) | noise | {
            "description": clip.description, "file_sha256": clip.file_sha256, "content": clip.content,
            "frames": frames, "frames_corrupted": v.nll.shape[1],
            "mapped_frames": frames if v.frame_map is None else int((v.frame_map >= 0).sum()),
            "on_frame": v.spans[0][0], "off_frame": v.spans[-1][1], "spans": [list(span) for span in v.spans],
            "nll_clean": clean[cell.pattern.averaged(frames)].mean(), "nll_corrupted": heard.mean(),
            **{f"{name}delta": _mean(delta[own]) for name, own in within.items()},
            "inside_delta": _mean(delta[inside][counts[inside]]), "after_delta": _mean(delta[after][counts[after]]),
            "skipped": skipped(cell.pattern),
            **{f"{name}changed": _mean(v.changed[:, own].ravel()) for name, own in within.items()},
            **{f"{name}delta_unchanged": _mean(by_code[:, own][~v.changed[:, own]]) for name, own in within.items()},
            "level_db": m.level_db, "level_lufs": m.level_lufs, "noise_db": m.noise_db, "music_db": m.music_db,
            "snr_db": None if m.music_db is None or m.noise_db is None else m.music_db - m.noise_db,
            "noise_lufs": m.noise_lufs, "over_full_scale": m.over_full_scale, "other_clip": m.other,
            "changed_frames": len(frames_changed),
            "first_changed_frame": int(frames_changed[0]) if len(frames_changed) else None,
            "last_changed_frame": int(frames_changed[-1]) if len(frames_changed) else None,
        }  # fmt: skip


def skipped(pattern: Pattern) -> int:
    """Frames after a seam, or at a sequence's beginning, whose context holds special tokens or both sides of it."""
    return max(pattern.tail, 1)


def _around_offset(cell: CellInfo, span: tuple[int, int], frames: int) -> tuple[slice, slice]:
    """The frames of a span and of the second that follows it, each without its first ones."""
    on, off = span
    skip, second = skipped(cell.pattern), round(cell.sample_rate / cell.hop)
    return slice(min(on + skip, off), off), slice(off + skip, min(off + skip + second, frames))


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def nll(cell: CellInfo, record: Record) -> pa.Table:
    """The rows of nll.parquet for one clip: by variant, codebook and frame.

    Where time was shifted, corrupted frames without a clean one follow after the clean clip's.
    """
    k, t = record.clean.shape
    parts = []
    for v in record.variants:
        paired, counts = pairing(v, t, cell.pattern)
        to = np.arange(t) if v.frame_map is None else v.frame_map
        added = np.setdiff1d(np.arange(v.nll.shape[1]), to)
        rows = t + len(added)
        frame = np.tile(np.concatenate([np.arange(t), np.full(len(added), -1)]), k)
        frame_corrupted = np.tile(np.concatenate([to, added]), k)
        nothing = np.full((k, len(added)), np.nan, dtype=np.float32)
        columns = _repeated(keys(cell, record, v), k * rows)
        columns |= {
            "codebook": np.repeat(np.arange(k, dtype=np.int8), rows),
            "frame": pa.array(frame, pa.int32(), mask=frame < 0),
            "frame_corrupted": pa.array(frame_corrupted, pa.int32(), mask=frame_corrupted < 0),
            "nll_clean": pa.array(np.concatenate([record.clean, nothing], 1).ravel(), from_pandas=True),
            "nll_corrupted": pa.array(np.concatenate([paired, v.nll[:, added]], 1).ravel(), from_pandas=True),
            "changed": pa.array(
                np.concatenate([v.changed, nothing > 0], 1).ravel(), mask=(frame < 0) | (frame_corrupted < 0)
            ),
            "in_means": np.tile(np.concatenate([counts, np.zeros(len(added), dtype=bool)]), k),
        }  # fmt: skip
        parts.append(pa.table(columns, schema=schema.NLL))
    return pa.concat_tables(parts) if parts else schema.NLL.empty_table()


def profile(cell: CellInfo, profiles: Sequence[tuple[Profile, Profile]]) -> pa.Table:
    """profile.parquet: for each variant, codebook (null: their mean) and frame.

    Args:
        cell: whose they are.
        profiles: for each variant that of nll (clean, corrupted, delta) and that of changed codes.
    """
    parts = []
    for variant, (p, changed) in zip(cell.variants.values(), profiles, strict=True):
        rows, t = p.mean.shape[-2:]
        labels = {
            "cell": cell.name, "model": cell.config.model.name, "noise": variant.kind, "variant": variant.name,
            "length_s": variant.length, "onset_s": variant.onset,
        }  # fmt: skip
        columns: dict[str, Any] = _repeated(labels, rows * t)
        codebook = np.repeat(np.arange(rows), t)
        columns |= {
            "codebook": pa.array(codebook, pa.int8(), mask=codebook == rows - 1),
            "frame": np.tile(np.arange(t, dtype=np.int32), rows),
            "n_clips": np.tile(p.clips.numpy(), rows), "n_songs": np.tile(p.songs.numpy(), rows),
        }  # fmt: skip
        for i, curve in enumerate(["clean", "corrupted", "delta"]):
            for value in ["mean", "sd", "se"]:
                columns[f"{curve}_{value}"] = pa.array(getattr(p, value)[i].numpy().ravel(), from_pandas=True)
        for value in ["mean", "sd", "se"]:
            columns[f"changed_{value}"] = pa.array(getattr(changed, value).numpy().ravel(), from_pandas=True)
        parts.append(pa.table(columns, schema=schema.PROFILE))
    return pa.concat_tables(parts)


def _repeated(values: dict[str, Any], n: int) -> dict[str, Any]:
    """Columns of a constant each; typed, since null has no type of its own."""
    return {name: pa.repeat(pa.scalar(value, dict(schema.KEYS)[name]), n) for name, value in values.items()}
