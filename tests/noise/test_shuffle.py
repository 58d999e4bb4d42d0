"""Shuffling on the waveform: which samples stand where, and that none is lost, doubled or changed."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from noiseprobe.data.manifest import Clip
from noiseprobe.noise.base import CannotCorrupt, Draws, Heard
from noiseprobe.noise.shuffle import CHANGES, WHOLE, Options, corrupt
from noiseprobe.variants import Fixed, Place, Variant

RATE, HOP = 1000, 20  # 50 frames a second; a segment of one frame is 20 samples
DRAWS = Draws(0, "a.wav#0.0", "shuffle", "")


def counting(seconds=4.0, channels=1, rate=RATE):
    """Every sample another number, in every channel, so that each can be told apart."""
    n = round(seconds * rate)
    return (np.arange(channels * n).reshape(channels, n) + 1).astype(np.float32) / 2**16


def shuffled(audio, options, *places, rate=RATE, hop=HOP, draws=DRAWS):
    def never(song, samples):
        raise AssertionError("shuffling asks for no other clip")

    heard = Heard(Clip("a.wav#0.0", Path("a.wav"), 0, 4, "s", "g"), audio, rate, hop, never)
    variant = Variant("shuffle", Fixed(tuple(Place(*p) for p in places)))
    spans = variant.spans(rate, hop, audio.shape[1], np.random.RandomState(0))
    before = audio.tobytes()
    made = corrupt(heard, spans, draws, options)
    assert audio.tobytes() == before, "the clean clip was written to"
    assert (made.recode, made.frame_map) == (None, None)
    assert (made.audio.dtype, made.audio.shape) == (np.float32, audio.shape)
    return made


def test_it_declares_what_it_does():
    assert (CHANGES, WHOLE) == ("samples", True)


@pytest.mark.parametrize("order", ["shuffle", "adjacent", "far"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [1, 2, 5, 10, 35, 50, 70, 100])
@pytest.mark.parametrize("place", [(0, None), (1, 2.5), (0.013, 3.0), (0.5, None)])
def test_samples_change_places_and_nothing_else_happens(place, frames, channels, order):
    clean = counting(seconds=5.0, channels=channels)
    start = round(place[0] * RATE)
    stop = 5000 if place[1] is None else start + round(place[1] * RATE)
    size = frames * 20
    if (stop - start) // size < 2:
        with pytest.raises(CannotCorrupt):
            shuffled(clean, Options(frames, order), place)
        return
    audio = shuffled(clean, Options(frames, order), place).audio
    assert audio[:, :start].tobytes() == clean[:, :start].tobytes()
    end = start + (stop - start) // size * size
    assert audio[:, end:].tobytes() == clean[:, end:].tobytes(), "the rest of the span or what follows it has moved"
    wholes = {clean[:, i : i + size].tobytes() for i in range(start, end, size)}
    found = [audio[:, i : i + size].tobytes() for i in range(start, end, size)]
    assert set(found) == wholes
    assert len(found) == len(wholes), "a segment is there twice"
    assert audio.tobytes() != clean.tobytes()


def test_adjacent_and_far_by_hand():
    a, b, c, d, e = (counting()[:, i * 40 : (i + 1) * 40] for i in range(5))
    half = counting()[:, 200:220]
    clean = np.concatenate([a, b, c, d, e, half], 1)
    place = (0, None)
    assert np.array_equal(
        shuffled(clean, Options(2, "adjacent"), place).audio, np.concatenate([b, a, d, c, e, half], 1)
    )
    assert np.array_equal(shuffled(clean, Options(2, "far"), place).audio, np.concatenate([e, b, c, d, a, half], 1))


def test_several_spans_are_shuffled_each_by_itself():
    clean = counting()
    both = shuffled(clean, Options(5), (0.5, 1.0), (2.0, 1.5)).audio
    first, second = shuffled(clean, Options(5), (0.5, 1.0)).audio, shuffled(clean, Options(5), (2.0, 1.5)).audio
    assert both[:, :1500].tobytes() == first[:, :1500].tobytes()
    assert both[:, 1500:].tobytes() == second[:, 1500:].tobytes()
    assert np.array_equal(np.sort(both), np.sort(clean))


def test_a_span_of_fewer_than_two_segments_is_rejected_and_one_of_length_0_left():
    clean = counting()
    with pytest.raises(CannotCorrupt, match="a span of 1999 samples has no two segments of 1000 samples"):
        shuffled(clean, Options(50), (1, 1.999))
    with pytest.raises(CannotCorrupt):
        shuffled(clean, Options(50), (0, 2.0), (2.5, 0.5))
    made = shuffled(clean, Options(50), (1, 0))
    assert made.audio.tobytes() == clean.tobytes()
    assert (made.measured.noise_db, made.measured.music_db) == (None, None)


def test_the_same_keys_give_the_same_order_and_other_keys_another():
    clean, place = counting(), (1, 2)
    reference = shuffled(clean, Options(2), place).audio.tobytes()
    assert shuffled(clean, Options(2), place).audio.tobytes() == reference
    for change in [{"seed": 1}, {"clip": "b.wav#0.0"}]:
        assert shuffled(clean, Options(2), place, draws=replace(DRAWS, **change)).audio.tobytes() != reference
    # another onset, another order: the music moves with it, so the same order would give the same samples
    later = shuffled(np.roll(clean, 20), Options(2), (1.02, 2)).audio[:, 1020:3020]
    assert sorted(later[0]) == sorted(clean[0, 1000:3000])
    assert later.tobytes() != shuffled(clean, Options(2), place).audio[:, 1000:3000].tobytes()


def test_a_segment_is_20_ms_a_frame_whatever_the_model():
    for rate, hop in [(32_000, 640), (24_000, 320), (44_100, 512)]:
        clean = counting(1.0, rate=rate)
        audio = shuffled(clean, Options(25, "far"), (0, None), rate=rate, hop=hop).audio
        assert audio[0, 0] == clean[0, rate // 2]
        assert audio[0, rate // 2] == clean[0, 0]


def test_levels_are_measured():
    clean = counting(4.0) * 20  # beyond full scale in part
    made = shuffled(clean, Options(10), (1, 2)).measured
    assert made.music_db == pytest.approx(20 * math.log10(np.sqrt(np.mean(clean[0, 1000:3000].astype(float) ** 2))))
    assert made.noise_db == pytest.approx(made.music_db, abs=1e-9)
    assert made.over_full_scale == sum(v > 1 for v in clean[0, 1000:3000].tolist())
    assert (made.level_db, made.other) == (None, None)
