"""Records: what scoring one clip leaves on disk until the cell is finished.

A record is a file of its own, written in one step (temporary file, rename), so an interrupted cell goes on clip by
clip, and processes hand their clips over by writing to the same folder. They go when the cell is DONE.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noiseprobe.data.manifest import Rejected
from noiseprobe.files import replacing, write_json


@dataclass(frozen=True)
class VariantRecord:
    """One variant of a clip.

    Attributes:
        variant: its name.
        on, off: its frames.
        nll: [K, T], float32; NaN at frames that the scoring leaves out.
        changed: frames in which any code differs from the clean clip's, sorted.
        level_db, noise_db, music_db, over_full_scale: as noise.base.Corruption says.
    """

    variant: str
    on: int
    off: int
    nll: np.ndarray
    changed: np.ndarray
    level_db: float | None
    noise_db: float | None
    music_db: float | None
    over_full_scale: int


@dataclass(frozen=True)
class Record:
    """One scored clip: its place in the manifest, the clean nll [K, T], and its variants."""

    index: int
    clip: str
    clean: np.ndarray
    variants: tuple[VariantRecord, ...]


SCALARS = ["variant", "on", "off", "level_db", "noise_db", "music_db", "over_full_scale"]


class Records:
    """The records of one cell, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def scored(self) -> set[int]:
        """Indices of the clips that have a record."""
        return {int(m[1]) for p in self.folder.glob("*.npz") if (m := re.fullmatch(r"(\d+)\.npz", p.name))}

    def write(self, record: Record) -> None:
        scalars = [{name: getattr(v, name) for name in SCALARS} for v in record.variants]
        arrays: dict[str, Any] = {"clean": record.clean, "meta": json.dumps({"clip": record.clip, "variants": scalars})}
        for i, v in enumerate(record.variants):
            arrays[f"nll_{i}"], arrays[f"changed_{i}"] = v.nll, v.changed
        with replacing(self.folder / f"{record.index:06d}.npz") as part, part.open("wb") as f:
            np.savez(f, **arrays)

    def read(self, index: int) -> Record:
        with np.load(self.folder / f"{index:06d}.npz", allow_pickle=False) as f:
            meta = json.loads(str(f["meta"]))
            variants = tuple(
                VariantRecord(**scalars, nll=f[f"nll_{i}"], changed=f[f"changed_{i}"])
                for i, scalars in enumerate(meta["variants"])
            )
            return Record(index, meta["clip"], f["clean"], variants)

    def reject(self, index: int, rejected: Rejected) -> None:
        """Note a clip that doesn't decode; it is tried again if the cell is resumed."""
        write_json(self.folder / f"{index:06d}.rejected.json", asdict(rejected))

    def rejected(self) -> dict[int, Rejected]:
        """The clips that don't decode, by index."""
        found = sorted(self.folder.glob("*.rejected.json"))
        return {int(p.name.partition(".")[0]): Rejected(**json.loads(p.read_text())) for p in found}
