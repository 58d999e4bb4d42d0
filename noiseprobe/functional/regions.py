"""The four regions of a delta curve, from the position of the noise alone: no threshold ever looks at the data.

With the noise on frames [on, off), the codec's look-ahead LA and look-back LB, and d = max(D - 1, 0) frames by which a
delay pattern lets a context reach back (D its largest delay; 0 without one):

    peak          [on - LA - d, on + 5)          the loss rises
    assimilation  [on + 5, off - LA - d)         the model gets used to the noise
    offset        [off - LA - d, off + LB + 5)   the jolt where the noise ends
    recovery      [off + LB + 5, T)              back to the baseline

Where peak and offset overlap (short noise), offset begins at on + 5. A region without a frame is None; without noise
(on == off) all are. "When Noise Lowers the Loss" has no offset region; there its peak is part of the neighbours.
"""

from collections.abc import Mapping

REGIONS = ("peak", "assimilation", "offset", "recovery")
PEAK_FRAMES = 5  # the paper: "the first five tokens"


def regions(
    on: int, off: int, frames: int, look_ahead: int = 0, look_back: int = 0, context: int = 0, first: int = 0
) -> Mapping[str, tuple[int, int] | None]:
    """Frame ranges [start, stop) of each region.

    Args:
        on: first corrupted frame.
        off: first frame after the noise.
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
    bounds = {
        "peak": (on - reach, after_peak),
        "assimilation": (after_peak, off - reach),
        "offset": (max(off - reach, after_peak), off + look_back + PEAK_FRAMES),
        "recovery": (off + look_back + PEAK_FRAMES, frames),
    }
    clipped = {name: (max(start, first), min(stop, frames)) for name, (start, stop) in bounds.items()}
    return {name: (start, stop) if start < stop else None for name, (start, stop) in clipped.items()}
