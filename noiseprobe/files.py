"""Files that are whole or not there: written beside their place and moved there in one step."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file in the same folder that becomes `path` when the block ends well, and goes when it doesn't."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    os.chmod(name, 0o644)  # mkstemp's 0600 would keep results from the group
    part = Path(name)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def replace_file(path: Path, write: Callable[[Path], Any]) -> None:
    """Have `write` make the file."""
    with replacing(path) as part:
        write(part)


def write_json(path: Path, content: Any) -> None:
    """JSON; NaN is refused, since absent values are null."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    replace_file(path, lambda p: p.write_text(text + "\n"))
