"""Linear layers through oneDNN against the same sums in float64, and that nothing else takes that way."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from noiseprobe.models import linear as module
from noiseprobe.models.linear import linear, product, wide

here = pytest.mark.skipif(not wide(), reason="this processor or torch has no such products")


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@here
@pytest.mark.parametrize("shape", [(1, 509, 64), (3, 7, 64), (21, 64), (1, 1, 64)])
@pytest.mark.parametrize("bias", [False, True])
def test_product_is_the_sum_in_float64(shape: tuple[int, ...], bias: bool) -> None:
    x, weight = torch.randn(shape), torch.randn(100, 64)
    added = torch.randn(100) if bias else None
    expected = F.linear(x.double(), weight.double(), None if added is None else added.double())
    torch.testing.assert_close(product(x, weight, added).double(), expected, rtol=1e-5, atol=1e-5)


@here
def test_views_are_read_as_they_lie() -> None:
    """audiocraft's queries, keys and values are rows of one weight; a stretch of steps is a view, too."""
    whole, weight = torch.randn(2, 50, 64), torch.randn(3 * 64, 64)
    for x in (whole[:, 10:30], whole.transpose(1, 2)[..., :64].transpose(1, 2), whole[:, ::2]):
        for rows in (slice(64, 128), slice(None)):
            torch.testing.assert_close(product(x, weight[rows]), F.linear(x, weight[rows]), rtol=1e-5, atol=1e-4)


@here
def test_the_same_product_twice_has_the_same_bits() -> None:
    x, weight = torch.randn(1, 509, 1024), torch.randn(1024, 1024)
    first = product(x, weight)
    assert all(product(x, weight).equal(first) for _ in range(5))


def test_a_layer_is_itself_but_for_rounding() -> None:
    layer, x = nn.Linear(32, 48), torch.randn(2, 9, 32)
    torch.testing.assert_close(linear(x, layer), layer(x))


def test_bf16_is_the_librarys() -> None:
    x, weight = torch.randn(5, 32).bfloat16(), torch.randn(8, 32).bfloat16()
    assert product(x, weight).equal(F.linear(x, weight))


def test_another_processor_takes_the_librarys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    monkeypatch.setattr(module, "wide", wide.__wrapped__)
    x, weight = torch.randn(5, 32), torch.randn(8, 32)
    assert not module.wide()
    assert product(x, weight).equal(F.linear(x, weight))
