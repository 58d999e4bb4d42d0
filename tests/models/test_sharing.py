"""What a clip and its variants share, computed once: against each sequence by itself through the library's modules."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import checkpoints
import pytest
import torch
from checkpoints import CARD, Made
from running import weights
from torch import Tensor

from noiseprobe.config import PACKAGE, ModelConfig
from noiseprobe.models.backends import transformers
from noiseprobe.models.base import Encoded, MusicLM
from noiseprobe.models.prefix import BLOCK
from noiseprobe.models.sharing import SharingLM
from noiseprobe.models.tiles import TILES, Inexact
from noiseprobe.models.weights import locate, with_text

audiocraft = pytest.importorskip("noiseprobe.models.backends.audiocraft", reason="audiocraft isn't installed")

Span = tuple[int, int | None]  # of samples, as a slice

KINDS = {"mono": {}, "stereo": {"stereo": True}, "melody": {"melody": True}}
TILE = TILES[0]
FRAMES = 380  # of codes that are scored: more than three blocks of steps
LENGTH = 200 * 640  # of sound that is encoded: five tiles


@pytest.fixture(
    scope="module", params=["mono", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ["stereo", "melody"])]
)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return checkpoints.make(tmp_path_factory.mktemp(request.param), filters=16, **KINDS[request.param])


@pytest.fixture(scope="module", params=["audiocraft", "transformers"])
def model(request: pytest.FixtureRequest, made: Made) -> SharingLM:
    folder = {"audiocraft": made.audiocraft, "transformers": made.transformers}[request.param]
    config = ModelConfig("m", request.param, folder, text_encoder=made.t5 if request.param == "audiocraft" else None)
    backend = {"audiocraft": audiocraft, "transformers": transformers}[request.param]
    return backend.load(with_text(config, locate(config)), "fp32")


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def sound(model: MusicLM, samples: int, seed: int) -> Tensor:
    return torch.randn(model.channels, samples, generator=torch.Generator().manual_seed(seed)) * 0.2


def with_noise(clean: Tensor, *spans: Span) -> Tensor:
    audio = clean.clone()
    for start, stop in spans:
        audio[:, start:stop] = sound_like(audio[:, start:stop])
    return audio


def sound_like(audio: Tensor) -> Tensor:
    return torch.randn(audio.shape, generator=torch.Generator().manual_seed(3)) * 0.2


SPANS: dict[str, list[Span]] = {
    "start": [(0, 3200)],
    "one sample at the start": [(0, 1)],
    "middle": [(64_000, 76_800)],
    "one sample": [(70_001, 70_002)],
    "two": [(32_000, 35_200), (96_000, 96_640)],
    "between tiles": [(TILE * 640 - 1, TILE * 640 + 1)],
    "end": [(-3200, None)],
    "last sample": [(-1, None)],
    "all": [(0, None)],
    "none": [],
}
FEW = ["two", "between tiles", "last sample"]  # where channels or the clip's end are what matters


def check_codes(model: SharingLM, clean: Tensor, corrupted: Sequence[Tensor]) -> Encoded:
    encoded, others = model.encode_all(clean, corrupted)
    assert model.tiles is not None
    assert model.tiles.chosen[clean.shape[1]] is not None, "encoded whole, so nothing was compared"
    for audio, codes in zip([clean, *corrupted], [encoded.codes, *others], strict=True):
        torch.testing.assert_close(codes, model.encode(audio[None])[0], rtol=0, atol=0)
    again, repeated = model.encode_all(clean, corrupted, known=encoded)
    assert again is encoded
    for one, other in zip(others, repeated, strict=True):
        assert torch.equal(one, other)
    return encoded


@pytest.mark.parametrize("samples", [LENGTH, LENGTH - 100, LENGTH - 639])
def test_codes_are_those_of_the_whole_encoder(model: SharingLM, samples: int) -> None:
    clean = sound(model, samples, 1)
    names = SPANS if model.channels == 1 and samples == LENGTH else FEW
    check_codes(model, clean, [with_noise(clean, *SPANS[name]) for name in names])


@pytest.mark.parametrize("frames", [1, 2, TILE - 1, TILE, TILE + 1, TILE + 2, TILE + 3, 2 * TILE + 1])
def test_codes_of_short_clips(model: SharingLM, frames: int) -> None:
    clean = sound(model, frames * 640 - 7, 1)
    check_codes(model, clean, [with_noise(clean, (0, 300)), with_noise(clean, (frames * 640 - 300, frames * 640))])


def test_codes_of_variants_of_other_lengths(model: SharingLM) -> None:
    clean = sound(model, 130 * 640, 1)
    check_codes(
        model, clean, [clean[:, :50_000], torch.cat([clean, clean[:, :7000]], 1), clean[:, 640:], clean[:, :640]]
    )


def test_only_tiles_in_which_a_sample_differs_are_computed(model: SharingLM) -> None:
    tiles = model.tiles
    assert tiles is not None
    clean = sound(model, LENGTH, 1)
    encoded, _ = model.encode_all(clean, [])
    computed: list[int] = []
    first = tiles.encoder.before[0]
    hook = first.register_forward_pre_hook(lambda _, inputs: computed.append(inputs[0].shape[-1]))
    # Samples 64,000 to 65,280 are frames 100 and 101, of which tile 2 (80 to 119) alone sees something.
    model.encode_all(clean, [with_noise(clean, (64_000, 65_280)), clean], known=encoded)
    assert computed == [(TILE + 2) * 640] * model.channels
    computed.clear()
    model.encode_all(clean, [])
    hook.remove()
    assert len(computed) == LENGTH // 640 // TILE * model.channels


def test_lengths_that_tiles_dont_fit_are_encoded_whole(made: Made, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    model = transformers.load(locate(ModelConfig("m", "transformers", made.transformers)), "fp32")
    assert model.tiles is not None
    # It reaches further than tiles say, as another codec might.
    object.__setattr__(model.tiles.encoder, "margin", (0, 0))
    clean = sound(model, LENGTH, 1)
    corrupted = with_noise(clean, (64_000, 76_800))
    with pytest.raises(Inexact):
        model.tiles.clip(clean[0])
    assert f"clips of {clean.shape[1]} samples are encoded whole" in caplog.text
    encoded, (codes,) = model.encode_all(clean, [corrupted])
    assert encoded.features is None
    assert torch.equal(encoded.codes, model.encode(clean[None])[0])
    assert torch.equal(codes, model.encode(corrupted[None])[0])
    again, (codes,) = model.encode_all(clean, [corrupted], known=encoded)
    assert again is encoded
    assert torch.equal(codes, model.encode(corrupted[None])[0])


def test_the_size_of_tiles_is_the_first_that_gives_the_same_bits(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    model = transformers.load(locate(ModelConfig("m", "transformers", made.transformers)), "fp32")
    assert model.tiles is not None
    tiled = type(model.tiles)._tiled
    monkeypatch.setattr(
        type(model.tiles), "_tiled", lambda self, x, tile, *a: tiled(self, x, tile, *a) * (1 + 1e-6 * (tile < 100))
    )
    model.tiles.clip(sound(model, LENGTH, 1)[0])
    assert model.tiles.chosen == {LENGTH: 100}


def changed(codes: Tensor, *places: tuple[int, int, int]) -> Tensor:
    """Another code at each (codebook, first frame, last frame + 1)."""
    codes = codes.clone()
    for codebook, first, last in places:
        codes[codebook, first:last] = (codes[codebook, first:last] + 1) % CARD
    return codes


def variants(clean: Tensor) -> list[Tensor]:
    last, frames = clean.shape[0] - 1, clean.shape[1]
    return [
        *(changed(clean, (0, at, at + 1)) for at in [0, BLOCK - 1, BLOCK, BLOCK + 1, frames - 1]),
        *(changed(clean, (last, at, at + 1)) for at in [0, frames - 1]),
        *(changed(clean, (1, 250, 260)), changed(clean, (2, 246, frames)), changed(clean, (0, 30, 40), (1, 200, 210))),
        # the beginning of the clean codes, in parallel scoring without a step of its own, at a block's end, too
        *(clean[:, : frames - 40], clean[:, : BLOCK + 1], clean[:, : 2 * BLOCK + 1]),
        *(clean, torch.cat([clean, clean[:, :50]], 1), changed(clean, (0, 0, frames))),
    ]


@pytest.mark.parametrize("description", [None, "a quiet piano"])
@pytest.mark.parametrize("scoring", ["delay", "parallel"])
def test_nll_is_that_of_each_sequence_by_itself(model: SharingLM, scoring: str, description: str | None) -> None:
    assert model.scorer is not None
    clean = torch.randint(CARD, (model.codebooks, FRAMES), generator=torch.Generator().manual_seed(2))
    corrupted = variants(clean)
    nll, others = model.nll_all(clean, corrupted, scoring, description)
    for codes, found in zip([clean, *corrupted], [nll, *others], strict=True):
        expected = model.nll(codes[None], scoring, description)[0]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-4, equal_nan=True)
    # What is known of the clean clip, which other variants there are and what was computed before change no bit.
    again, repeated = model.nll_all(clean, corrupted, scoring, description, known=nll)
    assert again is nll or torch.equal(again.nan_to_num(), nll.nan_to_num())
    alone = [model.nll_all(clean, [codes], scoring, description)[1][0] for codes in corrupted]
    for one, other, third in zip(others, repeated, alone, strict=True):
        assert torch.equal(one.nan_to_num(), other.nan_to_num())
        assert torch.equal(one.nan_to_num(), third.nan_to_num())


def test_the_lstm_of_the_last_frames_is_to_the_bit(model: SharingLM) -> None:
    """A kernel of its own runs single frames; what goes into the quantizer shows it, where codes seldom do."""
    assert model.tiles is not None
    clean = sound(model, FRAMES * 640, 1)[0]
    clip, seen = model.tiles.clip(clean), []
    encoder = model.tiles.encoder
    quantize = encoder.quantize
    object.__setattr__(encoder, "quantize", lambda x: seen.append(x) or quantize(x))
    for frame in [0, 1, 2, FRAMES - 3, FRAMES - 2, FRAMES - 1]:
        corrupted = clean.clone()
        corrupted[frame * 640 + 600 : frame * 640 + 640] += 0.3
        clip.variant(corrupted)
        assert torch.equal(seen[-1], encoder.whole(corrupted[None, None])), frame
    object.__setattr__(encoder, "quantize", quantize)


def test_channels_are_encoded_one_after_the_other(model: SharingLM) -> None:
    """As both libraries do for a stereo model; in a batch sums are rounded otherwise."""
    audio = sound(model, 100 * 640, 1)
    assert model.tiles is not None
    alone = [model.tiles.encoder.quantize(model.tiles.encoder.whole(own[None, None]))[0] for own in audio]
    codes = model.encode(audio[None])[0]
    for channel, own in enumerate(alone):
        assert torch.equal(codes[channel :: len(audio)], own)


def test_steps_that_are_shared_are_computed_once(model: SharingLM) -> None:
    clean = torch.randint(CARD, (model.codebooks, FRAMES), generator=torch.Generator().manual_seed(2))
    assert model.scorer is not None
    rows: list[int] = []
    decoder = model.scorer.decoder
    hook = decoder.norm.register_forward_pre_hook(lambda _, inputs: rows.append(inputs[0].shape[1]))  # type: ignore[union-attr]
    model.nll_all(clean, [changed(clean, (0, 246, 250)), changed(clean, (0, 247, 300)), clean])
    hook.remove()
    steps = FRAMES + max(model.delays)
    assert rows == [BLOCK, BLOCK, *[steps - 2 * BLOCK] * 3]


@pytest.mark.parametrize("scoring", ["delay", "parallel"])
def test_the_batches_of_a_gpu(model: SharingLM, scoring: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way that a GPU goes, on a CPU: variants as batches, halved where memory runs out."""
    assert model.scorer is not None
    clean = torch.randint(CARD, (model.codebooks, FRAMES), generator=torch.Generator().manual_seed(2))
    corrupted = variants(clean)
    monkeypatch.setattr("noiseprobe.models.prefix.together", lambda device: True)
    monkeypatch.setattr("noiseprobe.models.batches.together", lambda device: True)
    sizes: list[int] = []
    run = type(model.scorer.decoder).run

    def limited(self: object, x: Tensor, *args: object) -> Tensor:
        if len(x) > 3:
            raise torch.OutOfMemoryError("too many")
        sizes.append(len(x))
        return run(self, x, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(type(model.scorer.decoder), "run", limited)
    for known in [None, model.nll(clean[None], scoring)[0]]:
        _, others = model.nll_all(clean, corrupted, scoring, known=known)
        for codes, found in zip(corrupted, others, strict=True):
            torch.testing.assert_close(found, model.nll(codes[None], scoring)[0], rtol=0, atol=1e-4, equal_nan=True)
    assert max(sizes) in (2, 3)
    model.batches.most = None


def test_the_embedded_model_in_bf16(tmp_path: Path) -> None:
    """Trained weights: the fast and the slow way differ by rounding alone."""
    model = transformers.load(weights(PACKAGE / "assets/tiny"), "bf16")
    g = torch.Generator().manual_seed(2)
    clean = torch.randint(model.cardinality, (model.codebooks, FRAMES), generator=g)
    corrupted = clean.clone()
    corrupted[:, 250:260] = 0
    nll, (other,) = model.nll_all(clean, [corrupted])
    for codes, found in [(clean, nll), (corrupted, other)]:
        off = found - model.nll(codes[None])[0]
        assert off.square().mean().sqrt() < 0.05
        assert off.mean().abs() < 2e-3


def test_scoring_works_in_and_outside_of_inference_mode(model: SharingLM) -> None:
    clean = torch.randint(CARD, (model.codebooks, 20), generator=torch.Generator().manual_seed(2))
    inside, _ = model.nll_all(clean, [])
    with torch.inference_mode(False):
        outside, _ = model.nll_all(clean.clone(), [])
    assert torch.equal(inside, outside)
