"""Writes docs/config.md: every key of the configuration, from the yaml files' comments and the schemas' types.

    python recipes/docs/config_reference.py

`tests/test_config_reference.py` holds the page to what Hydra composes and to what this writes.
"""

import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from noiseprobe import config, positions, schemas

ROOT = Path(__file__).parents[2]
CONF, PAGE = ROOT / "conf", ROOT / "docs/config.md"

WORDS = {bool: "true, false", int: "whole number", float: "number", str: "text", Path: "path"}

HEAD = """\
# Configuration

Written by `python recipes/docs/config_reference.py` from the yaml files in `conf/`, whose comments explain the keys,
and from the schemas that check them. `python -m noiseprobe --help` says the same in short, and `--cfg job` prints what
a command line composes.

A key is set with `KEY=VALUE`, in a group with `GROUP.KEY=VALUE`; `GROUP=OPTION` chooses a file of the group. No key
needs a `+` but `+experiment=NAME`. Values are checked before anything is loaded, for all cells of a sweep before the
first one starts. Of a value with a comma Hydra wants quotes of its own:
`'model.description="slow, quiet"'`.
"""


@dataclass(frozen=True)
class Key:
    """A key of a yaml file: its dotted name in the file, its value there, and the comment behind it."""

    name: str
    value: str
    comment: str


def options(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yaml"))


def first_comment(path: Path) -> str:
    """What a file says it is: its first comment that isn't for Hydra."""
    found = re.search(r"^# (?!@)(.*)", path.read_text(), flags=re.MULTILINE)
    return found[1] if found else ""


def own_keys(path: Path) -> Iterator[Key]:
    """The keys that a file sets itself, in its order; a section's own line has no value and isn't one."""
    open_sections: list[tuple[int, str]] = []
    for line in path.read_text().splitlines():
        found = re.fullmatch(r"( *)([\w.]+):(?: +([^#\s].*?))?(?: +# ?(.*))?", line)
        if not found:
            continue
        indent, name, value, comment = len(found[1]), found[2], found[3] or "", found[4] or ""
        open_sections = [(i, n) for i, n in open_sections if i < indent]
        dotted = ".".join([*(n for _, n in open_sections), name])
        open_sections.append((indent, name))
        if value:
            yield Key(dotted, value, comment)
        elif isinstance(yaml.safe_load(path.read_text()).get(name), list) and name != "defaults":
            yield Key(dotted, "a list", comment)


def parents(path: Path) -> list[Path]:
    """The files of its own group that a file begins with."""
    listed = yaml.safe_load(path.read_text()).get("defaults", [])
    names = [d.partition("@")[0] for d in listed if isinstance(d, str) and d != "_self_"]
    return [path.parent / f"{name}.yaml" for name in names]


def all_keys(path: Path) -> dict[str, Key]:
    """A file's keys with those that it takes over; where it says nothing of a key, what the other file says."""
    found: dict[str, Key] = {}
    for parent in parents(path):
        found |= all_keys(parent)
    for key in own_keys(path):
        before = found.get(key.name)
        found[key.name] = Key(key.name, key.value, key.comment or (before.comment if before else ""))
    return found


def in_words(hint: Any, value: str) -> str:
    """A type, and whether the yaml's null is another value of it."""
    parts = list(typing.get_args(hint)) if isinstance(hint, types.UnionType) else [hint]
    names = [WORDS[p] for p in parts if p in WORDS]
    if typing.get_origin(hint) is tuple:
        names = ["list"]
    if names and (types.NoneType in parts or value == "null"):
        names.append("null")
    return ", ".join(names)


def hints(schema: type) -> dict[str, Any]:
    return {f.name: typing.get_type_hints(schema)[f.name] for f in fields(schema)}  # type: ignore[arg-type]


def table(keys: Mapping[str, Key], prefix: str, known: Mapping[str, Any]) -> str:
    rows = [f"| Key | Default | Type | Meaning |\n|{'---|' * 4}"]
    for key in keys.values():
        kind = in_words(known.get(key.name), key.value)
        cells = [f"`{prefix}{key.name}`", f"`{key.value}`", kind, key.comment]
        rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(rows)


def listed(folder: Path, group: str) -> str:
    """The options of a group, each with its file's first comment."""
    rows = [f"| `{group}=` | |\n|---|---|"]
    rows += [f"| `{path.stem}` | {first_comment(path)} |" for path in options(folder)]
    return "\n".join(rows)


def without(keys: Mapping[str, Key], *names: str) -> dict[str, Key]:
    return {name: key for name, key in keys.items() if name not in names}


def page() -> str:
    main = all_keys(CONF / "config.yaml")
    top = {name: key for name, key in main.items() if "." not in name}
    parts = [HEAD, "## Everything\n", table(top, "", hints(schemas.Config))]
    for section, schema in [("verdicts", schemas.VerdictsConfig), ("paths", schemas.PathsConfig)]:
        own = {n.partition(".")[2]: Key(n.partition(".")[2], k.value, k.comment) for n, k in main.items()
               if n.startswith(f"{section}.")}  # fmt: skip
        parts.append(table(own, f"{section}.", hints(schema)))
    parts += ["## model\n", models(), "## data\n", data(), "## noise\n", noise(), "## trainer\n", trainer()]
    parts += ["## logger\n", loggers(), "## hydra/launcher\n", launchers(), "## experiment\n", experiments()]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def models() -> str:
    text = "Defaults are those of `local`; the others set name, hub and shape. [Models](models.md) has the rest."
    rows = ["| `model=` | name | hub |\n|---|---|---|"]
    for path in options(CONF / "model"):
        found = all_keys(path)
        rows.append(f"| `{path.stem}` | {found['name'].value} | {found['hub'].value} |")
    keys = all_keys(CONF / "model/local.yaml")
    return "\n\n".join([text, "\n".join(rows), table(keys, "model.", hints(schemas.ModelConfig))])


def data() -> str:
    parts = [listed(CONF / "data", "data")]
    for path in options(CONF / "data"):
        if parents(path):
            continue
        found = all_keys(path)
        source = schemas.source_module(found["source"].value)
        known = hints(schemas.DataConfig) | hints(source.Options)
        parts += [f"### data={path.stem}", table(without(found, "source"), "data.", known)]
    return "\n\n".join(parts)


def noise() -> str:
    text = "[Kinds of noise](noise.md) defines the kinds, and says what each leaves as it was."
    place, level = (all_keys(CONF / f"noise/base/{name}.yaml") for name in ["position", "level"])
    levels = hints(schemas.noise_module("white").Options)
    parts = [text, "### Where: all kinds", table(place, "noise.", {})]
    parts += ["### How loud: the kinds of noise in the narrow sense", table(level, "noise.", levels)]
    for path in options(CONF / "noise"):
        found = all_keys(path)
        changed = [k for k in own_keys(path) if k.name != "kind"]
        preset = [k for k in changed if k.name in positions.KEYS] or path.stem != found["kind"].value
        own = {k.name: found[k.name] for k in changed}
        known = hints(schemas.noise_module(found["kind"].value).Options)
        parts.append(f"### noise={path.stem}\n\n{first_comment(path)}")
        if preset:
            parts.append("Sets " + ", ".join(f"`noise.{k.name}={k.value}`" for k in changed) + ".")
        elif own:
            parts.append(table(own, "noise.", known))
    return "\n\n".join(parts)


def trainer() -> str:
    keys = all_keys(CONF / "trainer/auto.yaml")
    text = "`cpu` and `gpu` set the accelerator, `ddp` the strategy and two devices."
    return "\n\n".join(
        [listed(CONF / "trainer", "trainer"), text, table(keys, "trainer.", hints(schemas.TrainerConfig))]
    )


def loggers() -> str:
    keys = without(all_keys(CONF / "logger/wandb.yaml"), "name")
    return "\n\n".join([listed(CONF / "logger", "logger"), "Keys of `wandb`:", table(keys, "logger.", {})])


def launchers() -> str:
    """The launchers' own classes and what repeats is left out."""
    folder = CONF / "hydra/launcher"
    parts = ["[Scaling out](scaling.md) says when to take which.", listed(folder, "hydra/launcher")]
    for path in options(folder):
        own = {k.name: all_keys(path)[k.name] for k in own_keys(path) if k.name != "_target_"}
        parts += [f"### hydra/launcher={path.stem}", table(own, "hydra.launcher.", {})]
    return "\n\n".join(parts)


def experiments() -> str:
    text = "`+experiment=NAME` is a sweep made ready; what else the command line sets wins over it."
    return "\n\n".join([text, listed(CONF / "experiment", "+experiment")])


if __name__ == "__main__":
    assert config.PACKAGE.parent == ROOT, f"imported from {config.PACKAGE}, expected {ROOT}"
    PAGE.write_text(page())
    print(PAGE)
