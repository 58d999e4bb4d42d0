"""What every kind that changes samples, or time, promises, tried at all sorts of places."""

from types import ModuleType
from typing import Any

import hearing
import numpy as np

from noiseprobe.noise.base import Corruption, Heard
from noiseprobe.variants import Span

# [start, stop) of the spans of a variant in a clip of 48,000 samples, 1.5 s
N = 48_000
PLACES = [
    [(16_000, 32_000)],
    [(0, 16_000)],
    [(16_000, N)],
    [(0, N)],
    [(777, 778)],
    [(0, 1)],
    [(N - 1, N)],
    [(20_000, 20_032)],  # the shortest that the command line takes
    [(3_201, 9_777), (9_777, 16_001), (31_000, 31_001), (40_000, N)],
]
HOPS = [  # whole frames long where something follows
    [(16_000, 19_200)],
    [(0, 6_400)],
    [(16_000, N)],
    [(16_001, N)],
    [(17_001, 17_001 + 10 * 640)],
    [(3_333, 3_333 + 640 * 3), (6_000, 6_000 + 640 * 5), (9_200, 9_200 + 640), (40_000, N)],
]


def spans(places: list[tuple[int, int]]) -> list[Span]:
    return [hearing.samples(start, stop) for start, stop in places]


def heard(channels: int = 1) -> Heard:
    return hearing.heard(hearing.music(channels, N / hearing.RATE))


def corrupted(
    module: ModuleType, places: list[tuple[int, int]], channels: int = 1, seed: int = 0, **keys: Any
) -> Corruption:
    clip = heard(channels)
    before = clip.audio.tobytes()
    found = module.corrupt(clip, spans(places), hearing.draws(module.__name__, seed), module.Options(**keys))
    assert clip.audio.tobytes() == before, "the clean clip was written to"
    assert found.audio is not None
    assert found.audio is not clip.audio
    assert not np.shares_memory(found.audio, clip.audio)
    assert found.audio.dtype == np.float32
    assert found.audio.flags.c_contiguous
    assert np.isfinite(found.audio).all()
    return found


def keeps_samples(module: ModuleType, places: list[tuple[int, int]], channels: int, **keys: Any) -> Corruption:
    """Samples outside the spans are the clean ones, bit for bit, and there are as many."""
    found = corrupted(module, places, channels, **keys)
    clean = heard(channels).audio
    assert module.CHANGES == "samples"
    assert found.audio.shape == clean.shape
    assert found.recode is None
    assert found.frame_map is None
    where = spans(places)
    assert hearing.outside(found.audio, where).tobytes() == hearing.outside(clean, where).tobytes()
    return found


def leaves_length_0(module: ModuleType, **keys: Any) -> None:
    """A span of no samples changes nothing, alone and beside another."""
    for channels in [1, 2]:
        clean = heard(channels).audio
        found = corrupted(module, [(16_000, 16_000)], channels, **keys)
        assert found.audio.tobytes() == clean.tobytes()
        assert found.frame_map is None or found.frame_map.tolist() == list(range(len(found.frame_map)))
        m = found.measured
        assert (m.level_db, m.noise_db, m.music_db, m.over_full_scale) == (None, None, None, 0)
    both = corrupted(module, [(3200, 3200), (16_000, 22_400)], **keys)
    assert both.audio.tobytes() == corrupted(module, [(16_000, 22_400)], **keys).audio.tobytes()


def channels_alone(module: ModuleType, places: list[tuple[int, int]], **keys: Any) -> None:
    """What a channel becomes doesn't depend on the others."""
    mono = hearing.heard(heard(2).audio[:1].copy())
    alone = module.corrupt(mono, spans(places), hearing.draws(module.__name__), module.Options(**keys)).audio
    assert alone.tobytes() == corrupted(module, places, 2, **keys).audio[:1].tobytes()
