"""Records: what scoring one clip leaves on disk until the cell is finished.

A record is a file of its own, written in one step (temporary file, rename), so an interrupted cell goes on clip by
clip, and processes hand their clips over by writing to the same folder. They go when the cell is DONE. A kill leaves
each whole or not there; a machine that loses power may leave less, so a record carries a digest of itself (`sealed`).
"""

import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noiseprobe.data.manifest import Rejected
from noiseprobe.errors import NoiseprobeError
from noiseprobe.files import replace_file, write_json
from noiseprobe.noise.base import Measured
from noiseprobe.sealed import is_whole, seal, unseal

LOCK = "lock"  # in the same folder, of the run that writes there
log = logging.getLogger(__name__)


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

    def files(self) -> dict[str, tuple[int, int]]:
        """The clip's index and the inode of each file, of clips scored or not decoded; a new one has another inode."""
        if not self.folder.is_dir():
            return {}
        with os.scandir(self.folder) as found:
            named = ((entry, re.fullmatch(r"(\d+)\.(npz|rejected\.json)", entry.name)) for entry in found)
            return {entry.name: (int(m[1]), entry.inode()) for entry, m in named if m}

    def whole(self) -> set[int]:
        """Those of them that can be read; a warning tells of the others, whose clips have to be scored again."""
        found = set()
        for index in sorted(self.scored()):
            with suppress(FileNotFoundError):  # another process has just found that its clip doesn't decode
                if is_whole(self._path(index).read_bytes()):
                    found.add(index)
                else:
                    log.warning(f"{self._path(index)} is torn, so its clip doesn't count as scored")
        return found

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
        replace_file(self._path(record.index), lambda p: p.write_bytes(seal(arrays)))

    def read(self, index: int) -> Record:
        meta, f = self._read(index)
        variants = tuple(
            VariantRecord(
                variant=v["variant"], spans=tuple((on, off) for on, off in v["spans"]), nll=f[f"nll_{i}"],
                changed=f[f"changed_{i}"], frame_map=f.get(f"frame_map_{i}"), measured=Measured(**v["measured"]),
            )
            for i, v in enumerate(meta["variants"])
        )  # fmt: skip
        return Record(index, meta["clip"], f["clean"], variants, tuple(Rejected(**r) for r in meta["rejected"]))

    def unfit(self, index: int) -> tuple[Rejected, ...]:
        """The variants that a scored clip can't have."""
        return tuple(Rejected(**r) for r in self._read(index)[0]["rejected"])

    def reject(self, index: int, rejected: Rejected) -> None:
        """Note a clip that doesn't decode; it is tried again if the cell is resumed.

        A record that an earlier run left of it goes: a clip is in the tables or among the rejected.
        """
        self._path(index).unlink(missing_ok=True)
        write_json(self._reason(index), asdict(rejected))

    def rejected(self) -> dict[int, Rejected]:
        """The clips that don't decode, by index; one that has a record since does."""
        named = {int(m[1]) for name in self._names() if (m := re.fullmatch(r"(\d+)\.rejected\.json", name))}
        return {i: Rejected(**json.loads(self._reason(i).read_text())) for i in sorted(named - self.scored())}

    def clear(self) -> None:
        """Remove all of them, and what killed runs left half written; the lock is its holder's."""
        for name in list(self._names()):
            if name != LOCK:
                (self.folder / name).unlink()

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:06d}.npz"

    def _reason(self, index: int) -> Path:
        return self.folder / f"{index:06d}.rejected.json"

    def _read(self, index: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What isn't an array, and the arrays.

        Raises:
            NoiseprobeError: if the record isn't whole any more.
        """
        found = unseal(self._path(index).read_bytes())
        if found is None:
            raise NoiseprobeError(f"{self._path(index)} is torn; the same command scores its clip again")
        return json.loads(str(found["meta"])), found

    def _names(self) -> Iterator[str]:
        """Of the files in the folder, if there is one."""
        if self.folder.is_dir():
            with os.scandir(self.folder) as found:
                yield from (entry.name for entry in found)
