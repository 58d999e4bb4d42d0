"""The examples in docstrings run."""

import doctest
import importlib
import pkgutil

import pytest

import noiseprobe

MODULES = [m.name for m in pkgutil.walk_packages(noiseprobe.__path__, "noiseprobe.") if not m.name.endswith("__main__")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    tests = [t for name in MODULES for t in doctest.DocTestFinder().find(importlib.import_module(name)) if t.examples]
    assert len(tests) > 10
