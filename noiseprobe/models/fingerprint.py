"""A hash of a model in memory: of all in it that changes its numbers, wherever it lies, without pickling anything.

In it, for the model and each of its parts: parameters and buffers, by name, type, shape and content; attributes that
are plain values, tensors or arrays, and configurations as transformers has them; and the code of the classes, unless it
comes with a library. So an edited method is another model, as are other weights. What the code calls outside of its
classes, and what is only in an object of another kind, isn't seen. Compiled code differs between versions of Python;
comments and line numbers aren't in it.
"""

import hashlib
import inspect
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from noiseprobe.hashing import digest

LIBRARIES = {"torch", "transformers", "audiocraft", "lightning", "noiseprobe", "builtins", "abc", "typing"}
MODULE = set(vars(nn.Module()))  # what torch keeps of its own; parameters and buffers are asked for by name
INNER = ("__func__", "fget", "func")  # the function of a static or class method, a property, a cached one
VOLATILE = {"transformers_version", "_name_or_path"}  # of a configuration; neither changes a number


def fingerprint(model: nn.Module) -> str:
    """sha256 in hex.

    >>> a, b = nn.Linear(2, 3), nn.Linear(2, 3)
    >>> _ = b.load_state_dict(a.state_dict())
    >>> fingerprint(a) == fingerprint(b), fingerprint(a) == fingerprint(nn.Linear(2, 3))
    (True, False)
    """
    parts = dict(model.named_modules())
    kinds = dict.fromkeys(kind for part in parts.values() for kind in type(part).__mro__)
    return digest({
        "class": type(model).__qualname__,
        "tensors": {name: _tensor(t) for name, t in [*model.named_parameters(), *model.named_buffers()]},
        "attributes": {name: dict(_attributes(part)) for name, part in parts.items()},
        "code": [[kind.__qualname__, dict(_body(kind))] for kind in kinds if not _of_library(kind)],
    })  # fmt: skip


def _tensor(t: Tensor) -> list[Any]:
    t = t.detach()
    content = t.cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    return [str(t.dtype), list(t.shape), hashlib.sha256(content.data).hexdigest()]


def _attributes(part: nn.Module) -> Iterator[tuple[str, Any]]:
    for name, value in vars(part).items():
        if name not in MODULE and (plain := _plain(value)) is not None:
            yield name, plain


def _plain(value: Any) -> Any:
    """What stands for a value in JSON; None for one that isn't looked into."""
    if hasattr(value, "to_dict") and not isinstance(value, type):
        value = {k: v for k, v in value.to_dict().items() if k not in VOLATILE}
    match value:
        case None | bool() | int() | float() | complex() | str() | bytes() | torch.dtype() | slice():
            return repr(value)
        case Tensor():
            return _tensor(value)
        case np.ndarray() | np.generic():
            return [str(value.dtype), list(value.shape), hashlib.sha256(value.tobytes()).hexdigest()]
        case list() | tuple():
            return [type(value).__name__, *map(_plain, value)]
        case set() | frozenset():
            return sorted(map(repr, value))
        case Mapping():
            return [[repr(k), _plain(v)] for k, v in value.items()]
        case FunctionType() if not _of_library(value):
            return [_plain(value.__code__), _plain(value.__defaults__), _plain(value.__kwdefaults__)]
        case CodeType():
            return [value.co_code.hex(), [_plain(c) for c in value.co_consts], value.co_names, value.co_varnames]
    return None


def _of_library(kind: type | FunctionType) -> bool:
    return kind.__module__.partition(".")[0] in LIBRARIES


def _body(kind: type) -> Iterator[tuple[str, Any]]:
    """What a class says in its body: plain values and functions."""
    for name, value in vars(kind).items():
        inner = (getattr(value, attribute, None) for attribute in INNER)
        function = inspect.unwrap(next(filter(None, inner), value))
        if isinstance(function, FunctionType) or not name.startswith("__"):
            yield name, _plain(function)
