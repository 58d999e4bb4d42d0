"""Read what a Weights & Biases run left on disk: a LevelDB log of protocol buffers, read without its own reader."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from wandb.proto import wandb_internal_pb2 as proto

BLOCK, HEADER = 32_768, 7
FULL, LAST = 1, 4


def records(path: Path) -> Iterator[Any]:
    """The records of a .wandb file: a chunk has checksum, length and type, and none crosses a block."""
    data, at, whole = path.read_bytes(), HEADER, b""
    while at + HEADER <= len(data):
        if (left := BLOCK - at % BLOCK) < HEADER:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + HEADER])
        whole += data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (FULL, LAST):
            record = proto.Record()
            record.ParseFromString(whole)
            whole = b""
            yield getattr(record, record.WhichOneof("record_type"))


@dataclass
class Run:
    """What a run holds.

    Attributes:
        about: id, group, job type, tags.
        config: what it ran with.
        summary: its last numbers.
        history: a mapping a step.
        artifacts: by name; those of tables aside.
        code: its exit code; None if it isn't finished.
        folder: of its files.
    """

    folder: Path
    about: Any = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[str, Any] = field(default_factory=dict)
    code: int | None = None

    def table(self, name: str) -> pd.DataFrame:
        """A table that was logged, from the file that it is in."""
        (entry,) = (step[name] for step in self.history if name in step)
        content = json.loads((self.folder / "files" / entry["path"]).read_text())
        return pd.DataFrame(content["data"], columns=content["columns"])

    def contents(self, artifact: str) -> dict[str, Any]:
        """The entries of an artifact, by path."""
        return {entry.path: entry for entry in self.artifacts[artifact].manifest.contents}


def read(folder: Path) -> Run:
    """The run in an `offline-run-...` folder."""
    (path,) = folder.glob("*.wandb")
    run = Run(folder)
    for record in records(path):
        match type(record).__name__:
            case "RunRecord":
                run.about = record
            case "ConfigRecord":
                merge(run.config, record.update)
            case "SummaryRecord":
                merge(run.summary, record.update)
            case "HistoryRecord":
                merge(step := {}, record.item)
                run.history.append(step)
            case "ArtifactRecord":
                run.artifacts[record.name] = record
            case "RunExitRecord":
                run.code = record.exit_code
    return run


def merge(into: dict[str, Any], items: Any) -> None:
    for item in items:
        *outer, last = item.nested_key or [item.key]
        place = into
        for name in outer:
            place = place.setdefault(name, {})
        place[last] = json.loads(item.value_json)


def runs(results: Path) -> list[Run]:
    """Those of all cells below a folder, and of its sweeps."""
    return [read(path) for path in sorted(results.glob("**/wandb/offline-run-*"))]
