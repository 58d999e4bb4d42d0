"""Named ways to find the regions of a delta curve; `position` is the default, the others are there for comparison.

- `position`: functional/regions.py, from the position of the noise alone. No value is looked at, so on curves that hold
  nothing but noise every region's mean is 0 on average.
- `zero_crossing`: the text of "When Noise Lowers the Loss": a moving average, then boundaries where it crosses zero
  for five consecutive frames. Where the text is silent: the average is over 5 frames, centred (fewer at the ends); the
  peak begins where the noise can first show, at on - LA - d; it ends, and assimilation begins, with the first run of 5
  averages below 0 from there on; assimilation ends, and recovery begins, with the first run of 5 above 0 after that. A
  boundary that isn't found is the end of the curve. The noise's end isn't used.
- `published`: the paper's code, in whose tables row t is frame t + 1 and the noise begins at frame 250. The baseline is
  the mean of rows 0..199. The peak goes from row 245 to the first run of 5 rows at or below the baseline, or over 50
  rows if there is none (the last row is in no run); assimilation from there to row 253 + L for noise of L frames;
  recovery from there to the last row, which is left out. If the run begins after row 253 + L, assimilation is empty,
  and peak and recovery share rows.

Both choose their boundaries by the values that they then average: a peak that lasts until the curve is low holds no low
run, and what follows begins with one. Both therefore see a peak and a fall where there are none (docs/shape.md has
figures). Neither has an offset region.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from noiseprobe.functional.regions import REGIONS, regions

Regions = Mapping[str, tuple[int, int] | None]
Finder = Callable[[NDArray[np.float64], int, int, int, int, int, int], Regions]

RUN = 5  # frames in a row that make a boundary, in the paper's text and code
AVERAGE = 5  # frames of zero_crossing's moving average; the paper doesn't say
PUBLISHED_LENGTHS = (50, 200)  # frames, first and last: what the published code was run on
PUBLISHED_BASELINE = 49  # frames between the baseline's end and the onset there: rows 0..199 are frames 1..200 of 250


def position(
    delta: NDArray[np.float64], on: int, off: int, look_ahead: int = 0, look_back: int = 0, context: int = 0,
    first: int = 0,
) -> Regions:  # fmt: skip
    """Regions of one curve from the position of the noise; see `regions` for what the arguments are.

    Args:
        delta: `[T]`, nats; only its length matters.

    >>> position(np.zeros(750), 250, 350)
    {'peak': (250, 255), 'assimilation': (255, 350), 'offset': (350, 355), 'recovery': (355, 750)}
    """
    _check(delta, on, off, first)
    return regions(on, off, len(delta), look_ahead, look_back, context, first)


def zero_crossing(
    delta: NDArray[np.float64], on: int, off: int, look_ahead: int = 0, look_back: int = 0, context: int = 0,
    first: int = 0,
) -> Regions:  # fmt: skip
    """Regions of one curve as the paper's text finds them (module docstring); all None without noise.

    Args:
        delta: `[T]`, nats, finite from frame `first` on.
        on: first corrupted frame.
        off: first frame after the noise; only tells noise from none.
        look_ahead: LA; the peak begins LA + d frames before `on`.
        look_back: not used.
        context: d.
        first: the first frame that has a value.

    Raises:
        ValueError: if the span isn't within the curve, or a value from `first` on isn't finite.

    >>> curve = np.repeat([0.0, 1.0, -1.0, 1.0], 20)
    >>> zero_crossing(curve, 20, 60)
    {'peak': (20, 40), 'assimilation': (40, 60), 'offset': None, 'recovery': (60, 80)}
    """
    _check(delta, on, off, first)
    if on == off:
        return dict.fromkeys(REGIONS)
    begin, end = max(on - look_ahead - context, first), len(delta)
    # Sums do: only the sign of the averages matters.
    smooth = np.zeros(end)
    smooth[first:] = np.convolve(delta[first:], np.ones(AVERAGE))[AVERAGE // 2 :][: end - first]
    below = _first_run(smooth < 0, begin, end)
    falls = end if below is None else below
    above = None if below is None else _first_run(smooth > 0, falls, end)
    rises = end if above is None else above
    return _found(peak=(begin, falls), assimilation=(falls, rises), recovery=(rises, end))


def published(
    delta: NDArray[np.float64], on: int, off: int, look_ahead: int = 0, look_back: int = 0, context: int = 0,
    first: int = 0,
) -> Regions:  # fmt: skip
    """Regions of one curve as the paper's published code finds them (module docstring), in frames.

    For noise from frame 250 on these are the published rows; for another onset all of them move with it, but for the
    baseline's first. All regions are None for noise shorter than 50 or longer than 200 frames, for which nothing is
    published, and where no frame is left for a baseline.

    Args:
        delta: `[T]`, nats, finite from frame `first` on. Frame 0, which the code doesn't score, isn't used.
        on: first corrupted frame.
        off: first frame after the noise.
        look_ahead: not used, nor are `look_back` and `context`.
        first: the first frame that has a value.

    Raises:
        ValueError: if the span isn't within the curve, or a value from `first` on isn't finite.

    >>> curve = np.repeat([0.0, 1.0, -1.0, 0.0], [246, 9, 95, 400])
    >>> published(curve, 250, 350)
    {'peak': (246, 255), 'assimilation': (255, 354), 'offset': None, 'recovery': (354, 749)}
    """
    _check(delta, on, off, first)
    scored = max(first, 1)
    start, last = on - 4, len(delta) - 1  # row 245 is frame 246 = on - 4
    baseline = delta[scored : max(on - PUBLISHED_BASELINE, 0)]
    if not PUBLISHED_LENGTHS[0] <= off - on <= PUBLISHED_LENGTHS[1] or not len(baseline) or start < scored:
        return dict.fromkeys(REGIONS)
    low = _first_run(delta <= baseline.mean(), start, last)
    falls = min(start + 50, len(delta)) if low is None else low
    after = min(off + 4, last)  # row 253 + L is frame on + L + 4
    return _found(peak=(start, falls), assimilation=(falls, after), recovery=(after, last))


FINDERS: Mapping[str, Finder] = {"position": position, "zero_crossing": zero_crossing, "published": published}


def _check(delta: NDArray[np.float64], on: int, off: int, first: int) -> None:
    if delta.ndim != 1:
        raise ValueError(f"delta: got shape {delta.shape}, expected [T]")
    if not 0 <= on <= off <= len(delta):
        raise ValueError(f"span: got [{on}, {off}), expected 0 <= on <= off <= {len(delta)} frames")
    if not np.isfinite(delta[first:]).all():
        raise ValueError(f"delta: got NaN or infinity, expected finite values from frame {first} on")


def _first_run(holds: NDArray[np.bool_], start: int, stop: int) -> int | None:
    """The first frame of the first RUN in a row within [start, stop) where `holds`."""
    if stop - start < RUN:
        return None
    runs = np.lib.stride_tricks.sliding_window_view(holds[start:stop], RUN).all(axis=1)
    return start + int(runs.argmax()) if runs.any() else None


def _found(**bounds: tuple[int, int]) -> Regions:
    return dict.fromkeys(REGIONS) | {n: (start, stop) if start < stop else None for n, (start, stop) in bounds.items()}
