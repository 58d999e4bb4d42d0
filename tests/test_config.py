"""The checks of a composed configuration: what is taken, what is refused, and how the refusal reads."""

from pathlib import Path

import pytest
from hydra.errors import CompactHydraException
from omegaconf import OmegaConf
from running import composed

from noiseprobe import config, schemas
from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise.white import Options


def check(*overrides):
    return config.check(composed(*overrides))


def names(*overrides):
    return [v.name for v in check(*overrides).noise.variants]


def refusal(*overrides):
    """The one line with which a command line is refused."""
    cfg = composed(*overrides)
    with pytest.raises(NoiseprobeError) as caught:
        config.check(cfg)
    message = str(caught.value)
    assert message == message.strip()
    assert len(message.splitlines()) == 1
    return message


# What is taken


def test_defaults():
    c = check()
    assert (c.scoring, c.precision, c.seed) == ("delay", "fp32", 0)
    assert (c.strict, c.force, c.fail_fast) == (False, False, False)
    assert (c.keep_audio, c.report) == (100, True)
    assert check("keep_audio=null").keep_audio is None
    assert (c.data.duration, c.data.options.start, c.data.options.clips_per_file, c.data.limit) == (15.0, 0.0, 1, None)
    assert (c.data.batch_size, c.data.num_workers) == (1, 0)
    assert (c.noise.kind, c.noise.options) == ("white", Options("replace", "match", None, 0.0))
    assert (c.trainer.accelerator, c.trainer.devices, c.trainer.num_nodes, c.trainer.strategy) == ("auto", 1, 1, "auto")
    assert c.logger == {"name": "csv"}
    assert c.paths.results == Path("results")
    assert (c.cache, c.cache_gb) == (True, 10.0)
    assert c.model.name == "tiny"
    assert (c.model.path / "model.safetensors").is_file()
    assert c.data.options.manifest.is_file()


def test_the_papers_lengths_apply_where_neither_length_nor_frames_is_set():
    assert names() == [f"white@5.0s+{s}s" for s in ["0.1", "0.2", "1.0", "2.0", "3.0", "4.0"]]


@pytest.mark.parametrize(
    "override", ["length=1", "length=1.0", "length=[1]", "frames=50", "frames=50.0", "frames=[50]"]
)
def test_one_second_in_all_its_spellings(override):
    assert check(f"noise.{override}") == check("noise.length=[1.0]")
    assert names(f"noise.{override}") == ["white@5.0s+1.0s"]


def test_lists_are_variants_of_one_cell():
    assert names("noise.length=[0.5,2]", "noise.onset=[3,7.5]") == [
        "white@3.0s+0.5s", "white@3.0s+2.0s", "white@7.5s+0.5s", "white@7.5s+2.0s",
    ]  # fmt: skip
    assert names("noise.frames=[0,7]") == ["white@5.0s+0.0s", "white@5.0s+0.14s"]


def test_noise_may_end_one_second_before_the_clip_does_and_no_later():
    assert names("data.duration=10", "noise.length=4") == ["white@5.0s+4.0s"]
    assert "noise.length: got 4.001" in refusal("data.duration=10", "noise.length=4.001")


def test_a_clip_may_be_30_seconds_long():
    assert check("data.duration=30").data.duration == 30.0


@pytest.mark.parametrize(("override", "level"), [("match", "match"), ("clip", "clip"), ("-20", -20.0), ("-3.5", -3.5)])
def test_levels(override, level):
    found = check(f"noise.level={override}").noise.options
    assert (found.level, found.snr) == (level, None)
    assert type(found.level) is type(level)


def test_level_snr_with_its_number():
    found = check("noise.level=snr", "noise.snr=-6").noise.options
    assert (found.level, found.snr) == ("snr", -6.0)


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "music").mkdir()
    found = check("data=folder", "data.root='~/music'", "paths.results='~/results'")
    assert found.data.options.root == tmp_path / "music"
    assert found.paths.results == tmp_path / "results"


@pytest.mark.parametrize(
    ("value", "expected"), [("on", True), ("true", True), ("True", True), ("off", False), ("false", False)]
)
def test_the_cache_is_switched_as_people_say_it(value, expected):
    assert check(f"cache={value}").cache is expected


def test_the_caches_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert check().paths.cache == tmp_path / "xdg" / "noiseprobe" / "clips"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert check().paths.cache == tmp_path / ".cache" / "noiseprobe" / "clips"
    assert check("paths.cache='~/clips'").paths.cache == tmp_path / "clips"
    assert check("cache_gb=0.5").cache_gb == 0.5


def test_a_folders_name_names_its_data(tmp_path):
    (tmp_path / "jazz").mkdir()
    assert check("data=folder", f"data.root={tmp_path}/jazz").data.name == "jazz"
    assert check("data=folder", f"data.root={tmp_path}/jazz", "data.name=bebop").data.name == "bebop"


@pytest.mark.parametrize("model", ["tiny", "musicgen_small", "musicgen_medium", "musicgen_large", "musicgen_melody"])
@pytest.mark.parametrize("logger", ["csv", "none", "wandb"])
def test_every_model_and_logger_passes(model, logger):
    found = check(f"model={model}", f"logger={logger}")
    assert found.model.name == model.replace("_", "-")
    assert found.logger["name"] == logger


@pytest.mark.parametrize("trainer", ["auto", "cpu", "gpu", "ddp"])
def test_every_trainer_passes(trainer):
    found = check(f"trainer={trainer}").trainer
    assert (found.strategy == "ddp") == (trainer == "ddp") == (found.devices == 2)


def test_seeds_are_taken_to_the_last_digit():
    assert check("seed=9007199254740993").seed == 9007199254740993  # 2^53 + 1, which no float holds


# What is refused. Where a value can't be shown as it was typed, the third column says how it is.

MALFORMED = [
    ("seed=-1", "seed", "-1"),
    ("seed=1.5", "seed", "1.5"),
    ("seed=abc", "seed", "abc"),
    ("seed=null", "seed", "null"),
    ("seed=true", "seed", "True"),
    ("seed=[1]", "seed", "[1]"),
    ("seed=???", "seed", "???"),
    ("seed=1" + "0" * 400, "seed", "1000"),
    ("scoring=dealy", "scoring", "dealy"),
    ("scoring=null", "scoring", "null"),
    ("scoring='two\nlines'", "scoring", "two"),
    ("precision=fp16", "precision", "fp16"),
    ("precision=32", "precision", "32"),
    ("strict=1", "strict", "1"),
    ("force=maybe", "force", "maybe"),
    ("fail_fast=null", "fail_fast", "null"),
    ("keep_audio=-1", "keep_audio", "-1"),
    ("keep_audio=some", "keep_audio", "some"),
    ("cache=maybe", "cache", "maybe"),
    ("cache=1", "cache", "1"),
    ("cache=[off]", "cache", "off"),
    ("cache_gb=0", "cache_gb", "0"),
    ("cache_gb=-1", "cache_gb", "-1"),
    ("cache_gb=null", "cache_gb", "null"),
    ("cache_gb=inf", "cache_gb", "inf"),
    ("paths.cache=", "paths.cache", ""),
    ("paths.cache='~nosuchuser/clips'", "paths.cache", "~nosuchuser/clips"),
    ("report=3", "report", "3"),
    ("data.duration=0", "data.duration", "0"),
    ("data.duration=-3", "data.duration", "-3"),
    ("data.duration=30.5", "data.duration", "30.5"),
    ("data.duration=nan", "data.duration", "nan"),
    ("data.duration=long", "data.duration", "long"),
    ("data.start=-0.5", "data.start", "-0.5"),
    ("data.start=inf", "data.start", "inf"),
    ("data.limit=0", "data.limit", "0"),
    ("data.limit=2.5", "data.limit", "2.5"),
    ("data.limit=all", "data.limit", "all"),
    ("data.clips_per_file=0", "data.clips_per_file", "0"),
    ("data.batch_size=0", "data.batch_size", "0"),
    ("data.num_workers=-1", "data.num_workers", "-1"),
    ("data.root=null", "data.root", "null"),
    ("data.root=/no/where", "data.root", "/no/where"),
    ("data.root='~nosuchuser/music'", "data.root", "~nosuchuser/music"),
    ("data.root=" + "a" * 300, "data.root", "aaa"),
    ("data.manifest=/no/where.csv", "data.manifest", "/no/where.csv"),
    ("data.source=s3", "data.source", "s3"),
    ("data.name=' '", "data.name", " "),
    ("noise.kind=wite", "noise.kind", "wite"),
    ("noise.kind=base", "noise.kind", "base"),
    ("noise.length=-1", "noise.length", "-1"),
    ("noise.length=[]", "noise.length", "[]"),
    ("noise.length=[1,x]", "noise.length", "x"),
    ("noise.length=[[1]]", "noise.length", "[1]"),
    ("noise.length=9.5", "noise.length", "9.5"),
    ("noise.length=[1,1.0]", "noise.length", "[1, 1.0]"),
    ("noise.frames=2.5", "noise.frames", "2.5"),
    ("noise.frames=-5", "noise.frames", "-5"),
    ("noise.frames=[5,5]", "noise.frames", "[5, 5]"),
    ("noise.frames=5000", "noise.frames", "5000"),
    ("noise.onset=-1", "noise.onset", "-1"),
    ("noise.onset=20", "noise.onset", "20"),
    ("noise.onset=[3,3]", "noise.onset", "[3, 3]"),
    ("noise.level=loud", "noise.level", "loud"),
    ("noise.level=null", "noise.level", "null"),
    ("noise.level=nan", "noise.level", "nan"),
    ("noise.level=[1]", "noise.level", "[1]"),
    ("noise.level=10000", "noise.level", "10000"),
    ("noise.level=-10000", "noise.level", "-10000"),
    ("noise.snr=3", "noise.snr", "3"),
    ("noise.level=snr", "noise.snr", "null"),
    ("noise.level=snr noise.snr=loud", "noise.snr", "loud"),
    ("noise.level=snr noise.snr=-100000", "noise.snr", "-100000"),
    ("noise.level=snr noise.snr=100000", "noise.snr", "100000"),
    ("trainer.devices=0", "trainer.devices", "0"),
    ("trainer.devices=many", "trainer.devices", "many"),
    ("trainer.devices=[a]", "trainer.devices", "a"),
    ("trainer.devices=[]", "trainer.devices", "[]"),
    ("trainer.accelerator=tpu", "trainer.accelerator", "tpu"),
    ("trainer.num_nodes=0", "trainer.num_nodes", "0"),
    ("trainer.strategy=fsdp", "trainer.strategy", "fsdp"),
    ("logger.name=tensorboard", "logger.name", "tensorboard"),
    ("logger=wandb logger.offline=maybe", "logger.offline", "maybe"),
    ("model.path=/no/where", "model.path", "/no/where"),
    ("model.path=null", "model.path", "null"),
    ("model.backend=jax", "model.backend", "jax"),
    ("model.codec=./no/where", "model.codec", "no/where"),
    ("model.codec=3.5", "model.codec", "3.5"),
    ("model.text_encoder=/no/where", "model.text_encoder", "/no/where"),
    ("model.description=' '", "model.description", " "),
    ("model.shape=small", "model.shape", "small"),
    ("model=musicgen_small model.shape.layers=0", "model.shape.layers", "0"),
    ("model=musicgen_small model.shape.melody=1", "model.shape.melody", "1"),
    ("model=local", "model.path", "null"),
    ("model=local model.hub=owner/name", "model.name", "null"),
    ("model.name=???", "model.name", "???"),
    ("paths.results=null", "paths.results", "null"),
    ("paths.results=", "paths.results", ""),
]


@pytest.mark.parametrize(
    ("overrides", "key", "shown"), MALFORMED, ids=[m[0][:40].replace("\n", " ") for m in MALFORMED]
)
def test_malformed_values_are_refused_in_one_line_with_key_and_value(overrides, key, shown):
    message = refusal(*(overrides.split(" ") if "'" not in overrides else [overrides]))
    assert message.startswith(f"{key}: got ")
    assert shown in message.removeprefix(f"{key}: got ").partition(", expected ")[0]
    assert len(message.partition(", expected ")[2]) > 5


def test_length_and_frames_together_are_refused():
    message = refusal("noise.length=1", "noise.frames=25")
    assert "noise.frames: got 25" in message
    assert "noise.length is 1" in message


@pytest.mark.parametrize(
    ("added", "near"),
    [
        ("+noise.lenght=1", "noise.length"),
        ("+data.limits=3", "data.limit"),
        ("+sed=3", "seed"),
        ("+model.pth=x", "model.path"),
        ("+trainer.device=2", "trainer.devices"),
        ("+paths.result=x", "paths.results"),
    ],
)
def test_an_added_key_is_refused_with_the_nearest_known_one(added, near):
    key = added.lstrip("+").partition("=")[0]
    assert refusal(added) == f"{key}: unknown key; did you mean {near}?"


def test_an_added_key_far_from_all_is_refused_with_those_there_are():
    message = refusal("+noise.zzz=1")
    assert message.startswith("noise.zzz: unknown key; ")
    assert "noise.length" in message
    assert "noise.level" in message


@pytest.mark.parametrize("key", ["seed", "noise.level", "data.start", "noise"])
def test_a_deleted_key_is_missed(key):
    assert refusal(f"~{key}").startswith(f"{key}: missing")


def test_a_group_set_to_a_plain_value_is_refused():
    cfg = OmegaConf.create({**composed(), "trainer": "fast"})
    with pytest.raises(NoiseprobeError, match="trainer: got fast, expected one of the group's options"):
        config.check(cfg)


def test_a_refusal_is_the_exception_that_hydra_prints_without_a_traceback():
    assert issubclass(NoiseprobeError, CompactHydraException)


def test_a_config_is_frozen():
    with pytest.raises(AttributeError):
        check().seed = 1


@pytest.mark.parametrize(
    ("override", "gpu", "expected"),
    [
        ("precision=auto", False, "fp32"),
        ("precision=auto", True, "bf16"),
        ("precision=fp32", True, "fp32"),
        ("precision=bf16", False, "bf16"),
        ("trainer.accelerator=cpu", True, "fp32"),
        ("trainer=cpu", True, "fp32"),
        ("trainer=gpu", False, "bf16"),
        ("trainer.accelerator=cuda", False, "bf16"),
        ("trainer.accelerator=mps", False, "fp32"),
    ],
)
def test_precision_follows_the_device(override, gpu, expected, monkeypatch):
    monkeypatch.setattr(schemas, "has_cuda", lambda: gpu)
    assert check(override).precision == expected


def test_a_codec_is_a_folder_or_a_repository(tmp_path):
    assert check(f"model.codec={tmp_path}").model.codec == tmp_path
    assert check("model.codec=facebook/encodec_32khz").model.codec == "facebook/encodec_32khz"
    assert check("model.text_encoder=t5-base").model.text_encoder == "t5-base"


def test_a_local_model_is_named_by_its_folder(tmp_path):
    (tmp_path / "mine").mkdir()
    found = check("model=local", f"model.path={tmp_path}/mine").model
    assert (found.name, found.shape, found.backend) == ("mine", {}, "auto")
