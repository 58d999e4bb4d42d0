"""What is left of the past after noise on tokens: which frames, which codes, and what a toy model makes of it."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from kinds import attempt
from torch import Tensor

from noiseprobe.config import NoiseConfig
from noiseprobe.data.collate import Loaded, PairCollate
from noiseprobe.data.manifest import Clip, Manifest
from noiseprobe.functional.amnesia import amnesia
from noiseprobe.lightning_module import NoiseProbe
from noiseprobe.models.base import MusicLM
from noiseprobe.noise.base import CannotCorrupt, Draws, Heard
from noiseprobe.noise.token_past import PASTS, Options, corrupt
from noiseprobe.results import tables
from noiseprobe.results.records import Records
from noiseprobe.variants import Variant, at

HOP, RATE, FRAMES = 10, 500, 400
ON, OFF = 100, 200
VARIANT = Variant("token_past", at(2.0, 2.0))
CLIP = Clip("a.wav#0.0", Path("a.wav"), 0.0, 8.0, "song", "group", content="c0ffee")
MUSIC, NOISE, SPECIAL = 25, 25, 50  # ids below 25 are music, the next 25 noise


class Memory(MusicLM):
    """Expects music the more surely the more of it is in its context; one that forgets counts from the last noise on.

    With n frames of music the chance that a code is music is (n + 1) / (n + 101): old music helps, and for long. What
    it has seen of noise changes nothing, if it doesn't forget.
    """

    def __init__(self, forgets: bool) -> None:
        super().__init__()
        self.forgets = forgets
        self.sample_rate, self.channels, self.hop = RATE, 1, HOP
        self.codebooks, self.cardinality, self.delays = 3, MUSIC + NOISE, (0, 1, 2)
        self.look_ahead = self.look_back = 0
        self.max_frames = 10_000

    def encode(self, audio: Tensor) -> Tensor:
        """Whole numbers are music, all else is noise."""
        x = audio[:, 0].reshape(len(audio), -1, HOP)[..., :3].transpose(1, 2).double()
        whole = (x == x.round()) & (x >= 0) & (x < MUSIC)
        return torch.where(whole, x, MUSIC + (x.abs() * 1000).floor() % NOISE).long()

    def logits(self, steps: Tensor, description: str | None = None) -> Tensor:
        first = steps[:, 0]
        music, noise = (first < MUSIC).double(), ((first >= MUSIC) & (first < SPECIAL)).double()
        seen = music.cumsum(-1)
        if self.forgets:
            last = torch.where(noise > 0, seen, 0.0).cummax(-1).values
            seen = seen - last
        p = ((seen + 1) / (seen + 101))[:, None, :, None]
        split = torch.tensor([True] * MUSIC + [False] * NOISE)
        return torch.where(split, (p / MUSIC).log(), ((1 - p) / NOISE).log()).expand(-1, 3, -1, -1)


def audio() -> np.ndarray:
    """Codes of music, that sample n * hop + k holds."""
    return np.random.RandomState(0).randint(1, MUSIC, (1, FRAMES * HOP)).astype(np.float32)


def row(past: str, model: MusicLM, folder: Path, scoring: str = "delay") -> dict:
    """The clip's row of clips.parquet, the way a cell makes it."""
    noise = NoiseConfig("token_past", (VARIANT,), Options(past))
    manifest = Manifest((CLIP,), ())
    probe = NoiseProbe(model, scoring, (VARIANT,), manifest, Records(folder), FRAMES)
    pair = PairCollate(noise, 0, RATE, HOP, [CLIP], lambda clip: None)  # type: ignore[arg-type, return-value]
    record = probe.score(pair.pair(Loaded(0, CLIP, torch.from_numpy(audio()))))
    cell = SimpleNamespace(
        name="cell", clips=(CLIP,), pattern=probe.pattern, look=(0, 0), level=None, noise_options="{}",
        variants={VARIANT.name: VARIANT}, config=SimpleNamespace(model=SimpleNamespace(name="m")),
        sample_rate=RATE, hop=HOP,
    )  # fmt: skip
    (found,) = tables.clip_rows(cell, record)  # type: ignore[arg-type]
    return found


def heard() -> Heard:
    return Heard(CLIP, audio(), RATE, HOP, lambda song, samples: pytest.fail("asks for no other clip"))


def made(past: str, variant: Variant = VARIANT):
    spans = variant.spans(RATE, HOP, FRAMES * HOP, np.random.RandomState(0))
    return corrupt(heard(), spans, Draws(0, CLIP.id, "token_past", "match"), Options(past))


def codes(past: str) -> tuple[Tensor, Tensor]:
    model, found = Memory(False), made(past)
    clean = model.encode(torch.from_numpy(audio())[None])[0]
    other = None if found.audio is None else model.encode(torch.from_numpy(found.audio)[None])[0]
    return clean, found.recode(clean, other, model)


def test_what_each_sequence_holds():
    clean, noisy = codes("noisy")
    noise = noisy[:, ON:OFF]
    assert (noise >= MUSIC).all()
    assert torch.equal(noisy, torch.cat([clean[:, :ON], noise, clean[:, OFF:]], 1))
    assert torch.equal(codes("alone")[1], torch.cat([noise, clean[:, OFF:]], 1)), "the same noise, bit for bit"
    assert torch.equal(codes("cut")[1], torch.cat([clean[:, :ON], clean[:, OFF:]], 1))
    assert torch.equal(codes("none")[1], clean[:, OFF:])


def test_frames_keep_their_counterparts():
    assert made("noisy").frame_map is None
    after = list(range(FRAMES - OFF))
    assert made("alone").frame_map.tolist() == [-1] * ON + list(range(FRAMES - ON))
    assert made("cut").frame_map.tolist() == [*range(ON), *[-1] * (OFF - ON), *(ON + t for t in after)]
    assert made("none").frame_map.tolist() == [-1] * OFF + after


def test_noise_that_isnt_there_has_no_level():
    for past in PASTS:
        m, there = made(past).measured, past in ["noisy", "alone"]
        assert (m.level_db is not None) == (m.noise_db is not None) == there
        assert m.music_db is not None
        assert (Options(past).level_key == "match") == there


def test_nothing_after_the_noise_is_nothing_to_compare():
    to_the_end = Variant("token_past", at(2.0, None))
    assert made("noisy", to_the_end).audio is not None
    for past in PASTS[1:]:
        with pytest.raises(CannotCorrupt, match="nothing follows"):
            made(past, to_the_end)


@pytest.mark.parametrize("scoring", ["delay", "parallel"])
@pytest.mark.parametrize(("forgets", "expected"), [(False, 0.0), (True, 1.0)])
def test_a_model_that_remembers_everything_has_amnesia_0_and_one_that_forgets_at_the_noise_1(
    tmp_path: Path, forgets: bool, expected: float, scoring: str
):
    found = {past: row(past, Memory(forgets), tmp_path, scoring) for past in PASTS}
    b, c, e, f = (found[past]["after_delta"] for past in ["noisy", "none", "cut", "alone"])
    assert c - e > 0.2, "old music is worth something"
    assert 1 - (f - b) / (c - e) == pytest.approx(expected, abs=1e-6)
    # the index of three songs, of which each is the same
    index = amnesia(*(np.array([x - 0.01, x, x + 0.01]) for x in (b, c, e, f)))
    assert index.amnesia.estimate == pytest.approx(expected, abs=1e-6)
    # what the noise replaced is lost to both
    assert 0 < index.context_loss.estimate <= 1
    if forgets:
        assert index.context_loss.estimate == pytest.approx(1, abs=1e-6)
    # inside the noise its own codes: music before it makes them less likely, if it is remembered
    inside = found["alone"]["inside_delta"] - found["noisy"]["inside_delta"]
    assert inside == pytest.approx(0, abs=1e-6) if forgets else inside < -0.2


def test_the_first_frames_are_skipped_and_a_second_is_taken(tmp_path: Path):
    """By hand: nll is -ln((n + 1) / (n + 101) / 25), n the frames of music that the step has seen."""
    found = row("none", Memory(False), tmp_path)
    assert found["skipped"] == 2

    def nll(seen):
        return -np.log((seen + 1) / (seen + 101) / MUSIC)

    # codebook k of frame t is predicted by step t + k, which has seen frames up to t + k - 1 of codebook 0
    expected = [
        np.mean([nll(t - OFF + k) - nll(t + k) for k in range(3)]) for t in range(OFF + 2, OFF + 2 + RATE // HOP)
    ]
    assert found["after_delta"] == pytest.approx(np.mean(expected), abs=1e-6)


def test_several_spans_count_from_the_first_to_the_last():
    found, _ = attempt("token_past", ((1.0, 0.5), (2.0, 0.4)))
    assert found.made.frame_map is None
