"""The code blocks of README.md, CONTRIBUTING.md and docs/, and what it takes to run them.

A block is fenced or indented. What it holds says its fence, or else its first line. Blocks are run in order, in one
folder for each page: shell commands with less data, Python in one namespace; a block with a title is a file.
"""

import contextlib
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from markdown_it import MarkdownIt
from running import composed

from noiseprobe.callbacks.sweep import combinations, put_first
from noiseprobe.cli import conf_dir
from noiseprobe.config import PACKAGE, Config, check
from noiseprobe.report.__main__ import main as report

ROOT = PACKAGE.parent
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "docs").glob("*.md"))]

FIRST = {
    "sh": r"(python3?|pip|make|ray|torchrun|noiseprobe|\.\S+/\S+|[A-Z_]+=\S+) ",
    "python": r"(import|from) \w",
    "overrides": r"[a-z_]+\.[a-z_]+=\S",
}
# stand-ins for what a reader has
PLACES = {"DIR": str(PACKAGE / "assets/tiny"), "recipes/scratch/tiny-seed1": str(PACKAGE / "assets/tiny")}
# what a command takes that runs many cells
LESS = {
    "+experiment=paper_fig5": ["noise.segment_frames=1,10"],
    "+experiment=paper_fig4": ["noise.length=[1,2]"],
    "+experiment=claims": ["noise=white,shuffle_10"],
}
SONGS = {"docs/extending.md": 3, "docs/reporting.md": 3, "docs/results.md": 3}  # pages that show intervals
# weights, a GPU, several processes, a cluster; tests/launchers and tests/test_processes.py run the latter
ELSEWHERE = re.compile(r"model=musicgen|trainer=(gpu|ddp)|hydra/launcher=")


@dataclass(frozen=True)
class Block:
    """A code block, where it begins, and what it is: `sh`, `python`, `yaml`, `overrides` or something else."""

    page: str
    line: int
    kind: str
    title: str | None
    text: str

    @property
    def first(self) -> str:
        return self.text.strip().splitlines()[0].strip()


def blocks(page: str) -> list[Block]:
    found = []
    for token in MarkdownIt("commonmark").parse((ROOT / page).read_text()):
        if token.type not in ["fence", "code_block"]:
            continue
        title = re.search(r'title="(.+?)"', token.info)
        kind = token.info.split()[0] if token.info else "text"
        for name, pattern in FIRST.items():
            if not token.info and re.match(pattern, f"{token.content.lstrip()} "):
                kind = name
        assert token.map
        found.append(Block(page, token.map[0] + 1, kind, title[1] if title else None, token.content))
    return found


def commands(block: Block) -> Iterator[list[str]]:
    """The words of each command of a shell block, without comments."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words


def cells(words: list[str]) -> list[Config]:
    """The checked configuration of each cell that a command line of noiseprobe runs."""
    overrides = [re.sub(r"=~(?=/|$)", f"={Path.home()}", word) for word in words if word != "-m"]
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra
        mode = RunMode.MULTIRUN if "-m" in words else hydra.get_mode("config", overrides) or RunMode.RUN
        config = hydra.compose_config("config", overrides, mode, with_log_configuration=False)
        put_first(config)
        own = combinations(config) if mode == RunMode.MULTIRUN else [overrides]
    return [check(composed(*one)) for one in own]


def shortened(words: list[str], songs: int = 1) -> list[str]:
    """A command line of noiseprobe with stand-ins, less data and fewer cells."""
    given = [re.sub(r"=(.*)", lambda m: f"={PLACES.get(m[1], m[1])}", word) for word in words if word != "..."]
    given = [word for word in given if not word.startswith("data.limit=")]
    less = [o for key, own in LESS.items() if key in given for o in own]
    less.append(f"data.limit={songs}")
    return [*given, *(o for o in less if o.partition("=")[0] not in [w.partition("=")[0] for w in given])]


Run = Callable[..., "subprocess.CompletedProcess[str]"]


def run_page(page: str, folder: Path, run: Run, not_run: dict[str, str], copy: Path | None = None) -> set[str]:
    """Run the blocks of a page.

    Args:
        page: relative to the checkout.
        folder: where, empty.
        run: a command line of noiseprobe, as `running.quick_command`.
        not_run: commands that aren't, as they stand in the page, with the reason.
        copy: of the checkout, where files go that the page names.

    Returns:
        The commands of `not_run` that are there.
    """
    names: dict[str, Any] = {"__name__": page}
    left = set()
    for block in blocks(page):
        where = f"{block.page}, line {block.line}"
        if block.title:
            assert copy, f"{where}: {block.title} would be written into the checkout"
            (copy / block.title).write_text(block.text)
        elif block.kind == "sh":
            for words in commands(block):
                line = shlex.join(words)
                if line in not_run:
                    left.add(line)
                else:
                    _run_command(words, where, folder, run)
        elif block.kind == "python":
            with contextlib.chdir(folder):
                exec(compile(block.text, where, "exec"), names)
        elif block.kind == "overrides":
            for line in block.text.splitlines():
                cells(shlex.split(re.split(r" {2,}", line)[0]))
        elif block.kind == "yaml":
            yaml.safe_load(block.text)
    return left


def _run_command(words: list[str], where: str, folder: Path, run: Run) -> None:
    program = re.sub(r"^\.venv/bin/", "", words[0]).replace("python3", "python")
    if words[0] == "make":
        done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{where}: {done.stderr}"
    elif program == "python" and words[1:3] == ["-m", "noiseprobe.report"]:
        with contextlib.chdir(folder):
            assert report(words[3:]) == 0, where
    elif program == "noiseprobe" or (program == "python" and words[1:3] == ["-m", "noiseprobe"]):
        given = shortened(words[1:] if program == "noiseprobe" else words[3:], SONGS.get(where.partition(",")[0], 1))
        if any(map(ELSEWHERE.match, given)):
            assert cells(given), where
        else:
            done = run(*given, cwd=folder)
            assert done.returncode == 0, f"{where}: {shlex.join(given)}\n{done.stdout}\n{done.stderr}"
    elif program == "python" and words[1].endswith(".py"):  # hours, mostly: that it takes these options must do
        script = (ROOT / words[1]).read_text()
        assert all(f'"{word}"' in script for word in words if word.startswith("--")), f"{where}: {shlex.join(words)}"
    else:
        raise AssertionError(f"{where}: {shlex.join(words)} is neither run nor listed as what isn't")


def home(folder: Path) -> Path:
    """A user's folder with music in it."""
    import numpy as np
    import soundfile as sf

    (folder / "music").mkdir(parents=True)
    for i in range(2):
        samples = 0.1 * np.random.default_rng(i).standard_normal(32_000 * 10 + 100)
        sf.write(folder / f"music/song{i}.wav", samples, 32_000)
    return folder


def environment(folder: Path) -> dict[str, str]:
    return {"HOME": str(folder), "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"]}
