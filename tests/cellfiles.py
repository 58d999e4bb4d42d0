"""Files of finished cells with planted curves: what a run would leave, without any model."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from noiseprobe.results import schema

K, TAIL = 4, 3  # codebooks; frames at the end that means leave out
REGIONS = ["peak", "assimilation", "offset", "recovery"]


class PlantedClip(NamedTuple):
    """One clip: corrupted minus clean of each codebook [K, T], NaN without a counterpart; the codes that changed."""

    group: str
    song: str
    clip: str
    delta: np.ndarray
    changed: np.ndarray
    spans: list[tuple[int, int]]


def planted(group: str, song: str, seed: int, spans: Sequence[tuple[int, int]] = ((250, 300),), frames: int = 400,
            clip: str | None = None) -> PlantedClip:  # fmt: skip
    """Random numbers in the noise and after it, 0 before it."""
    random = np.random.default_rng(seed)
    delta = np.zeros((K, frames))
    for on, off in spans:
        delta[:, max(on - 6, 0) : off + 40] += random.normal(-0.5, 1, delta[:, max(on - 6, 0) : off + 40].shape)
    changed = (delta != 0) & (random.random(delta.shape) < 0.7)
    return PlantedClip(group, song, clip or f"{group}/{song}.wav#0.0", delta, changed, list(spans))


def clean_of(clip: PlantedClip) -> np.ndarray:
    """float32 [K, T], different in each codebook and frame."""
    k, t = clip.delta.shape
    return (3 + np.arange(k)[:, None] / 2 + np.cos(np.arange(t) / 9)[None]).astype(np.float32)


def region_slices(on: int, off: int, frames: int) -> dict[str, slice]:
    """The regions of one span under delay scoring, in the words of the README: LA = LB = 4, d = 2."""
    return {
        "peak": slice(on - 6, on + 5), "assimilation": slice(on + 5, max(off - 6, on + 5)),
        "offset": slice(max(off - 6, on + 5), off + 9), "recovery": slice(off + 9, frames - TAIL),
    }  # fmt: skip


def write_cell(
    folder: Path, clips: Sequence[PlantedClip], variant: str = "white@5.0s+1.0s", nll: bool = True, **summary: Any
) -> Path:
    """A finished cell of one variant."""
    folder.mkdir(parents=True)
    keys = {
        "cell": folder.name, "model": summary.get("model", "tiny"), "noise": variant.partition("@")[0],
        "variant": variant, "length_s": 1.0, "onset_s": 5.0,
    }  # fmt: skip
    rows, long = [], []
    for c in clips:
        own = keys | {"group": c.group, "song": c.song, "clip": c.clip}
        k, t = c.delta.shape
        counts = ~np.isnan(c.delta[0]) & (np.arange(t) < t - TAIL)
        mean = np.where(counts, c.delta.mean(0), np.nan)
        heard = slice(0, t - TAIL)
        row = own | {"nll_clean": clean_of(c)[:, heard].mean(dtype=float)}
        row["nll_corrupted"] = np.nanmean((clean_of(c) + c.delta)[:, heard])
        row |= {"frames": t, "spans": [list(s) for s in c.spans], "delta": np.nanmean(mean)}
        if len(c.spans) == 1 and c.spans[0][1] > c.spans[0][0]:
            for name, stretch in region_slices(*c.spans[0], t).items():
                inside = mean[stretch][~np.isnan(mean[stretch])]
                row[f"{name}_delta"] = inside.mean() if len(inside) else None
        rows.append(row)
        clean = clean_of(c)
        frame, codebook = np.tile(np.arange(t), k), np.repeat(np.arange(k), t)
        gone = np.isnan(c.delta).ravel()
        columns = {name: [value] * (k * t) for name, value in own.items()} | {
            "codebook": codebook, "frame": frame, "frame_corrupted": pa.array(frame, pa.int32(), mask=gone),
            "nll_clean": clean.ravel(), "nll_corrupted": pa.array((clean + c.delta).ravel(), from_pandas=True),
            "changed": pa.array(c.changed.ravel(), mask=gone), "in_means": np.tile(counts, k),
        }  # fmt: skip
        long.append(pa.table(columns, schema=schema.NLL))
    if nll:
        with pq.ParquetWriter(folder / "nll.parquet", schema.NLL) as writer:
            for table in long:
                writer.write_table(table)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema.CLIPS), folder / "clips.parquet")
    pq.write_table(pa.Table.from_pylist(_profile(keys, clips), schema=schema.PROFILE), folder / "profile.parquet")
    for name, columns in [("rejected", schema.REJECTED), ("shapes", schema.SHAPES), ("signals", schema.SIGNALS)]:
        pq.write_table(columns.empty_table(), folder / f"{name}.parquet")
    _summaries(folder, keys, rows, summary)
    (folder / "DONE").touch()
    return folder


def _song_values(clips: Sequence[PlantedClip], values: Sequence[np.ndarray]) -> np.ndarray:
    """[songs, ...] means over the clips of a song."""
    names = list(dict.fromkeys((c.group, c.song) for c in clips))
    return np.array([np.mean([v for c, v in zip(clips, values, strict=True) if (c.group, c.song) == n], axis=0)
                     for n in names])  # fmt: skip


def _profile(keys: dict[str, Any], clips: Sequence[PlantedClip]) -> list[dict[str, Any]]:
    """Clips of the same length and gaps only; with ordinary means, as the songs' values are drawn apart."""
    rows = []
    t = clips[0].delta.shape[1]
    curves = {
        "clean": _song_values(clips, [clean_of(c) for c in clips]),
        "corrupted": _song_values(clips, [clean_of(c) + c.delta for c in clips]),
        "delta": _song_values(clips, [c.delta for c in clips]),
        "changed": _song_values(clips, [c.changed.astype(float) for c in clips]),
    }
    g = len(curves["delta"])
    for codebook in [*range(K), None]:
        own = {n: v.mean(1) if codebook is None else v[:, codebook] for n, v in curves.items()}
        for frame in range(t):
            there = frame < t - TAIL and not np.isnan(own["delta"][:, frame]).any()
            row = {**keys, "codebook": codebook, "frame": frame}
            row |= {"n_clips": len(clips) if there else 0, "n_songs": g if there else 0}
            for name, values in own.items():
                v = values[:, frame]
                if there:
                    sd = float(v.std(ddof=1)) if g > 1 else None
                    row |= {f"{name}_mean": float(v.mean()), f"{name}_sd": sd}
                    row |= {f"{name}_se": None if sd is None else sd / g**0.5}
            rows.append(row)
    return rows


def _summaries(folder: Path, keys: dict[str, Any], rows: list[dict[str, Any]], changed: dict[str, Any]) -> None:
    entry: dict[str, Any] = {n: keys[n] for n in ["variant", "length_s", "onset_s"]}
    songs = {(r["group"], r["song"]) for r in rows}
    entry |= {"n_clips": len(rows), "n_songs": len(songs)}
    for column in schema.MEANS:
        own = [(r["group"], r["song"], r[column]) for r in rows if r.get(column) is not None]
        means = [np.mean([v for g, s, v in own if (g, s) == name]) for name in sorted({(g, s) for g, s, _ in own})]
        se = float(np.std(means, ddof=1) / len(means) ** 0.5) if len(means) > 1 else None
        entry[column] = {"mean": float(np.mean(means)) if means else None, "se": se, "songs": len(means),
                         "clips": len(own)}  # fmt: skip
    summary = {
        "cell": folder.name, "signature": "", "model": "tiny", "weights": "11112222", "backend": "transformers",
        "parameters": 1_000_000, "condition": "null", "data": "demo", "noise": keys["noise"],
        "options": json.dumps({"mode": "replace", "level": "match"}), "level": "match", "scoring": "delay",
        "precision": "fp32", "seed": 0, "n_clips": len(rows), "n_songs": len(songs), "variants": [entry],
    }  # fmt: skip
    (folder / "summary.json").write_text(json.dumps(summary | changed))
    delays = [0] * K if changed.get("scoring") == "parallel" else [0, 1, 2, 3]
    meta = {"schema_version": schema.VERSION, "frame_rate": 50.0, "look_ahead": 4, "look_back": 4, "delays": delays}
    (folder / "meta.json").write_text(json.dumps(meta))
