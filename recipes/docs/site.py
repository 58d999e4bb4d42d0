"""Hooks of mkdocs (mkdocs.yml): the pages of bench/ become pages of the site, and links between the two lead there.

In the checkout docs/ and bench/ stand side by side, so links go through `..`; on the site bench/ is below docs/.
"""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

BENCH = Path(__file__).parents[2] / "bench"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for path in sorted([*BENCH.glob("*.md"), BENCH / "bench.json"]):
        files.append(File.generated(config, f"bench/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    if page.file.src_uri.startswith("bench/"):
        return markdown.replace("](../docs/", "](../")
    return markdown.replace("](../bench/", "](bench/")
