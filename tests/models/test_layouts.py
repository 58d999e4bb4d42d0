"""What a checkpoint is, from its headers alone: found and described, or refused in one line before torch is needed."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import checkpoints
import pytest
import torch
from checkpoints import CARD, LAYERS, WIDTH, Made
from omegaconf import OmegaConf
from running import composed, weights
from safetensors.torch import load_file, save_file

from noiseprobe import config
from noiseprobe.config import PACKAGE, ModelConfig
from noiseprobe.errors import NoiseprobeError
from noiseprobe.models import torchfile
from noiseprobe.models import weights as module
from noiseprobe.models.weights import Weights, locate, with_text

TINY = PACKAGE / "assets/tiny"


@pytest.fixture(scope="module")
def melody(tmp_path_factory: pytest.TempPathFactory) -> Made:
    pytest.importorskip("audiocraft", reason="audiocraft isn't installed")
    return checkpoints.make(tmp_path_factory.mktemp("melody"), melody=True, stereo=True)


def copied(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to / folder.name))


def refusal(folder: Path, backend: str = "auto", **options: object) -> str:
    with pytest.raises(NoiseprobeError) as caught:
        locate(ModelConfig("m", backend, folder, **options))  # type: ignore[arg-type]
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith("model.")
    return message


# What is found


def test_both_layouts_of_the_same_model_say_the_same(made: Made, melody: Made) -> None:
    for one, kind, channels in [(made, False, 1), (melody, True, 2)]:
        first, second = (
            weights(f, b).checkpoint for f, b in [(one.audiocraft, "audiocraft"), (one.transformers, "transformers")]
        )
        for name in [
            "melody",
            "channels",
            "layers",
            "width",
            "codebooks",
            "cardinality",
            "parameters",
            "codec",
            "no_text",
        ]:
            assert getattr(first, name) == getattr(second, name), name
        assert (first.melody, first.channels, first.layers, first.width) == (kind, channels, LAYERS, WIDTH)
        own = [p.numel() for n, p in one.lm.named_parameters() if "t5" not in n]
        assert first.parameters == sum(own)


def test_the_embedded_model() -> None:
    found = weights(TINY)
    assert found.backend == "transformers"
    assert (found.checkpoint.melody, found.checkpoint.channels, found.checkpoint.codebooks) == (False, 1, 4)
    assert found.codec == found.model
    assert found.model.folder == TINY


def test_torch_is_not_needed(tmp_path: Path, made: Made) -> None:
    for name in ["torch", "transformers", "audiocraft"]:
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name} was imported')")
    code = (
        "import sys; from pathlib import Path; from noiseprobe.config import ModelConfig;"
        "from noiseprobe.models.weights import locate;"
        "[print(locate(ModelConfig('m', b, Path(f))).hash) for b, f in [a.split('=') for a in sys.argv[1:]]]"
    )
    folders = [f"audiocraft={made.audiocraft}", f"transformers={made.transformers}"]
    run = subprocess.run(
        [sys.executable, "-c", code, *folders], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": f"{tmp_path}:{PACKAGE.parent}", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert len(set(run.stdout.split())) == 2


@pytest.mark.parametrize("there", [True, False])
def test_auto_prefers_audiocraft_where_it_is_installed_and_says_which(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, there: bool
) -> None:
    monkeypatch.setattr(module, "installed", lambda package: there)
    both = copied(made.transformers, tmp_path)
    for file in made.audiocraft.iterdir():
        shutil.copy(file, both)
    with caplog.at_level("INFO"):
        found = locate(ModelConfig("m", "auto", both))
    assert found.backend == ("audiocraft" if there else "transformers")
    assert f"backend {found.backend}" in caplog.text
    assert locate(ModelConfig("m", "auto", made.transformers)).backend == "transformers"  # what the folder holds


def test_audiocrafts_layout_without_audiocraft_says_so(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "installed", lambda package: False)
    assert "state_dict.bin needs audiocraft, which isn't installed" in refusal(made.audiocraft)


def test_a_backend_that_is_not_installed_is_refused_by_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "installed", lambda package: package != "audiocraft")
    with pytest.raises(NoiseprobeError, match=r"model\.backend: got audiocraft, expected a backend whose package"):
        config.check(composed("model=local", f"model.path={TINY}", "model.backend=audiocraft"))


def test_the_hash_is_of_contents_not_of_paths(made: Made, tmp_path: Path) -> None:
    for folder, backend in [(made.audiocraft, "audiocraft"), (made.transformers, "transformers")]:
        other = copied(folder, tmp_path)
        assert weights(other, backend).hash == weights(folder, backend).hash
        name = "config.json" if backend == "transformers" else "compression_state_dict.bin"
        if backend == "transformers":
            (other / name).write_text((other / name).read_text() + " ")
        else:
            rewrite(other / name, lambda package: package | {"version": "other"})
        assert weights(other, backend).hash != weights(folder, backend).hash


# A text encoder


def test_a_description_needs_a_text_encoder_and_changes_the_hash(made: Made) -> None:
    model = ModelConfig("m", "audiocraft", made.audiocraft, text_encoder=made.t5)
    found = with_text(model, locate(model))
    assert found.text.folder == made.t5
    assert found.hash == locate(model).hash
    assert found.key != locate(model).key
    inside = ModelConfig("m", "transformers", made.transformers)
    assert with_text(inside, locate(inside)).text.folder == made.transformers


def test_a_folder_without_a_tokenizer_is_no_text_encoder(made: Made, tmp_path: Path) -> None:
    bare = copied(made.transformers, tmp_path)
    (bare / "tokenizer.json").unlink()
    for model in [
        ModelConfig("m", "transformers", bare),
        ModelConfig("m", "audiocraft", made.audiocraft, text_encoder=bare),
    ]:
        with pytest.raises(
            NoiseprobeError, match=r"model\.text_encoder: .* expected the text encoder with its tokenizer"
        ):
            with_text(model, locate(model))


# Codecs apart


def decoder_alone(made: Made, folder: Path) -> Path:
    from transformers import MusicgenForConditionalGeneration

    MusicgenForConditionalGeneration.from_pretrained(made.transformers).decoder.save_pretrained(folder / "decoder")
    return folder / "decoder"


def codec_alone(made: Made, folder: Path) -> Path:
    from transformers import MusicgenForConditionalGeneration

    MusicgenForConditionalGeneration.from_pretrained(made.transformers).audio_encoder.save_pretrained(folder / "codec")
    return folder / "codec"


def test_a_decoder_alone_scores_with_a_codec_given_apart(made: Made, tmp_path: Path) -> None:
    from noiseprobe.models.backends.transformers import load

    decoder, codec = decoder_alone(made, tmp_path), codec_alone(made, tmp_path)
    assert "expected model.codec=DIR" in refusal(decoder)
    apart = weights(decoder, codec=codec)
    assert apart.hash != weights(made.transformers).hash
    (copied(codec, tmp_path / "other") / "config.json").write_text((codec / "config.json").read_text() + " ")
    assert weights(decoder, codec=tmp_path / "other" / "codec").hash != apart.hash
    codes = torch.randint(CARD, (1, 4, 20))
    audio = torch.randn(1, 1, 6400)
    with torch.inference_mode():
        one, other = load(apart, "fp32"), load(weights(made.transformers), "fp32")
        assert torch.equal(one.nll(codes), other.nll(codes))
        assert torch.equal(one.encode(audio), other.encode(audio))


def test_audiocrafts_reference_to_a_codec_takes_an_encodec_model(made: Made, tmp_path: Path) -> None:
    from audiocraft.utils.export import export_pretrained_compression_model

    from noiseprobe.models.backends.audiocraft import load

    folder, codec = copied(made.audiocraft, tmp_path), codec_alone(made, tmp_path)
    export_pretrained_compression_model("facebook/encodec_32khz", folder / "compression_state_dict.bin")
    found = weights(folder, "audiocraft", codec=codec)
    assert found.checkpoint.codec_hub == "facebook/encodec_32khz"
    audio = torch.randn(1, 1, 6400)
    with torch.inference_mode():
        model, whole = load(found, "fp32"), load(weights(made.audiocraft, "audiocraft"), "fp32")
        assert torch.equal(model.encode(audio), whole.encode(audio))
    assert (model.look_ahead, model.look_back) == (whole.look_ahead, whole.look_back)


def test_another_codec_is_refused(made: Made, tmp_path: Path) -> None:
    folder, codec = copied(made.transformers, tmp_path), codec_alone(made, tmp_path)
    for where, change in [(folder, lambda c: c["audio_encoder"]), (codec, lambda c: c)]:
        edited = json.loads((where / "config.json").read_text())
        change(edited)["codebook_size"] = 1024
        (where / "config.json").write_text(json.dumps(edited))
    expected = rf"is another codec: it gives \d+ codebooks of 1024 entries a channel, expected .* 4 of {CARD}"
    assert re.search(expected, refusal(folder))
    assert re.search(expected, refusal(decoder_alone(made, tmp_path), codec=codec))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rvq": {"bins": 128}}, "has other weights than its configuration says"),
        ({"rvq": {"n_q": 2}}, "is another codec: it gives 2 codebooks"),
        (
            {"encodec": {"sample_rate": 24_000}},
            "is another codec: it has 24000 Hz, expected the language model's 32000 Hz",
        ),
        ({"encodec": {"renormalize": True}}, "renormalize=True, expected 1 and false"),
        ({"compression_model": "dac"}, "is a dac with quantizer rvq, expected an encodec with rvq"),
    ],
)
def test_another_codec_of_audiocraft_is_refused(made: Made, tmp_path: Path, change: dict, message: str) -> None:
    folder = copied(made.audiocraft, tmp_path)
    reconfigure(folder / "compression_state_dict.bin", change)
    assert message in refusal(folder)


# What is refused


def rewrite(path: Path, change) -> None:
    torch.save(change(torch.load(path, weights_only=True)), path)


def reconfigure(path: Path, change: dict) -> None:
    def edited(package: dict) -> dict:
        merged = OmegaConf.merge(OmegaConf.create(package["xp.cfg"]), change)
        return package | {"xp.cfg": OmegaConf.to_yaml(merged)}

    rewrite(path, edited)


SMALL = {"melody": False, "channels": 1, "layers": LAYERS, "width": WIDTH}


@pytest.mark.parametrize(("key", "value"), [("melody", True), ("channels", 2), ("layers", 24), ("width", 1024)])
def test_a_checkpoint_of_another_kind_or_size_is_refused(made: Made, key: str, value: int) -> None:
    assert locate(ModelConfig("small", "auto", made.audiocraft, shape=SMALL)).checkpoint.layers == LAYERS
    for folder in [made.audiocraft, made.transformers]:
        message = refusal(folder, shape=SMALL | {key: value})
        assert f"has {key}={SMALL[key]}, expected {key}={value} as m has" in message


def test_a_melody_checkpoint_is_not_small(melody: Made) -> None:
    for folder in [melody.audiocraft, melody.transformers]:
        small = config.check(composed("model=musicgen_small", f"model.path={folder}")).model
        with pytest.raises(NoiseprobeError, match="has melody=True, expected melody=False as musicgen-small has"):
            locate(small)


@pytest.mark.parametrize("model", sorted(p.stem for p in (PACKAGE.parent / "conf/model").glob("musicgen_*.yaml")))
def test_released_models_say_what_they_are(model: str) -> None:
    found = config.check(composed(f"model={model}")).model
    assert found.hub == f"facebook/{found.name}"
    assert found.shape["melody"] == ("melody" in model)
    assert found.shape["channels"] == (2 if "stereo" in model else 1)
    size = next((s for s in ["small", "large"] if s in model), "medium")
    assert (found.shape["layers"], found.shape["width"]) == {
        "small": (24, 1024),
        "medium": (48, 1536),
        "large": (48, 2048),
    }[size]


@pytest.mark.parametrize("name", ["state_dict.bin", "compression_state_dict.bin"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_of_audiocraft_is_refused(made: Made, tmp_path: Path, name: str, share: float) -> None:
    folder = copied(made.audiocraft, tmp_path)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: int(len(whole) * share)])
    message = refusal(folder)
    assert f"{name} is truncated" in message
    assert "fetch it again" in message


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_truncated_file_of_safetensors_is_refused(made: Made, tmp_path: Path, share: float) -> None:
    folder = copied(made.transformers, tmp_path)
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: int(len(whole) * share)])
    assert "model.safetensors is truncated or no safetensors file" in refusal(folder)


def test_garbage_is_refused(made: Made, tmp_path: Path) -> None:
    folder = copied(made.transformers, tmp_path)
    (folder / "model.safetensors").write_bytes(b"garbage that is no safetensors file")
    assert "is truncated or no safetensors file" in refusal(folder)


@pytest.mark.parametrize("name", ["state_dict.bin", "config.json", "model.safetensors"])
def test_a_missing_file_is_named(made: Made, tmp_path: Path, name: str) -> None:
    folder = copied(made.audiocraft if name.endswith(".bin") else made.transformers, tmp_path)
    (folder / name).unlink()
    message = refusal(folder)
    assert "expected state_dict.bin" in message
    assert "config.json and *.safetensors" in message


def test_a_missing_codec_is_asked_for(made: Made, tmp_path: Path) -> None:
    folder = copied(made.audiocraft, tmp_path)
    (folder / "compression_state_dict.bin").unlink()
    assert "for state_dict.bin alone give the codec: model.codec=DIR" in refusal(folder)
    apart = weights(folder, "audiocraft", codec=made.audiocraft)
    assert apart.codec.folder == made.audiocraft


def test_weights_that_the_configuration_does_not_describe_are_refused(made: Made, tmp_path: Path) -> None:
    folder = copied(made.transformers, tmp_path)
    edited = json.loads((folder / "config.json").read_text())
    for key, value, part in [
        ("hidden_size", 64, "embed_tokens"),
        ("num_hidden_layers", LAYERS + 1, f"layers.{LAYERS}"),
        ("num_hidden_layers", LAYERS - 1, "layers"),
    ]:
        changed = edited | {"decoder": edited["decoder"] | {key: value}}
        (folder / "config.json").write_text(json.dumps(changed))
        assert part in refusal(folder)
    other = copied(made.audiocraft, tmp_path)
    for change in [{"dim": 64}, {"num_layers": LAYERS + 1}, {"card": 100}, {"n_q": 8}]:
        shutil.copy(made.audiocraft / "state_dict.bin", other)
        reconfigure(other / "state_dict.bin", {"transformer_lm": change})
        assert re.search("has (other weights than its configuration says|weights of 3 layers)", refusal(other))


def test_a_shard_that_is_missing_is_seen(made: Made, tmp_path: Path) -> None:
    from transformers import MusicgenForConditionalGeneration

    whole = MusicgenForConditionalGeneration.from_pretrained(made.transformers)
    whole.save_pretrained(tmp_path / "sharded", max_shard_size="200KB")
    shards = sorted((tmp_path / "sharded").glob("*.safetensors"))
    assert len(shards) > 2
    assert weights(tmp_path / "sharded").checkpoint == weights(made.transformers).checkpoint
    shards[1].rename(tmp_path / "away")
    assert "every shard" in refusal(tmp_path / "sharded")
    save_file({"other": torch.zeros(1)}, shards[1], metadata={"format": "pt"})
    assert "which none of the files holds" in refusal(tmp_path / "sharded")


def test_older_weights_in_pytorch_bin_are_read(made: Made, tmp_path: Path) -> None:
    from noiseprobe.models.backends.transformers import load

    old = copied(made.transformers, tmp_path)
    torch.save(load_file(old / "model.safetensors"), old / "pytorch_model.bin")
    (old / "model.safetensors").unlink()
    assert weights(old).checkpoint == weights(made.transformers).checkpoint
    codes = torch.randint(CARD, (1, 4, 20))
    with torch.inference_mode():
        same = load(weights(old), "fp32").nll(codes), load(weights(made.transformers), "fp32").nll(codes)
    assert torch.equal(*same)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "musicgen_melody_decoder"}, "says model_type musicgen_melody_decoder, expected musicgen or"),
        ({"model_type": "bark"}, "says model_type bark"),
        ({"decoder": None}, "isn't a model's configuration"),
        ({"audio_encoder": {"chunk_length_s": 10, "normalize": False}}, "the codec has chunk_length_s=10"),
        ({"audio_encoder": {"chunk_length_s": None, "normalize": True}}, "normalize=True, expected null and false"),
        ({"audio_encoder": {"audio_channels": 2}}, "got a codec of 2 channels"),
    ],
)
def test_models_that_are_not_scored_are_refused(made: Made, tmp_path: Path, change: dict, message: str) -> None:
    folder = copied(made.transformers, tmp_path)
    (folder / "config.json").write_text(json.dumps(json.loads((folder / "config.json").read_text()) | change))
    assert message in refusal(folder)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '"musicgen"', '{"model_type": "musicgen"}'])
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert refusal(tmp_path).startswith(f"model.path: {tmp_path}/config.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lm_model": "transformer_lm_magnet"}, "is a transformer_lm_magnet"),
        ({"codebooks_pattern": {"modeling": "parallel"}}, "expected a transformer_lm with plain delays"),
        ({"codebooks_pattern": {"delay": {"flatten_first": 2}}}, "expected a transformer_lm with plain delays"),
        ({"conditioners": {"style": {"model": "style"}}}, "is conditioned by style (style)"),
        ({"interleave_stereo_codebooks": {"use": True, "per_timestep": True}}, "interleaves left and right in time"),
    ],
)
def test_models_of_audiocraft_that_are_not_scored_are_refused(
    made: Made, tmp_path: Path, change: dict, message: str
) -> None:
    folder = copied(made.audiocraft, tmp_path)
    reconfigure(folder / "state_dict.bin", change)
    assert message in refusal(folder)


# Files of torch.save, read without torch


def test_shapes_and_values_of_a_torch_file(tmp_path: Path) -> None:
    content = {
        "a": torch.zeros(2, 3).half(),
        "b": torch.nn.Parameter(torch.ones(4)),
        "text": "x",
        "n": [1, (2.5, None)],
    }
    torch.save(
        content | {"view": torch.zeros(10)[2:5], "state": torch.nn.Linear(2, 1).state_dict()}, tmp_path / "x.bin"
    )
    found = torchfile.read(tmp_path / "x.bin")
    assert (found["a"], found["b"], found["view"]) == ((2, 3), (4,), (3,))
    assert (found["text"], found["n"]) == ("x", [1, (2.5, None)])
    assert found["state"] == OrderedDict(weight=(1, 2), bias=(1,))


def test_code_in_a_pickle_is_refused_and_not_run(made: Made, tmp_path: Path) -> None:
    folder = copied(made.audiocraft, tmp_path)
    marker = tmp_path / "marker"

    class Touch:
        def __reduce__(self) -> tuple:
            return (marker.touch, ())

    for evil in [Touch(), OmegaConf.create({"a": 1})]:
        torch.save({"best_state": {}, "xp.cfg": evil}, folder / "state_dict.bin")
        message = refusal(folder)
        assert "holds a pickled" in message
        assert "export it with audiocraft.utils.export" in message
    assert not marker.exists()


def test_a_training_checkpoint_is_refused_with_what_to_do(made: Made, tmp_path: Path) -> None:
    folder = copied(made.audiocraft, tmp_path)
    torch.save({"best_state": {"model": {}}, "history": []}, folder / "state_dict.bin")
    assert "holds best_state, history, expected best_state and xp.cfg (YAML text)" in refusal(folder)


def test_a_record_that_is_cut_inside_a_whole_archive_is_refused(made: Made, tmp_path: Path) -> None:
    folder = copied(made.audiocraft, tmp_path)
    path = folder / "state_dict.bin"
    with zipfile.ZipFile(made.audiocraft / "state_dict.bin") as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content[:-4] if name.endswith("data/3") else content)
    assert re.search(r"its record \S+/data/3 has \d+ bytes, expected \d+; fetch it again", refusal(folder))


def test_loading_a_file_that_changed_after_it_was_looked_at_is_an_error(made: Made, tmp_path: Path) -> None:
    from noiseprobe.models.backends import audiocraft, transformers

    folder = copied(made.audiocraft, tmp_path)
    found: Weights = weights(folder, "audiocraft")
    rewrite(
        folder / "state_dict.bin",
        lambda p: p | {"best_state": {k: v for k, v in p["best_state"].items() if "norm1" not in k}},
    )
    with pytest.raises(NoiseprobeError, match="doesn't fit its configuration"):
        audiocraft.load(found, "fp32")
    other = copied(made.transformers, tmp_path)
    found = weights(other)
    tensors = load_file(other / "model.safetensors")
    save_file(
        {k: v for k, v in tensors.items() if "fc1" not in k}, other / "model.safetensors", metadata={"format": "pt"}
    )
    with pytest.raises(NoiseprobeError, match="doesn't fit its configuration: Missing key"):
        transformers.load(found, "fp32")


# Only what was looked at and hashed is read


def test_other_files_beside_the_weights_are_not_read(made: Made, tmp_path: Path) -> None:
    from noiseprobe.models.backends.transformers import load

    folder = copied(made.transformers, tmp_path)
    codes = torch.randint(CARD, (1, 4, 20))
    with torch.inference_mode():
        before = load(weights(folder), "fp32").nll(codes)
        other = {k: v + 1 for k, v in load_file(folder / "model.safetensors").items() if v.is_floating_point()}
        save_file(other, folder / "model_last.safetensors", metadata={"format": "pt"})
        torch.save(other, folder / "pytorch_model.bin")
        shard = {"weight_map": dict.fromkeys(other, "model-00001-of-00001.safetensors")}
        (folder / "model.safetensors.index.json").write_text(json.dumps(shard))
        save_file(other, folder / "model-00001-of-00001.safetensors", metadata={"format": "pt"})
        assert weights(folder).hash == weights(made.transformers).hash
        assert torch.equal(load(weights(folder), "fp32").nll(codes), before)


@pytest.mark.parametrize("backend", ["audiocraft", "transformers"])
def test_a_codec_that_lacks_tensors_is_refused(made: Made, tmp_path: Path, backend: str) -> None:
    from noiseprobe.models.backends import audiocraft, transformers

    codec = codec_alone(made, tmp_path)
    tensors = load_file(codec / "model.safetensors")
    save_file({k: v for k, v in tensors.items() if "lstm" not in k}, codec / "model.safetensors", {"format": "pt"})
    folder, load = (made.audiocraft, audiocraft.load)
    if backend == "transformers":
        folder, load = (decoder_alone(made, tmp_path), transformers.load)
    with pytest.raises(NoiseprobeError, match=r"model\.codec: .* doesn't fit its configuration: Missing key"):
        load(weights(folder, backend, codec=codec), "fp32")


def test_a_text_encoder_that_lacks_tensors_or_has_another_width_is_refused(made: Made, tmp_path: Path) -> None:
    from transformers import T5Config, T5EncoderModel

    from noiseprobe.models.backends import audiocraft, transformers

    lacking, other = copied(made.t5, tmp_path), tmp_path / "other"
    tensors = load_file(lacking / "model.safetensors")
    save_file({k: v for k, v in tensors.items() if "wi" not in k}, lacking / "model.safetensors", {"format": "pt"})
    T5EncoderModel(T5Config(vocab_size=8, d_model=64, d_kv=4, d_ff=8, num_layers=1, num_heads=1)).save_pretrained(other)
    for name in ["tokenizer.json", "tokenizer_config.json"]:
        shutil.copy(made.t5 / name, other)
    for t5, message in [
        (lacking, "doesn't fit its configuration: Missing key"),
        (other, "got one of width 64, expected 512"),
    ]:
        for folder, backend, load in [
            (made.audiocraft, "audiocraft", audiocraft.load), (made.transformers, "transformers", transformers.load),
        ]:  # fmt: skip
            model = ModelConfig("m", backend, folder, text_encoder=t5)
            with pytest.raises(NoiseprobeError, match=message):
                load(with_text(model, locate(model)), "fp32")


def test_a_codec_at_another_rate_is_refused_wherever_it_lies(made: Made, tmp_path: Path) -> None:
    codec = codec_alone(made, tmp_path)
    edited = json.loads((codec / "config.json").read_text())
    edited |= {"sampling_rate": 16_000, "target_bandwidths": [0.6]}
    (codec / "config.json").write_text(json.dumps(edited))
    for folder, backend in [(made.audiocraft, "audiocraft"), (made.transformers, "transformers")]:
        assert "it has 16000 Hz, expected the language model's 32000 Hz" in refusal(folder, backend, codec=codec)


@pytest.mark.parametrize(
    ("t5", "message"),
    [({"finetune": True}, "was trained together with its T5"), ({"normalize_text": True}, "normalises")],
)
def test_a_text_condition_that_cannot_be_made_is_refused_and_none_is_not(
    made: Made, tmp_path: Path, t5: dict, message: str
) -> None:
    folder = copied(made.audiocraft, tmp_path)
    reconfigure(folder / "state_dict.bin", {"conditioners": {"description": {"t5": t5}}})
    model = ModelConfig("m", "audiocraft", folder, text_encoder=made.t5)
    with pytest.raises(NoiseprobeError, match=message):
        with_text(model, locate(model))


def test_positions_in_cross_attention_make_a_null_that_is_not_nothing(made: Made, tmp_path: Path) -> None:
    """Then it is computed: the same as with audiocraft's own conditioner, and not what skipping it gives."""
    from noiseprobe.models.backends.audiocraft import load

    folder = copied(made.audiocraft, tmp_path)
    reconfigure(folder / "state_dict.bin", {"fuser": {"cross_attention_pos_emb": True}})
    codes = torch.randint(CARD, (1, 4, 20), generator=torch.Generator().manual_seed(0))
    made.lm.fuser.cross_attention_pos_emb = True
    try:
        with torch.inference_mode():
            nll = load(weights(folder, "audiocraft"), "fp32").nll(codes)
            null = {"description": (torch.zeros(1, 1, WIDTH), torch.zeros(1, 1))}
            out = made.lm.compute_predictions(codes, [], null, keep_only_valid_steps=False)
            expected = -out.logits.log_softmax(-1).gather(-1, codes[..., None])[..., 0]
            skipped = load(weights(made.audiocraft, "audiocraft"), "fp32").nll(codes)
    finally:
        made.lm.fuser.cross_attention_pos_emb = False
    torch.testing.assert_close(nll, expected, atol=2e-5, rtol=0)
    assert (nll - skipped).abs().max() > 1e-3


def test_tensors_that_nothing_explains_are_refused(made: Made, tmp_path: Path) -> None:
    """An adapter's, for one: leaving it out would score another model."""
    from noiseprobe.models.backends import audiocraft, transformers

    folder, other = copied(made.transformers, tmp_path), copied(made.audiocraft, tmp_path)
    tensors = load_file(folder / "model.safetensors")
    tensors["decoder.model.decoder.layers.0.self_attn.q_proj.lora_A.weight"] = torch.zeros(2, WIDTH)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    rewrite(
        other / "state_dict.bin", lambda p: p | {"best_state": p["best_state"] | {"transformer.extra": torch.zeros(1)}}
    )
    for load, found in [(transformers.load, weights(folder)), (audiocraft.load, weights(other, "audiocraft"))]:
        with pytest.raises(NoiseprobeError, match="has tensors that its configuration doesn't explain"):
            load(found, "fp32")


@pytest.mark.parametrize(
    "text", ["a: [", "lm_model: transformer_lm", "- 1", "lm_model: transformer_lm\ntransformer_lm: {n_q: 4}\n"]
)
def test_a_configuration_of_audiocraft_that_is_none_is_one_line(made: Made, tmp_path: Path, text: str) -> None:
    folder = copied(made.audiocraft, tmp_path)
    rewrite(folder / "state_dict.bin", lambda package: package | {"xp.cfg": text})
    assert "state_dict.bin" in refusal(folder)


@pytest.mark.parametrize("change", [{"num_heads": 5}, {"unheard_of": 1}])
def test_a_configuration_that_audiocraft_refuses_is_one_line(made: Made, tmp_path: Path, change: dict) -> None:
    from noiseprobe.models.backends.audiocraft import load

    folder = copied(made.audiocraft, tmp_path)
    reconfigure(folder / "state_dict.bin", {"transformer_lm": change})
    with pytest.raises(NoiseprobeError, match=r"state_dict\.bin can't be loaded: (AssertionError|TypeError)"):
        load(weights(folder, "audiocraft"), "fp32")


def test_a_folder_called_audiocraft_is_not_the_package(tmp_path: Path) -> None:
    (tmp_path / "noiseprobe_not_there").mkdir()
    code = "from noiseprobe.config import installed; print(installed('noiseprobe_not_there'), installed('hydra'))"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]
