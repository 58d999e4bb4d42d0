"""Sampling: what is drawn follows the model's own conditionals, worked out by hand, and streaming changes nothing."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from running import weights
from torch import Tensor
from toys import ToyLM

from noiseprobe.config import PACKAGE
from noiseprobe.models import sampling
from noiseprobe.models.base import MusicLM
from noiseprobe.models.sampling import draw, sample


class StreamingToy(ToyLM):
    """A ToyLM that keeps its state, with any delays, and remembers what it was fed."""

    def __init__(self, delays: tuple[int, ...], cardinality: int = 5) -> None:
        super().__init__(len(delays), cardinality)
        self.delays = delays
        self.fed: list[list[int]] = []

    @contextmanager
    def stream(self) -> Iterator[Callable[[Tensor], Tensor]]:
        state = 0

        def following(step: Tensor) -> Tensor:
            nonlocal state
            assert step.shape == (1, self.codebooks, 1)
            self.fed.append(step[0, :, 0].tolist())
            state = self.advance(state, self.fed[-1])
            return self.table[:, state].log()[None]

        yield following


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def conditionals(model: ToyLM, codes: list[list[int]]) -> list[list[int]]:
    """The state from which codebook k of frame t is drawn, by the definition of the delay pattern."""
    frames, states = len(codes[0]), []
    state = 0
    for step in range(frames + max(model.delays)):
        shown = [step - 1 - d for d in model.delays]
        column = [codes[k][t] if 0 <= t < frames else model.cardinality for k, t in enumerate(shown)]
        state = model.advance(state, column)
        states.append(state)
    return [[states[t + d] for t in range(frames)] for d in model.delays]


def chi_squared(model: ToyLM, codes: Tensor) -> float:
    """How far the codes are from the table, over all states: standard deviations above what chance gives.

    With some 400 to 1200 degrees of freedom the sum is as good as normal, as long as no expected count is tiny.
    """
    seen = torch.zeros_like(model.table)
    states = torch.tensor(conditionals(model, codes[0].tolist()))
    for k in range(model.codebooks):
        seen[k].index_put_((states[k], codes[0, k]), torch.ones(1, dtype=torch.float64), accumulate=True)
    expected = seen.sum(-1, keepdim=True) * model.table
    assert expected.min() > 2
    freedom = seen[..., 0].numel() * (model.cardinality - 1)
    return ((((seen - expected) ** 2 / expected).sum() - freedom) / (2 * freedom) ** 0.5).item()


DELAYS = [(0, 1, 2), (0, 0, 1, 1), (0,), (0, 2, 5)]


@pytest.mark.parametrize("delays", DELAYS)
def test_what_is_drawn_follows_the_table(delays: tuple[int, ...]) -> None:
    model = StreamingToy(delays)
    codes = sample(model, 20_000, 5, seeded(0))
    assert codes.shape == (1, len(delays), 20_000)
    assert abs(chi_squared(model, codes)) < 4
    # and so the mean nll is the mean entropy of the conditionals that were met: their difference is a martingale
    states = torch.tensor(conditionals(model, codes[0].tolist()))
    entropy = torch.stack([-(p * p.log()).sum(-1)[s] for p, s in zip(model.table, states, strict=True)])
    surprise = model.nll(codes)[0] - entropy
    assert abs(surprise.mean().item()) < 4 * surprise.std().item() / surprise.numel() ** 0.5


def test_a_misplaced_delay_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutants: codes of a sampler with other delays, codes a frame late, and those of another temperature."""
    model, other = StreamingToy((0, 1, 2)), StreamingToy((0, 2, 1))
    assert chi_squared(model, sample(other, 20_000, 5, seeded(0))) > 50
    rolled = sample(model, 20_000, 5, seeded(0)).roll(1, -1)
    assert chi_squared(model, rolled) > 50
    monkeypatch.setattr(sampling, "draw", lambda logits, top_k, g: draw(logits * 1.5, top_k, g))  # temperature 2/3
    assert chi_squared(model, sample(model, 20_000, 5, seeded(0))) > 20


@pytest.mark.parametrize("delays", DELAYS)
@pytest.mark.parametrize("frames", [1, 2, 4, 9])
def test_the_model_is_fed_the_pattern_to_its_end(delays: tuple[int, ...], frames: int) -> None:
    model = StreamingToy(delays)
    codes = sample(model, frames, 5, seeded(1))
    assert codes.shape == (1, len(delays), frames)
    assert codes.min() >= 0
    assert codes.max() < model.cardinality
    assert torch.equal(torch.tensor(model.fed).T[None], model.pattern("delay").layout(codes))


@pytest.mark.parametrize("delays", DELAYS)
@pytest.mark.parametrize("frames", [1, 2, 12])
def test_top_1_is_the_greedy_sequence_worked_out_by_hand(delays: tuple[int, ...], frames: int) -> None:
    model = StreamingToy(delays)
    greedy: dict[tuple[int, int], int] = {}
    state = 0
    for step in range(frames + max(delays)):
        column = [greedy.get((k, step - 1 - d), model.cardinality) for k, d in enumerate(delays)]
        state = model.advance(state, column)
        for k, d in enumerate(delays):
            if 0 <= step - d < frames:
                greedy[k, step - d] = int(model.table[k, state].argmax())
    expected = [[greedy[k, t] for t in range(frames)] for k in range(len(delays))]
    assert sample(model, frames, 1, seeded(2))[0].tolist() == expected


def test_no_code_beyond_the_top_k_is_drawn_and_those_within_keep_their_odds() -> None:
    model = StreamingToy((0, 1), cardinality=9)
    codes = sample(model, 20_000, 3, seeded(3))
    states = torch.tensor(conditionals(model, codes[0].tolist()))
    ranks = model.table.argsort(-1, descending=True).argsort(-1)
    for k in range(2):
        assert set(ranks[k, states[k], codes[0, k]].tolist()) == {0, 1, 2}
    # the same test against the table cut to its three likeliest
    model.table = model.table.masked_fill(ranks > 2, 0)
    model.table /= model.table.sum(-1, keepdim=True)
    seen = torch.zeros_like(model.table)
    for k in range(2):
        seen[k].index_put_((states[k], codes[0, k]), torch.ones(1, dtype=torch.float64), accumulate=True)
    expected = (seen.sum(-1, keepdim=True) * model.table)[ranks < 3]
    chi2, freedom = ((seen[ranks < 3] - expected) ** 2 / expected).sum().item(), 2 * model.STATES * 2
    assert abs(chi2 - freedom) < 4 * (2 * freedom) ** 0.5


def test_top_k_of_the_cardinality_and_above_is_all() -> None:
    model = StreamingToy((0, 1, 2))
    codes = sample(model, 50, 5, seeded(4))
    assert torch.equal(sample(model, 50, 1000, seeded(4)), codes)
    assert not torch.equal(sample(model, 50, 4, seeded(4)), codes)


def test_codes_depend_on_the_generator_alone() -> None:
    model = StreamingToy((0, 1, 2))
    before = torch.get_rng_state()
    codes = sample(model, 50, 5, seeded(5))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    assert torch.equal(sample(model, 50, 5, seeded(5)), codes)
    assert not torch.equal(sample(model, 50, 5, seeded(6)), codes)


def test_a_code_without_probability_is_never_drawn() -> None:
    """Also at the ends of the unit interval, where rounding could reach past the last code."""
    logits = torch.full((4, 6), -torch.inf)
    logits[:, 2:4] = 0.0

    def drawn(uniform: float, top_k: int) -> set[int]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch, "rand", lambda *a, **kw: torch.full((4, 1), uniform, dtype=torch.float64))
            return set(draw(logits, top_k, seeded(0)).tolist())

    for top_k in [2, 6]:
        ends = [drawn(u, top_k) for u in [0.0, 1 - 2**-53]]
        assert ends[0] | ends[1] == {2, 3}


# Streaming


def loaded(backend: str, folder: Path) -> MusicLM:
    # by name, since audiocraft isn't everywhere and takes long to import
    return importlib.import_module(f"noiseprobe.models.backends.{backend}").load(weights(folder, backend), "fp32")


def assert_streaming_changes_nothing(model: MusicLM, monkeypatch: pytest.MonkeyPatch, atol: float = 1e-4) -> None:
    """One step at a time is as all anew, in logits and in what is drawn; twice: a stream leaves nothing behind."""
    steps = torch.randint(model.cardinality + 1, (1, model.codebooks, 20), generator=seeded(7))
    for _ in range(2):
        with torch.inference_mode(), model.stream() as fast:
            streamed = [fast(steps[:, :, s : s + 1]) for s in range(20)]
        with torch.inference_mode(), MusicLM.stream(model) as slow:
            anew = [slow(steps[:, :, s : s + 1]) for s in range(20)]
        torch.testing.assert_close(torch.stack(streamed), torch.stack(anew), atol=atol, rtol=0)
    assert torch.stack(streamed).std() > 100 * atol  # logits that were all the same would be equal too
    codes = sample(model, 30, 20, seeded(8))
    with monkeypatch.context() as patch:
        patch.setattr(type(model), "stream", MusicLM.stream)
        assert torch.equal(sample(model, 30, 20, seeded(8)), codes)
    with torch.inference_mode():
        assert model.nll(codes).isfinite().all()


def test_the_embedded_model_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_streaming_changes_nothing(loaded("transformers", PACKAGE / "assets/tiny"), monkeypatch)


def test_the_fewer_codes_are_allowed_the_likelier_is_what_is_drawn() -> None:
    model = loaded("transformers", PACKAGE / "assets/tiny")
    with torch.inference_mode():
        nll = {k: [model.nll(sample(model, 200, k, seeded(i))).mean().item() for i in range(3)] for k in [5, 50, 256]}
    assert max(nll[5]) < min(nll[50])
    assert sum(nll[50]) < sum(nll[256])
    assert max(nll[256]) < 5  # of 5.545 for codes drawn without a model


@pytest.fixture(scope="module", params=[{}, {"melody": True}, {"stereo": True}], ids=["mono", "melody", "stereo"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same random weights for both backends; melody's null is a prefix, which must be fed once only."""
    pytest.importorskip("audiocraft", reason="audiocraft isn't installed")
    import checkpoints

    found = checkpoints.make(tmp_path_factory.mktemp("made"), **request.param)
    return {"audiocraft": found.audiocraft, "transformers": found.transformers}


@pytest.mark.parametrize("backend", ["audiocraft", "transformers"])
def test_both_backends_stream(made: dict[str, Path], backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_streaming_changes_nothing(loaded(backend, made[backend]), monkeypatch)


def test_both_backends_draw_the_same(made: dict[str, Path]) -> None:
    first, second = (sample(loaded(name, folder), 40, 20, seeded(9)) for name, folder in made.items())
    assert torch.equal(first, second)
