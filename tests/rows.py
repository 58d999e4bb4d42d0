"""Rows of an index with numbers that are easy to recognise."""

import json
from typing import Any

from noiseprobe.report.panels import Point
from noiseprobe.report.settings import settings


def row(length: float | str | None = 1.0, onset: float = 5.0, **changed: Any) -> dict[str, Any]:
    """One row: length in seconds, `end`, or None with the variant's place in `where`; `options` as a dict."""
    noise, options = changed.pop("noise", "white"), changed.pop("options", {"level": "match"})
    where = changed.pop("where", None) or f"{onset}s+" + ("end" if length == "end" else f"{length}s")
    number = length if isinstance(length, float) else None
    found = {
        "cell": "tiny-demo-white-0000aaaa", "model": "tiny", "weights": "11112222", "backend": "transformers",
        "parameters": 1_000_000, "data": "demo", "noise": noise, "options": json.dumps(options), "level": "match",
        "variant": f"{noise}@{where}", "length_s": number, "onset_s": onset, "scoring": "delay", "precision": "fp32",
        "condition": "null", "seed": 0, "n_clips": 24, "n_songs": 20, "delta_clips": 24, "delta_songs": 20,
        "nll_clean": 4.0,
        "nll_corrupted": 4.0 - (number or 0) / 10, "delta": -(number or 0) / 10, "delta_se": 0.01, "signature": "",
    }  # fmt: skip
    for i, region in enumerate(["peak", "assimilation", "offset", "recovery"]):
        found |= {f"{region}_delta": i + (number or 0) / 10, f"{region}_delta_se": 0.1}
    return found | changed


def points(rows: list[dict[str, Any]]) -> list[Point]:
    return [Point(s, r) for s, r in zip(settings(rows), rows, strict=True)]
