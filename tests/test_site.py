"""The documentation as a site: it builds without a warning, and every link in it and in README.md leads somewhere."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from noiseprobe.config import PACKAGE

ROOT = PACKAGE.parent
MARKDOWN = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
LOADED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}


class Html(HTMLParser):
    """The ids of a file, what it links to, and what it loads from elsewhere."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found[name] for name in ["id", "name"] if name in found}
        self.links += [found[name] for name in ["href", "src"] if name in found]
        if LOADED.get(tag) in found and urlsplit(found[LOADED[tag]]).netloc:
            self.loaded.append(found[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="mkdocs isn't installed")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder], cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Html]:
    found = {path.resolve(): Html(path) for path in site.rglob("*.html")}
    assert len(found) > 20
    return found


def broken(links: list[str], page: Path, pages: dict[Path, Html]) -> list[str]:
    """Of the links of a page those that lead to no file, or to a place in one that isn't there."""
    found = []
    for link in links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        path = path / "index.html" if path.is_dir() else path
        lost = path in pages and parts.fragment and unquote(parts.fragment) not in pages[path].ids
        if not path.is_file() or lost:
            found.append(link)
    return found


def test_every_page_is_on_the_site(site: Path) -> None:
    assert [p for p in MARKDOWN[2:] if not (site / p.removeprefix("docs/")).with_suffix(".html").exists()] == []
    assert (site / "bench/README.html").exists() or (site / "bench/index.html").exists()


def test_every_link_leads_somewhere(site: Path, pages: dict[Path, Html]) -> None:
    own = {path: html for path, html in pages.items() if path.name != "404.html"}  # which is for a server's root
    assert {str(path): found for path, html in own.items() if (found := broken(html.links, path, pages))} == {}
    assert sum(len(html.links) for html in own.values()) > 1000


def test_a_broken_link_is_found(site: Path, pages: dict[Path, Html]) -> None:
    page = (site / "index.html").resolve()
    good, bad = ["start.html", "measured.html#regions", "#__toc"], ["no.html", "start.html#no", "../no.png", "#no"]
    assert broken([*good[:2], *bad], page, pages) == bad


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Html]) -> None:
    assert {str(path): html.loaded for path, html in pages.items() if html.loaded} == {}


@pytest.mark.parametrize("page", MARKDOWN)
def test_links_in_the_checkout_lead_to_files(page: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", (ROOT / page).read_text())
    assert [link for link in links if "://" not in link and not (ROOT / page).parent.joinpath(link).exists()] == []


def test_the_drawings_say_what_the_code_does() -> None:
    from noiseprobe.functional.regions import regions

    drawing = (ROOT / "docs/regions.svg").read_text()
    found = regions(250, 350, 750, look_ahead=4, look_back=4, context=2)
    assert [f"[{a}, {b})" in drawing for a, b in (bounds for bounds in found.values() if bounds)] == [True] * 4
