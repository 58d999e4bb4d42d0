"""noiseprobe.probe: the command's numbers from Python, on names and on objects, and nothing of the caller's changed."""

import copy
import importlib
import inspect
import json
import logging
import pkgutil
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
import torch
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from hydra.core.utils import JobRuntime
from hydra.version import VersionBase, getbase
from omegaconf import OmegaConf
from running import SHORT, quick_command, weights

import noiseprobe
from noiseprobe.config import PACKAGE
from noiseprobe.errors import NoiseprobeError
from noiseprobe.lightning_module import NoiseProbe
from noiseprobe.models.backends.transformers import TransformersMusicGen, load

TABLES = ["clips", "nll", "profile", "rejected", "shapes", "signals"]
NOISE = {"kind": "white", "onset": 2, "length": [0.2, 0.5]}
FEW = {"data.limit": 3, "data.duration": 4}  # with NOISE: the cell of SHORT


def embedded() -> TransformersMusicGen:
    return load(weights(PACKAGE / "assets/tiny"), "fp32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the embedded model: by its name, and as an object."""
    path = tmp_path_factory.mktemp("api")
    noiseprobe.probe("tiny", "demo", NOISE, results=path, overrides=FEW)
    noiseprobe.probe(embedded(), "demo", NOISE, results=path, overrides=FEW)
    return path


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The clips that are scored from here on."""
    found: list[str] = []
    codes = NoiseProbe.codes
    monkeypatch.setattr(NoiseProbe, "codes", lambda self, pair: found.append(pair.clip.id) or codes(self, pair))
    return found


def test_a_name_gives_the_commands_folder_and_tables(folder: Path, tmp_path: Path) -> None:
    done = quick_command(*SHORT, "paths.results=results", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (cell,) = tmp_path.glob("results/*/DONE")
    ours = folder / cell.parent.name
    for name in [*(f"{table}.parquet" for table in TABLES), "summary.json", "DONE"]:
        assert (ours / name).read_bytes() == (cell.parent / name).read_bytes(), name


def test_an_object_gives_the_numbers_of_its_name(folder: Path) -> None:
    both = noiseprobe.load_results(folder)
    for table in ["clips", "shapes", "signals", "profile"]:
        own = dict(iter(getattr(both, table).groupby("model")))
        assert list(own) == ["TransformersMusicGen", "tiny"]
        one, other = (frame.drop(columns=["cell", "model"]).reset_index(drop=True) for frame in own.values())
        assert len(one) > 5
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_what_an_objects_cell_says_of_itself(folder: Path) -> None:
    (cell,) = folder.glob("TransformersMusicGen-demo-white-*")
    meta, summary = (json.loads((cell / f"{name}.json").read_text()) for name in ["meta", "summary"])
    assert meta["backend"] == summary["backend"] == "python"
    assert meta["class"] == "noiseprobe.models.backends.transformers.TransformersMusicGen"
    assert len(meta["weights"]) == 64
    assert summary["signature"].startswith(
        f"noiseprobe|model:TransformersMusicGen@{meta['weights'][:4]}|scoring:delay|"
    )
    assert summary["parameters"] == sum(p.numel() for p in embedded().decoder.parameters())  # without the codec's
    assert summary["precision"] == "fp32"
    assert "precision" not in summary["signature"]


def test_the_same_object_is_scored_once_and_other_weights_are_another_cell(folder: Path, scored: list[str]) -> None:
    model = embedded()
    again = noiseprobe.probe(model, "demo", NOISE, results=folder, overrides=FEW)
    assert scored == []
    with torch.no_grad():
        model.decoder.lm_heads[3].weight[0, 0] += 1e-6
    few = NOISE | {"length": 0.2}
    other = noiseprobe.probe(model, "demo", few, results=folder / "other", overrides=FEW | {"data.limit": 1})
    assert len(scored) == 1
    assert set(again.cells["weights"]) != set(other.cells["weights"])


def test_an_interrupted_object_goes_on_and_ends_byte_equal(
    folder: Path, tmp_path: Path, scored: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nll = NoiseProbe.nll

    def stop(self: NoiseProbe, *args: object) -> list[torch.Tensor]:
        if len(scored) == 2:
            raise KeyboardInterrupt
        return nll(self, *args)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(NoiseProbe, "nll", stop)
        with pytest.raises(KeyboardInterrupt):
            noiseprobe.probe(embedded(), "demo", NOISE, results=tmp_path, overrides=FEW)
    scored.clear()
    (cell,) = noiseprobe.probe(embedded(), "demo", NOISE, results=tmp_path, overrides=FEW).folders
    assert len(scored) == 2
    for table in TABLES:
        assert (cell / f"{table}.parquet").read_bytes() == (folder / cell.name / f"{table}.parquet").read_bytes()


def test_a_model_and_its_process_are_left_as_they_were(tmp_path: Path) -> None:
    model = embedded().train()
    model.codec.eval()
    model.decoder.requires_grad_(True)
    before = [(part, part.training) for part in model.modules()], [p.requires_grad for p in model.parameters()]
    filters, random = list(warnings.filters), (torch.get_rng_state(), np.random.get_state()[1].tolist())
    level = logging.getLogger("lightning.pytorch").level
    torch.backends.cudnn.allow_tf32 = True
    noiseprobe.probe(model, "demo", NOISE | {"length": 0.2}, results=tmp_path, overrides=FEW | {"data.limit": 1})
    assert [(part, part.training) for part in model.modules()] == before[0]
    assert [p.requires_grad for p in model.parameters()] == before[1]
    assert warnings.filters == filters
    assert logging.getLogger("lightning.pytorch").level == level
    assert torch.backends.cudnn.allow_tf32
    assert torch.equal(torch.get_rng_state(), random[0])
    assert np.random.get_state()[1].tolist() == random[1]
    model.nll(torch.randint(256, (1, 4, 20))).sum().backward()  # nothing in it was made in inference mode
    assert model.decoder.lm_heads[0].weight.grad.abs().sum() > 0


def test_the_callers_settings_of_torch_change_no_number(folder: Path, tmp_path: Path) -> None:
    model = embedded()
    torch.set_default_dtype(torch.float64)
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.device("meta"), torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
            (cell,) = noiseprobe.probe(model, "demo", NOISE, results=tmp_path, overrides=FEW).folders
            assert torch.is_autocast_enabled("cpu")
            assert torch.zeros(1).device.type == "meta"
        assert torch.get_default_dtype() == torch.float64
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_float32_matmul_precision("highest")
    for table in TABLES:
        assert (cell / f"{table}.parquet").read_bytes() == (folder / cell.name / f"{table}.parquet").read_bytes()


def test_calls_from_several_threads(tmp_path: Path) -> None:
    few = FEW | {"data.limit": 1}
    with ThreadPoolExecutor(3) as pool:
        models = embedded(), embedded(), embedded()
        calls = [pool.submit(noiseprobe.probe, m, "demo", NOISE, results=tmp_path, overrides=few) for m in models]
        assert len({call.result().folders[0] for call in calls}) == 1


@pytest.fixture
def hydra_of_a_users_own(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "theirs.yaml").write_text("a: 1\n")
    before = dict(Singleton._instances)
    with initialize_config_dir(str(tmp_path), job_name="theirs", version_base="1.2"):
        yield
    Singleton._instances.clear()
    Singleton._instances.update(before)


@pytest.mark.usefixtures("hydra_of_a_users_own")
def test_inside_another_application_of_hydra(folder: Path) -> None:
    instance, base = GlobalHydra.instance(), getbase()
    assert len(noiseprobe.probe("tiny", "demo", NOISE, results=folder, overrides=FEW).folders) == 1
    assert GlobalHydra.instance() is instance
    assert getbase() == base
    assert JobRuntime.instance().get("name") == "theirs"
    assert compose("theirs").a == 1


def test_a_resolver_of_the_callers_called_package_stays_theirs(folder: Path) -> None:
    OmegaConf.register_new_resolver("package", lambda name: f"theirs/{name}")
    try:
        assert len(noiseprobe.probe("tiny", "demo", NOISE, results=folder, overrides=FEW).folders) == 1
        assert OmegaConf.create({"a": "${package:x}"}).a == "theirs/x"
    finally:
        OmegaConf.clear_resolver("package")


def test_options_that_the_caller_has_stored_stay_theirs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ConfigStore.instance()
    monkeypatch.setattr(store, "repo", copy.deepcopy(store.repo))
    for group, name in [(None, "config"), ("model", "tiny"), ("noise", "white")]:
        store.store(name, {"seed": "theirs"}, group=group)
    before, cells = store.repo, set(folder.iterdir())
    again = noiseprobe.probe("tiny", "demo", NOISE, results=folder, overrides=FEW)
    assert set(again.folders) <= cells
    assert store.repo is before


def test_without_hydra_none_is_left(folder: Path) -> None:
    before, mine = dict(Singleton._instances), [GlobalHydra, JobRuntime, VersionBase]
    noiseprobe.probe("tiny", "demo", NOISE, results=folder, overrides=FEW)
    assert [Singleton._instances.get(kind) for kind in mine] == [before.get(kind) for kind in mine]
    assert not GlobalHydra.instance().is_initialized()


def test_a_cell_reads_the_same_with_its_noise_in_any_spelling(folder: Path, scored: list[str]) -> None:
    lengths = np.array([0.2, 0.5])
    named = FEW | {"noise.length": lengths, "noise.onset": 2.0}
    (cell,) = noiseprobe.probe("tiny", Path(PACKAGE / "assets/demo"), "white", results=folder, overrides={
        **named, "data.manifest": PACKAGE / "assets/demo/manifest.csv", "data.name": "demo", "trainer": "cpu",
    }).folders  # fmt: skip
    assert cell.name.startswith("tiny-demo-white-")
    assert scored == []
    (by_folder,) = noiseprobe.probe(PACKAGE / "assets/tiny", "demo", "white", results=folder, overrides=named).folders
    assert by_folder == cell
    assert scored == []


def test_a_file_of_audio_is_the_clip_that_it_is_in_its_folder(tmp_path: Path) -> None:
    song = tmp_path / "jazz" / "so, what.wav"
    song.parent.mkdir()
    sf.write(song, 0.1 * np.random.default_rng(0).normal(size=2 * 32_000), 32_000)
    noise = {"kind": "white", "onset": 0.5, "length": 0.2}
    alone = noiseprobe.probe("tiny", song, noise, results=tmp_path / "r", overrides={"data.name": "miles"})
    assert alone.folders[0].name.startswith("tiny-miles-white-")
    among = noiseprobe.probe("tiny", song.parent, noise, results=tmp_path / "r")
    assert alone.clips[["clip", "song", "group"]].to_numpy().tolist() == [["so, what.wav#0.0", "so, what", "jazz"]]
    assert {f.name[-8:] for f in alone.folders} == {f.name[-8:] for f in among.folders}


def test_audio_in_memory_is_scored_as_from_files(tmp_path: Path) -> None:
    x = 0.1 * np.random.default_rng(1).normal(size=(2, 3 * 44_100)).astype(np.float32)
    (tmp_path / "memory/band").mkdir(parents=True)
    sf.write(tmp_path / "memory/band/a.wav", x.T, 44_100, subtype="FLOAT")
    sf.write(tmp_path / "memory/b.wav", x[0], 44_100, subtype="FLOAT")
    noise, results = {"kind": "white", "onset": 1, "length": 0.5}, tmp_path / "results"
    files = noiseprobe.probe("tiny", tmp_path / "memory", noise, results=results)
    clips = {"band/a": (torch.from_numpy(x), 44_100), "b": (x[0].astype(np.float64), 44_100)}
    memory = noiseprobe.probe("tiny", clips, noise, results=results)
    assert memory.clips["clip"].tolist() == ["band/a.wav#0.0", "b.wav#0.0"]
    drop = ["cell", "content", "file_sha256"]  # libsndfile writes another header
    pd.testing.assert_frame_equal(memory.clips.drop(columns=drop), files.clips.drop(columns=drop), check_exact=True)
    again = noiseprobe.probe("tiny", dict(reversed(clips.items())), noise, results=results)
    assert again.folders == memory.folders
    x[1, 5] += 1e-4
    assert noiseprobe.probe("tiny", clips, noise, results=results).folders != memory.folders


@pytest.mark.parametrize(
    "wrong",
    [{"model": "tinny"}, {"model": 3}, {"noise": "wite"}, {"noise": {"length": 1}}, {"overrides": {"data.limit": 0}}],
)
def test_a_call_that_is_refused_writes_nothing(wrong: dict[str, Any], tmp_path: Path) -> None:
    sf.write(tmp_path / "x.wav", samples := np.zeros(128_000), 32_000)
    call = {"model": "tiny", "noise": NOISE, "overrides": FEW} | wrong
    for clips in [{"x": (samples, 32_000)}, tmp_path / "x.wav"]:
        with pytest.raises(NoiseprobeError):
            noiseprobe.probe(clips=clips, results=tmp_path / "results", **call)
    assert not (tmp_path / "results").exists()


def test_an_object_is_scored_in_the_types_that_it_has(tmp_path: Path) -> None:
    model = embedded()
    model.decoder.bfloat16()
    few = FEW | {"data.limit": 1}
    with pytest.raises(NoiseprobeError, match=r"precision: got fp32, expected auto: .* in bf16"):
        noiseprobe.probe(model, "demo", NOISE, results=tmp_path, overrides=few | {"precision": "fp32"})
    own = noiseprobe.probe(model, "demo", NOISE, results=tmp_path, overrides=few)
    named = noiseprobe.probe("tiny", "demo", NOISE, results=tmp_path, overrides=few | {"precision": "bf16"})
    assert own.cells["precision"].unique().tolist() == ["bf16"]
    assert "|precision:bf16|" in own.cells["signature"].iloc[0]
    np.testing.assert_array_equal(own.clips["delta"], named.clips["delta"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "tinny"}, "model: got tinny, expected a folder that exists, or one of .*, tiny"),
        ({"model": torch.nn.Linear(1, 1)}, "model: got a Linear, expected .* inherits noiseprobe.MusicLM"),
        ({"clips": "dmo"}, "clips: got dmo, expected a folder or file that exists, or one of asap, demo,"),
        ({"clips": 3}, "clips: got a int, expected a name"),
        ({"clips": {}}, "clips: got an empty mapping"),
        ({"noise": "withe"}, "noise: got withe, expected one of .* white"),
        ({"noise": {"length": 1}}, "noise: got .* expected a name, or a mapping with \"kind\""),
        ({"noise": {"kind": "white", "lenght": 1}}, "noise.lenght: unknown key; did you mean noise.length?"),
        ({"noise": {"kind": "white", "length": -1}}, "noise.length: got -1, expected a number of at least 0"),
        ({"overrides": {"seed": -1}}, "seed: got -1"),
        ({"overrides": {"sed": 1}}, "sed: unknown key; did you mean seed?"),
        ({"overrides": {"noise": "pink"}}, "overrides: noise is said by another argument too"),
        ({"overrides": {"+experiment": "claims"}}, "got the key \\+experiment, expected a key of the configuration"),
        ({"overrides": {"experiment": "claims"}}, "Could not override 'experiment'"),
        ({"overrides": {"hydra.mode": "MULTIRUN"}}, "hydra: unknown key"),
        ({"overrides": {"model._target_": "os.system"}}, "model._target_: unknown key"),
        ({"overrides": {"trainer": "ddp"}}, "trainer.devices: got 2, expected 1; several processes are the command's"),
        ({"overrides": {"noise.length": object()}}, "noise.length: can't be set to"),
    ],
)  # fmt: skip
def test_what_a_caller_gets_wrong_is_one_line(
    arguments: dict[str, object], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoiseprobeError, match=message) as error:
        noiseprobe.probe(**({"model": "tiny", "clips": "demo"} | arguments))  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_what_was_rejected_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    nan = np.where(np.arange(64_000) == 5, np.nan, 0.1)
    clips = {"good": (np.full(64_000, 0.1), 32_000), "bad": (nan, 32_000)}
    found = noiseprobe.probe("tiny", clips, {"kind": "white", "onset": 0.5, "length": 0.2}, results=tmp_path)
    assert found.rejected["path"].tolist() == ["bad.wav"]
    assert "1 rejected, with reasons in the results' table `rejected`" in caplog.text


def test_a_process_group_of_the_callers_is_not_ended(folder: Path) -> None:
    torch.distributed.init_process_group("gloo", rank=0, world_size=1, store=torch.distributed.HashStore())
    try:
        with pytest.raises(NoiseprobeError, match=r"trainer: got a process group"):
            noiseprobe.probe("tiny", "demo", NOISE, results=folder, overrides=FEW)
        assert torch.distributed.is_initialized()
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize("key", ["path", "hub", "revision", "codec", "text_encoder", "backend"])
def test_an_object_has_no_files(key: str, tmp_path: Path) -> None:
    with pytest.raises(NoiseprobeError, match=f"model.{key}: got x, expected "):
        noiseprobe.probe(embedded(), "demo", results=tmp_path, overrides={f"model.{key}": "x"})


def test_the_function_is_there_whatever_was_imported() -> None:
    found = [m.name for m in pkgutil.iter_modules(noiseprobe.__path__)]
    for name in found:
        if name != "__main__":
            importlib.import_module(f"noiseprobe.{name}")
    assert inspect.isfunction(noiseprobe.probe)
    assert {name for name in noiseprobe.__all__ if name in found} == {"plot"}  # which is a module
