"""Which device a run will have, before torch is imported."""

import ctypes
from functools import cache


@cache
def has_cuda() -> bool:
    """Whether the NVIDIA driver shows this process a GPU (it heeds CUDA_VISIBLE_DEVICES)."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
