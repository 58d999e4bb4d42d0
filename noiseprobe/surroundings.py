"""What of a process and thread changes a cell's numbers, or is changed by it: put aside while one runs for a caller."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

TALKATIVE = ["lightning.pytorch", "lightning.fabric.utilities.distributed", "xformers"]  # loggers that a cell quiets
ALONE = threading.RLock()  # most of what is set here is the process's


@contextmanager
def apart() -> Iterator[None]:
    """No autocast, no inference mode, the CPU and float32 as torch's defaults, computed in full; then all as it was.

    So are the states of random generators, the filters of warnings and the levels of loggers. Other threads wait.
    """
    import torch  # only now: finished cells of the command never wait for it

    with ALONE, ExitStack() as aside:
        aside.enter_context(_kept())
        aside.enter_context(warnings.catch_warnings())
        aside.enter_context(torch.random.fork_rng(devices=[]))  # DataLoader draws a seed
        aside.enter_context(torch.inference_mode(False))
        aside.enter_context(torch.enable_grad())
        for device in ["cpu", "cuda", "mps", "xpu"]:
            if torch.is_autocast_enabled(device):
                aside.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device().type != "cpu":
            aside.enter_context(torch.device("cpu"))
        torch.set_default_dtype(torch.float32)
        full_float32()
        yield


def full_float32() -> None:
    """No TF32, nor bfloat16, in float32's place: ten bits of mantissa would be enough to flip codes."""
    import torch

    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    for operation in _operations():
        operation.fp32_precision = "ieee"


@contextmanager
def _kept() -> Iterator[None]:
    import torch

    levels = {name: logging.getLogger(name).level for name in TALKATIVE}
    dtype = torch.get_default_dtype()
    precisions = [(operation, operation.fp32_precision) for operation in _operations()]
    matmul = cudnn = None
    with suppress(RuntimeError):  # torch refuses to say it where the caller has set single operations
        matmul = torch.get_float32_matmul_precision()
    with suppress(RuntimeError):
        cudnn = torch.backends.cudnn.allow_tf32
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        if matmul is not None:
            torch.set_float32_matmul_precision(matmul)
        if cudnn is not None:
            torch.backends.cudnn.allow_tf32 = cudnn
        for operation, precision in precisions:  # last: the two above set these too
            operation.fp32_precision = precision
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _operations() -> list[Any]:
    """Those of which torch 2.9 and later keep the precision one by one."""
    from torch.backends import cuda, cudnn, mkldnn

    known = [(cuda, "matmul"), (cudnn, "conv"), (cudnn, "rnn"), (mkldnn, "matmul"), (mkldnn, "conv"), (mkldnn, "rnn")]
    found = [getattr(backend, name, None) for backend, name in known]
    return [operation for operation in found if hasattr(operation, "fp32_precision")]
