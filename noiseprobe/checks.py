"""Checks of single values: each returns the value or raises one line with key, value and what is allowed."""

import difflib
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from noiseprobe.errors import NoiseprobeError

T = TypeVar("T")

MAX_INTEGER = 2**63 - 1  # what the tables can hold


def refusal(key: str, value: Any, expected: str) -> NoiseprobeError:
    shown = "null" if value is None else str(value) if str(value).strip() else repr(value)
    return NoiseprobeError(f"{key}: got {shown}, expected {expected}")


def section(raw: dict[str, Any], name: str) -> dict[str, Any]:
    if not isinstance(raw[name], dict):
        raise refusal(name, raw[name], f"one of the group's options ({name}=OPTION; --help lists them)")
    return raw[name]


def keys(section: str, raw: dict[str, Any], known: list[str]) -> None:
    prefix = f"{section}." if section else ""
    for key in raw:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known keys: {', '.join(prefix + k for k in known)}"
            raise NoiseprobeError(f"{prefix}{key}: unknown key; {hint}")
    for key in known:
        if key not in raw:
            raise NoiseprobeError(f"{prefix}{key}: missing; the option's yaml must set it (null where it has no value)")


def text(key: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)  # Hydra reads a folder called 2024 as a number
    if not isinstance(value, str) or not value.strip() or value == "???":
        raise refusal(key, value, "a text")
    return value


def path(key: str, value: Any) -> Path:
    try:
        return Path(text(key, value)).expanduser()
    except RuntimeError as error:  # ~nobody
        raise refusal(key, value, "a path whose user exists") from error


def folder(key: str, value: Any) -> Path:
    found = path(key, value)
    if not exists(found, "dir"):
        raise refusal(key, found, "a folder that exists")
    return found


def exists(path: Path, what: str) -> bool:
    try:
        return path.is_dir() if what == "dir" else path.is_file()
    except OSError:  # a name that is too long, for one
        return False


def choice(key: str, value: Any, allowed: list[str], more: str = "") -> str:
    if value not in allowed:
        raise refusal(key, value, " ".join(["one of", ", ".join(allowed), more]).strip())
    return str(value)


def boolean(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise refusal(key, value, "true or false")
    return value


def number(key: str, value: Any, low: float = -math.inf, high: float = math.inf, open_low: bool = False) -> float:
    bounds = [f"{'above' if open_low else 'of at least'} {low:g}"] if low > -math.inf else []
    bounds += [f"of at most {high:g}"] if high < math.inf else []
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high or not abs(value) <= sys.float_info.max or (open_low and value == low):
        finite = not number or abs(value) <= sys.float_info.max
        what = "a number" if finite else "a finite number"
        raise refusal(key, value, " ".join([what, " and ".join(bounds)]).strip())
    return float(value)


def integer(key: str, value: Any, low: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= MAX_INTEGER:
        raise refusal(key, value, f"a whole number of at least {low} and at most {MAX_INTEGER}")
    return value


def optional_integer(key: str, value: Any, low: int) -> int | None:
    return None if value is None else integer(key, value, low)


def list_of(key: str, value: Any, one: Callable[[str, Any], T]) -> list[T]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise refusal(key, value, "a number or a list with at least one")
    return [one(key, v) for v in values]
