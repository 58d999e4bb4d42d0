"""The four regions of a delta curve, from the position of the noise alone: no threshold ever looks at the data.

With the noise on frames [on, off), the codec's look-ahead LA and look-back LB, and d = max(D - 1, 0) frames by which a
delay pattern lets a context reach back (D its largest delay; 0 without one):

    peak          [on - LA - d, on + 5)          the loss rises
    assimilation  [on + 5, off - LA - d)         the model gets used to the noise
    offset        [off - LA - d, off + LB + 5)   the jolt where the noise ends
    recovery      [off + LB + 5, T)              back to the baseline

Where peak and offset overlap (short noise), offset begins at on + 5. Noise that lasts to the end of the clip has
neither offset nor recovery, and assimilation goes on to the end. With several spans each has its regions, which end
where the next one's peak begins. A region without a frame is empty; without noise (on == off) all are. "When Noise
Lowers the Loss" has no offset region; there its peak is part of the neighbours.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

REGIONS = ("peak", "assimilation", "offset", "recovery")
PEAK_FRAMES = 5  # the paper: "the first five tokens"


def regions(
    on: int, off: int, frames: int, look_ahead: int = 0, look_back: int = 0, context: int = 0, first: int = 0
) -> Mapping[str, tuple[int, int] | None]:
    """Frame ranges [start, stop) of each region of one span.

    Args:
        on: first corrupted frame.
        off: first frame after the noise; `frames` if it lasts to the end.
        frames: frames of the clip.
        look_ahead: LA, frames before `on` on whose features the codec's convolutions change.
        look_back: LB, the same from `off` on.
        context: d, frames before a changed frame whose context may change.
        first: the first frame that has a value; no region begins before it.

    Raises:
        ValueError: if the span isn't within the clip.

    >>> regions(250, 350, 750, look_ahead=4, look_back=4, context=2)
    {'peak': (244, 255), 'assimilation': (255, 344), 'offset': (344, 359), 'recovery': (359, 750)}
    """
    if not 0 <= on <= off <= frames:
        raise ValueError(f"span: got [{on}, {off}), expected 0 <= on <= off <= {frames} frames")
    if on == off:
        return dict.fromkeys(REGIONS)
    reach = look_ahead + context
    after_peak = on + PEAK_FRAMES
    bounds = {"peak": (on - reach, after_peak)}
    if off == frames:
        bounds["assimilation"] = (after_peak, frames)
    else:
        bounds["assimilation"] = (after_peak, off - reach)
        bounds["offset"] = (max(off - reach, after_peak), off + look_back + PEAK_FRAMES)
        bounds["recovery"] = (off + look_back + PEAK_FRAMES, frames)
    clipped = {name: (max(start, first), min(stop, frames)) for name, (start, stop) in bounds.items()}
    return dict.fromkeys(REGIONS) | {n: (start, stop) if start < stop else None for n, (start, stop) in clipped.items()}


def region_frames(
    spans: Sequence[tuple[int, int]], frames: int, look_ahead: int = 0, look_back: int = 0, context: int = 0,
    first: int = 0,
) -> Mapping[str, np.ndarray]:  # fmt: skip
    """The frames of each region over all spans.

    Args:
        spans: [on, off) of each, in order, none beginning before the one before it ends; what lies beyond `frames` (the
            last frames, which are in no mean) belongs to no region.

    Raises:
        ValueError: if a span ends before it begins, or begins before the one before it ends.

    Returns:
        For each region int64 frames, in order; empty where no span has it. No frame is in two.

    >>> region_frames([(10, 20), (40, 50)], 60)["recovery"].tolist()
    [25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 55, 56, 57, 58, 59]
    """
    if any(off < on for on, off in spans):
        raise ValueError(f"spans: got {list(spans)}, expected on <= off in each")
    if any(after < before for (_, before), (after, _) in pairwise(spans)):
        raise ValueError(f"spans: got {list(spans)}, expected them in order and apart")
    # One without a frame of its own (it shares one with the span before) can't end that one's regions.
    spans = [(on, off) for on, off in spans if off > on]
    found: dict[str, list[int]] = {name: [] for name in REGIONS}
    starts = [on - look_ahead - context for on, _ in spans]
    begin = first
    for i, (on, off) in enumerate(spans):
        # A span keeps its first frame, though the next one's peak reach over it, or it begin in the last frames.
        end = max(frames if i + 1 == len(spans) else starts[i + 1], on + 1)
        for name, bounds in regions(on, min(off, end), end, look_ahead, look_back, context, begin).items():
            found[name] += range(bounds[0], min(bounds[1], frames)) if bounds else ()
        begin = max(end, first)
    return {name: np.array(values, dtype=np.int64) for name, values in found.items()}
