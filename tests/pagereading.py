"""Read the report page back with the standard library's parser, which shares no code with what wrote it."""

import json
from html.parser import HTMLParser
from typing import Any

# names that are meant to break a page
HOSTILE = {
    "group": 'g"><img src=x onerror=alert(1)>',
    "song": "</script><script>window.hacked = 1</script>",
    "file": "a <b>&amp; 'quote\" ünï {{ 7*7 }} \u2028.wav",
}


class Page(HTMLParser):
    """What a page holds.

    Attributes:
        tags: (name, attributes) of each start tag, in order.
        scripts: attributes and text of each script element.
        text: outside of scripts and styles.
        tables: of each table its attributes and rows; a row: its attributes and cells; a cell: its attributes and text.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[tuple[dict[str, str], str]] = []
        self.tables: list[tuple[dict[str, str], list[Any]]] = []
        self.parts: list[str] = []
        self.inside = ""
        self.cell: list[Any] | None = None
        self.feed(text)
        self.close()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.parts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        self.tags.append((tag, own))
        if tag in ["script", "style"]:
            self.inside = tag
            if tag == "script":
                self.scripts.append((own, ""))
        elif tag == "table":
            self.tables.append((own, []))
        elif tag == "tr":
            self.tables[-1][1].append((own, []))
        elif tag in ["td", "th"]:
            self.cell = [own, ""]
            self.tables[-1][1][-1][1].append(self.cell)

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self.inside = ""
        elif tag in ["td", "th"]:
            self.cell = None

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            own, text = self.scripts[-1]
            self.scripts[-1] = own, text + data
        elif not self.inside:
            self.parts.append(data)
            if self.cell:
                self.cell[1] += data

    def json(self, name: str) -> Any:
        """The content of the script of that id."""
        (text,) = [text for own, text in self.scripts if own.get("id") == name]
        return json.loads(text)

    def of(self, tag: str) -> list[dict[str, str]]:
        """The attributes of all elements of a kind."""
        return [own for name, own in self.tags if name == tag]
