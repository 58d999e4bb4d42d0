"""What a model in memory is told apart by, and what changes nothing."""

import copy
import importlib.util
import logging
import os
import re
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from types import FunctionType, MethodType

import numpy as np
import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from noiseprobe.models.fingerprint import fingerprint

SOURCE = """
import functools

import torch
from torch import nn

class Own(nn.Module):
    rate = 32000
    known = frozenset({"a", "b", "c", "d"})

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 3)
        self.register_buffer("table", torch.arange(4.0), persistent=False)
        self.scale, self.plain, self.array = 0.5, torch.ones(2), [None]

    def nll(self, x, k=1):
        # a comment
        return self.layer(x) * self.scale + (1 if k in {2, 3} else 2)

    @torch.no_grad()
    def encode(self, x):
        return [v + 1 for v in x]

    @property
    def hop(self):
        return 640

    @functools.cached_property
    def size(self):
        return 77

    @classmethod
    def name(cls):
        return "me"
"""


def own(source: str = SOURCE) -> nn.Module:
    space: dict[str, type[nn.Module]] = {"__name__": "notebook"}  # type: ignore[dict-item]
    exec(source, space)
    return space["Own"]()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("* self.scale", "/ self.scale"), ("2, 3}", "2, 4}"), ("k=1", "k=2"), ("v + 1", "v + 2"), ("640", "320"),
        ("77", "78"), ('"me"', '"I"'),
        ("32000", "24000"), ('"d"', '"e"'), ("0.5,", "0.25,"), ("arange(4.0)", "arange(4)"),
        ("torch.ones(2)", "torch.ones(3)"), ("[None]", "[1]"), ("manual_seed(0)", "manual_seed(1)"),
        ("Linear(3, 3)", "Linear(3, 3, bias=False)"), ("class Own(nn.Module)", "class Own(nn.ReLU)"),
    ],
)  # fmt: skip
def test_whatever_changes_numbers_changes_it(old: str, new: str) -> None:
    assert SOURCE.count(old) == 1
    assert fingerprint(own(SOURCE.replace(old, new))) != fingerprint(own())


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.layer.weight.data[0, 0].add_(1e-6), lambda m: m.layer.bias.data.neg_(), lambda m: m.table.add_(1),
        lambda m: m.plain.add_(1), lambda m: setattr(m, "plain", np.ones(2)), lambda m: m.double(),
        lambda m: m.layer.weight.data.copy_(m.layer.weight.data.T.clone()), lambda m: setattr(m, "layer", nn.ReLU()),
        lambda m: setattr(m, "more", {"a": [1, (2, "x")]}), lambda m: setattr(m, "f", own), lambda m: m.array.append(2),
    ],
)  # fmt: skip
def test_whatever_is_changed_in_an_object_changes_it(change: FunctionType) -> None:
    model = own()
    change(model)
    assert fingerprint(model) != fingerprint(own())


AROUND = """
import enum, functools
from collections import deque
from dataclasses import dataclass, field

import torch
from torch import nn

RATE = 32000
NAMES = {"a", ("b", 1)}
COLORS = enum.Enum("Colors", {"PINK": 1})

def deeper(x):
    return x + 3

def helper(x):
    return deeper(x) if x else RATE

def scaled(by):
    return lambda x: x * by

def doubling(function):
    @functools.wraps(function)
    def wrapper(*x):
        return 2 * function(*x)
    return wrapper

@functools.lru_cache
def known(x):
    return x + 4

class Codec:
    entries = 256

    def __init__(self):
        self.table = torch.arange(5.0)
        self.inner = [nn.Linear(1, 1, bias=False)]
        nn.init.constant_(self.inner[0].weight, 6.0)
        self.itself = self

    def encode(self, x):
        return x + 7

@dataclass
class Settings:
    bins: int = 8
    known: dict = field(default_factory=lambda: {"k": [9]})

@dataclass(slots=True)
class Slots:
    width: float = 10.0

class Table(dict):
    pass

class Own(nn.Module):
    @torch.no_grad()
    def nll(self, x):
        return helper(x), NAMES, COLORS.PINK, [known(y) for y in x], isinstance(x, Own)

    @doubling
    def more(self, x):
        return x + 11

    def __init__(self):
        super().__init__()
        self.layer = nn.Identity()
        self.codec, self.settings, self.slots = Codec(), Settings(), Slots()
        self.up, self.part, self.method = scaled(12), functools.partial(deeper, 13), Codec().encode
        self.get, self.queue, self.sub = {"g": 14}.get, deque([15]), Table(t=16)
        self.objects = torch.tensor([0.0, 17.0]).to_sparse(), {Codec, Settings, deeper, helper}
        self.layer.register_forward_hook(lambda module, x, y: y + 18)
        self.register_forward_pre_hook(lambda module, x: x * 19)
"""


@pytest.mark.parametrize(
    "old",
    [
        "32000", '("b", 1)', '"PINK": 1', "x + 3", "x + 4", "2 * function", "256", "arange(5.0)", "6.0", "x + 7",
        "bins: int = 8", "[9]", "10.0", "x + 11", "scaled(12)", "deeper, 13", '"g": 14', "[15]", "t=16", "17.0",
        "y + 18", "x * 19",
    ],
)  # fmt: skip
def test_what_is_around_it_is_seen_too(old: str) -> None:
    assert AROUND.count(old) == 1
    new = re.sub(r"\d+", lambda number: str(int(number[0]) + 1), old, count=1)
    assert fingerprint(own(AROUND.replace(old, new))) != fingerprint(own(AROUND)) == fingerprint(own(AROUND))


@pytest.mark.parametrize(
    ("name", "folder", "models"), [("code", "mine", 2), ("peft", "mine", 2), ("peft", "site-packages", 1)]
)
def test_a_library_is_told_by_its_place_too(
    name: str, folder: str, models: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of one's own is looked into, whatever its name; what is installed isn't, wherever the environment lies."""
    found = set()
    for value in ["2", "4"]:
        path = tmp_path / value / folder / f"{name}.py"
        path.parent.mkdir(parents=True)
        path.write_text(SOURCE.replace("else 2)", f"else {value})"))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        found.add(fingerprint(module.Own()))
    assert len(found) == models


def test_methods_of_an_instance_are_seen() -> None:
    models = [own(), own(), own()]
    for model, change in zip(models[1:], [lambda self, x: x, lambda self, x: x + 1], strict=True):
        model.nll = MethodType(change, model)
    assert len({fingerprint(model) for model in models}) == 3


def test_nothing_of_the_callers_is_run_and_nothing_refused() -> None:
    ran = []

    def run(self: object, *arguments: object) -> object:
        ran.append(arguments)
        raise RuntimeError

    names = [
        "__repr__",
        "__str__",
        "__eq__",
        "__iter__",
        "__getattr__",
        "__getattribute__",
        "__len__",
        "__bool__",
        "to_dict",
    ]
    kinds = [type("Odd", bases, dict.fromkeys(names, run)) for bases in [(), (int,), (str,), (list,), (dict,), (set,)]]
    model = nn.Identity()
    model.odd = [kind() for kind in kinds]
    model.more = [
        threading.Lock(), logging.getLogger("x"), torch.Generator(), (i for i in [1]), sys.stdout, Path(), object(),
        torch.ones(2, device="meta"), np.array([{}, None], dtype=object), np.array(3), torch.tensor([1j]).conj(), sys,
        torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8), weakref.ref(model), 1j, ..., NotImplemented,
        np.random.default_rng(0), type, int, len, nn.functional.relu, nn.functional.gelu, slice(1), lambda: late,
    ]  # fmt: skip
    before = fingerprint(model)
    assert ran == []
    assert fingerprint(model) == before
    if False:
        late = 1


def circular(depth: int = 5_000) -> nn.Module:
    model = nn.Identity()
    model.chain = []
    for _ in range(depth):
        model.chain = [model.chain]
    model.ring = {"model": [model]}
    model.ring["set"] = {Ring(model.ring)}
    return model


def test_circles_and_long_chains_end() -> None:
    assert fingerprint(circular()) == fingerprint(circular()) != fingerprint(circular(5_001))


class Ring:
    def __init__(self, ring: object) -> None:
        self.ring = ring


def test_what_changes_no_number_changes_nothing() -> None:
    before = fingerprint(own())
    for source in [SOURCE.replace("# a comment", "# another"), SOURCE.replace("\n\n", "\n\n\n\n")]:
        assert fingerprint(own(source)) == before
    model = own()
    assert model.size == 77  # kept in its attributes from here on
    for change in [model.eval, model.train, lambda: model.requires_grad_(False), lambda: model.nll(torch.ones(3))]:
        change()
        assert fingerprint(model) == before
    assert fingerprint(copy.deepcopy(model)) == before


@pytest.mark.parametrize("source", [SOURCE, AROUND])
def test_another_process_finds_the_same(source: str) -> None:
    code = f"{source}\nfrom noiseprobe.models.fingerprint import fingerprint\nprint(fingerprint(Own()))"
    done = subprocess.run(
        [sys.executable, "-"], input=code, env={**os.environ, "PYTHONHASHSEED": "1"},  # of the order of sets
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == fingerprint(own(source))


def test_a_configuration_of_transformers_is_part_of_it() -> None:
    shape = {"vocab_size": 9, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    shape["num_attention_heads"] = 2

    def llama(**more: object) -> LlamaForCausalLM:
        torch.manual_seed(0)
        return LlamaForCausalLM(LlamaConfig(**shape, **more))

    model, before = llama(), fingerprint(llama())
    with torch.no_grad():
        model(torch.tensor([[1, 2, 3]]))
    assert fingerprint(model) == before
    model.config._name_or_path = "/somewhere"
    assert fingerprint(model) == before
    for more in [{"rms_norm_eps": 1e-3}, {"rope_parameters": {"rope_type": "default", "rope_theta": 5.0}}]:
        assert fingerprint(llama(**more)) != before


def test_types_that_have_no_numpy() -> None:
    models = [nn.Linear(2, 2).to(kind) for kind in (torch.bfloat16, torch.float16)]
    for model in models:
        model.load_state_dict(models[0].state_dict())
    assert len({fingerprint(model) for model in models}) == 2
