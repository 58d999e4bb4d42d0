"""The C library keeps what is freed: seen in the page faults of a process that frees and asks again."""

import subprocess
import sys

import pytest

LOOP = """
import resource, sys
import numpy as np
if sys.argv[1] == "keep":
    from noiseprobe.allocator import keep_freed_memory
    keep_freed_memory()
def layer():
    a = np.empty(2_000_000, dtype=np.float32); a.fill(1)
    b = np.empty(2_000_000, dtype=np.float32); b.fill(1)
layer()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    layer()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")
def test_freed_memory_is_used_again() -> None:
    faults = {
        how: int(subprocess.run([sys.executable, "-c", LOOP, how], capture_output=True, text=True, check=True).stdout)
        for how in ["keep", "hand back"]
    }
    assert faults["keep"] < 1000  # 50 layers of 4,000 pages
    assert faults["hand back"] > 10_000  # otherwise this test shows nothing
