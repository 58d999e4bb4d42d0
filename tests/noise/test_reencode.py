"""Encoding twice: what is decoded, cut, encoded and spliced, on a codec whose every number is known."""

import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from running import composed
from toys import ToyLM

from noiseprobe.config import check
from noiseprobe.data.manifest import Clip
from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise.base import Draws, Heard, NoOptions
from noiseprobe.noise.reencode import CHANGES, WHOLE, Reencode, corrupt
from noiseprobe.variants import Fixed, Place, Variant

RATE, HOP, T = 1000, 20, 200


def recode(*places, n=T * HOP):
    audio = np.full((1, n), 0.5, dtype=np.float32)
    heard = Heard(Clip("a#0.0", Path("a"), 0, 4, "s", "g"), audio, RATE, HOP, None)
    variant = Variant("reencode", Fixed(tuple(Place(*p) for p in places)))
    spans = variant.spans(RATE, HOP, n, np.random.RandomState(0))
    made = corrupt(heard, spans, Draws(0, "a#0.0", "reencode", ""), NoOptions())
    assert (made.audio, made.frame_map) == (None, None)
    assert made.measured.noise_db is None
    return pickle.loads(pickle.dumps(made.recode))  # as from a worker


class Codec:
    """Sample i of frame n of channel c holds code c + i of frame n; what is encoded comes back 1 higher."""

    cardinality = 1000

    def __init__(self):
        self.heard = []

    def decode(self, codes):
        b, k, t = codes.shape
        audio = torch.zeros(b, 1, t, HOP)
        audio[:, 0, :, :k] = codes.transpose(1, 2).float()
        return audio.flatten(2)

    def encode(self, audio):
        self.heard.append(audio)
        b, _, n = audio.shape
        padded = torch.nn.functional.pad(audio, (0, -n % HOP))
        return padded.view(b, -1, HOP)[..., :4].transpose(1, 2).long() + 1


def codes():
    return torch.randint(0, 900, (4, T), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("places", "frames"),
    [
        ([(0, None)], [(0, 200)]),
        ([(1, 0.5)], [(50, 75)]),
        ([(0, 0.1), (2, 0.25), (3.9, None)], [(0, 5), (100, 113), (195, 200)]),
        ([(1, 0)], []),
    ],
)
def test_codes_of_the_decoded_codes_stand_in_the_span(places, frames):
    clean = codes()
    before = clean.clone()
    found = recode(*places)(clean, None, Codec())
    assert torch.equal(clean, before), "the clean codes were written to"
    expected = clean.clone()
    for on, off in frames:
        expected[:, on:off] += 1
    assert torch.equal(found, expected)


def test_the_audio_is_as_long_as_the_clip_s():
    """A clip needn't end with a whole frame; the decoder gives whole ones."""
    for n in [T * HOP, T * HOP - 1, T * HOP - HOP + 1]:
        codec = Codec()
        recode((0, None), n=n)(codes(), None, codec)
        (heard,) = codec.heard
        assert heard.shape == (1, 1, n)


def test_a_codec_that_gives_another_number_of_frames_is_an_error():
    codec = Codec()
    encode = codec.encode
    codec.encode = lambda audio: encode(audio)[..., :-1]
    with pytest.raises(
        NoiseprobeError, match=r"codes of shape \(4, 199\) for audio as long as that of shape \(4, 200\)"
    ):
        recode((0, None))(codes(), None, codec)


def test_a_model_without_a_decoder_is_an_error_of_one_line():
    with pytest.raises(
        NoiseprobeError, match=r"^noise.kind: got reencode, which needs a model that decodes: ToyLM has"
    ):
        recode((0, None))(torch.zeros(3, T, dtype=torch.long), None, ToyLM())


def test_other_errors_of_a_decoder_stay():
    def broken(codes):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        recode((0, None))(codes(), None, SimpleNamespace(decode=broken))


def test_it_declares_what_it_does():
    assert (CHANGES, WHOLE) == ("codes", True)
    noise = check(composed("noise=reencode")).noise
    assert noise.options == NoOptions()
    assert [v.name for v in noise.variants] == ["reencode@0.0s+end"]
    assert recode((0, None)) == Reencode(((0, 200),), 4000)
