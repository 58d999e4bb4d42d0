"""Arrays in a file that shows by itself whether it is whole: numpy's npz and, after it, the sha256 of that.

zip's own checksums cover neither the shapes nor the list of arrays.
"""

import hashlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIGEST = hashlib.sha256().digest_size


def seal(arrays: dict[str, Any]) -> bytes:
    """The content of a file of arrays, by name; numpy reads it too."""
    npz = BytesIO()
    np.savez(npz, **arrays)
    return npz.getvalue() + hashlib.sha256(npz.getbuffer()).digest()


def is_whole(stored: bytes) -> bool:
    """Whether that is, to the bit, what `seal` made."""
    return hashlib.sha256(memoryview(stored)[:-DIGEST]).digest() == stored[-DIGEST:]


def unseal(stored: bytes) -> dict[str, NDArray[Any]] | None:
    """The arrays; None if the file is torn or another."""
    if not is_whole(stored):
        return None
    with np.load(BytesIO(stored[:-DIGEST]), allow_pickle=False) as arrays:
        return dict(arrays)
