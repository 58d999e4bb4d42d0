"""The worked examples of docs/extending.md, in a copy of the checkout: its files, its commands, its Python."""

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from documents import ROOT, blocks, environment, run_page
from running import quick_command

PAGE = "docs/extending.md"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package and its configuration; assets are only read."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "noiseprobe", folder / "noiseprobe", ignore=shutil.ignore_patterns("assets", "__pycache__"))
    (folder / "noiseprobe/assets").symlink_to(ROOT / "noiseprobe/assets")
    shutil.copytree(ROOT / "conf", folder / "conf")
    return folder


@pytest.mark.slow
def test_the_examples_run_in_a_checkout(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [b.title for b in blocks(PAGE) if b.title]
    assert [n for n in names if n and n.endswith(".py")]
    assert not [n for n in names if n and (ROOT / n).exists()]
    run = partial(quick_command, **environment(tmp_path), PYTHONPATH=str(copy))
    assert run_page(PAGE, tmp_path, run, {}, copy) == set()
    found = {p.name.rpartition("-")[0] for p in (tmp_path / "results").iterdir() if p.is_dir()}
    assert found == {"tiny-demo-hum", "tiny-takes-white", "bigrams-demo-white", "tiny-demo-white"}
    # the contract that the page says it is held to
    contract = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", ROOT / "tests/noise/test_contract.py"]
    done = subprocess.run(
        [*contract, "-k", "hum", "-p", "no:cacheprovider"], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.split()[done.stdout.split().index("passed,") - 1]) > 20
