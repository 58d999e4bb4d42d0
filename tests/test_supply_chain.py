"""Nothing that is read may run code, and nothing that is read may say where something is written."""

import ast
import csv
import json
import os
import pickle
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import yaml
from checkpoints import tiny_t5
from pagereading import Page
from running import quick_command, run_cell, weights

from noiseprobe import load_results
from noiseprobe.cli import conf_dir
from noiseprobe.config import PACKAGE
from noiseprobe.errors import NoiseprobeError
from noiseprobe.models import text
from noiseprobe.models.backends import transformers
from noiseprobe.models.weights import Files
from noiseprobe.overrides import check_arguments
from noiseprobe.report.html import write_report
from noiseprobe.results.index import finished

ROOT = PACKAGE.parent
CELL = ["data.duration=1.5", "noise.onset=0.2", "noise.length=0.1", "logger=none"]

# Code that reads or runs what a file says. A call of one of these must have the argument, or be in the place.
GUARDED = {
    "torch.load": "weights_only=True",
    "np.load": "allow_pickle=False",
    "numpy.load": "allow_pickle=False",
    "AutoTokenizer.from_pretrained": "trust_remote_code=False",
    "AutoConfig.from_pretrained": "trust_remote_code=False",
}
FORBIDDEN = re.compile(
    r"(c?pickle|dill|cloudpickle|marshal|shelve|joblib)\.\w+|pd\.read_pickle|pandas\.read_pickle|\w+\.to_pickle"
    r"|yaml\.(unsafe_|full_)?load(_all)?|(hydra\.utils\.|\w+\.)?instantiate|hydra\.utils\.(call|get_\w+)"
    r"|eval|exec|compile|__import__|os\.(system|popen|exec\w+)|runpy\.\w+|torch\.(jit|hub|package|export)\.load"
    r"|Auto\w+\.from_pretrained|OmegaConf\.(load|unsafe_merge)"
)
# The one that reads a pickle without running it: find_class knows a few names and refuses all others.
ALLOWED = {("models/torchfile.py", "_Unpickler(pickle.Unpickler)")}


def dangers(source: str) -> list[str]:
    """The calls and base classes of a module that can run what a file says."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in GUARDED:
                found += [] if GUARDED[name] in [ast.unparse(k) for k in node.keywords] else [ast.unparse(node)]
            elif FORBIDDEN.fullmatch(name):
                found.append(ast.unparse(node))
            found += ["shell=True"] if "shell=True" in [ast.unparse(k) for k in node.keywords] else []
        elif isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base) for base in node.bases]
            found += [f"{node.name}({base})" for base in bases if FORBIDDEN.fullmatch(base)]
        elif isinstance(node, ast.ImportFrom):  # so that the names above are those that are called
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name for name in full if name in GUARDED or FORBIDDEN.fullmatch(name)]
    return found


SAFE = [
    "torch.load(p, weights_only=True)", "np.load(p, allow_pickle=False)", "yaml.safe_load(p)", "model.eval()",
    "re.compile('x')", "OmegaConf.create(d)", "EncodecConfig.from_pretrained(p)",
]  # fmt: skip
PLANTED = [
    "torch.load(p)", "torch.load(p, weights_only=False)", "np.load(p)", "np.load(p, allow_pickle=True)",
    "pickle.load(f)", "pickle.loads(b)", "joblib.load(p)", "yaml.load(f)", "yaml.unsafe_load(f)", "pd.read_pickle(p)",
    "hydra.utils.instantiate(cfg)", "instantiate(cfg)", "eval(s)", "exec(s)", "__import__(s)", "torch.jit.load(p)",
    "class U(pickle.Unpickler): pass", "from pickle import loads", "from torch import load",
    "from hydra.utils import instantiate", "AutoModel.from_pretrained(p)", "AutoConfig.from_pretrained(p)",
    "AutoTokenizer.from_pretrained(p, trust_remote_code=True)", "subprocess.run(c, shell=True)", "OmegaConf.load(p)",
]  # fmt: skip


@pytest.mark.parametrize("source", PLANTED)
def test_planted_dangers_are_found(source: str) -> None:
    assert dangers(source)


@pytest.mark.parametrize("source", SAFE)
def test_what_is_safe_is_not_found(source: str) -> None:
    assert dangers(source) == []


def test_no_module_runs_what_a_file_says() -> None:
    """No pickle without weights_only, no configuration that is built: of results, checkpoints and manifests alike."""
    modules = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in PACKAGE.rglob("*.py")}
    assert {(name, what) for name, source in modules.items() for what in dangers(source)} == ALLOWED


# _target_


def targets(node: object) -> list[str]:
    """Every `_target_` in what a yaml file says."""
    if isinstance(node, dict):
        own = [str(node["_target_"])] if "_target_" in node else []
        return own + [t for value in node.values() for t in targets(value)]
    return [t for value in node for t in targets(value)] if isinstance(node, list) else []


def test_the_yaml_files_build_nothing_but_this_package_and_hydras_plugins() -> None:
    found = [t for path in Path(conf_dir()).rglob("*.yaml") for t in targets(yaml.safe_load(path.read_text()))]
    assert "noiseprobe.callbacks.sweep.SweepCallback" in found
    assert [t for t in found if not re.match(r"(noiseprobe|hydra|hydra_plugins)\.", t)] == []


BUILT = [
    "model._target_=os.system",
    "+model._target_=os.system",
    "++noise._target_=noiseprobe.cli.conf_dir",
    "+hydra.callbacks.x._target_=os.system",
    "hydra.callbacks.sweep._target_=os.getcwd",
    "hydra.launcher._target_=os.system",
    "hydra.sweeper._target_=hydra_plugins.x.Y",
    "+hydra.callbacks.x={_target_:os.getcwd}",
    "+hydra.callbacks={x:{_target_:os.getcwd}}",
    "+hydra.callbacks.x._target_=os.getcwd,os.system",
    "~hydra.launcher._target_",
    "+trainer.callbacks.0._target_=os.system",
]


@pytest.mark.parametrize("override", BUILT)
def test_a_command_line_cannot_name_a_class_to_build(override: str) -> None:
    with pytest.raises(NoiseprobeError, match=r": got .*, expected no _target_ on a command line"):
        check_arguments(["seed=3", override], Path(conf_dir()))


def test_innocent_arguments_pass() -> None:
    innocent = ["-m", "--cfg", "job", "data.root=/music/_target_/x", "model=tiny,local", "noise={kind:white}", "+sed=1"]
    check_arguments([*innocent, "hydra/launcher=basic", "~model", "trainer=ddp", "seed=[1"], Path(conf_dir()))


@pytest.mark.parametrize("multirun", [[], ["-m"]])
def test_nothing_is_built_before_the_refusal(tmp_path: Path, multirun: list[str]) -> None:
    (tmp_path / "evil.py").write_text("open('built', 'w')\ndef evil(**options): open('built', 'w')\n")
    done = quick_command("+hydra.callbacks.x._target_=evil.evil", "seed=1", *multirun, cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("hydra.callbacks.x._target_: got evil.evil, expected no _target_ on a command line")
    assert [path.name for path in tmp_path.iterdir()] == ["evil.py"]


# Results


def test_a_configuration_in_results_is_never_built(tmp_path: Path) -> None:
    """It is for people; even if somebody else's says so, it is data."""
    results = shutil.copytree(Path(__file__).parent / "golden_results", tmp_path / "results")
    (cell,) = finished(results)
    evil = {"_target_": "os.mkdir", "path": str(tmp_path / "built"), "_args_": [str(tmp_path / "built")]}
    (cell / "config.yaml").write_text("a: !!python/object/apply:os.mkdir ['built']\nb: " + json.dumps(evil))
    for name in ["meta.json", "summary.json"]:
        content = json.loads((cell / name).read_text())
        (cell / name).write_text(json.dumps(content | {"evil": evil}))
    assert len(load_results(results).clips) == 2
    write_report(results / "report.html", [cell])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results"]


# Manifests and file names


def music(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.RandomState(len(path.name)).standard_normal(2 * 32_000).astype("float32") * 0.1
    sf.write(path, samples, 32_000, format="WAV")
    return path


EVIL = ["<img src=x onerror=alert(1)>.wav", "a&lt;b.wav", "'\"><svg onload=alert(1)>.wav", "{{7*7}}.wav"]
CLOSING = Path("<", "script><script>alert(1)<", "script>.wav")  # a file's name has no slash, its path does


@pytest.fixture(scope="module")
def evil_cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished cell of a manifest that reaches wherever it can, with audio kept."""
    base = tmp_path_factory.mktemp("base")
    root = base / "deep/music"
    outside = [music(base / "outside.wav"), music(base / "deep/beside.wav")]
    inside = [*(music(root / name) for name in EVIL), music(root / CLOSING)]
    (root / "link.wav").symlink_to(outside[0])
    (root / "secret.wav").symlink_to("/etc/passwd")
    rows = [path.relative_to(root) for path in inside]
    rows += ["../beside.wav", "../../outside.wav", "link.wav", "secret.wav", "../../../../../../../../etc/passwd"]
    rows += ["/etc/passwd", "/dev/zero", "..", "/proc/self/environ", "sub/../../../outside.wav/x"]
    with (root / "clips.csv").open("w", newline="") as f:
        table = csv.writer(f)
        table.writerow(["path", "song", "group"])
        table.writerows([row, "../../song", "/group/../.."] for row in rows)
    before = set(base.rglob("*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        results = tmp_path_factory.mktemp("results") / "results"
        names = ["data.name=../../data", "model.name=../../model"]
        data = ["data=folder", f"data.root={root}", f"data.manifest={root / 'clips.csv'}", "data.limit=null"]
        cell = run_cell(results, *CELL, *data, *names, "keep_audio=null", "noise.onset=0.2", "noise.length=0.1")
    assert set(base.rglob("*")) == before
    assert [path.name for path in results.parent.iterdir()] == ["results"]
    assert list(results.iterdir()) == [cell]
    return cell


def test_a_manifest_reads_where_its_owner_says_and_nothing_but_audio(evil_cell: Path) -> None:
    """Its paths may be absolute or lead out of the root (data/sources/folder.py); what isn't audio is rejected."""
    results = load_results(evil_cell)
    heard = {clip.rpartition("#")[0] for clip in results.clips["clip"]}
    assert {Path(clip).name for clip in heard} == {*EVIL, CLOSING.name, "beside.wav", "outside.wav", "link.wav"}
    reasons = dict(zip(results.rejected["path"], results.rejected["reason"], strict=True))
    assert {path for path in reasons if path.endswith(("passwd", "zero", "environ"))} == {
        "/etc/passwd", "/dev/zero", "/proc/self/environ",
    } or set(reasons) >= {"/dev/zero", "/proc/self/environ"}  # fmt: skip
    assert "secret.wav" in reasons
    secret = Path("/etc/passwd").read_text().splitlines()[0]
    assert not any(secret in reason for reason in reasons.values())


def test_no_name_of_a_manifest_or_a_config_becomes_a_name_of_a_file(evil_cell: Path) -> None:
    assert re.fullmatch(r"[\w.+-]+", evil_cell.name)
    names = [path.relative_to(evil_cell).as_posix() for path in evil_cell.rglob("*") if path.is_file()]
    numbered = r"audio/\d{6}(-clean|-\d+)?\.(ogg|webp|json)"
    assert len([name for name in names if re.fullmatch(numbered, name)]) > 8
    assert [n for n in names if not re.fullmatch(rf"{numbered}|[a-z]+\.(parquet|json|yaml|svg|png|csv)|DONE", n)] == []
    assert not any(path.is_symlink() for path in evil_cell.rglob("*"))


def test_the_report_shows_evil_names_as_text(evil_cell: Path, tmp_path: Path) -> None:
    html = write_report(tmp_path / "report.html", [evil_cell]).read_text(encoding="utf-8")
    page = Page(html)
    assert not [own for _, own in page.tags if {"onerror", "onload"} & set(own)]
    assert not [own for own in page.of("img") if own.get("src") == "x"]
    assert "<script>alert(1)" not in html
    assert not [text for own, text in page.scripts if own.get("type") == "application/json" and "<" in text]
    clips = {Path(clip.rpartition("#")[0]).name for clip in page.json("data")["cells"][0]["clips"]}
    assert clips >= {*EVIL, CLOSING.name}


# Checkpoints

# transformers copies code elsewhere before it runs it
CODE = "import pathlib\npathlib.Path({!r}).touch()\nclass Evil: pass\n"
REMOTE = {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil", "AutoTokenizer": ["evil.Evil", "evil.Evil"]}


def plant(folder: Path, name: str, **more: object) -> None:
    """Code beside a checkpoint, and a configuration that asks for it and for files elsewhere."""
    (folder / "evil.py").write_text(CODE.format(str(folder / "ran")))
    content = json.loads((folder / name).read_text())
    content |= {"auto_map": REMOTE, "_name_or_path": "/etc", "trust_remote_code": True, **more}
    for part in ["text_encoder", "audio_encoder", "decoder"]:
        if part in content:
            content[part] |= {"auto_map": REMOTE, "_name_or_path": "../..", "custom_pipelines": {"x": "evil.Evil"}}
    (folder / name).write_text(json.dumps(content))


def ran(folder: Path) -> bool:
    return (folder / "ran").exists() or any(name.split(".")[-1] == "evil" for name in sys.modules)


@pytest.fixture
def no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is asked on the terminal says yes."""
    monkeypatch.setattr("builtins.input", lambda *_: "y")


@pytest.mark.usefixtures("no_answer")
def test_code_beside_a_checkpoint_is_never_run(tmp_path: Path) -> None:
    folder = shutil.copytree(PACKAGE / "assets/tiny", tmp_path / "tiny")
    plant(folder, "config.json")
    model = transformers.load(weights(folder), "fp32")
    plain = transformers.load(weights(PACKAGE / "assets/tiny"), "fp32")
    ours, theirs = model.state_dict(), plain.state_dict()
    assert all(bool((ours[name] == theirs[name]).all()) for name in theirs)
    assert not ran(folder)


def text_encoder(folder: Path, file: str, **more: str) -> Files:
    tiny_t5(folder)
    plant(folder, file, **more)
    return Files(folder, tuple(path.name for path in folder.iterdir() if path.suffix in [".json", ".safetensors"]))


@pytest.mark.usefixtures("no_answer")
@pytest.mark.parametrize(
    ("file", "more"),
    [("config.json", {}), ("tokenizer_config.json", {}), ("tokenizer_config.json", {"tokenizer_class": "Evil"})],
)
def test_code_beside_a_text_encoder_is_never_run(tmp_path: Path, file: str, more: dict[str, str]) -> None:
    text.load_text(text_encoder(tmp_path, file, **more))
    assert not ran(tmp_path)


@pytest.mark.usefixtures("no_answer")
def test_a_text_encoder_that_needs_its_code_is_refused(tmp_path: Path) -> None:
    files = text_encoder(tmp_path, "config.json", model_type="evil")
    with pytest.raises(NoiseprobeError, match=r"^model\.text_encoder: "):
        text.load_text(files)
    assert not ran(tmp_path)


class Evil:
    """What a pickle that runs code holds."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_in_the_place_of_weights_is_never_run(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    shutil.copy(PACKAGE / "assets/tiny/config.json", folder)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(tmp_path / "built")))
    done = quick_command("model=local", f"model.path={folder}", *CELL, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "pytorch_model.bin" in done.stderr
    assert "loading" not in done.stdout
    assert not (tmp_path / "built").exists()


@pytest.mark.parametrize("shard", ["../outside.safetensors", "/etc/passwd", "sub/x.safetensors"])
def test_an_index_of_weights_names_files_beside_it_and_no_others(tmp_path: Path, shard: str) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    shutil.copy(PACKAGE / "assets/tiny/config.json", folder)
    shutil.copy(PACKAGE / "assets/tiny/model.safetensors", tmp_path / "outside.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": shard}}))
    with pytest.raises(NoiseprobeError, match=r"model\.path: .* expected"):
        weights(folder)


# The lock file in the workflow


def test_the_workflow_audits_the_locked_versions() -> None:
    audits = [
        step["run"]
        for path in (ROOT / ".github/workflows").glob("*.yml")
        for job in yaml.safe_load(path.read_text())["jobs"].values()
        for step in job["steps"]
        if "pip-audit " in step.get("run", "")
    ]
    (line,) = audits
    # --strict: a package that could not be looked up is no package without a finding
    for part in ["-r requirements.lock", "--require-hashes", "--strict"]:
        assert part in line
