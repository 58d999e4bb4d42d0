"""Models of one's own: a flattened Llama against its tokens one by one, and what a wrong model is told."""

import importlib.util
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
import transformers
from torch import Tensor, nn
from toys import ToyLM

import noiseprobe
from noiseprobe.errors import NoiseprobeError
from noiseprobe.models.own import check_behaviour, check_declared, hold
from noiseprobe.models.reach import look, measured
from noiseprobe.results.reach import reach

EXAMPLE = Path(__file__).parents[2] / "examples/own_model.py"


def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("own_model", EXAMPLE)
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="module")
def llama() -> noiseprobe.MusicLM:
    """The example's model with random weights, so large that its distributions are far from even."""
    transformers.logging.set_verbosity_error()
    torch.manual_seed(0)
    model = module().FlatLlama().eval()
    with torch.no_grad():
        for name, weight in model.llama.named_parameters():
            weight.mul_(1 if "norm" in name else 8)
    return model


def random_codes(frames: int, seed: int = 0, codebooks: int = 4) -> Tensor:
    return torch.randint(256, (1, codebooks, frames), generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def token_by_token(model: noiseprobe.MusicLM, codes: list[list[int]]) -> list[list[float]]:
    """nll[k][t] by the definition: each token alone, after all that come before it, among its codebook's 256."""
    nll: list[list[float]] = [[] for _ in codes]
    sequence = [1024]
    for t in range(len(codes[0])):
        for k in range(4):
            following = model.llama(torch.tensor([sequence])).logits[0, -1].double().tolist()
            allowed = following[256 * k : 256 * k + 256]
            most = max(allowed)
            total = most + math.log(sum(math.exp(x - most) for x in allowed))
            nll[k].append(total - allowed[codes[k][t]])
            sequence.append(256 * k + codes[k][t])
    return nll


@torch.no_grad()
def test_a_flattened_models_nll_is_that_of_its_tokens_one_by_one(llama: noiseprobe.MusicLM) -> None:
    codes = torch.cat([random_codes(12, seed) for seed in (1, 2)])
    found = llama.nll(codes)
    for own, nll in zip(codes.tolist(), found, strict=True):
        expected = torch.tensor(token_by_token(llama, own))
        assert expected.std() > 1  # so that a code in another's place would show
        torch.testing.assert_close(nll, expected, atol=2e-4, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize(("codebook", "frame"), [(0, 0), (2, 0), (1, 3)])
def test_a_flattened_models_nll_is_a_likelihood(llama: noiseprobe.MusicLM, codebook: int, frame: int) -> None:
    codes = random_codes(4).repeat(256, 1, 1)
    codes[:, codebook, frame] = torch.arange(256)
    assert (-llama.nll(codes)[:, codebook, frame]).exp().sum().item() == pytest.approx(1, abs=1e-4)


@torch.no_grad()
def test_a_code_is_in_the_context_of_those_after_it_in_the_flattened_order(llama: noiseprobe.MusicLM) -> None:
    codes = random_codes(8)
    other = codes.clone()
    other[0, 2, 5] = (other[0, 2, 5] + 100) % 256
    differs = (llama.nll(codes) != llama.nll(other))[0]
    assert not differs[:, :5].any()
    assert differs[:, 5].tolist() == [False, False, True, True]
    assert differs[:, 6:].all()


def test_regions_of_a_flattened_model_reach_no_further_than_its_codec(
    llama: noiseprobe.MusicLM, tmp_path: Path
) -> None:
    noise = {"kind": "white", "onset": 1, "length": 0.5}
    results = noiseprobe.probe(
        llama, "demo", noise, results=tmp_path, overrides={"data.limit": 1, "data.duration": 2.5}
    )
    (cell,) = results.folders
    assert reach(cell) == (4, 4, 0, 0, 0)
    assert results.nll()["in_means"].all()  # no frame has a context that training never had
    delta = results.nll()["nll_corrupted"].astype(float) - results.nll()["nll_clean"].astype(float)
    by_frame = delta.groupby(results.nll()["frame"]).mean()
    assert (by_frame.loc[: 50 - 4 - 1] == 0).all()
    assert results.nll()["changed"].groupby(results.nll()["frame"]).any().idxmax() >= 50 - 4
    row = results.clips.iloc[0]
    for region, (start, stop) in {
        "peak": (46, 55), "assimilation": (55, 71), "offset": (71, 84), "recovery": (84, 125)
    }.items():  # fmt: skip
        assert row[f"{region}_delta"] == pytest.approx(by_frame.loc[start : stop - 1].mean(), abs=1e-6)


def test_it_has_no_parallel_scoring_no_text_and_generates_nothing(llama: noiseprobe.MusicLM, tmp_path: Path) -> None:
    few = {"data.limit": 1, "data.duration": 2.5}
    for more, message in [
        ({"scoring": "parallel"}, "scoring: got parallel, expected delay, since FlatLlama has no logits"),
        ({"model.description": "a piano"}, "model.description: FlatLlama takes no text .*, expected null"),
    ]:
        with pytest.raises(NoiseprobeError, match=message):
            noiseprobe.probe(
                llama, "demo", {"kind": "white", "onset": 1, "length": 0.5}, results=tmp_path, overrides=few | more
            )
    with pytest.raises(NoiseprobeError, match="FlatLlama has no logits, which this needs"):
        noiseprobe.probe(llama, "generated", {"kind": "white", "onset": 1, "length": 0.5}, results=tmp_path,
                         overrides={"data.root": tmp_path / "g", "data.duration": 3, "data.limit": 1})  # fmt: skip


def test_a_codecs_reach_can_be_measured(llama: noiseprobe.MusicLM) -> None:
    bare = nn.Sequential(*(layer for layer in llama.codec.encoder.layers if not hasattr(layer, "lstm")))
    assert measured(bare, 1, 640) == look(llama.codec.config) == (4, 4)
    behind = nn.Conv1d(1, 1, 40, stride=10, padding=30)  # of which the end is cut off: frame t sees t - 3 to t
    assert measured(lambda x: behind(x)[..., : x.shape[2] // 10], 1, 10) == (0, 3)
    assert measured(lambda x: x.mean(-1, keepdim=True) + x[..., ::10], 1, 10) == (None, None)
    with pytest.raises(NoiseprobeError, match="got the same for different audio"):
        measured(lambda x: torch.zeros_like(x[..., ::10]), 1, 10)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("sample_rate", None), ("sample_rate", 0), ("channels", 3), ("hop", 640.0), ("codebooks", True),
        ("cardinality", 1), ("look_ahead", -1), ("look_back", None), ("max_frames", 1), ("delays", None),
        ("delays", (0, 1)), ("delays", [0, 1, 2]), ("delays", (0, 1, -1)), ("delays", (0, 1, 2.0)),
    ],
)  # fmt: skip
def test_an_attribute_that_isnt_allowed_is_named(attribute: str, value: object) -> None:
    model = ToyLM()
    check_declared(model)
    setattr(model, attribute, value)
    with pytest.raises(NoiseprobeError, match=rf"^ToyLM.{attribute}: got .*, expected "):
        hold(model)


def test_a_missing_attribute_and_a_missing_method_are_named() -> None:
    model = ToyLM()
    del model.look_ahead
    with pytest.raises(NoiseprobeError, match=r"ToyLM.look_ahead: got None, expected a whole number of at least 0"):
        hold(model)
    with pytest.raises(NoiseprobeError, match=r"Silent: got neither logits nor nll, expected one of them"):
        hold(type("Silent", (ToyLM,), {"logits": noiseprobe.MusicLM.logits})())


class Toy(ToyLM):
    """Codes of any audio."""

    def encode(self, audio: Tensor) -> Tensor:
        codes = audio[:, 0].unfold(1, self.hop, self.hop)[..., : self.codebooks]
        return codes.mul(1000).long().remainder(self.cardinality).transpose(1, 2)


def nll_of(change: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda self, codes, scoring="delay", description=None: ToyLM.nll(self, change(codes))


def nan_at(codebook: int, step: int) -> Callable[..., Tensor]:
    def logits(self: Toy, steps: Tensor, description: str | None = None) -> Tensor:
        found = ToyLM.logits(self, steps)
        found[:, codebook, step, 3] = torch.nan
        return found

    return logits


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({"encode": lambda self, audio: Toy.encode(self, audio)[..., 1:]}, r"encode: got \[1, 3, 49\] of torch.int64"),
        ({"encode": lambda self, audio: Toy.encode(self, audio).int()}, r"encode: got \[1, 3, 50\] of torch.int32"),
        ({"encode": lambda self, audio: Toy.encode(self, audio) + 1}, r"encode: got codes from 1 to 5, expected 0 to"),
        ({"nll": lambda self, codes, *more: ToyLM.nll(self, codes)[..., 1:]}, r"nll: got \[1, 3, 49\] of torch.float"),
        ({"nll": lambda self, codes, *more: codes}, r"nll: got \[1, 3, 50\] of torch.int64"),
        ({"nll": lambda self, codes, *more: None}, r"nll: got a NoneType, expected \[1, 3, 50\] of floating point"),
        ({"nll": lambda self, codes, *more: ToyLM.nll(self, codes) - 9}, r"nll: got -\d.*, expected 0 nats or more"),
        ({"nll": lambda self, codes, *more: ToyLM.nll(self, codes).log() * math.inf}, r"nll: got -?inf for codebook"),
        ({"nll": lambda self, codes, *more: nn.functional.dropout(ToyLM.nll(self, codes))}, r"nats apart for the same"),
        ({"encode": lambda self, audio: torch.randint_like(Toy.encode(self, audio), 5)}, r"encode: got other codes"),
        ({"logits": lambda self, steps, text: ToyLM.logits(self, steps)[:, :, 1:]}, r"logits: got \[1, 3, 51, 5\]"),
        ({"logits": lambda self, steps, text: ToyLM.logits(self, steps).long()}, r"logits: got .* of torch.int64"),
        ({"logits": lambda self, steps, text: steps.tolist()}, r"logits: got a list, expected \[1, 3, 52, 5\]"),
        ({"logits": nan_at(1, 7)}, r"logits: got nan for codebook 1, frame 6, expected finite numbers"),
        # a context that holds the whole clip, and one that holds two frames more than its delays say
        ({"nll": nll_of(lambda codes: codes.flip(2))}, "nll: other codes from frame 25 on change it at frame 0,"),
        ({"nll": nll_of(lambda codes: codes.roll(-2, 2))}, "at frame 22, expected none before 24: with delays"),
    ],
)  # fmt: skip
def test_a_model_that_isnt_what_it_declares_is_refused(methods: dict[str, object], message: str) -> None:
    check_behaviour(Toy())
    with pytest.raises(NoiseprobeError, match=message):
        check_behaviour(type("Wrong", (Toy,), methods)())


def test_logits_where_no_code_is_predicted_may_be_anything() -> None:
    check_behaviour(type("Edge", (Toy,), {"logits": nan_at(1, 0)})())


@pytest.mark.parametrize(
    "error", [KeyError("lookup"), RuntimeError("gloo"), ConnectionResetError(104, "codec gone"), OSError("codec gone")]
)
@pytest.mark.parametrize("method", ["encode", "logits"])
@pytest.mark.parametrize("call", [1, 5])  # while it is looked at, and while it is scored
def test_what_a_model_raises_is_raised_as_it_is(error: Exception, method: str, call: int, tmp_path: Path) -> None:
    calls = itertools.count(1)

    def fail(self: Toy, *arguments: object) -> Tensor:
        if next(calls) == call:
            raise error
        return getattr(Toy, method)(self, *arguments)

    clips = {"a": (0.1 * torch.randn(1200, generator=torch.Generator().manual_seed(0)), 400)}
    noise = {"kind": "white", "onset": 1, "length": [0.2, 0.4, 0.6]}
    with pytest.raises(type(error)) as raised:
        noiseprobe.probe(type("Failing", (Toy,), {method: fail})(), clips, noise, results=tmp_path)
    assert raised.value is error


def test_a_model_on_several_devices_is_refused() -> None:
    model = Toy()
    model.a, model.b = nn.Linear(1, 1), nn.Linear(1, 1, device="meta")
    with pytest.raises(NoiseprobeError, match="Toy: its parameters are on cpu, meta, expected one device"):
        hold(model)


def test_a_model_with_logits_and_its_own_codec_is_probed(tmp_path: Path) -> None:
    """Two methods, no parameters at all."""
    clips = {f"{i}": (0.1 * torch.randn(400 * 3, generator=torch.Generator().manual_seed(i)), 400) for i in range(3)}
    noise = {"kind": "white", "onset": 1, "length": 0.5}
    results = noiseprobe.probe(Toy(), clips, noise, results=tmp_path, overrides={"model.name": "toy", "keep_audio": 0})
    assert results.cells[["model", "n_songs", "parameters"]].to_numpy().tolist() == [["toy", 3, 0]]
    assert results.clips["delta"].notna().all()
