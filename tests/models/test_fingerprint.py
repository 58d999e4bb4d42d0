"""What a model in memory is told apart by, and what changes nothing."""

import copy
import os
import subprocess
import sys
from types import FunctionType

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


def test_what_changes_no_number_changes_nothing() -> None:
    before = fingerprint(own())
    for source in [SOURCE.replace("# a comment", "# another"), SOURCE.replace("\n\n", "\n\n\n\n")]:
        assert fingerprint(own(source)) == before
    model = own()
    for change in [model.eval, model.train, lambda: model.requires_grad_(False), lambda: model.nll(torch.ones(3))]:
        change()
        assert fingerprint(model) == before
    assert fingerprint(copy.deepcopy(model)) == before


def test_another_process_finds_the_same() -> None:
    code = f"{SOURCE}\nfrom noiseprobe.models.fingerprint import fingerprint\nprint(fingerprint(Own()))"
    done = subprocess.run(
        [sys.executable, "-"], input=code, env={**os.environ, "PYTHONHASHSEED": "1"},  # of the order of sets
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == fingerprint(own())


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
