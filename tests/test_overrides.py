"""What a user types for a value is what Hydra reads, whatever letters and marks are in it."""

import random
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hydra.core.override_parser.overrides_parser import OverridesParser
from running import SHORT, quick_command

import noiseprobe
from noiseprobe.overrides import quoted

READ = OverridesParser.create().parse_override


@pytest.mark.parametrize(
    "text",
    [
        "/music/Füße", "/music/R&B", "/music/Live (1999)", "/music/it's", 'the "best" of', "/~x/!?#;", "音楽", "a=b",
        "\\'", "0.5]",
    ],
)  # fmt: skip
def test_a_text_is_read_as_it_was_typed(text: str) -> None:
    assert READ(quoted(f"data.root={text}")).value() == text


def test_so_are_random_ones() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        name = "".join(rng.choices("aZ09 _-.:/\\'\"()&!?#;=@%+ßé音", k=rng.randint(1, 12)))
        text = f"/é{name}"  # é: so that it can't be read as it is
        assert READ(quoted(f"data.root={text}")).value() == text


@pytest.mark.parametrize(
    "argument",
    [
        "noise.length=0.5,1", "noise.length=[0.5,1]", "noise.length=choice(1,2)", "noise.length=range(1,3)", "seed=1",
        "model.description='slow, quiet'", 'data.root="/é"', "~logger", "+experiment=claims", "noise",
        "paths.results=${oc.env:X}",
        "data.root=/a b", "-m", "--cfg=job", "cache=off", "model.description=",
        # not Hydra's syntax, and none can tell what was meant
        "noise.length=[0.5,1", "noise.length=choice(1,2", "data.root='half", "data.root=${half", "a b=é",
    ],
)  # fmt: skip
def test_what_hydra_reads_or_has_to_refuse_stays(argument: str) -> None:
    assert quoted(argument) == argument


def test_a_comma_parts_the_values_of_a_sweep() -> None:
    assert [v.text for v in READ(quoted("data.root=/é,/R&B")).value().list] == ["/é", "/R&B"]
    assert quoted("seed=1,é") == "seed=1,'é'"


def test_a_sweep_of_such_folders(tmp_path: Path) -> None:
    for name in ["Füße (live)", "R&B's"]:
        (tmp_path / name).mkdir()
        sf.write(tmp_path / name / "x.wav", np.random.default_rng(0).normal(0, 0.1, 4 * 32_000), 32_000)
    roots = f"{tmp_path}/Füße (live),{tmp_path}/R&B's"
    done = quick_command(*SHORT, "data=folder", f"data.root={roots}", "-m", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(noiseprobe.load_results(tmp_path / "results").cells["data"]) == {"Füße (live)", "R&B's"}
