"""The speed benchmark compares equal results, counts what it says it counts, and its files agree with each other."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import EncodecConfig, EncodecModel, MusicgenForCausalLM
from transformers.models.musicgen.configuration_musicgen import MusicgenDecoderConfig

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import __main__ as main
from bench import bound, report
from bench.published import Published
from bench.rounds import disagreement
from bench.stopwatch import Stopwatch
from noiseprobe.data.audio import decode
from noiseprobe.data.collate import Corrupted, Pair
from noiseprobe.data.manifest import Clip
from noiseprobe.models.backends.transformers import TransformersMusicGen
from noiseprobe.models.patterns import NONE
from noiseprobe.noise.base import Corruption
from noiseprobe.variants import Variant, at

SHAPE = bound.Shape(layers=2, width=32, feed=48, heads=4, cardinality=32)


@pytest.fixture(scope="module")
def model() -> TransformersMusicGen:
    torch.manual_seed(0)
    codec = EncodecModel(
        EncodecConfig(
            sampling_rate=32_000, audio_channels=1, normalize=False, target_bandwidths=[1.0], hidden_size=16,
            num_filters=4, num_residual_layers=1, upsampling_ratios=[8, 5, 4, 4], use_causal_conv=False,
            num_lstm_layers=2, codebook_size=SHAPE.cardinality, codebook_dim=16, use_conv_shortcut=False,
        )
    )  # fmt: skip
    with torch.no_grad():  # entries among what they quantize: elsewhere all frames would have one code
        seen = codec.encoder(0.1 * torch.randn(1, 1, 6 * 32_000))[0].T
    for k, layer in enumerate(codec.quantizer.layers):
        layer.codebook.embed.copy_(seen[10 + SHAPE.cardinality * k :][: SHAPE.cardinality] - (seen.mean(0) if k else 0))
    config = MusicgenDecoderConfig(
        hidden_size=SHAPE.width, num_hidden_layers=SHAPE.layers, num_attention_heads=SHAPE.heads, ffn_dim=SHAPE.feed,
        vocab_size=SHAPE.cardinality, num_codebooks=4, pad_token_id=SHAPE.cardinality, bos_token_id=SHAPE.cardinality,
        attn_implementation="eager", initializer_factor=0.3,
    )  # fmt: skip
    return TransformersMusicGen(codec, MusicgenForCausalLM(config))


@pytest.fixture(scope="module")
def published(model: TransformersMusicGen) -> Published:
    return Published(model.codec, model.decoder)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds in which nothing repeats, at another rate than the codec's."""
    path = tmp_path_factory.mktemp("music") / "a.wav"
    sf.write(path, np.random.default_rng(0).normal(0, 0.1, (6 * 16_000, 2)), 16_000, subtype="FLOAT")
    return path


def heard(path: Path) -> torch.Tensor:
    return decode(Clip("a.wav#0.0", path, 0.0, 6.0, "a", "g"), 32_000, 1)


def test_the_published_route_gives_noiseprobes_nll(
    model: TransformersMusicGen, published: Published, music: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    watch = Stopwatch()
    clean, noisy = published.grid(music, [25], tmp_path / "noisy.wav", watch)
    codes = [model.encode_all(heard(path), [])[0].codes for path in (music, tmp_path / "noisy.wav")]
    assert not codes[0].equal(codes[1])
    nll, others = model.nll_all(codes[0], codes[1:])
    assert nll.std() > 0.05  # not all alike: a model of zeros would agree with anything
    for theirs, ours in [(clean, nll), (noisy, others[0])]:
        torch.testing.assert_close(theirs, ours, rtol=0, atol=1e-4)
    assert set(watch.seconds) == {"decode", "noise", "write", "encode", "score"}


def test_its_noise_is_where_the_papers_is_as_loud_as_the_music_there(
    published: Published, music: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    published.grid(music, [25], tmp_path / "noisy.wav", Stopwatch())
    before, after = heard(music)[0], heard(tmp_path / "noisy.wav")[0]
    span = slice(5 * 32_000, 5 * 32_000 + 25 * 640)
    differs = (before != after).nonzero()
    assert (int(differs[0]), int(differs[-1])) == (span.start, span.stop - 1)
    assert len(differs) == 25 * 640
    assert abs(np.corrcoef(before[span], after[span])[0, 1]) < 0.05
    loud = [float(x[span].square().mean().sqrt()) for x in (before, after)]
    assert loud[1] == pytest.approx(loud[0], rel=0.01)  # the noise has its deviation, and 1 % of it as a mean


def test_routes_that_differ_are_not_timed(model: TransformersMusicGen, published: Published, music: Path) -> None:
    audio = heard(music)
    codes = model.encode(audio[None])[0]
    nll = model.nll(codes[None])[0]
    variant = Corrupted(Variant("white", at(5.0, 0.1)), (), audio, Corruption(None))
    pair = Pair(0, Clip("a", music, 0.0, 6.0, "a", "g"), audio, (variant,))
    assert disagreement(published, pair, [codes, codes], [nll, nll]) < 1e-4
    assert disagreement(published, pair, [codes, codes], [nll, nll + 0.5]) == pytest.approx(0.5, abs=1e-4)
    other = codes.clone()
    other[2, 7] = (other[2, 7] + 1) % SHAPE.cardinality
    with pytest.raises(SystemExit, match="different codes"):
        disagreement(published, pair, [codes, other], [nll, nll])


@pytest.fixture(scope="module")
def flops(model: TransformersMusicGen) -> list[int]:
    """What torch counts at each of 23 steps, one after the other with keys and values kept: nothing is masked there."""
    found = []
    with torch.inference_mode(), model.stream() as following:
        for _ in range(23):
            with FlopCounterMode(display=False) as counter:
                following(torch.zeros(1, 4, 1, dtype=torch.long))
            found.append(counter.get_total_flops())
    return found


@pytest.mark.parametrize("first", [0, 1, 2, 9, 22])
def test_operations_are_those_that_torch_counts(model: TransformersMusicGen, flops: list[int], first: int) -> None:
    frames = 20
    own = bound.work(SHAPE, frames, first)
    targets = model.pattern("delay").targets(torch.zeros(1, 4, frames, dtype=torch.long))[0, :, first:]
    unscored = int((targets == NONE).sum())  # torch counted a head for every codebook at every step
    head = 2 * SHAPE.width * SHAPE.cardinality
    assert own.linear + own.attention == sum(flops[first:]) - unscored * head
    assert own.attention == sum(2 * 2 * SHAPE.layers * SHAPE.width * (s + 1) for s in range(first, 23))


def test_a_grid_is_the_clean_pass_and_each_variant_from_its_first_changed_input_on(model: TransformersMusicGen) -> None:
    clean = torch.randint(SHAPE.cardinality, (4, 20), generator=torch.Generator().manual_seed(0))
    variants, firsts = [], []
    for codebook, frame in [(0, 9), (3, 8), (1, 4)]:
        other = clean.clone()
        other[codebook, frame:] += 1
        layout = model.pattern("delay").layout
        firsts.append(int((layout(clean[None]) != layout(other[None]))[0].any(0).nonzero()[0]))
        variants.append(other)
    assert firsts == [10, 12, 6]
    assert [bound.first_step(clean, v) for v in variants] == firsts
    works = [bound.work(SHAPE, 20, first) for first in [0, *firsts]]
    assert bound.grid(SHAPE, [clean, *variants]).linear == sum(w.linear for w in works)
    assert bound.grid(SHAPE, [clean, *variants]).attention == sum(w.attention for w in works)


@pytest.fixture
def stored() -> dict:
    return json.loads(report.JSON.read_text())


def test_ratios_in_the_repository_are_quotients_of_its_medians(stored: dict) -> None:
    seconds = stored["seconds"]
    published, ours = seconds["published"], seconds["noiseprobe"]
    expected = {
        "ratio_fp32": published["fp32"]["clip"] / ours["fp32"]["clip"],
        "ratio_bf16": published["fp32"]["clip"] / ours["bf16"]["clip"],
        "ratio_bf16_same": published["bf16"]["clip"] / ours["bf16"]["clip"],
        "codec_encodes_per_grid": 7 * ours["fp32"]["encode"] / published["fp32"]["encode"],
        "codec_encodes_per_grid_strict": ours["fp32"]["encode"] / seconds["single_encode"],
    }
    for precision, end in [("fp32", ""), ("bf16", "_bf16")]:
        needed = stored["operations"]
        best = {k: max(v.values()) for k, v in stored["operations_per_s"][precision].items()}
        apart = needed["linear"] / best["linear"] + needed["attention"] / best["attention"]
        together = (needed["linear"] + needed["attention"]) / max(best.values())
        expected[f"lm_share_of_bound{end}"] = apart / ours[precision]["score"]
        expected[f"lm_share_of_best_speed{end}"] = together / ours[precision]["score"]
    library = max(v for name, v in stored["operations_per_s"]["fp32"]["linear"].items() if "oneDNN" not in name)
    attention = max(stored["operations_per_s"]["fp32"]["attention"].values())
    plain = stored["operations"]["linear"] / library + stored["operations"]["attention"] / attention
    expected["lm_share_of_library_bound"] = plain / ours["fp32"]["score"]
    assert {name: stored[name] for name in expected} == pytest.approx(expected, abs=1.1e-3)
    # medians of parts, which needn't add up to the median of all
    assert all(abs(sum(s.values()) / s["clip"] - 2) < 0.05 for route in (published, ours) for s in route.values())
    assert stored["clips"] >= 5
    assert {"processor", "cores"} <= stored["machine"].keys()
    assert {"python", "torch", "transformers"} <= stored["versions"].keys()


def test_the_page_is_made_of_the_numbers_beside_it(stored: dict) -> None:
    page = report.markdown(stored)
    assert report.MARKDOWN.read_text() == page
    for name in ["ratio_fp32", "ratio_bf16", "ratio_bf16_same", "codec_encodes_per_grid"]:
        assert f"{stored[name]:.2f}" in page
    assert f"{100 * stored['lm_share_of_bound']:.1f}%" in page


@pytest.mark.parametrize(("factor", "holds"), [(1.0, True), (1.14, True), (0.86, True), (1.16, False), (0.84, False)])
def test_a_check_says_whether_the_file_holds(factor: float, holds: bool) -> None:
    stated = {"ratio_fp32": 1.8, "ratio_bf16": 4.0, "ratio_bf16_same": 2.2}
    found = main.check(stated | {"ratio_bf16": 4.0 * factor}, stated)
    assert (found is None) == holds
    if not holds:
        assert "ratio_bf16 is" in found
        assert "ratio_fp32" not in found
