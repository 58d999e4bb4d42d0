"""Malformed command lines: each ends with one line that names the key and what is allowed, before anything is loaded.

Each value is given alone and as one cell of a sweep, whose other cell is scored. Values that Hydra refuses, and keys
that no cell can have, end a sweep before its first cell.
"""

import math
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from running import composed, quick_command

from noiseprobe import config, positions
from noiseprobe.cli import conf_dir
from noiseprobe.config import PACKAGE
from noiseprobe.errors import NoiseprobeError

SHORT = ["data.limit=1", "data.duration=4", "noise.onset=2", "noise.length=0.2", "keep_audio=0", "report=false"]
SHORT += ["figures=[]"]
WHOLE = "a whole number of at least"
SWITCH = "true or false"
EVERY = 4  # value of a key, from the first, gets a command of its own, a second each; the sweeps have them all


@dataclass(frozen=True)
class Key:
    """A key, what it is told, and what it may be told.

    Attributes:
        key: of the configuration.
        allowed: what the line ends with, a pattern.
        bad: values, as they are typed.
        good: a value, for the other cell of a sweep.
        fixed: other overrides.
    """

    key: str
    allowed: str
    bad: tuple[str, ...]
    good: str
    fixed: tuple[str, ...] = ()


def key(name: str, allowed: str, *bad: str, good: str, fixed: tuple[str, ...] = ()) -> Key:
    return Key(name, allowed, bad, good, fixed)


KEYS = [
    key("seed", f"{WHOLE} 0", "-1", "1.5", "nan", "-inf", "abc", "true", "null", "[1]", "{a:1}", "1e30", "''", "' '",
        "'音楽'", "???", "${noise}", "-" + "9" * 400, good="0"),
    key("seed", r"a value, or \$\{KEY\}", "${nope}", "${seed}", "${oc.env:NOT_THERE}", "${noise.nope}", "${nope:1}",
        "${noise.kind.x}", good="0"),
    key("scoring", "one of delay, parallel", "dealy", "null", "1", "[delay]", "{delay:1}", good="delay"),
    key("precision", "one of auto, fp32, bf16", "fp16", "32", "''", good="fp32"),
    key("strict", SWITCH, "1", "maybe", "null", good="false"),
    key("force", SWITCH, "yes", "[true]", good="false"),
    key("fail_fast", SWITCH, "x", "null", good="false"),
    key("report", SWITCH, "3", "on", good="false"),
    key("keep_nll", SWITCH, "0", "nan", good="true"),
    key("keep_audio", f"{WHOLE} 0", "-1", "some", "0.5", "inf", good="0"),
    key("cache", SWITCH, "maybe", "1", "[off]", "null", good="true"),
    key("cache_gb", "a (finite )?number above 0", "0", "-1", "null", "inf", "nan", "1e999", "big", good="1"),
    key("data.duration", "a (finite )?number above 0", "0", "-3", "nan", "1e999", "long", "[4]", good="4"),
    key("data.duration", "at most 30 s", "30.5", "1e300", good="4"),
    key("data.start", "a (finite )?number of at least 0", "-0.5", "inf", "x", good="0"),
    key("data.limit", f"{WHOLE} 1", "0", "2.5", "all", "-1", good="1"),
    key("data.clips_per_file", f"{WHOLE} 1", "0", "x", good="1"),
    key("data.batch_size", f"{WHOLE} 1", "0", "1e30", "null", good="1"),
    key("data.num_workers", f"{WHOLE} 0", "-1", "two", good="0"),
    key("data.root", "a folder that exists", "/no/where", "not\\ there", "a.txt", "/dev/null", "a" * 300,
        good=str(PACKAGE / "assets/demo")),
    key("data.root", "a text|a folder of wav", "null", "''", "[a]", good=str(PACKAGE / "assets/demo")),
    key("data.root", "a path whose user exists", "'~nosuchuser/music'", good=str(PACKAGE / "assets/demo")),
    key("data.manifest", "a CSV file that exists", "no.csv", ".", "/dev/null",
        good=str(PACKAGE / "assets/demo/manifest.csv")),
    key("data.source", "one of asap, folder", "s3", "null", "''", "../folder", good="folder"),
    key("data.name", "a text", "' '", "[a]", good="demo"),
    key("noise.kind", "one of .*white", "wite", "base", "null", "../cli", "os", good="white"),
    key("noise.length", "a (finite )?number of at least 0", "-1", "[0.2,x]", "[[1]]", "nan", "{a:1}", "1e999",
        good="0.2"),
    key("noise.length", "at most 1 s|at least 0.001 s|at least one|each length once", "9.5", "1e-5", "[]", "[0.2,0.20]",
        good="0.2"),
    key("noise.frames", f"{WHOLE} 0", "2.5", "-5", "x", good="10", fixed=("noise.length=null",)),
    key("noise.frames", "each length once|at most 1 s", "[5,5]", "5000", good="10", fixed=("noise.length=null",)),
    key("noise.frames", "null while noise.length is 0.2", "25", good="null"),
    key("noise.onset_frame", "null while noise.onset is 2", "25", good="null"),
    key("noise.onset", "a (finite )?number of at least 0", "-1", "x", "inf", "{a:1}", "[1,[2]]", good="2"),
    key("noise.onset", "at most 3 s|each onset once", "20", "[1,1]", good="2"),
    key("noise.level", "match|a (finite )?number of at least -200", "loud", "null", "nan", "[1]", "10000", "-10000",
        "inf", good="clip"),
    key("noise.snr", "a (finite )?number", "loud", "null", "100000", "nan", good="3", fixed=("noise.level=snr",)),
    key("noise.spans", "a list of|of at least", "3", "[]", "[[1]]", "[[1,x]]", "[[1,nan]]", "[[2,.5],[1,.5]]",
        good="[[2,0.2]]", fixed=("noise.length=null", "noise.onset=null")),
    key("noise.spans", "to fit in data.duration", "[[2,9]]", good="[[2,0.2]]",
        fixed=("noise.length=null", "noise.onset=null")),
    key("noise.share", "a (finite )?number of at least", "nan", "0", "2", "x", good="0.1", fixed=("noise.onset=1",)),
    key("noise.share", "each share once", "[0.1,0.1]", good="0.1", fixed=("noise.onset=1",)),
    key("trainer.devices", WHOLE, "0", "many", "[a]", "-1", "1.5", "null", good="1"),
    key("trainer.accelerator", "one of auto, cpu", "tpu", "null", good="cpu"),
    key("trainer.num_nodes", WHOLE, "0", good="1"),
    key("trainer.strategy", "one of auto, ddp", "fsdp", "ddp_spawn", good="auto"),
    key("logger.project", "a text|a name of at most 128 characters without", "null", "a/b", "x" * 129, good="p",
        fixed=("logger=wandb", "logger.offline=true")),
    key("logger.name", "one of none, csv, wandb", "tensorboard", "null", good="csv"),
    key("model.path", "a folder", "/no/where", "null", "a.txt", good=str(PACKAGE / "assets/tiny")),
    key("model.path", "a text", "''", "3.5", good=str(PACKAGE / "assets/tiny")),
    key("model.backend", "one of auto", "jax", "null", "os", good="auto"),
    key("model.codec", "a folder that exists", "./no/where", "/etc/passwd", good="null"),
    key("model.text_encoder", "a text", "3.5", "' '", good="null"),
    key("model.description", "a text", "' '", "[a]", good="null"),
    key("model.shape", "null, or a value for each", "small", "3", good="null"),
    key("paths.results", "a text", "null", "''", "[a]", good="results"),
    key("paths.cache", "a text|whose user exists", "''", "'~nosuchuser/x'", good="null"),
    key("sweep", "a name for files", "../x", ".", "a\\ b", "/etc/x", good="null"),
    key("figures", "one of amnesia", "[nope]", "nope", "null", "[[effect]]", "3", good="[]"),
    key("verdicts.alpha", "above 0", "2", "0", "x", "nan", good="0.05"),
    key("verdicts.power", "between verdicts.alpha", "0.01", "1", good="0.8"),
    key("verdicts.margin", "above 0", "-1", "null", good="0.05"),
]  # fmt: skip

# No cell can have these: key, and what its line says.
NEVER = [
    ("+bad=3", "bad: unknown key; known keys: model"),
    ("+sed=3", "sed: unknown key; did you mean seed?"),
    ("+noise.lenght=1", "noise.lenght: unknown key; did you mean noise.length?"),
    ("+noise.length.x=1", "noise.length: got {'x': 1}, expected a number"),
    ("+data.limits=3", "data.limits: unknown key; did you mean data.limit?"),
    ("+model.pth=x", "model.pth: unknown key; did you mean model.path?"),
    ("+trainer.max_epochs=2", "trainer.max_epochs: unknown key; known keys"),
    ("+logger.dir=x", "logger.dir: unknown key; known keys"),
    ("+paths.result=x", "paths.result: unknown key; did you mean paths.results?"),
    ("+verdicts.beta=1", "verdicts.beta: unknown key"),
    ("+noise._args_=[1]", "noise._args_: unknown key"),
    ("~scoring", "scoring: missing"),
    ("~noise.level", "noise.level: missing"),
    ("~paths", "paths: missing"),
    ("verdicts=3", "verdicts: got 3, expected one of"),
    ("trainer=3", "trainer: got 3, expected one of auto, cpu, ddp, gpu"),
    ("trainer=cpu,3", "trainer: got 3, expected one of auto, cpu, ddp, gpu"),
    ("model=null", "model: got null, expected one of local, "),
    ("model=true", "model: got True, expected one of local, "),
    ("noise=[white,1.5]", "noise: got ['white', 1.5], expected one of bands, "),
    ("noise=[]", "noise: got [], expected one of bands, "),
    ("+experiment=7", "experiment: got 7, expected one of amnesia, "),
    ("hydra/launcher=7", "hydra/launcher: got 7, expected the name of an option"),
    ("=3", "=3: got no key, expected KEY=VALUE"),
    ("noise=notes_pitch", "noise.kind: got notes_pitch, expected a kind that works on audio"),
    ("model=local", "model.path: got null, expected a folder"),
    ("data=folder", "data.root: got null, expected a folder of wav"),
]

# Hydra's own errors, in its own words.
HYDRA = [
    ("model=nothing", "Could not find 'model/nothing'"),
    ("+experiment=nothing", "Could not find 'experiment/nothing'"),
    ("hydra/launcher=nothing", "Could not find 'hydra/launcher/nothing'"),
    ("nothing=3", "Key 'nothing' is not in struct"),
    ("noise.nothing=3", "Key 'nothing' is not in struct"),
    ("model={a:1}", "Key 'a' is not in struct"),
    ("~nothing", "'nothing' does not exist"),
    ("seed", "Error parsing override 'seed'"),
    ("", "mismatched input"),
    ("seed=[1", "no viable alternative at input '[1'"),
    ("seed=choice()", "empty choice"),
    ("sé=1", "LexerNoViableAltException: sé=1"),
    ("hydra.mode=FOO", "hydra.mode"),
]

# Wrong as sweeps only.
SWEEPS = [
    ("+experiment=paper_fig2,paper_fig3", "experiment: got several, expected one"),
    ("seed=range(1,0)", r"seed: got range(1,0), expected values to sweep over, one or more"),
    ("model=glob(nothing*)", r"model: got glob(nothing*), expected values to sweep over, one or more"),
    ("noise.length=interval(0,1)", r"noise.length: got interval(0,1), expected values to sweep over, one or more"),
    ("hydra.sweeper.max_batch_size=-1", f"hydra.sweeper.max_batch_size: got -1, expected {WHOLE} 1"),
    ("paths.results=/dev/null/x", "paths.results: /dev/null/x can't be written: Not a directory"),
    ("seed=1,", "mismatched input"),
    ("hydra.sweeper.params=3", "Error merging override hydra.sweeper.params=3"),
]


def refused(done: "subprocess.CompletedProcess[str]", cwd: Path) -> list[str]:
    """The lines of an answer, after what holds for every refusal."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert 'File "' not in done.stderr, done.stderr
    assert "loading" not in done.stdout
    assert "multirun.yaml" not in [path.name for path in cwd.iterdir()]
    assert list(cwd.glob("*/tiny-*")) == []
    return done.stderr.splitlines()


def one(lines: list[str], beginning: str) -> bool:
    """Whether a single line begins so."""
    return len([line for line in lines if line.startswith(beginning)]) == 1


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("no audio and no model\n")
    return tmp_path


def test_there_are_more_than_200_in_sweeps_and_100_alone() -> None:
    assert sum(len(k.bad) for k in KEYS) + len(NEVER) + len(HYDRA) + len(SWEEPS) > 200
    assert sum(len(k.bad[::EVERY]) for k in KEYS) + len(NEVER) + len(HYDRA) > 100


@pytest.mark.slow
@pytest.mark.parametrize("case", KEYS, ids=[f"{i}-{k.key}" for i, k in enumerate(KEYS)])
def test_alone_a_bad_value_is_one_line_with_key_and_what_is_allowed(case: Key, place: Path) -> None:
    for value in case.bad[::EVERY]:
        done = quick_command(*SHORT, *case.fixed, f"{case.key}={value}", cwd=place)
        line = re.compile(rf"{re.escape(case.key)}: got .*, expected .*({case.allowed})")
        assert len([x for x in refused(done, place) if line.match(x)]) == 1, (value, done.stderr)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good cells are scored once, and found finished by the other sweeps."""
    folder = tmp_path_factory.mktemp("sweeps")
    (folder / "a.txt").touch()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("case", KEYS, ids=[f"{i}-{k.key}" for i, k in enumerate(KEYS)])
def test_in_a_sweep_bad_values_are_named_and_the_good_cell_is_scored(case: Key, shared: Path) -> None:
    values = [case.bad[0], case.good, *case.bad[1:]]
    done = quick_command(*SHORT, *case.fixed, f"{case.key}={','.join(values)}", "-m", cwd=shared)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    line = re.compile(rf"(will fail:|failed) .*{re.escape(case.key)}: got .*, expected .*({case.allowed})")
    found = [m[1] for x in done.stderr.splitlines() if (m := line.match(x))]
    assert sorted(set(found)) == ["failed", "will fail:"], done.stderr
    assert found.count("will fail:") == found.count("failed") == len(case.bad), done.stderr
    cells = re.findall(r"^results  (\S+)$", done.stdout, re.MULTILINE)
    assert len(cells) == 1, done.stdout
    assert (shared / cells[0] / "DONE").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(("override", "says"), [*NEVER, *HYDRA], ids=[o for o, _ in [*NEVER, *HYDRA]])
def test_what_no_cell_can_have_is_refused_alone_and_ends_a_sweep(override: str, says: str, place: Path) -> None:
    alone = refused(quick_command(*SHORT, override, cwd=place), place)
    assert any(says in line for line in alone) if (override, says) in HYDRA else one(alone, says)
    sweep = refused(quick_command(*SHORT, "seed=1,2", override, "-m", cwd=place), place)
    assert any(says in line for line in sweep), sweep


@pytest.mark.slow
@pytest.mark.parametrize(("override", "says"), SWEEPS, ids=[override for override, _ in SWEEPS])
def test_a_sweep_that_is_none_is_refused(override: str, says: str, place: Path) -> None:
    assert one(refused(quick_command(*SHORT, "strict=true,false", override, "-m", cwd=place), place), says)


@pytest.mark.slow
def test_a_cell_whose_results_have_no_place_fails_alone(place: Path) -> None:
    done = quick_command(*SHORT, "paths.results=/dev/null/x,a", "-m", cwd=place)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr, done.stderr
    assert "paths.results=/dev/null/x: paths.results: /dev/null/x" in done.stderr
    assert len(list(place.glob("a/tiny-*/DONE"))) == 1
    assert (place / "a/index.parquet").is_file()


NASTY: list[Any] = [
    None, True, 0, -1, 3, 2**80, 0.5, -0.0, 1e-300, 1e300, math.nan, math.inf, -math.inf, "", " ", "x", "null", "ü\n",
    "../..", "a" * 5000, "\udcff", "\0", "~nobody/x", "end", [], [1], [-1], [1, 1], [None], [math.nan], ["x"], [[1, 2]],
    [[1, 2], [1, 2]], [[]], {}, {"a": 1}, {"_target_": "os.system"}, "${nope}", "${.x}", "???",
]  # fmt: skip


SLOW = pytest.param("noise", marks=pytest.mark.slow)  # 30 kinds
SECTIONS = ["", "model", "data", "trainer", "logger", "paths", "verdicts", SLOW]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_takes_or_refuses_every_value(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No value of any type gets through as another error, whatever the key."""
    monkeypatch.chdir(tmp_path)
    folder = Path(conf_dir(), section)
    options = sorted(p.stem for p in folder.glob("*.yaml")) if section and folder.is_dir() else [""]
    seen: set[Any] = set()
    lines: list[str] = []
    for option in options:
        plain = composed(f"{section}={option}") if option else composed()
        own = plain[section] if section else plain
        for name in list(own):
            which = (name, None if name in positions.KEYS or section != "noise" else own.kind)
            if which in seen:
                continue
            seen.add(which)
            before = own[name]
            for value in NASTY:
                OmegaConf.update(own, name, value, merge=False)
                try:
                    config.check(plain)
                except NoiseprobeError as error:
                    lines.append(str(error))
            OmegaConf.update(own, name, before, merge=False)
    assert len(seen) * len(NASTY) / 2 < len(lines) < len(seen) * len(NASTY)
    assert {len(line.splitlines()) for line in lines} == {1}
