"""The alignment oracle: a model with known conditional probabilities, every nll worked out by hand.

The oracle follows the sentence in facts of MusicGen: codebook k of frame t sits at step t + k + 1 and is predicted from
the steps up to t + k, where codebook j shows frame step - 1 - j or the special token. It shares no code with
noiseprobe.models.patterns.
"""

import math

import pytest
import torch
from torch import Tensor
from toys import ToyLM

from noiseprobe.models.patterns import Pattern, pattern


def by_hand(model: ToyLM, codes: list[list[int]]) -> list[list[float]]:
    """nll[k][t] under the delay pattern, by its definition."""
    special = model.cardinality
    frames = len(codes[0])
    result = []
    for k in range(len(codes)):
        row = []
        for t in range(frames):
            state = 0
            for step in range(t + k + 1):
                shown = [step - 1 - j for j in range(len(codes))]
                column = [codes[j][f] if 0 <= f < frames else special for j, f in enumerate(shown)]
                state = model.advance(state, column)
            row.append(-math.log(model.table[k, state, codes[k][t]].item()))
        result.append(row)
    return result


def by_hand_parallel(model: ToyLM, codes: list[list[int]]) -> list[list[float]]:
    """nll[k][t - 1] for t >= 1: all codebooks of frame t from the undelayed frames before it."""
    frames = len(codes[0])
    result = []
    for k in range(len(codes)):
        row = []
        for t in range(1, frames):
            state = 0
            for f in range(t):
                state = model.advance(state, [c[f] for c in codes])
            row.append(-math.log(model.table[k, state, codes[k][t]].item()))
        result.append(row)
    return result


def random_codes(model: ToyLM, frames: int, seed: int) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randint(model.cardinality, (1, model.codebooks, frames), generator=g)


@pytest.mark.parametrize(("codebooks", "frames"), [(1, 6), (2, 5), (3, 9), (4, 12), (4, 1), (4, 2)])
def test_every_nll_equals_the_one_worked_out_by_hand(codebooks: int, frames: int) -> None:
    model = ToyLM(codebooks)
    codes = random_codes(model, frames, seed=frames)
    expected = torch.tensor(by_hand(model, codes[0].tolist()))
    torch.testing.assert_close(model.nll(codes)[0], expected, atol=1e-6, rtol=0)


def test_parallel_scoring_equals_the_one_worked_out_by_hand_and_leaves_frame_0_out() -> None:
    model = ToyLM(4)
    codes = random_codes(model, 9, seed=1)
    nll = model.nll(codes, "parallel")[0]
    assert nll[:, 0].isnan().all()
    expected = torch.tensor(by_hand_parallel(model, codes[0].tolist()))
    torch.testing.assert_close(nll[:, 1:], expected, atol=1e-6, rtol=0)


def test_the_layout_of_the_module_docstring_written_out() -> None:
    codes = torch.tensor([[[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23]]])
    s = 99
    expected = torch.tensor([[[s, 0, 1, 2, 3, s], [s, s, 10, 11, 12, 13], [s, s, s, 20, 21, 22]]])
    assert torch.equal(pattern("delay", (0, 1, 2), special=s).layout(codes), expected)


def test_align_picks_the_logits_of_step_t_plus_delay() -> None:
    layout = pattern("delay", (0, 1, 2), special=9)
    steps = torch.arange(6.0).expand(1, 3, 6)[..., None]  # each logit is its step's number
    assert layout.align(steps)[0, :, :, 0].tolist() == [[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5]]


class NoSpecial(Pattern):
    """Mutant: the first code where the special token belongs."""

    def layout(self, codes: Tensor) -> Tensor:
        return super().layout(codes).masked_fill(super().layout(codes) == self.special, 0)


class OffByOne(Pattern):
    """Mutant: each code scored by the logits of the step after its own."""

    def align(self, logits: Tensor) -> Tensor:
        return super().align(logits.roll(-1, 2))


class DelayLeft(Pattern):
    """Mutant: the delay isn't undone in the logits."""

    def align(self, logits: Tensor) -> Tensor:
        return logits[:, :, : logits.shape[2] - self.tail]


class NoDelay(Pattern):
    """Mutant: codes laid out without delay."""

    def layout(self, codes: Tensor) -> Tensor:
        bos = torch.full_like(codes[..., :1], self.special or 0)
        pad = bos.expand(*bos.shape[:2], self.tail - 1)
        return torch.cat([bos, codes, pad], -1)


@pytest.mark.parametrize("mutant", [NoSpecial, OffByOne, DelayLeft, NoDelay])
def test_mutants_of_the_pattern_fail_the_oracle(mutant: type[Pattern], monkeypatch: pytest.MonkeyPatch) -> None:
    model = ToyLM(4)
    codes = random_codes(model, 12, seed=3)
    expected = torch.tensor(by_hand(model, codes[0].tolist()))
    monkeypatch.setattr(model, "pattern", lambda scoring: mutant("delay", model.delays, model.cardinality))
    nll = model.nll(codes)[0]
    assert nll.shape == expected.shape
    wrong = ((nll - expected).abs() > 1e-3).sum(1)
    assert (wrong[1:] > 0).all(), f"{mutant.__name__} goes unnoticed in a codebook: {wrong.tolist()}"


def test_frames_that_means_leave_out() -> None:
    assert pattern("delay", (0, 1, 2, 3), special=9).averaged(750) == slice(0, 747)
    assert pattern("parallel", (0, 1, 2, 3), special=9).averaged(750) == slice(1, 750)
    assert pattern("delay", (0, 1, 2, 3), special=9).context == 2
    assert pattern("delay", (0,), special=9).context == 0


def test_an_unknown_scoring_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 'delay' or 'parallel'"):
        pattern("diagonal", (0, 1), special=9)
