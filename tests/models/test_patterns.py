"""What the alignment oracle doesn't ask of a pattern: targets and spread, written out, and its names."""

import dataclasses

import pytest
import torch

from noiseprobe.models.patterns import Pattern, pattern

CODES = torch.tensor([[[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23]]])
N = -100  # torch's losses leave out this target


def test_targets_are_what_stands_one_step_later() -> None:
    expected = [[0, 1, 2, 3, N, N], [N, 10, 11, 12, 13, N], [N, N, 20, 21, 22, 23]]
    assert pattern("delay", (0, 1, 2), special=99).targets(CODES).tolist() == [expected]


def test_targets_of_parallel_scoring_are_the_next_frame() -> None:
    expected = [[1, 2, 3], [11, 12, 13], [21, 22, 23]]
    assert pattern("parallel", (0, 1, 2), special=99).targets(CODES).tolist() == [expected]


def test_targets_leave_out_what_a_loss_of_torch_leaves_out() -> None:
    targets = pattern("delay", (0, 1, 2), special=99).targets(CODES)
    loss = torch.nn.functional.cross_entropy(torch.zeros(18, 24), targets.flatten(), reduction="none")
    assert loss.count_nonzero() == CODES.numel()


@pytest.mark.parametrize("frames", [1, 2, 3, 9])
@pytest.mark.parametrize("delays", [(0,), (0, 1), (0, 1, 2, 3), (0, 0, 2, 2), (1, 0)])
def test_spread_puts_each_value_at_the_step_that_predicts_it(frames: int, delays: tuple[int, ...]) -> None:
    values = torch.rand(2, len(delays), frames, generator=torch.Generator().manual_seed(0))
    layout = pattern("delay", delays, special=9)
    steps = layout.spread(values, 0.5)
    assert steps.shape == (2, len(delays), frames + max(delays))
    for k, d in enumerate(delays):
        for s in range(frames + max(delays)):
            expected = values[:, k, s - d] if 0 <= s - d < frames else torch.full((2,), 0.5)
            assert torch.equal(steps[:, k, s], expected)
    assert torch.equal(layout.align(steps), values)


def test_targets_follow_the_layout_by_one_step() -> None:
    layout = pattern("delay", (0, 1, 2, 3), special=99)
    steps, targets = layout.layout(CODES[:, [0, 1, 2, 0]]), layout.targets(CODES[:, [0, 1, 2, 0]])
    coming = steps[..., 1:]
    assert torch.equal(targets[..., :-1], torch.where(coming == 99, N, coming))


def test_names_are_compared_by_their_letters() -> None:
    name = "".join(["de", "lay"])  # not the string of the source
    assert pattern(name, (0, 1), special=9).special == 9
    name = "".join(["para", "llel"])
    assert pattern(name, (0, 1), special=9) == Pattern("parallel", (0, 0), None)


@pytest.mark.parametrize("name", ["", "Delay", "delay ", "parallelism", "zigzag"])
def test_names_before_and_after_ours_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"scoring: got {name!r}"):
        pattern(name, (0, 1), special=9)


def test_a_pattern_stays_as_it_is() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        pattern("delay", (0, 1), special=9).special = 3  # type: ignore[misc]
