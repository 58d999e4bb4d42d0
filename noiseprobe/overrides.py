"""What a command line says, before Hydra reads it: values that its grammar has no place for, and what it may not say.

Hydra builds whatever class a `_target_` names, before any code of this package runs, and answers a group's option that
isn't a text with a traceback. What it refuses in its own words is left to it.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, ValueType
from hydra.errors import HydraException

from noiseprobe import checks
from noiseprobe.errors import NoiseprobeError

TARGET = "_target_"
SYNTAX = re.compile(r"""\s*(['"\[{]|\w+\()|.*\$\{""", re.DOTALL)  # what begins, or has within it, Hydra's own


def quoted(argument: str) -> str:
    """The argument with Hydra's quotes around what its grammar can't read and no one can mean otherwise: folders have
    letters and marks that it doesn't know. Commas part the values of a sweep, as ever.

    >>> quoted("data.root=/music/Füße (live)"), quoted("data.root=/music/R&B,/music/jazz")
    ("data.root='/music/Füße (live)'", "data.root='/music/R&B',/music/jazz")
    >>> quoted("noise.length=0.5,1"), quoted("noise.length=[0.5,1")
    ('noise.length=0.5,1', 'noise.length=[0.5,1')
    """
    key, equals, value = argument.partition("=")
    if not equals or argument.startswith("-") or _read(argument):
        return argument
    parts = [part if _read(f"{key}={part}") else _quoted(part) for part in value.split(",")]
    mended = f"{key}={','.join(parts)}"
    return mended if _read(mended) else argument


def _quoted(text: str) -> str:
    """As it is where it is Hydra's syntax, gone wrong."""
    if SYNTAX.match(text):
        return text
    inner = re.sub(r"(\\*)('|\Z)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text)
    return f"'{inner}'"


def _read(argument: str) -> Override | None:
    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException:
        return None


def check_arguments(arguments: Sequence[str], conf: Path) -> None:
    """Look at all overrides of a command line.

    Args:
        arguments: of the command line; flags among them are passed over.
        conf: the folder of the yaml files.

    Raises:
        NoiseprobeError: for a class to build, and for an option of a group that no file can have as its name.
    """
    for argument in arguments:
        key, equals, value = argument.partition("=")
        key = key.lstrip("+~")
        if TARGET in key.split(".") or (TARGET in value and "{" in value):
            raise checks.refusal(key, value, f"no {TARGET} on a command line: yaml files alone say what is built")
        group = key.partition("@")[0]
        if equals and not argument.startswith("-") and (group.startswith("hydra/") or (conf / group).is_dir()):
            _check_option(argument, group, conf)


def _check_option(argument: str, group: str, conf: Path) -> None:
    if not group:
        raise NoiseprobeError(f"{argument}: got no key, expected KEY=VALUE")
    override = _read(argument)
    if override is None:
        return
    for value in _values(override):
        parts = value if isinstance(value, list) and value else [value]
        if not isinstance(value, dict) and not all(isinstance(part, str) for part in parts):
            options = ", ".join(sorted(path.stem for path in (conf / group).glob("*.yaml")))
            known = not group.startswith("hydra/")  # plugins have more of those
            raise checks.refusal(group, value, f"one of {options}" if known else "the name of an option")


def _values(override: Override) -> Iterator[Any]:
    """What a key is set to, in each cell of a sweep; none where files are looked for, or it is deleted as it is."""
    if override.is_discrete_sweep() and override.value_type != ValueType.GLOB_CHOICE_SWEEP:
        yield from override.sweep_iterator(transformer=lambda value: getattr(value, "text", value))
    elif not override.is_sweep_override() and not (override.is_delete() and override.value() is None):
        yield override.value()
