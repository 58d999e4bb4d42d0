"""Tables of finished cells with planted numbers: what load_results would give, without any model."""

import json
from dataclasses import asdict
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

REGIONS = ["peak", "assimilation", "offset", "recovery"]


class Planted:
    """Cells of one model, added one kind of noise at a time.

    Each clip's value is a mean, plus its song's own deviation (the same in every column and cell of a song would hide
    mistakes in pairing, so it is drawn anew for each), plus its clip's.
    """

    def __init__(self, songs: int = 20, per_song: int = 2, sd: float = 0.02, seed: int = 0) -> None:
        self.songs, self.per_song, self.sd = songs, per_song, sd
        self.random = np.random.default_rng(seed)
        self.cells: list[dict[str, Any]] = []
        self.clips: list[dict[str, Any]] = []
        self.signals: list[dict[str, Any]] = []

    def values(self, mean: float) -> np.ndarray:
        """[songs * per_song], of songs and clips in order; the mean over songs is not exactly the mean."""
        own = self.random.normal(0, self.sd, self.songs).repeat(self.per_song)
        return mean + own + self.random.normal(0, self.sd, self.songs * self.per_song)

    def add(self, kind: str, length: float | None, onset: float = 5.0, name: str = "a", options: dict | None = None,
            signals: dict[str, tuple[np.ndarray, np.ndarray]] | None = None, index: dict | None = None,
            **means: float) -> "Planted":  # fmt: skip
        """One variant; `means` are those of columns of clips.parquet, 0 where they aren't given."""
        keys = asdict(import_module(f"noiseprobe.noise.{kind}").Options()) | (options or {})
        cell = f"tiny-demo-{kind}-{name}"
        variant = f"{kind}@{onset}s+" + ("end" if length is None else f"{length}s")
        key = {"cell": cell, "variant": variant, "length_s": length, "onset_s": onset}
        columns = ["delta", *(f"{r}_delta" for r in REGIONS), "recovery_delta_unchanged", "inside_delta", "after_delta"]
        drawn = {column: self.values(means.get(column, 0.0)) for column in columns}
        for i in range(self.songs * self.per_song):
            song = i // self.per_song
            at = {"group": "g", "song": f"s{song}", "clip": f"s{song}.wav#{i}.0"}
            same = {"content": f"c{song}", "frames": 750, "frames_corrupted": 750}
            row = key | at | {column: values[i] for column, values in drawn.items()}
            self.clips.append(row | same | {"skipped": 3, "on_frame": 250, "off_frame": 300})
            if signals:
                both = {f"{s}_{c}": v[i] for s, pair in signals.items() for c, v in zip(CURVES, pair, strict=True)}
                self.signals.append(key | at | both)
        by_song = drawn["delta"].reshape(self.songs, self.per_song).mean(1)
        self.cells.append({
            "cell": cell, "model": "tiny", "weights": "1111", "backend": "transformers", "data": "demo", "noise": kind,
            "options": json.dumps(keys), "scoring": "delay", "precision": "fp32", "condition": "null", "seed": 0,
            "n_clips": self.songs * self.per_song, **key, "delta": by_song.mean(), **(index or {}),
        })  # fmt: skip
        return self

    def results(self) -> Any:
        """What `noiseprobe.analysis.group.groups` takes."""
        signals = pd.DataFrame(self.signals, columns=None if self.signals else ["cell", "variant", "clip"])
        tables = {"clips": pd.DataFrame(self.clips), "signals": signals}
        return SimpleNamespace(cells=pd.DataFrame(self.cells), columns=lambda name, _: tables[name], named={})


CURVES = ["clean", "corrupted"]
