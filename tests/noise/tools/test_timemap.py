"""Time that moves: every sample carries its number, so where frames went can be read off."""

import random

import hearing
import numpy as np
import pytest

from noiseprobe.noise.base import CannotCorrupt
from noiseprobe.noise.tools.timemap import moved, still
from noiseprobe.variants import Span

HOP, RATE = 10, 40


def numbered(n, channels=1):
    return np.stack([np.arange(1, n + 1) + 1000 * c for c in range(channels)]).astype(np.float32)


def found_frames(clean, corrupted):
    """For each clean frame the corrupted one that holds the same samples, all of them and no others; -1 without one."""

    def frames(audio):
        return [tuple(audio[0, i : i + HOP]) for i in range(0, audio.shape[1], HOP)]

    where = {samples: i for i, samples in enumerate(frames(corrupted))}
    return [where.get(samples, -1) for samples in frames(clean)]


@pytest.mark.parametrize("seed", range(300))
def test_frames_are_mapped_where_their_samples_are(seed):
    r = random.Random(seed)
    n = r.randint(100, 300)
    clean = numbered(n, r.choice([1, 2]))
    spans, contents, at = [], [], 0
    for _ in range(r.randint(1, 4)):
        start = at + r.choice([0, r.randint(0, 40)])
        stop = start + r.randint(1, 60)
        if stop > n:
            break
        old = stop - start
        new = old + HOP * r.randint(-(old // HOP), 3)
        if r.random() < 0.2:
            stop, new = n, r.randint(0, 40)  # nothing follows, so any length will do
        spans.append(Span(start / RATE, start, stop, start // HOP, -(-stop // HOP)))
        contents.append(np.full((len(clean), new), -1 - len(spans), dtype=np.float64))
        at = stop
    if not spans:
        return
    expected = []  # sample by sample
    for i in range(n):
        for span, content in zip(spans, contents, strict=True):
            if i == span.start:
                expected += content[0].tolist()
        if not any(s.start <= i < s.stop for s in spans):
            expected.append(float(clean[0, i]))
    expected = expected[:n]
    made = hearing.heard(clean, RATE, HOP)
    if len(expected) < RATE:
        with pytest.raises(CannotCorrupt, match="would be left of the clip, less than 1 s"):
            moved(made, clean, spans, contents)
        return
    found = moved(made, clean, spans, contents)
    assert found.audio[0].tolist() == expected
    assert found.audio.dtype == np.float32
    assert found.audio.flags.c_contiguous
    assert found.frame_map.dtype == np.int64
    assert found.frame_map.tolist() == found_frames(clean, found.audio)
    assert found.audio[:, : spans[0].start].tobytes() == clean[:, : spans[0].start].tobytes()
    placed = [v for v in expected if v < 0]
    assert found.measured.over_full_scale == len(placed) * len(clean)
    level = 10 * np.log10(np.mean(np.square(placed))) if placed else None
    assert found.measured.noise_db == (None if level is None else pytest.approx(level))
    assert found.measured.music_db == pytest.approx(hearing.db(*(clean[:, s.start : s.stop] for s in spans)))


def test_still_maps_each_frame_to_itself():
    clean = numbered(95, 2)
    found = still(hearing.heard(clean, RATE, HOP))
    assert found.audio.tobytes() == clean.tobytes()
    assert found.audio is not clean
    assert found.frame_map.tolist() == list(range(10))


def test_a_move_by_no_whole_frame_is_an_error():
    made = hearing.heard(numbered(100), RATE, HOP)
    with pytest.raises(AssertionError, match="no whole number of frames"):
        moved(made, made.audio, [Span(1.0, 40, 50, 4, 5)], [np.zeros((1, 5))])
