"""A cell's identity: what changes it, what must not, and the folder's name."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from running import composed

from noiseprobe import config
from noiseprobe import identity as module
from noiseprobe.data.manifest import Clip
from noiseprobe.identity import cell_name, identity

CLIPS = (
    Clip("jazz/a.wav#0.0", Path("/music/jazz/a.wav"), 0.0, 15.0, "a", "jazz", "aa11"),
    Clip("jazz/b.wav#0.0", Path("/music/jazz/b.wav"), 0.0, 12.5, "b", "jazz", "bb22"),
)


def check(*overrides):
    return config.check(composed(*overrides))


def of(*overrides, weights="w", clips=CLIPS):
    return identity(check(*overrides), weights, clips)


def test_identity_is_a_sha256_and_the_same_again():
    assert re.fullmatch("[0-9a-f]{64}", of())
    assert of() == of()


@pytest.mark.parametrize("override", ["length=1.0", "length=[1]", "length=[1.0]", "frames=50", "frames=[50]"])
def test_one_second_in_all_its_spellings(override):
    assert of(f"noise.{override}") == of("noise.length=1")


def test_other_numbers_in_all_their_spellings():
    assert of("noise.onset=5") == of("noise.onset=[5.0]") == of()
    assert of("noise.level=-20") == of("noise.level=-20.0")
    assert of("noise.level=snr", "noise.snr=3") == of("noise.level=snr", "noise.snr=3.0")
    assert of("noise.length=[0.1,0.2,1,2,3,4]") == of("noise.frames=[5,10,50,100,150,200]") == of()
    assert of("noise.length=[2,1]") == of("noise.length=[1,2]")
    assert of("noise.onset=0") == of("noise.onset=-0.0")


@pytest.mark.parametrize(
    "override",
    [
        "data.batch_size=7", "data.num_workers=3", "trainer=ddp", "trainer=cpu", "trainer.devices=3",
        "trainer.num_nodes=2", "logger=none", "logger=wandb", "paths.results=/elsewhere", "strict=true", "force=true",
        "fail_fast=true", "data.manifest=null", "data.root=/tmp", "data.limit=2", "data.name=other", "keep_nll=false",
        "model=musicgen_small", "keep_audio=0", "report=false", "cache=off", "cache_gb=1", "paths.cache=/elsewhere",
    ],
)  # fmt: skip
def test_what_changes_no_number_changes_no_identity(override):
    assert of(override) == of()


def test_where_the_files_lie_changes_nothing():
    assert of(clips=tuple(replace(c, path=Path("/moved") / c.path.name) for c in CLIPS)) == of()


def test_whatever_changes_numbers_changes_the_identity():
    changed = {
        "seed": of("seed=1"),
        "level clip": of("noise.level=clip"),
        "level dBFS": of("noise.level=-20"),
        "another dBFS": of("noise.level=-20.5"),
        "level snr": of("noise.level=snr", "noise.snr=0"),
        "another snr": of("noise.level=snr", "noise.snr=1"),
        "scoring": of("scoring=parallel"),
        "precision": of("precision=bf16"),
        "length": of("noise.length=1"),
        "another length": of("noise.length=1.02"),
        "lengths": of("noise.length=[1,2]"),
        "onset": of("noise.onset=4"),
        "weights": of(weights="v"),
        "fewer clips": of(clips=CLIPS[:1]),
        "no clip": of(clips=()),
        "content": of(clips=(replace(CLIPS[0], content="cc"), CLIPS[1])),
        "duration": of(clips=(replace(CLIPS[0], duration=14.0), CLIPS[1])),
        "song": of(clips=(replace(CLIPS[0], song="b"), CLIPS[1])),
        "group": of(clips=(replace(CLIPS[0], group="rock"), CLIPS[1])),
        "start": of(clips=(replace(CLIPS[0], id="jazz/a.wav#1.0", start=1.0), CLIPS[1])),
        "description": of(clips=(replace(CLIPS[0], description="a quiet piano"), CLIPS[1])),
        "as it is": of(),
    }
    assert len(set(changed.values())) == len(changed)


def test_the_protocol_version_changes_the_identity(monkeypatch):
    before = of()
    monkeypatch.setattr(module, "PROTOCOL", module.PROTOCOL + 1)
    assert of() != before


def test_a_folders_name_is_readable_and_ends_in_8_digits():
    assert cell_name(check(), "0123456789abcdef") == "tiny-demo-white-01234567"


@pytest.mark.parametrize("name", ["a/b", "../..", "my music", "a:b\\c"])
def test_a_folders_name_is_one_safe_path_component(name):
    found = cell_name(replace(check(), data=replace(check().data, name=name)), "f" * 64)
    assert re.fullmatch(r"tiny-[\w.+]+-white-ffffffff", found)
