"""How far around its noise a finished cell's curves can change: what regions are worked out from, without torch."""

import importlib
import json
from pathlib import Path
from typing import NamedTuple


class Reach(NamedTuple):
    """Frames, as `functional.regions` takes them; `tail` is how many at a clip's end are in no mean."""

    look_ahead: int
    look_back: int
    context: int
    first: int
    tail: int


def reach(folder: Path) -> Reach:
    """The reach of a finished cell, from its meta.json and summary.json."""
    meta = json.loads((folder / "meta.json").read_text())
    summary = json.loads((folder / "summary.json").read_text())
    codes = importlib.import_module(f"noiseprobe.noise.{summary['noise']}").CHANGES == "codes"
    look_ahead, look_back = (0, 0) if codes else (meta["look_ahead"], meta["look_back"])
    tail = max(meta["delays"])
    first = 0 if summary["scoring"] == "delay" else 1
    return Reach(look_ahead, look_back, max(tail - 1, 0), first, tail)
