"""Which corrupted frame belongs to which clean one."""

import numpy as np

from noiseprobe.models.patterns import Pattern
from noiseprobe.results.records import VariantRecord


def pairing(v: VariantRecord, frames: int, pattern: Pattern) -> tuple[np.ndarray, np.ndarray]:
    """The corrupted nll at the clean clip's frames, and where a difference counts.

    Args:
        v: of one clip.
        frames: T of the clean clip.
        pattern: of the scoring.

    Returns:
        nll [K, T], NaN at frames without a counterpart, and bool [T]: True where the clean frame has a counterpart and
        both are among those that means are taken over.
    """
    counts = np.zeros(frames, dtype=bool)
    counts[pattern.averaged(frames)] = True
    if v.frame_map is None:
        return v.nll, counts
    also = np.zeros(v.nll.shape[1], dtype=bool)
    also[pattern.averaged(len(also))] = True
    mapped = v.frame_map >= 0
    paired = np.full((len(v.nll), frames), np.nan, dtype=v.nll.dtype)
    paired[:, mapped] = v.nll[:, v.frame_map[mapped]]
    counts[mapped] &= also[v.frame_map[mapped]]
    return paired, counts & mapped
