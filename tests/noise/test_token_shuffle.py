"""Shuffling of tokens: columns of codes change places, and none is lost, doubled or changed."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from noiseprobe.data.manifest import Clip
from noiseprobe.noise import shuffle
from noiseprobe.noise.base import CannotCorrupt, Draws, Heard
from noiseprobe.noise.token_shuffle import CHANGES, WHOLE, Options, corrupt
from noiseprobe.variants import Fixed, Place, Variant

RATE, HOP, T = 1000, 20, 200
DRAWS = Draws(0, "a.wav#0.0", "token_shuffle", "")


class NoCodec:
    """Nothing here asks the codec."""

    cardinality = 0


def heard(audio=None, rate=RATE, hop=HOP):
    audio = np.full((1, T * HOP), 0.5, dtype=np.float32) if audio is None else audio

    def never(song, samples):
        raise AssertionError("shuffling asks for no other clip")

    return Heard(Clip("a.wav#0.0", Path("a.wav"), 0, 4, "s", "g"), audio, rate, hop, never)


def spans(of, *places):
    variant = Variant("token_shuffle", Fixed(tuple(Place(*p) for p in places)))
    return variant.spans(of.sample_rate, of.hop, of.audio.shape[1], np.random.RandomState(0))


def shuffled(codes, options, *places, of=None, draws=DRAWS):
    of = heard() if of is None else of
    made = corrupt(of, spans(of, *places), draws, options)
    assert made.audio is None
    assert made.frame_map is None
    before = codes.clone()
    recode = pickle.loads(pickle.dumps(made.recode))  # as from a worker
    found = recode(codes, None, NoCodec())
    assert torch.equal(codes, before), "the clean codes were written to"
    assert (found.dtype, found.shape) == (codes.dtype, codes.shape)
    return found


def counting(k=4, t=T):
    return torch.arange(k * t).view(t, k).T.contiguous()


def columns(codes):
    return [tuple(column) for column in codes.T.tolist()]


def test_it_declares_what_it_does():
    assert (CHANGES, WHOLE) == ("codes", True)


@pytest.mark.parametrize("order", ["shuffle", "adjacent", "far"])
@pytest.mark.parametrize("k", [4, 8])
@pytest.mark.parametrize("frames", [1, 2, 5, 10, 35, 50, 70, 100])
@pytest.mark.parametrize(("place", "on", "off"), [((0, None), 0, 200), ((1, 2.5), 50, 175), ((0.013, 3.0), 0, 151)])
def test_columns_change_places_and_nothing_else_happens(place, on, off, frames, k, order):
    if (off - on) // frames < 2:
        with pytest.raises(CannotCorrupt):
            shuffled(counting(k), Options(frames, order), place)
        return
    clean = columns(counting(k))
    found = columns(shuffled(counting(k), Options(frames, order), place))
    assert found[:on] == clean[:on]
    end = on + (off - on) // frames * frames
    assert found[end:] == clean[end:]
    wholes = [clean[i : i + frames] for i in range(on, end, frames)]
    after = [found[i : i + frames] for i in range(on, end, frames)]
    assert sorted(after) == wholes
    assert after != wholes


def test_adjacent_and_far_by_hand():
    codes = torch.tensor([[0, 1, 2, 3, 4, 5, 6], [10, 11, 12, 13, 14, 15, 16]])
    of = heard(np.zeros((1, 7 * HOP), dtype=np.float32))
    found = shuffled(codes, Options(3, "far"), (0, None), of=of)
    assert found.tolist() == [[3, 4, 5, 0, 1, 2, 6], [13, 14, 15, 10, 11, 12, 16]]
    found = shuffled(codes, Options(1, "adjacent"), (0.02, 0.1), of=of)
    assert found.tolist() == [[0, 2, 1, 4, 3, 5, 6], [10, 12, 11, 14, 13, 15, 16]]


@pytest.mark.parametrize("order", ["shuffle", "adjacent", "far"])
def test_with_the_same_keys_it_does_what_the_waveform_s_does(order):
    """Audio that says in each sample of a frame which frame it is, shuffled as samples, reads as the shuffled codes."""
    audio = np.repeat(np.arange(T, dtype=np.float32), HOP)[None]
    of = heard(audio)
    where = spans(of, (0.5, 1.0), (2, None))
    options = Options(7, order)
    on_samples = shuffle.corrupt(of, where, DRAWS, options).audio
    on_tokens = shuffled(torch.arange(T)[None], options, (0.5, 1.0), (2, None), of=of)
    assert on_samples[0, ::HOP].tolist() == on_samples[0, HOP - 1 :: HOP].tolist() == on_tokens[0].tolist()


def test_spans_that_share_a_frame_lose_nothing():
    found = shuffled(counting(), Options(5), (1.0, 0.485), (1.49, 0.5))
    assert sorted(columns(found)) == sorted(columns(counting()))


def test_length_0_and_too_short_spans():
    assert torch.equal(shuffled(counting(), Options(50), (1, 0)), counting())
    with pytest.raises(CannotCorrupt, match="a span of 99 frames has no two segments of 50 frames"):
        shuffled(counting(), Options(50), (1, 1.98))


def test_keys_of_the_draw():
    reference = shuffled(counting(), Options(5), (1, 2))
    assert torch.equal(shuffled(counting(), Options(5), (1, 2)), reference)
    for change in [{"seed": 1}, {"clip": "b.wav#0.0"}]:
        assert not torch.equal(shuffled(counting(), Options(5), (1, 2), draws=replace(DRAWS, **change)), reference)
    later = shuffled(counting(), Options(5), (1.02, 2))
    assert (later[0, 51:151] - 4 * 51).tolist() != (reference[0, 50:150] - 4 * 50).tolist()


def test_segments_are_20_ms_a_frame_whatever_the_model():
    of = heard(np.zeros((1, 24_000 * 4), dtype=np.float32), 24_000, 320)  # 75 frames a second
    found = shuffled(counting(t=300), Options(10, "far"), (0, None), of=of)  # 0.2 s are 15 of them
    assert columns(found) == [
        *columns(counting(t=300))[285:], *columns(counting(t=300))[15:285], *columns(counting(t=300))[:15]
    ]  # fmt: skip
    with pytest.raises(CannotCorrupt, match=r"a segment of 0.02 s is 1.5 frames of this model, no whole number"):
        shuffled(counting(t=300), Options(1), (0, None), of=of)
    with pytest.raises(CannotCorrupt, match=r"a segment of 0.1 s is 7.5 frames of this model, no whole number"):
        shuffled(counting(t=300), Options(5), (0, None), of=of)


def test_the_music_is_measured_and_nothing_else():
    of = heard()
    measured = corrupt(of, spans(of, (1, 2)), DRAWS, Options()).measured
    assert measured.music_db == pytest.approx(20 * np.log10(0.5))
    assert (measured.noise_db, measured.level_db, measured.over_full_scale) == (None, None, 0)
