"""Mutation testing of the pure functions: are there changes of the code that no test notices?

    pip install --target /tmp/cosmic-ray --no-deps cosmic-ray parso stevedore
    PYTHONPATH=.:/tmp/cosmic-ray .venv/bin/python recipes/mutants.py            # 13 modules
    PYTHONPATH=.:/tmp/cosmic-ray .venv/bin/python recipes/mutants.py shape --fraction 0.2

cosmic-ray makes the mutants: one operator, comparison, number, condition, loop or decorator changed in each. Its own
runner starts a process for every mutant, in which the imports of torch and scipy take longer than a module's tests.
Here each mutant is a fork of one process that has imported them. No file is changed: a mutant exists in its fork alone.

A survivor is printed with its line; docs/mutants.md says of each why it may live.
"""

import argparse
import ast
import gc
import os
import random
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import NamedTuple

import pytest
from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider

# What the tests import and no mutant changes: imported once, before the forks.
FIRST = [
    "torch", "scipy.integrate", "scipy.optimize", "scipy.stats", "statsmodels.regression.linear_model",
    "statsmodels.stats.multitest", "statsmodels.stats.power", "statsmodels.stats.proportion",
]  # fmt: skip
ROOT = Path(__file__).parents[1]
FUNCTIONAL = sorted(path.stem for path in ROOT.glob("noiseprobe/functional/[a-z]*.py"))
MODULES = {"patterns": "noiseprobe.models.patterns"} | {name: f"noiseprobe.functional.{name}" for name in FUNCTIONAL}
TESTS = {name: [f"tests/functional/test_{name}.py"] for name in FUNCTIONAL}
TESTS["patterns"] = ["tests/models/test_alignment.py", "tests/models/test_patterns.py"]
NEEDING_OPTIONS = ["VariableReplacer", "VariableInserter"]  # operators that need to be told which variables
LIMIT = 30  # seconds; the tests of a module take 1 to 6
MEMORY = 2**34  # bytes of address space: a power for a product mustn't fill the machine


class Mutant(NamedTuple):
    """The whole module with one change, and the changed lines."""

    operator: str
    line: int
    before: str
    after: str
    source: str


class Count(Visitor):  # type: ignore[misc]
    """How many mutants an operator makes of a file."""

    def __init__(self, operator: Operator) -> None:
        self.operator, self.found = operator, 0

    def visit(self, node: object) -> object:
        self.found += len(list(self.operator.mutation_positions(node)))
        return node


def mutants(source: str) -> Iterator[Mutant]:
    """All of a module, but for those that aren't Python or only change an annotation."""
    lines, meaning = source.splitlines(), without_annotations(source)
    provider = OperatorProvider()
    for name in sorted(set(provider) - set(NEEDING_OPTIONS)):
        operator = provider[name]()
        count = Count(operator)
        count.walk(get_ast(source))
        for occurrence in range(count.found):
            changed = mutate_code(source, operator, occurrence)
            try:
                same = without_annotations(changed) == meaning
            except SyntaxError:
                continue
            if not same:
                new = changed.splitlines()
                at = next(i for i, (old, now) in enumerate(zip(lines, new, strict=False)) if old != now)
                yield Mutant(name, at + 1, lines[at].strip(), new[at].strip(), changed)


def without_annotations(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if getattr(node, field, None) is not None:
                setattr(node, field, ast.Constant(None))
    return ast.dump(tree)


def status_of(name: str, source: str, tests: list[str]) -> int:
    """What pytest, run with this source in place of the module's, exits with; negative: the signal that ended it."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    signal.alarm(LIMIT)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    status = 1
    try:
        become(name, source)
        status = pytest.main(["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests])
    finally:
        os._exit(status)


def become(name: str, source: str) -> None:
    spec = find_spec(name)
    assert spec
    module = module_from_spec(spec)
    sys.modules[name] = module
    exec(compile(source, str(spec.origin), "exec"), module.__dict__)
    package, _, leaf = name.rpartition(".")
    setattr(sys.modules[package], leaf, module)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("modules", nargs="*", default=list(MODULES))
    parser.add_argument("--fraction", type=float, default=1.0, help="of the mutants, drawn with a fixed seed")
    options = parser.parse_args()
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # loading plugins takes longer than most modules' tests
    for needed in FIRST:
        import_module(needed)
    gc.freeze()
    for short in options.modules:
        name = MODULES[short]
        source = (ROOT / (name.replace(".", "/") + ".py")).read_text()
        tests = [*TESTS[short], f"tests/test_docstrings.py::test_examples[{name}]"]
        if status_of(name, source, tests):
            sys.exit(f"{short}: its tests fail without any mutant: {' '.join(tests)}")
        found, begin = list(mutants(source)), time.monotonic()
        drawn = random.Random(0).sample(found, round(options.fraction * len(found)))
        counts: Counter[str] = Counter()
        for mutant in sorted(drawn):
            status = status_of(name, mutant.source, tests)
            outcome = "survived" if status == 0 else "too long" if status == -signal.SIGALRM else "killed"
            counts[outcome] += 1
            if outcome == "survived":
                print(f"  {short}:{mutant.line} {mutant.operator}: {mutant.before}  ->  {mutant.after}", flush=True)
        took = time.monotonic() - begin
        print(f"{short}: {len(found)} mutants, {len(drawn)} run, {dict(counts)}, {took:.0f} s", flush=True)


if __name__ == "__main__":
    main()
