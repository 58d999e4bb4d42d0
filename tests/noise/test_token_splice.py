"""What all noise on tokens promises: codes outside the span stay to the bit, and nothing leaks out before the onset.

Each kind is taken from collate to nll as the probe takes it, on two models whose likelihood is known exactly (mono with
delays 0, 1, 2; stereo with 0, 0, 1, 1, 2, 2, 3, 3) and on the embedded one. Codebook k of frame t, with delay d, is
predicted from frames up to t + d - 1 of codebook 0, so from its own code and a context that ends there: a change from
frame `on` on can reach it from frame on - max(d - 1, 0) on, and under parallel scoring from `on` on.
"""

import pickle
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from running import weights
from toys import ToyLM

from noiseprobe.config import PACKAGE, NoiseConfig
from noiseprobe.data.audio import decode
from noiseprobe.data.collate import Loaded, PairCollate
from noiseprobe.data.manifest import Clip
from noiseprobe.errors import NoiseprobeError
from noiseprobe.models.backends.transformers import load
from noiseprobe.noise import token_noise, token_other, token_shuffle
from noiseprobe.noise.base import NoOptions
from noiseprobe.noise.tools.splice import Splice, frames_of, spliced
from noiseprobe.variants import Fixed, Place, Span, Variant

KINDS = {
    "token_noise": token_noise.Options(level=-20.0),
    "token_random": NoOptions(),
    "token_other": token_other.Options(),
    "token_shuffle": token_shuffle.Options(segment_frames=2),
    "token_self": NoOptions(),
    "reencode": NoOptions(),
}


class Toy(ToyLM):
    """ToyLM with a codec for any audio: sample n * hop + k of channel c, in thousandths, is code k of frame n there.

    What it decodes comes back 1 higher.
    """

    def __init__(self, channels):
        super().__init__(codebooks=3 if channels == 1 else 8, cardinality=50)
        self.channels = channels
        if channels == 2:
            self.delays = (0, 0, 1, 1, 2, 2, 3, 3)

    def encode(self, audio):
        b, c, n = audio.shape
        frames = audio.view(b, c, n // self.hop, self.hop)[..., : self.codebooks // c]
        return ((frames * 1000).round().long() % self.cardinality).permute(0, 3, 1, 2).flatten(1, 2)

    def decode(self, codes):
        b, k, t = codes.shape
        audio = torch.zeros(b, self.channels, t, self.hop)
        audio[..., : k // self.channels] = codes.view(b, -1, self.channels, t).permute(0, 2, 3, 1) + 1
        return audio.flatten(2) / 1000


class Scored:
    """One clip of a model in one variant: clean and corrupted codes, those of what was encoded, and nll."""

    def __init__(self, model, kind, places, scoring, seconds=0.8):
        clips = clips_of(model, seconds)
        variant = Variant(kind, Fixed(tuple(Place(*p) for p in places)))
        noise = NoiseConfig(kind, (variant,), KINDS[kind])
        make = PairCollate(noise, 0, model.sample_rate, model.hop, list(clips), clips.get)
        clip = next(iter(clips))
        before = clips[clip].clone()
        made = pickle.loads(pickle.dumps(make.corrupted(Loaded(0, clip, clips[clip]), variant)))  # as from a worker
        assert torch.equal(clips[clip], before), "the clean samples were written to"
        self.spans = [(s.on, s.off) for s in made.spans]
        with torch.inference_mode():
            self.clean = model.encode(clips[clip][None])[0]
            self.other = None if made.audio is None else model.encode(made.audio[None])[0]
            before = self.clean.clone()
            self.codes = made.corruption.recode(self.clean, self.other, model)
            assert torch.equal(self.clean, before), "the clean codes were written to"
            assert made.corruption.frame_map is None
            self.nll, self.nll_clean = (model.nll(c[None], scoring)[0] for c in [self.codes, self.clean])
        assert self.codes.shape == self.clean.shape
        assert self.codes.min() >= 0
        assert self.codes.max() < model.cardinality


@cache
def clips_of(model, seconds):
    """Two clips, of two songs, with their samples."""
    if isinstance(model, Toy):
        g = torch.Generator().manual_seed(1)
        n = round(seconds * model.sample_rate)
        clips = [Clip(f"{s}#0.0", Path(s), 0.0, seconds, s, "g") for s in "ab"]
        return {c: torch.rand(model.channels, n, generator=g) for c in clips}
    files = sorted((PACKAGE / "assets/demo/bach").glob("*.ogg"))[:2]
    clips = [Clip(f"{f.name}#3.0", f, 3.0, seconds, f.name, "g") for f in files]
    return {c: decode(c, model.sample_rate, model.channels) for c in clips}


@cache
def model(name):
    if name == "tiny":
        return load(weights(PACKAGE / "assets/tiny"), "fp32")
    return Toy({"mono": 1, "stereo": 2}[name])


ALL = [
    (name, kind, scoring) for name in ["mono", "stereo", "tiny"] for kind in KINDS for scoring in ["delay", "parallel"]
]
PLACES = {
    "inside": [(0.3, 0.2)],
    "three": [(0.1, 0.08), (0.3, 0.08), (0.6, 0.12)],
    "from the start": [(0, 0.2)],
    "to the end": [(0.6, None)],
    "off the grid": [(0.307, 0.085)],
    "whole": [(0, None)],
}
FRAMES = {
    "inside": [(15, 25)], "three": [(5, 9), (15, 19), (30, 36)], "from the start": [(0, 10)], "to the end": [(30, 40)],
    "off the grid": [(15, 20)], "whole": [(0, 40)],
}  # fmt: skip


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["mono", "stereo", "tiny"])
def test_codes_in_the_spans_are_the_donor_s_and_all_others_the_clean_ones(name, kind, places):
    s = Scored(model(name), kind, PLACES[places], "delay")
    assert s.spans == FRAMES[places]
    inside = torch.zeros(s.clean.shape[1], dtype=torch.bool)
    for on, off in FRAMES[places]:
        inside[on:off] = True
    assert torch.equal(s.codes[:, ~inside], s.clean[:, ~inside])
    if s.other is not None:
        assert torch.equal(s.codes[:, inside], s.other[:, inside])
    assert torch.equal(s.codes, s.clean) == (kind == "token_self")
    if kind == "reencode" and name != "tiny":
        assert torch.equal(s.codes[:, inside], (s.clean[:, inside] + 1) % 50)
    if kind != "token_self":  # each span does change
        for on, off in FRAMES[places]:
            assert not torch.equal(s.codes[:, on:off], s.clean[:, on:off])


@pytest.mark.parametrize(("name", "kind", "scoring"), ALL)
def test_nothing_leaks_out_before_the_onset(name, kind, scoring):
    s = Scored(model(name), kind, [(0.4, 0.2)], scoring)
    on, delays = 20, model(name).delays
    first = 0 if scoring == "delay" else 1
    differs = s.nll != s.nll_clean
    assert torch.isfinite(s.nll[:, first:]).all()
    for k, d in enumerate(delays):
        reach = max(d - 1, 0) if scoring == "delay" else 0
        assert not differs[k, first : on - reach].any(), f"codebook {k}"
    assert not differs[0, first:on].any()
    assert differs[:, on:].any() == (kind != "token_self")


@pytest.mark.parametrize("scoring", ["delay", "parallel"])
@pytest.mark.parametrize("name", ["mono", "stereo", "tiny"])
def test_the_clip_s_own_tokens_change_no_bit(name, scoring):
    for places in PLACES.values():
        s = Scored(model(name), "token_self", places, scoring)
        assert torch.equal(s.codes, s.clean)
        assert s.nll.numpy().tobytes() == s.nll_clean.numpy().tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_length_0_changes_nothing(kind):
    s = Scored(model("mono"), kind, [(0.3, 0)], "delay")
    assert torch.equal(s.codes, s.clean)


@pytest.mark.parametrize("kind", ["token_random", "token_other"])
def test_shorter_codes_are_the_beginning_of_longer(kind):
    long = Scored(model("stereo"), kind, [(0.2, 0.5)], "delay").codes
    for n in [1, 4, 10]:
        short = Scored(model("stereo"), kind, [(0.2, n / 50)], "delay").codes
        assert torch.equal(short[:, 10 : 10 + n], long[:, 10 : 10 + n])


# The splice itself


def counting(k=4, t=20, first=0):
    return torch.arange(first, first + k * t).view(k, t)


def test_frames_are_put_in_place_of_others():
    clean, other = counting(), counting(first=1000)
    before = clean.clone()
    found = Splice(((2, 5), (18, 20)))(clean, other, model("mono"))
    expected = [
        [o if t in [2, 3, 4, 18, 19] else c for t, (c, o) in enumerate(zip(cs, os, strict=True))]
        for cs, os in zip(clean.tolist(), other.tolist(), strict=True)
    ]
    assert found.tolist() == expected
    assert torch.equal(clean, before)


@pytest.mark.parametrize("other", [counting(t=1), counting(t=19), counting(t=21), counting(k=1), counting(k=8)])
def test_codes_of_another_shape_are_an_error(other):
    """A single column or codebook would be repeated without one."""
    with pytest.raises(NoiseprobeError, match=r"^the codec gave codes of shape \(\d+, \d+\) for audio as long as"):
        spliced(counting(), other, [(2, 5)])


def test_a_splice_without_codes_is_an_error_and_one_without_frames_none():
    with pytest.raises(AssertionError, match="needs the codes of some audio"):
        Splice(((2, 5),))(counting(), None, model("mono"))
    assert torch.equal(Splice(())(counting(), None, model("mono")), counting())


def test_frames_of_spans():
    spans = [Span(0.0, 0, 100, 0, 5), Span(1.0, 1000, 1000, 50, 50), Span(2.0, 2000, 2010, 100, 101)]
    assert frames_of(spans) == ((0, 5), (100, 101))
    assert frames_of(np.array([], dtype=object)) == ()
