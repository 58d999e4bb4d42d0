"""Two backends, one likelihood: the same weights through both, and against audiocraft's own loss.

The oracles here are the libraries' own objects, called as their own training and generation call them; the slow scorer
at the end predicts one token at a time and shares no code with noiseprobe.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import checkpoints
import numpy as np
import pytest
import torch
from checkpoints import CARD, Made
from running import composed, weights
from torch import Tensor

from noiseprobe.config import PACKAGE, ModelConfig, check
from noiseprobe.data.audio import decode
from noiseprobe.data.sources.folder import listing
from noiseprobe.models.base import MusicLM
from noiseprobe.models.weights import locate, with_text

pytest.importorskip("audiocraft", reason="audiocraft isn't installed")

from noiseprobe.models.backends import audiocraft, transformers

KINDS = {
    "mono": {},
    "stereo": {"stereo": True},
    "melody": {"melody": True},
    "stereo-melody": {"stereo": True, "melody": True},
}
TEXT = "a quiet piano"


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return checkpoints.make(tmp_path_factory.mktemp(request.param), **KINDS[request.param])


@pytest.fixture(scope="module")
def models(made: Made) -> tuple[MusicLM, MusicLM]:
    return both(made)


def both(made: Made, precision: str = "fp32") -> tuple[MusicLM, MusicLM]:
    """The two backends, with their text encoders."""
    ours = locate(ModelConfig("m", "audiocraft", made.audiocraft, text_encoder=made.t5))
    theirs = locate(ModelConfig("m", "transformers", made.transformers))
    return (
        audiocraft.load(with_text(ModelConfig("m", text_encoder=made.t5), ours), precision),
        transformers.load(with_text(ModelConfig("m"), theirs), precision),
    )


def noise(model: MusicLM, frames: int, seed: int = 1) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(1, model.channels, frames * model.hop - 100, generator=g) * 0.3


def random_codes(model: MusicLM, frames: int, batch: int = 1) -> Tensor:
    return torch.randint(CARD, (batch, model.codebooks, frames), generator=torch.Generator().manual_seed(2))


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def test_both_declare_the_same(models: tuple[MusicLM, MusicLM]) -> None:
    names = [
        "sample_rate", "channels", "hop", "codebooks", "cardinality", "delays", "look_ahead", "look_back", "frame_rate",
    ]  # fmt: skip
    first, second = ({name: getattr(model, name) for name in names} for model in models)
    assert first == second
    assert (first["frame_rate"], first["look_ahead"], first["look_back"]) == (50.0, 4, 4)
    assert first["delays"] == ((0, 0, 1, 1, 2, 2, 3, 3) if first["channels"] == 2 else (0, 1, 2, 3))


def test_codes_and_their_audio_are_the_same(made: Made, models: tuple[MusicLM, MusicLM]) -> None:
    first, second = models
    audio = noise(first, 60)
    codes = first.encode(audio)
    assert codes.shape == (1, first.codebooks, 60)
    assert len(codes.unique()) > CARD // 2  # codes that were all the same would be equal too
    assert torch.equal(codes, second.encode(audio))
    if first.channels == 1:
        assert torch.equal(codes, made.codec.encode(audio)[0])
    else:  # left, right, left, right: each by itself
        for channel in range(2):
            own = made.codec.encode(audio[:, channel : channel + 1])[0]
            assert torch.equal(codes[:, channel::2], own)
    decoded = first.decode(codes)
    assert decoded.shape == (1, first.channels, 60 * 640)
    torch.testing.assert_close(second.decode(codes), decoded, atol=1e-5, rtol=0)


@pytest.mark.parametrize("scoring", ["delay", "parallel"])
@pytest.mark.parametrize("text", [None, TEXT])
def test_nll_is_the_same(models: tuple[MusicLM, MusicLM], scoring: str, text: str | None) -> None:
    first, second = models
    codes = random_codes(first, 80, batch=2)
    nll = first.nll(codes, scoring, text)
    torch.testing.assert_close(second.nll(codes, scoring, text), nll, atol=1e-4, rtol=0, equal_nan=True)
    assert nll.isnan().sum() == (0 if scoring == "delay" else 2 * first.codebooks)
    # one clip at a time is the same: a batch is no part of a result
    torch.testing.assert_close(first.nll(codes[1:], scoring, text)[0], nll[1], atol=1e-5, rtol=0, equal_nan=True)


def test_a_description_matters(models: tuple[MusicLM, MusicLM]) -> None:
    codes = random_codes(models[0], 20)
    for model in models:
        null, text, other = (model.nll(codes, "delay", d) for d in [None, TEXT, "loud techno"])
        assert (null - text).abs().max() > 1e-2
        assert (text - other).abs().max() > 1e-3


def own_conditions(made: Made, text: str | None) -> list:
    """The condition as audiocraft's MusicGen prepares it for generation without a melody."""
    from audiocraft.modules.conditioners import ConditioningAttributes, WavCondition

    attributes = ConditioningAttributes(text={"description": text})
    conditioners = made.lm.condition_provider.conditioners
    if "self_wav" in conditioners:
        conditioners["self_wav"].match_len_on_eval = True
        conditioners["self_wav"]._use_masking = False
        empty = WavCondition(torch.zeros(1, 1, 1), torch.tensor([0]), sample_rate=[32_000], path=[None])
        attributes.wav["self_wav"] = empty
    return [attributes]


@pytest.mark.parametrize("text", [None, TEXT])
def test_the_mean_is_audiocrafts_own_training_loss(
    made: Made, models: tuple[MusicLM, MusicLM], text: str | None
) -> None:
    """Its LMModel with its T5 and chroma conditioners, its pattern, its mask, its cross-entropy."""
    from audiocraft.solvers.musicgen import MusicGenSolver

    codes = random_codes(models[0], 40)
    out = made.lm.compute_predictions(codes, own_conditions(made, text))
    loss, by_codebook = MusicGenSolver._compute_cross_entropy(None, out.logits, codes, out.mask)
    assert out.mask.sum() < out.mask.numel()  # it leaves out the last k frames of codebook k
    for model in models:
        nll = model.nll(codes, "delay", text)
        means = [nll[0, k][out.mask[0, k]].double().mean().item() for k in range(model.codebooks)]
        assert means == pytest.approx([x.item() for x in by_codebook], abs=1e-5)
        assert np.mean(means) == pytest.approx(loss.item(), abs=1e-5)


def test_the_pattern_run_to_its_end_is_audiocrafts(made: Made, models: tuple[MusicLM, MusicLM]) -> None:
    codes = random_codes(models[0], 12)
    out = made.lm.compute_predictions(codes, own_conditions(made, None), keep_only_valid_steps=False)
    assert bool(out.mask.all())
    expected = -out.logits.log_softmax(-1).gather(-1, codes[..., None])[..., 0]
    for model in models:
        torch.testing.assert_close(model.nll(codes), expected, atol=2e-5, rtol=0)


def token_by_token(made: Made, codes: list[list[int]], text: str | None, upto: int) -> dict[tuple[int, int], float]:
    """nll of each code of the first frames, each predicted by itself from what stands before it.

    Codebook k of frame t stands at step t + d_k + 1, everything else is the special token; the steps up to the one
    before are given to audiocraft's language model, whose last logits are the prediction.
    """
    d = [k // 2 for k in range(8)] if len(codes) == 8 else [0, 1, 2, 3]
    found = {}
    for k in range(len(codes)):
        for t in range(upto):
            columns = []
            for step in range(t + d[k] + 1):
                frames = [step - 1 - d[j] for j in range(len(codes))]
                columns.append([codes[j][f] if 0 <= f < len(codes[0]) else CARD for j, f in enumerate(frames)])
            logits = made.lm(torch.tensor([columns]).transpose(1, 2), own_conditions(made, text))[0, k, -1].tolist()
            top = max(logits)
            total = math.log(sum(math.exp(x - top) for x in logits)) + top
            found[k, t] = total - logits[codes[k][t]]
    return found


@pytest.mark.parametrize("text", [None, TEXT])
def test_a_slow_scorer_finds_the_same(made: Made, models: tuple[MusicLM, MusicLM], text: str | None) -> None:
    codes = random_codes(models[0], 9)
    expected = token_by_token(made, codes[0].tolist(), text, upto=9)
    for model in models:
        nll = model.nll(codes, "delay", text)[0]
        for (k, t), value in expected.items():
            assert nll[k, t].item() == pytest.approx(value, abs=2e-5), (k, t)


def test_parallel_is_the_undelayed_input_without_special_token(made: Made, models: tuple[MusicLM, MusicLM]) -> None:
    codes = random_codes(models[0], 9)
    for frame in range(1, 9):
        logits = made.lm(codes[..., :frame], own_conditions(made, None))[0, :, -1].log_softmax(-1)
        expected = -logits.gather(-1, codes[0, :, frame, None])[:, 0]
        for model in models:
            torch.testing.assert_close(model.nll(codes, "parallel")[0, :, frame], expected, atol=2e-5, rtol=0)


def test_melodys_prefix_is_part_of_the_score(made: Made, models: tuple[MusicLM, MusicLM]) -> None:
    if "self_wav" not in made.lm.condition_provider.conditioners:
        pytest.skip("no melody")
    codes = random_codes(models[0], 20)
    first, second = models
    nll = first.nll(codes)
    assert first.chroma.shape == (1, 235, 12)
    assert second.chroma_length == 235
    chroma, first.chroma = first.chroma, None
    try:
        assert (first.nll(codes) - nll).abs().max() > 1e-2
    finally:
        first.chroma = chroma


def test_bf16_is_near_and_scored_in_float32(made: Made, models: tuple[MusicLM, MusicLM]) -> None:
    """Over 600 frames: positions beyond 256 have no exact bf16 numbers."""
    codes = random_codes(models[0], 600)
    audio = noise(models[0], 30)
    for model, exact in zip(both(made, "bf16"), models, strict=True):
        nll, reference = model.nll(codes), exact.nll(codes)
        assert nll.dtype == torch.float32
        assert (nll - reference).abs().mean() < 0.03
        assert (nll - reference).abs().max() < 0.3
        assert abs((nll - reference).mean()) < 5e-3
        assert not torch.equal(nll, reference)
        assert torch.equal(model.encode(audio), exact.encode(audio))
        if isinstance(model, audiocraft.AudiocraftMusicGen):
            assert {p.dtype for p in model.lm.parameters()} == {torch.bfloat16}
            assert {p.dtype for p in model.codec.parameters()} == {torch.float32}
            assert {p.dtype for p in model.text.parameters()} == {torch.float32}
        else:
            assert {p.dtype for p in model.decoder.parameters()} == {torch.bfloat16}
            assert {p.dtype for p in model.codec.parameters()} == {torch.float32}
            assert {p.dtype for p in model.text.parameters()} == {torch.float32}


def test_no_text_encoder_is_loaded_without_a_description(made: Made) -> None:
    for backend, folder, load in [
        ("audiocraft", made.audiocraft, audiocraft.load), ("transformers", made.transformers, transformers.load),
    ]:  # fmt: skip
        model = load(weights(folder, backend), "fp32")
        assert model.text is None
        assert not any("t5" in type(m).__name__.lower() for m in model.modules())
        with pytest.raises(ValueError, match="description: got a text"):
            model.nll(random_codes(model, 5), "delay", TEXT)


def test_the_declared_reach_is_the_measured_one(models: tuple[MusicLM, MusicLM]) -> None:
    """In audiocraft's encoder without its LSTM; tests/models/test_transformers.py measures the other."""
    codec = models[0].codec
    encoder = getattr(codec, "model", codec).encoder
    layers = [m for m in encoder.model if type(m).__name__ != "StreamableLSTM"]
    assert len(layers) == len(encoder.model) - 1
    on, off, frames = 40, 55, 100
    clean = noise(models[1], frames)[:, :1]
    corrupted = clean.clone()
    corrupted[..., on * 640 : off * 640] += 1.0
    a, b = (torch.nn.Sequential(*layers)(x) for x in (clean, corrupted))
    changed = (a != b).any(1)[0].nonzero()[:, 0]
    assert (changed.min().item(), changed.max().item()) == (on - models[0].look_ahead, off - 1 + models[0].look_back)


def test_a_checkpoint_in_half_precision_is_scored_in_float32(made: Made, tmp_path: Path) -> None:
    """The released language models are stored so."""
    package = torch.load(made.audiocraft / "state_dict.bin", weights_only=True)
    package["best_state"] = {k: v.half() for k, v in package["best_state"].items()}
    torch.save(package, tmp_path / "state_dict.bin")
    (tmp_path / "compression_state_dict.bin").write_bytes((made.audiocraft / "compression_state_dict.bin").read_bytes())
    half = audiocraft.load(weights(tmp_path, "audiocraft"), "fp32")
    assert {p.dtype for p in half.lm.parameters()} == {torch.float32}
    codes = random_codes(half, 30)
    exact = audiocraft.load(weights(made.audiocraft, "audiocraft"), "fp32").nll(codes)
    torch.testing.assert_close(half.nll(codes), exact, atol=0.05, rtol=0)


def test_the_trained_model_scores_music_the_same_in_both(tmp_path: Path) -> None:
    checkpoints.as_audiocraft(PACKAGE / "assets/tiny", tmp_path / "audiocraft")
    first = audiocraft.load(weights(tmp_path / "audiocraft", "audiocraft"), "fp32")
    second = transformers.load(weights(PACKAGE / "assets/tiny"), "fp32")
    clips = listing(check(composed("data.limit=4")).data).clips
    for clip in clips:
        audio = decode(clip, first.sample_rate, first.channels)[None]
        codes = first.encode(audio)
        assert torch.equal(codes, second.encode(audio))
        for scoring in ["delay", "parallel"]:
            nll = first.nll(codes, scoring)
            torch.testing.assert_close(second.nll(codes, scoring), nll, atol=1e-4, rtol=0, equal_nan=True)


@pytest.mark.parametrize("backend", ["audiocraft", "transformers"])
def test_a_uniform_head_costs_the_logarithm_of_the_cardinality(tmp_path: Path, backend: str) -> None:
    """ln 2048 = 7.6246, as for the released models, whatever the codes."""
    made = checkpoints.make(tmp_path, card=2048)
    models = {"audiocraft": audiocraft, "transformers": transformers}
    model = models[backend].load(weights(getattr(made, backend), backend), "fp32")
    codes = torch.randint(2048, (1, 4, 100), generator=torch.Generator().manual_seed(0))
    assert model.nll(codes).mean().item() != pytest.approx(math.log(2048), abs=1e-3)
    for head in model.lm.linears if backend == "audiocraft" else model.decoder.lm_heads:
        head.weight.mul_(1e-4)
    for scoring in ["delay", "parallel"]:
        assert model.nll(codes, scoring).nanmean().item() == pytest.approx(7.624619, abs=1e-3)
