"""Which device a run will have, before torch is imported."""

import ctypes
import platform
from functools import cache
from pathlib import Path


@cache
def has_cuda() -> bool:
    """Whether the NVIDIA driver shows this process a GPU (it heeds CUDA_VISIBLE_DEVICES)."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


@cache
def processor() -> str:
    """What tells this machine's processor from others: its name and what it can do, where Linux says so."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("vendor_id", "cpu family", "model", "model name", "flags", "Features", "CPU part")
    return "\n".join(line for line in lines if line.partition(":")[0].strip() in wanted)
