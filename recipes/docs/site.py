"""Hooks of mkdocs (mkdocs.yml): the pages of bench/ and the scripts of examples/ are on the site, and links lead there.

In the checkout these folders stand beside docs/, so links go through `..`; on the site they are below its pages.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
BESIDE = ["bench/*.md", "bench/bench.json", "examples/*.py"]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for path in sorted(path for pattern in BESIDE for path in ROOT.glob(pattern)):
        files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    if page.file.src_uri.startswith("bench/"):
        return markdown.replace("](../docs/", "](../")
    return re.sub(r"\]\(\.\./(bench|examples)/", r"](\1/", markdown)
