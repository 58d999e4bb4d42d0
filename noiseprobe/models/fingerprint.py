"""A hash of a model in memory: of all in it that changes its numbers, wherever it lies, without pickling anything.

From the model on, all is looked into that it holds or that its code uses: parts with their parameters, buffers,
attributes and forward hooks; plain values, containers, tensors, arrays, configurations of transformers, objects of any
class; the code of classes and functions, with defaults, closures and the globals that they name. So an edited method
or helper is another model, as are other weights. What comes with a library counts by its name.

Nothing of the caller's is run. Each thing gets a number when it is met and is described once: so circles end, and no
address is in the hash. Names are met in order, the elements of a set each by itself.

Not seen: what code reaches through a module (`helpers.f`) or imports while it runs; torch's hooks for all modules; what
an object without attributes holds (a tokenizer in Rust, a random generator, a compiled extension); paths, devices, and
what the standard library keeps for itself, such as locks. Compiled code differs between versions of Python; comments
and line numbers aren't in it.
"""

import dis
import functools
import hashlib
import sys
import sysconfig
import types
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from noiseprobe.hashing import digest

# Imported by this package, so nobody has a file of such a name beside it; an editable install is one too.
LIBRARIES = {
    "audiocraft", "huggingface_hub", "hydra", "lightning", "lightning_fabric", "noiseprobe", "numpy", "omegaconf",
    "pandas", "safetensors", "scipy", "soundfile", "tokenizers", "torch", "torchaudio", "torchmetrics", "tqdm",
    "transformers",
}  # fmt: skip
OTHERS = {
    "accelerate", "einops", "librosa", "numba", "peft", "pytorch_lightning", "sklearn", "torchvision", "xformers",
}  # fmt: skip
INSTALLED = {"site-packages", "dist-packages"}  # folders
STDLIB = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}
PLAIN = (bool, int, float, complex, str, bytes, bytearray, range, type(None), type(...), torch.dtype)
# Of the standard library: what holds something of the caller's. Others (locks, loggers) have a state of their own.
OPEN = {
    functools.partial, functools.partialmethod, functools.cached_property, functools._lru_cache_wrapper, property,
    staticmethod, classmethod, slice, types.FunctionType, types.MethodType, types.SimpleNamespace,
}  # fmt: skip
INNER = {"__func__", "__self__", "__wrapped__"}
MODULE = set(vars(nn.Module()))  # what torch keeps of its own
TENSORS, BUFFERS = nn.Module.named_parameters, nn.Module.named_buffers
VOLATILE = {"transformers_version", "_name_or_path"}  # of a configuration; neither changes a number


def fingerprint(model: nn.Module) -> str:
    """sha256 in hex.

    >>> a, b = nn.Linear(2, 3), nn.Linear(2, 3)
    >>> _ = b.load_state_dict(a.state_dict())
    >>> fingerprint(a) == fingerprint(b), fingerprint(a) == fingerprint(nn.Linear(2, 3))
    (True, False)
    """
    return digest(_Walk().all(model))


class _Walk:
    """What is met, each thing once and in order; `above`: the sets within which this one is."""

    def __init__(self, above: frozenset[int] = frozenset()) -> None:
        self.above = above
        self.numbers: dict[int, int] = {}
        self.met: list[Any] = []  # kept, so that no other object gets the id of one of them

    def all(self, value: Any) -> list[Any]:
        return [self.see(value), *map(self.described, self.met)]  # which grows meanwhile

    def see(self, value: Any) -> int | str:
        """What stands for a value: a plain one itself, any other its number."""
        kind = type(value)
        if kind in PLAIN or issubclass(kind, np.dtype):
            return f"{kind.__name__} {value!r}"
        if kind is types.ModuleType:
            return f"module {value.__name__}"
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.met)
            self.met.append(value)
        return self.numbers[id(value)]

    def described(self, value: Any) -> list[Any]:
        kind = type(value)
        if issubclass(kind, type):
            return self.of_class(value)
        return [self.see(kind), self.content(value, kind), self.attributes(value, kind)]

    def content(self, value: Any, kind: type) -> Any:
        """What it holds beside attributes. Methods of the base are called, as those of a subclass may be anything."""
        for base in kind.__mro__:
            if base in PLAIN:
                return base.__repr__(value)  # type: ignore[call-arg]
            if base in (list, tuple, deque):
                return [self.see(item) for item in base.__iter__(value)]
            if base is dict:
                return [[self.see(k), self.see(v)] for k, v in dict.items(value)]
            if base in (set, frozenset):
                items = () if id(value) in self.above else base.__iter__(value)
                return sorted(digest(_Walk(self.above | {id(value)}).all(item)) for item in items)
            if base is Tensor:
                return _tensor(value)
            if base in (np.ndarray, np.generic):
                array = np.array(value, subok=False)
                held = [self.see(v) for v in array.flat] if array.dtype.hasobject else _sha256(array.tobytes())
                return [str(array.dtype), list(array.shape), held]
            if base is nn.Module:
                return self.of_module(value)
        return self.of_code(value, kind)

    def of_module(self, module: nn.Module) -> list[Any]:
        own = [f(module, recurse=False, remove_duplicate=False) for f in (TENSORS, BUFFERS)]
        hooks = [vars(module).get(name, {}).values() for name in ("_forward_pre_hooks", "_forward_hooks")]
        parts = {name: self.see(part) for name, part in module._modules.items()}
        return [[{n: self.see(t) for n, t in x} for x in own], parts, [[self.see(h) for h in x] for x in hooks]]

    def of_code(self, value: Any, kind: type) -> Any:
        if kind is types.CodeType:
            names = value.co_names, value.co_varnames, value.co_freevars, value.co_cellvars, value.co_flags
            return [value.co_code.hex(), value.co_exceptiontable.hex(), *names, self.see(value.co_consts)]
        if kind is types.BuiltinFunctionType:
            return [value.__module__, value.__qualname__, self.see(value.__self__)]
        if kind is types.CellType:
            with suppress(ValueError):  # nothing is in it yet
                return self.see(value.cell_contents)
        if kind is types.FunctionType:
            module, space = value.__globals__.get("__name__"), value.__globals__
            if _of_library(module):  # it may wrap one of the caller's, which is an attribute
                return [module, value.__qualname__]
            used = {name: self.see(space[name]) for name in sorted(set(_globals(value.__code__))) if name in space}
            return [*map(self.see, (value.__code__, value.__defaults__, value.__kwdefaults__, value.__closure__)), used]
        return None

    def of_class(self, kind: type) -> list[Any]:
        if _of_library(kind.__module__):
            return [kind.__module__, kind.__qualname__]
        said = {n: v for n, v in vars(kind).items() if type(v) is types.FunctionType or n[:2] != "__"}
        return [kind.__qualname__, [self.see(base) for base in kind.__bases__], self.named(said)]

    def attributes(self, value: Any, kind: type) -> dict[str, int | str]:
        own = object.__getattribute__(value, "__dict__") if kind.__dictoffset__ else {}
        if kind in (Tensor, nn.Parameter, nn.Buffer) or (kind not in OPEN and not _looked_into(kind)):
            return {}
        bodies = [vars(base) for base in kind.__mro__]
        kept = {name for body in bodies for name, v in body.items() if type(v) is functools.cached_property}
        found = {name: v for name, v in own.items() if isinstance(name, str) and name not in kept}
        for name, slot in ((n, v) for body in bodies for n, v in body.items() if type(v) is types.MemberDescriptorType):
            with suppress(AttributeError):  # not set
                found[name] = slot.__get__(value)
        if issubclass(kind, nn.Module):
            found = {name: v for name, v in found.items() if name not in MODULE}
        to_dict = next((body["to_dict"] for body in bodies if "to_dict" in body), None)
        if type(to_dict) is types.FunctionType and str(to_dict.__globals__.get("__name__")).startswith("transformers."):
            found = {name: v for name, v in to_dict(value).items() if name not in VOLATILE}
        return self.named({n: v for n, v in found.items() if n[:2] != "__" or n in INNER})

    def named(self, values: Mapping[str, Any]) -> dict[str, int | str]:
        """In order of names: an attribute that was set again is another one in a dict."""
        return {name: self.see(values[name]) for name in sorted(values)}


def _tensor(t: Tensor) -> list[Any]:
    try:
        with torch._C.DisableTorchFunctionSubclass():
            t = t.detach().cpu()
            t = t.dequantize() if t.is_quantized else t.to_dense() if t.layout is not torch.strided else t
            whole = t.resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8)
            return [str(t.dtype), list(t.shape), _sha256(whole.numpy().data)]
    except RuntimeError:  # one without content, as those on `meta` are
        return [str(t.dtype), list(t.shape)]


def _sha256(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()


def _of_library(module: object) -> bool:
    """Most by their place too: a file of the caller's may be named `code.py` or `peft.py`."""
    name = str(module).partition(".")[0]
    return name in LIBRARIES or (name in OTHERS and not INSTALLED.isdisjoint(_file(name).parts)) or _of_stdlib(name)


def _of_stdlib(module: object) -> bool:
    name = str(module).partition(".")[0]
    if name not in sys.stdlib_module_names:
        return False
    if getattr(getattr(sys.modules.get(name), "__spec__", None), "origin", None) in ("built-in", "frozen"):
        return True
    file = _file(name)
    return any(file.is_relative_to(x) for x in STDLIB) and INSTALLED.isdisjoint(file.parts)  # which lie below


def _file(name: str) -> Path:
    """Of an imported module; of others nowhere."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return Path(file).resolve() if file else Path()


def _looked_into(kind: type) -> bool:
    """Not what libraries keep for themselves, which changes: batches that fit, compiled code."""
    module = str(kind.__module__)
    own = module.partition(".")[0] == "noiseprobe" or module.startswith("torch._") or _of_stdlib(module)
    return issubclass(kind, nn.Module) or not own


def _globals(code: types.CodeType) -> Iterator[str]:
    yield from (i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME"))
    for inner in code.co_consts:
        if type(inner) is types.CodeType:
            yield from _globals(inner)
