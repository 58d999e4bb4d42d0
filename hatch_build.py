"""The package's description, made from README.md when it is built: the same text without its links to other files.

An index shows it by itself, where such a link leads nowhere and the figure is missing. The words of a link stay.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

FIGURE = re.compile(r"!\[[^][]*\]\((?!https:)[^)]*\)\n+")
LINK = re.compile(r"\[([^][]*)\]\((?!https:)[^)]*\)")


class Description(MetadataHookInterface):
    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme`, which pyproject.toml declares as dynamic."""
        readme = Path(self.root, "README.md").read_text(encoding="utf-8")
        text = LINK.sub(r"\1", FIGURE.sub("", readme))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
