"""How many sequences a device takes at once."""

import pytest
import torch

from noiseprobe.models.batches import Batches

GPU, CPU = torch.device("cuda"), torch.device("cpu")


class Device:
    """Doubles numbers, at most so many at once."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.sizes: list[int] = []

    def __call__(self, batch: list[int]) -> list[int]:
        self.sizes.append(len(batch))
        if len(batch) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [2 * x for x in batch]


def test_batches_are_halved_until_they_fit_and_stay_so() -> None:
    batches, device = Batches(), Device(room=3)
    items = list(range(13))
    assert batches(items, GPU, device) == [2 * x for x in items]
    assert device.sizes == [13, 6, 3, 3, 3, 3, 1]
    device.sizes.clear()
    assert batches(items, GPU, device) == [2 * x for x in items]
    assert device.sizes == [3, 3, 3, 3, 1]


def test_one_that_is_too_large_is_an_error() -> None:
    device = Device(room=0)
    with pytest.raises(torch.OutOfMemoryError):
        Batches()([1, 2], GPU, device)
    assert device.sizes == [2, 1]


def test_a_cpu_takes_one_at_a_time() -> None:
    device = Device(room=9)
    assert Batches()([1, 2, 3], CPU, device) == [2, 4, 6]
    assert device.sizes == [1, 1, 1]
    assert Batches()([], CPU, device) == []
