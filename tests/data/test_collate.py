"""Pairs: which variants a clip gets, and that its bytes depend on nothing but the clip."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from noiseprobe.config import NoiseConfig
from noiseprobe.data.collate import BadClip, Batch, Corrupted, Done, Loaded, Pair, PairCollate
from noiseprobe.data.manifest import Clip, Rejected
from noiseprobe.noise import other
from noiseprobe.noise.base import Corruption
from noiseprobe.noise.white import Options
from noiseprobe.variants import Variant, at

RATE, HOP = 1000, 20


def loaded(index, seconds=4.0, name=None, channels=1):
    name = f"song{index}.wav#0.0" if name is None else name
    audio = torch.from_numpy(np.random.default_rng(index).normal(0, 0.1, (channels, round(seconds * RATE)))).float()
    return Loaded(index, Clip(name, Path(name), 0.0, seconds, "s", "g"), audio)


def collate(*variants, level="match", snr=None, seed=0):
    made = tuple(Variant("white", at(onset, length)) for onset, length in variants)
    return PairCollate(NoiseConfig("white", made, Options(level=level, snr=snr)), seed, RATE, HOP, [], never)


def never(clip):
    raise AssertionError(f"{clip.id}: white noise asks for no other clip")


def audio(pair):
    return [c.audio.numpy().tobytes() for c in pair.corrupted]


def test_items_keep_their_order_and_pairs_their_place_and_clean_samples():
    items = [loaded(4), loaded(2), loaded(9)]
    batch = collate((1, 0.5))(items)
    assert [p.index for p in batch.items] == [4, 2, 9]
    assert [p.clip for p in batch.items] == [i.clip for i in items]
    for pair, item in zip(batch.items, items, strict=True):
        assert isinstance(pair, Pair)
        assert torch.equal(pair.clean, loaded(item.index).audio)  # neither changed nor written to


def test_every_variant_is_made_in_order_and_touches_its_span_alone():
    pair = collate((1, 0.5), (2, 0.25), (1, 0)).pair(loaded(0, channels=2))
    assert [c.variant.name for c in pair.corrupted] == ["white@1.0s+0.5s", "white@2.0s+0.25s", "white@1.0s+0.0s"]
    for corrupted, (start, stop) in zip(pair.corrupted, [(1000, 1500), (2000, 2250), (0, 0)], strict=True):
        changed = (corrupted.audio != pair.clean).all(0).nonzero().flatten().tolist()
        assert changed == list(range(start, stop))
        assert corrupted.corruption.audio is None, "the samples would travel twice"
    spans = [(s.on, s.off) for c in pair.corrupted for s in c.spans]
    assert spans == [(50, 75), (100, 113), (50, 50)]


def test_variants_that_dont_fit_are_left_out():
    make = collate((1, 0.5), (1, 2), (1, 2.001), (3, 0.5))
    assert [c.variant.name for c in make.pair(loaded(0)).corrupted] == ["white@1.0s+0.5s", "white@1.0s+2.0s"]
    assert make.pair(loaded(0, seconds=2.0)).corrupted == ()


def test_done_and_bad_clips_pass_through():
    done, bad = Done(1), BadClip(2, Rejected("x.wav", "why", "x.wav#0.0"))
    batch = collate((1, 0.5))([loaded(0), done, bad, loaded(3)])
    assert batch.items[1] is done
    assert batch.items[2] is bad
    assert [item.index for item in batch.items] == [0, 1, 2, 3]


def test_an_empty_batch_is_empty():
    assert collate((1, 0.5))([]).items == ()


def test_a_clip_has_the_same_bytes_in_any_batch():
    variants = [(1, 0.5), (2, 0.25)]
    alone = {i: audio(collate(*variants)([loaded(i)]).items[0]) for i in range(5)}
    make, rng = collate(*variants), random.Random(0)
    for _ in range(5):
        chosen = rng.sample(range(5), rng.randint(2, 5))
        batch = make([loaded(i) for i in chosen])
        assert [audio(pair) for pair in batch.items] == [alone[i] for i in chosen]


def test_a_variant_has_the_same_bytes_whatever_the_others():
    many = collate((2, 0.25), (1, 1), (1, 0.5)).pair(loaded(0))
    assert audio(collate((1, 0.5)).pair(loaded(0))) == audio(many)[2:]


def test_shorter_noise_is_the_beginning_of_longer_at_a_fixed_level():
    short, long = collate((1, 0.5), (1, 2), level=-20.0).pair(loaded(0)).corrupted
    a, b = short.audio[0, 1000:1500].double(), long.audio[0, 1000:1500].double()
    gain = (a @ b) / (b @ b)  # each is scaled by its own RMS
    assert torch.allclose(a, gain * b, atol=1e-7)
    assert gain == pytest.approx(1, abs=0.1)


def test_clips_seeds_levels_and_onsets_have_their_own_noise():
    def placed(make, item, start=1000):
        x = make.pair(item).corrupted[0].audio[0, start : start + 500].double().numpy()
        return x / np.sqrt(np.mean(x**2))

    draws = [
        placed(collate((1, 0.5)), loaded(0)),
        placed(collate((1, 0.5)), loaded(0, name="other.wav#0.0")),
        placed(collate((1, 0.5), seed=1), loaded(0)),
        placed(collate((1, 0.5), level=-20.0), loaded(0)),
        placed(collate((1, 0.5), level="snr", snr=3.0), loaded(0)),
        placed(collate((2, 0.5)), loaded(0), 2000),
    ]
    between = np.corrcoef(draws)[np.triu_indices(len(draws), 1)]
    assert np.abs(between).max() < 5 / np.sqrt(500)


@pytest.mark.parametrize(("level", "snr", "expected"), [(-20.0, None, -20.0), ("snr", 6.0, None)])
def test_the_level_of_the_config_is_that_of_the_noise(level, snr, expected):
    pair = collate((1, 0.5), level=level, snr=snr).pair(loaded(0))
    music = 10 * np.log10(np.mean(pair.clean[:, 1000:1500].double().numpy() ** 2))
    assert pair.corrupted[0].corruption.measured.level_db == pytest.approx(music - 6 if expected is None else expected)


def test_moving_a_batch_moves_its_audio_and_keeps_the_rest():
    batch = collate((1, 0.5))([loaded(0), Done(1)])
    moved = batch.to(torch.device("meta"))
    assert (moved.items[0].clean.device.type, moved.items[0].corrupted[0].audio.device.type) == ("meta", "meta")
    assert moved.items[0].corrupted[0].corruption is batch.items[0].corrupted[0].corruption
    assert moved.items[1] == Done(1)


def test_pinning_reaches_all_audio(monkeypatch):
    """As the DataLoader does for a GPU, whose driver isn't here: what would be pinned is marked."""
    variant = Variant("white", at(1.0, 0.5))
    clean = torch.zeros(1, 640)
    made = [Corrupted(variant, (), audio, Corruption(None)) for audio in [clean + 1, None]]
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self + 10)
    pair, done = Batch((Pair(3, loaded(3).clip, clean, tuple(made)), Done(4))).pin_memory().items
    assert done == Done(4)
    assert pair.clean.unique().tolist() == [10.0]
    assert pair.corrupted[0].audio.unique().tolist() == [11.0]
    assert pair.corrupted[1].audio is None


def test_another_clip_is_decoded_once_for_all_variants():
    decoded = []
    clips = [Clip(f"{name}#0.0", Path(name), 0.0, 4.0, name, "g") for name in "abc"]

    def decode(clip):
        decoded.append(clip.id)
        return loaded(len(clip.id)).audio

    variants = tuple(Variant("other", at(1, length)) for length in (0.1, 0.2, 0.3))
    make = PairCollate(NoiseConfig("other", variants, other.Options()), 0, RATE, HOP, clips, decode)
    assert len(make.pair(Loaded(0, clips[0], loaded(0).audio)).corrupted) == 3
    assert len(decoded) == 1
