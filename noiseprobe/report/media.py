"""Audio and pictures of the report page: in it as data: URIs, or beside it, whichever their size allows.

Beside means: where they lie, if the cell's folder is below the page's own, so that both can be moved together; else
copied into a folder that has the page's name and `_audio`.
"""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from noiseprobe.files import replace_file
from noiseprobe.report.data import Cell

TYPES = {".ogg": "audio/ogg", ".webp": "image/webp"}
MB = 1_000_000


class Media:
    """Gives the addresses of the files of some cells.

    Args:
        page: the report's path.
        kept: of each cell, by clip, what audio there is (`kept`).
        embed_mb: embed all files if together they have at most so many million bytes.

    Attributes:
        bytes: of all files together.
        embedded: whether they are in the page.
        copied: how many were copied beside it.
    """

    def __init__(self, page: Path, kept: Sequence[dict[str, dict[str, Any]]], embed_mb: float) -> None:
        self.page = page.resolve()
        files = [path for clips in kept for entry in clips.values() for path in files_of(entry)]
        self.bytes = sum(path.stat().st_size for path in files)
        self.embedded = self.bytes <= embed_mb * MB
        self.copied = 0

    def address(self, cell: Cell, path: Path) -> str:
        """What `src` says for a file of a cell."""
        if self.embedded:
            return f"data:{TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"
        folder = self.page.parent
        if not path.resolve().is_relative_to(folder):
            target = folder / f"{self.page.stem}_audio" / cell.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes()
            replace_file(target, lambda p: p.write_bytes(content))
            self.copied += 1
            path = target
        return quote(path.resolve().relative_to(folder).as_posix())


def files_of(entry: dict[str, Any]) -> list[Path]:
    """The files of one clip: audio and picture of the clean one and of each variant."""
    names = ["clean", *map(str, entry["variants"].values())]
    return [Path(f"{entry['stem']}-{name}{suffix}") for name in names for suffix in TYPES]


def kept(folder: Path) -> dict[str, dict[str, Any]]:
    """What audio there is of a cell: by clip id what `callbacks.audio` wrote of it, and `stem`, the path of its files.

    Args:
        folder: the cell's.
    """
    found = {}
    for path in sorted((folder / "audio").glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        found[content["clip"]] = content | {"stem": path.with_suffix("")}
    return found
