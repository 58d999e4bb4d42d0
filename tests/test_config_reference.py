"""docs/config.md has every key that Hydra composes, with a description, and is what its recipe writes."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf
from running import composed

from noiseprobe.cli import conf_dir
from noiseprobe.config import PACKAGE

ROOT = PACKAGE.parent
OPTIONS = [
    f"{path.parent.name}={path.stem}"
    for group in ["model", "data", "noise", "trainer", "logger"]
    for path in sorted(Path(conf_dir(), group).glob("*.yaml"))
]
LAUNCHERS = sorted(path.stem for path in Path(conf_dir(), "hydra/launcher").glob("*.yaml"))
# what the options of a group set, not the user
OWN = {"data.source", "noise.kind", "logger.name", "hydra.launcher._target_"}


@pytest.fixture(scope="module")
def recipe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("config_reference", ROOT / "recipes/docs/config_reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, str, str]]:
    """Key, default and meaning of each row."""
    found = re.findall(r"^\| `([\w.]+)` \| `(.*?)` \| .*? \| (.*) \|$", (ROOT / "docs/config.md").read_text(), re.M)
    assert len(found) > 100
    return found


def keys(config: dict[str, Any], prefix: str = "") -> set[str]:
    """The dotted keys of values; a section is none, a mapping that is a value (shape) is one."""
    found = set()
    for key, value in config.items():
        section = isinstance(value, dict) and value and key not in ["shape", "additional_parameters"]
        found |= keys(value, f"{prefix}{key}.") if section else {f"{prefix}{key}"}
    return found


def test_the_page_is_what_the_recipe_writes(recipe: ModuleType) -> None:
    assert recipe.page() == recipe.PAGE.read_text(), "run python recipes/docs/config_reference.py"


@pytest.mark.parametrize("option", OPTIONS)
def test_every_key_is_there(option: str, rows: list[tuple[str, str, str]]) -> None:
    config = OmegaConf.to_container(composed(option), resolve=False)
    assert isinstance(config, dict)
    assert keys(config) - {name for name, _, _ in rows} <= OWN


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_every_key_of_a_launcher_is_there(launcher: str, rows: list[tuple[str, str, str]]) -> None:
    ours = yaml.safe_load(Path(conf_dir(), f"hydra/launcher/{launcher}.yaml").read_text())
    own = keys({key: value for key, value in ours.items() if key != "defaults"}, "hydra.launcher.")
    assert own - {name for name, _, _ in rows} <= OWN


def test_no_row_lacks_a_meaning(rows: list[tuple[str, str, str]]) -> None:
    assert [name for name, _, meaning in rows if len(meaning) < 3] == []


def test_top_level_defaults_are_those_that_hydra_composes(rows: list[tuple[str, str, str]]) -> None:
    config = composed()
    shown = {name: yaml.safe_load(default) for name, default, _ in rows}
    for name in ["seed", "precision", "keep_audio", "cache_gb", "figures", "verdicts.margin", "paths.results"]:
        assert shown[name] == OmegaConf.select(config, name), name
