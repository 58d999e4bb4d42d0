"""The transformers backend on folders that transformers itself wrote."""

import copy
from pathlib import Path

import pytest
import torch
from running import weights
from transformers import (
    EncodecConfig,
    MusicgenConfig,
    MusicgenForConditionalGeneration,
    T5Config,
)
from transformers.models.encodec.modeling_encodec import EncodecLSTM
from transformers.models.musicgen.configuration_musicgen import MusicgenDecoderConfig

from noiseprobe.config import PACKAGE
from noiseprobe.errors import NoiseprobeError
from noiseprobe.models.backends.transformers import TransformersMusicGen, load
from noiseprobe.models.reach import look, window

TINY = PACKAGE / "assets/tiny"

# MusicGen's EnCodec in everything but width
CODEC = EncodecConfig(
    sampling_rate=32_000, audio_channels=1, normalize=False, target_bandwidths=[1.6], hidden_size=16, num_filters=4,
    num_residual_layers=1, upsampling_ratios=[8, 5, 4, 4], use_causal_conv=False, num_lstm_layers=2, codebook_size=256,
    use_conv_shortcut=False,
)  # fmt: skip


def random_musicgen(codebooks: int = 4) -> MusicgenForConditionalGeneration:
    torch.manual_seed(0)
    text = T5Config(vocab_size=8, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=1)
    decoder = MusicgenDecoderConfig(
        vocab_size=256, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, ffn_dim=64, num_codebooks=codebooks,
        pad_token_id=256, bos_token_id=256,
    )  # fmt: skip
    parts = {"text_encoder": text, "audio_encoder": CODEC, "decoder": decoder}
    model = MusicgenForConditionalGeneration(MusicgenConfig(**{k: v.to_dict() for k, v in parts.items()}))
    for layer in model.audio_encoder.quantizer.layers:
        layer.codebook.embed.normal_()
    return model.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("musicgen")
    random_musicgen().save_pretrained(path)
    return path


def test_what_was_saved_is_what_scores(folder: Path) -> None:
    """nll against transformers' own delay pattern (build_delay_pattern_mask) and its decoder, frame by frame."""
    saved, model = random_musicgen(), load(weights(folder), "fp32")
    codes = torch.randint(256, (1, 4, 30), generator=torch.Generator().manual_seed(1))
    start = torch.full((4, 1), 256)
    prompt = torch.cat([start, codes[0]], 1)
    # transformers lays a prompt out in a pattern of max_length steps; -1 is where generation would fill in
    _, mask = saved.decoder.build_delay_pattern_mask(prompt, pad_token_id=256, max_length=30 + 4)
    steps = torch.where(mask == -1, 256, mask)
    with torch.inference_mode():
        logits = saved.decoder(input_ids=steps).logits.log_softmax(-1)
        nll = model.nll(codes)
    for k in range(4):
        for t in range(30 - 4):
            assert nll[0, k, t].item() == pytest.approx(-logits[k, t + k, codes[0, k, t]].item(), abs=1e-5)


def test_encode_is_the_codecs_own(folder: Path) -> None:
    audio = torch.randn(1, 1, 32_001, generator=torch.Generator().manual_seed(2)) * 0.1
    with torch.inference_mode():
        expected = random_musicgen().audio_encoder.encode(audio).audio_codes[0]
        codes = load(weights(folder), "fp32").encode(audio)
    assert codes.shape == (1, 4, 51)  # ceil(32001 / 640)
    assert torch.equal(codes, expected)


def test_the_null_condition_is_no_condition(folder: Path) -> None:
    """Zeros in embedding and mask, as the released null is, give the same logits as skipped cross-attention."""
    model = load(weights(folder), "fp32")
    steps = torch.randint(256, (4, 10), generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        null = model.decoder(
            input_ids=steps, encoder_hidden_states=torch.zeros(1, 3, 32), encoder_attention_mask=torch.zeros(1, 3)
        ).logits
        torch.testing.assert_close(model.logits(steps[None])[0], null, atol=1e-6, rtol=0)


def test_bf16_is_the_language_models_alone(folder: Path) -> None:
    model, reference = load(weights(folder), "bf16"), load(weights(folder), "fp32")
    assert {p.dtype for p in model.decoder.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in model.codec.parameters()} == {torch.float32}
    audio = torch.randn(1, 1, 16_000, generator=torch.Generator().manual_seed(2)) * 0.1
    with torch.inference_mode():
        codes = model.encode(audio)
        assert torch.equal(codes, reference.encode(audio))
        nll = model.nll(codes)
        assert nll.dtype == torch.float32
        torch.testing.assert_close(nll, reference.nll(codes), atol=0.1, rtol=0)


def test_nothing_can_be_trained(folder: Path) -> None:
    model = load(weights(folder), "fp32")
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


def without_lstm(model: TransformersMusicGen) -> torch.nn.Module:
    encoder = copy.deepcopy(model.codec.encoder)
    for i, layer in enumerate(encoder.layers):
        if isinstance(layer, EncodecLSTM):
            encoder.layers[i] = torch.nn.Identity()
    return encoder


@pytest.mark.parametrize("which", ["random", "tiny"])
def test_the_declared_look_ahead_and_look_back_are_the_measured_ones(which: str, folder: Path) -> None:
    model = load(weights(folder if which == "random" else TINY), "fp32")
    encoder = without_lstm(model).double()
    on, off, frames = 40, 55, 100
    clean = torch.randn(1, 1, frames * 640, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    corrupted = clean.clone()
    corrupted[..., on * 640 : off * 640] += 1.0
    with torch.inference_mode():
        changed = (encoder(clean) != encoder(corrupted)).any(1)[0].nonzero()[:, 0]
    assert changed.min().item() == on - model.look_ahead
    assert changed.max().item() == off - 1 + model.look_back
    assert (model.look_ahead, model.look_back) == (4, 4)


def test_the_window_of_musicgens_encodec() -> None:
    assert window(CODEC) == (-2402, 3025)  # worked out by others from the released model
    assert look(CODEC) == (4, 4)
    causal = EncodecConfig(upsampling_ratios=[8, 5, 4, 2], use_causal_conv=True)
    assert look(causal)[0] == 0  # a causal codec's frame sees no later frame's samples


def test_locate_hashes_contents_not_paths(folder: Path, tmp_path: Path) -> None:
    copy_ = tmp_path / "elsewhere"
    copy_.mkdir()
    for file in folder.iterdir():
        (copy_ / file.name).write_bytes(file.read_bytes())
    first, second = (weights(p) for p in (folder, copy_))
    assert first.hash == second.hash
    assert first.model.folder != second.model.folder
    (copy_ / "config.json").write_text((copy_ / "config.json").read_text() + " ")
    assert weights(copy_).hash != first.hash


def test_missing_tensors_are_an_error(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    dropped = next(name for name in tensors if name.startswith("decoder.model"))
    del tensors[dropped]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(NoiseprobeError, match=dropped):
        load(weights(tmp_path), "fp32")


def test_names_of_older_releases_are_read(folder: Path, tmp_path: Path) -> None:
    """The released safetensors of 2023 name weight norm's parts otherwise, and hold the positions' table."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    old = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    for new, name in old.items():
        tensors = {key.replace(new, name): value for key, value in tensors.items()}
    assert any(key.endswith("weight_g") for key in tensors)
    tensors["decoder.model.decoder.embed_positions.weights"] = torch.zeros(2048, 32)
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    assert weights(tmp_path).checkpoint == weights(folder).checkpoint
    audio = torch.randn(1, 1, 6400, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        model, reference = load(weights(tmp_path), "fp32"), load(weights(folder), "fp32")
        codes = reference.encode(audio)
        assert torch.equal(model.encode(audio), codes)
        assert torch.equal(model.nll(codes), reference.nll(codes))
