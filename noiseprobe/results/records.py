"""Records: what scoring one clip leaves on disk until the cell is finished.

A record is a file of its own, written in one step (temporary file, rename), so an interrupted cell goes on clip by
clip, and processes hand their clips over by writing to the same folder. They go when the cell is DONE.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noiseprobe.data.manifest import Rejected
from noiseprobe.files import replacing, write_json
from noiseprobe.noise.base import Measured


@dataclass(frozen=True)
class VariantRecord:
    """One variant of a clip.

    Attributes:
        variant: its name.
        spans: frames [on, off) of each.
        nll: [K, T'], float32; NaN at frames that the scoring leaves out.
        changed: bool [K, T], the clean codes that differ from the code at the frame that theirs has become; False where
            there is none.
        frame_map: as noise.base.Corruption says; None: each frame stays where it is.
        measured: levels.
    """

    variant: str
    spans: tuple[tuple[int, int], ...]
    nll: np.ndarray
    changed: np.ndarray
    frame_map: np.ndarray | None
    measured: Measured


@dataclass(frozen=True)
class Record:
    """One scored clip: its place in the manifest, the clean nll [K, T], its variants, and those that it can't have."""

    index: int
    clip: str
    clean: np.ndarray
    variants: tuple[VariantRecord, ...]
    rejected: tuple[Rejected, ...] = ()


class Records:
    """The records of one cell, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def scored(self) -> set[int]:
        """Indices of the clips that have a record."""
        # not glob, which holds an object for each file of the folder
        return {int(m[1]) for name in self._names() if (m := re.fullmatch(r"(\d+)\.npz", name))}

    def write(self, record: Record) -> None:
        scalars = [
            {"variant": v.variant, "spans": v.spans, "measured": asdict(v.measured)} for v in record.variants
        ]  # fmt: skip
        meta = {"clip": record.clip, "variants": scalars, "rejected": [asdict(r) for r in record.rejected]}
        arrays: dict[str, Any] = {"clean": record.clean, "meta": json.dumps(meta)}
        for i, v in enumerate(record.variants):
            arrays[f"nll_{i}"], arrays[f"changed_{i}"] = v.nll, v.changed
            if v.frame_map is not None:
                arrays[f"frame_map_{i}"] = v.frame_map
        with replacing(self.folder / f"{record.index:06d}.npz") as part, part.open("wb") as f:
            np.savez(f, **arrays)

    def read(self, index: int) -> Record:
        with np.load(self.folder / f"{index:06d}.npz", allow_pickle=False) as f:
            meta = json.loads(str(f["meta"]))
            variants = tuple(
                VariantRecord(
                    variant=v["variant"], spans=tuple((on, off) for on, off in v["spans"]), nll=f[f"nll_{i}"],
                    changed=f[f"changed_{i}"], frame_map=f.get(f"frame_map_{i}"),
                    measured=Measured(**v["measured"]),
                )
                for i, v in enumerate(meta["variants"])
            )  # fmt: skip
            return Record(index, meta["clip"], f["clean"], variants, tuple(Rejected(**r) for r in meta["rejected"]))

    def unfit(self, index: int) -> tuple[Rejected, ...]:
        """The variants that a scored clip can't have, without reading the others' values."""
        with np.load(self.folder / f"{index:06d}.npz", allow_pickle=False) as f:
            return tuple(Rejected(**r) for r in json.loads(str(f["meta"]))["rejected"])

    def reject(self, index: int, rejected: Rejected) -> None:
        """Note a clip that doesn't decode; it is tried again if the cell is resumed."""
        write_json(self.folder / f"{index:06d}.rejected.json", asdict(rejected))

    def rejected(self) -> dict[int, Rejected]:
        """The clips that don't decode, by index."""
        found = sorted(name for name in self._names() if re.fullmatch(r"\d+\.rejected\.json", name))
        return {int(n.partition(".")[0]): Rejected(**json.loads((self.folder / n).read_text())) for n in found}

    def _names(self) -> Iterator[str]:
        """Of the files in the folder, if there is one."""
        if self.folder.is_dir():
            with os.scandir(self.folder) as found:
                yield from (entry.name for entry in found)
