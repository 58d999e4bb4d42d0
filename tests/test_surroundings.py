"""What a caller has set in torch has no part in a cell, and is afterwards as it was."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

import pytest
import torch

from noiseprobe.surroundings import apart

SETTINGS: dict[str, Callable[[], object]] = {
    "autocast": lambda: torch.is_autocast_enabled("cpu"),
    "inference": torch.is_inference_mode_enabled,
    "gradients": torch.is_grad_enabled,
    "dtype": torch.get_default_dtype,
    "device": lambda: str(torch.zeros(1).device),
    "matmul": torch.get_float32_matmul_precision,
    "tf32 matmul": lambda: torch.backends.cuda.matmul.allow_tf32,
    "tf32 convolutions": lambda: torch.backends.cudnn.allow_tf32,
}
PLAIN = dict(zip(SETTINGS, [False, False, True, torch.float32, "cpu", "highest", False, False], strict=True))
AROUND: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference": torch.inference_mode,
    "gradients": torch.no_grad,
    "device": lambda: torch.device("meta"),
}


def settings() -> dict[str, object]:
    return {name: get() for name, get in SETTINGS.items()}


@pytest.mark.parametrize("name", AROUND)
def test_a_context_of_the_callers(name: str) -> None:
    with AROUND[name]():
        before = settings()
        assert before[name] != PLAIN[name]
        with apart():
            assert settings() == PLAIN
        assert settings() == before


def test_settings_of_the_process() -> None:
    old = torch.backends.cudnn.allow_tf32
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.allow_tf32 = True
    try:
        before = settings()
        with suppress(KeyError), apart():
            assert settings() == PLAIN
            raise KeyError
        assert settings() == before
        assert before["matmul"] == "medium"
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = old


def test_precisions_of_single_operations() -> None:
    """torch then refuses to say how float32 is computed over all."""
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        pytest.skip("this torch has none")
    matmul, conv = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    old = matmul.fp32_precision, conv.fp32_precision
    matmul.fp32_precision, conv.fp32_precision = "tf32", "ieee"
    try:
        with apart():
            assert settings() == PLAIN
            assert (matmul.fp32_precision, conv.fp32_precision) == ("ieee", "ieee")
        assert (matmul.fp32_precision, conv.fp32_precision) == ("tf32", "ieee")
    finally:
        matmul.fp32_precision, conv.fp32_precision = old


def test_calls_from_other_threads_wait() -> None:
    inside = threading.Event()

    def other() -> None:
        with apart():
            inside.set()

    thread = threading.Thread(target=other)
    with apart(), apart():  # a model may probe another
        thread.start()
        assert not inside.wait(0.2)
    assert inside.wait(20)
    thread.join()
