"""Modules of the package import each other in one direction: no circle, and nothing below imports what is above."""

import ast
from graphlib import TopologicalSorter

from noiseprobe.config import PACKAGE

# from the top down; a module may import from its own line and those below it
LAYERS = [
    ["__main__"],
    ["cli", "api"],
    ["cell", "callbacks.sweep", "callbacks.turns"],
    ["evaluate"],
    ["callbacks", "report.console", "plot"],
    ["dashboard"],
    ["lightning_module", "report"],
    ["clean", "analysis"],
    ["results"],
    ["data", "identity", "models", "metrics", "noise", "functional"],
    ["config", "composing", "fresh", "grouping", "processes", "hashing", "launching", "overrides", "store"],
    ["bars", "positions", "schemas", "score", "surroundings", "turns", "variants"],
    ["allocator", "background", "checks", "devices", "errors", "files", "help", "loudness", "sealed", "stopping"],
]


def imports() -> dict[str, set[str]]:
    graph = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            # the one form that is followed here; what a name in the configuration loads (importlib) is not
            assert not isinstance(node, ast.ImportFrom) or node.level == 0, f"{name}: relative import"
            assert not isinstance(node, ast.Import) or "noiseprobe." not in [a.name[:11] for a in node.names], name
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "noiseprobe":
                inner = node.module.removeprefix("noiseprobe").lstrip(".")
                modules = [".".join(filter(None, [inner, alias.name])) for alias in node.names]
                found |= {m if (PACKAGE / (m.replace(".", "/") + ".py")).exists() else inner for m in modules}
        graph[name] = found - {""}
    return graph


def layer(module: str) -> int:
    fits = [(len(name), i) for i, names in enumerate(LAYERS) for name in names if f"{module}.".startswith(f"{name}.")]
    return max(fits)[1]


def test_no_circle() -> None:
    graph = imports()
    assert len(graph) > 40
    assert sum(map(len, graph.values())) > 80
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_no_import_runs_up() -> None:
    up = [(m, i) for m, found in imports().items() if not m.endswith("__init__") for i in found if layer(i) < layer(m)]
    assert up == []


def test_no_file_of_torch_is_loaded_with_code_in_it() -> None:
    """torch.load runs what a pickle says unless weights_only is set; nothing else here reads pickles."""
    found = 0
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ["torch.load", "pickle.load", "pickle.loads"]:
                options = {k.arg: ast.unparse(k.value) for k in node.keywords}
                assert options.get("weights_only") == "True", (path, node.lineno)
                found += 1
    assert found >= 2
