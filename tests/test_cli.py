"""The command line as a user meets it, in processes of its own."""

import csv
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
import torch
import yaml
from omegaconf import OmegaConf
from running import SHORT, command, composed, quick_command, run_cell

from noiseprobe import cli, load_results
from noiseprobe.cli import conf_dir
from noiseprobe.config import PACKAGE
from noiseprobe.errors import NoiseprobeError
from noiseprobe.help import help_text

HEAVY = ["torch", "lightning", "transformers", "audiocraft", "torchmetrics", "wandb", "pandas", "matplotlib"]
OFFLINE = {"HF_ENDPOINT": "http://127.0.0.1:9"}  # nothing listens there


@pytest.fixture(scope="module")
def without_heavy(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which importing a heavy package fails."""
    folder = tmp_path_factory.mktemp("poison")
    for name in HEAVY:
        (folder / f"{name}.py").write_text(f"raise RuntimeError('{name} was imported')\n")
    return {"PYTHONPATH": str(folder)}


def test_help_lists_groups_and_knobs_and_imports_nothing_heavy(tmp_path: Path, without_heavy: dict[str, str]) -> None:
    done = command("--help", cwd=tmp_path, env=without_heavy)
    assert done.returncode == 0, done.stderr
    for text in ["model: ", "musicgen_large", "experiment: amnesia", "noise.length=0.5,1,2 -m", "scoring=delay"]:
        assert text in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120


def keys(configuration: dict[str, Any], prefix: str = "") -> set[str]:
    """All keys of a configuration, and of its sections, with dots."""
    found = set()
    for key, value in configuration.items():
        found |= {prefix + key} | (keys(value, f"{prefix}{key}.") if isinstance(value, dict) else set())
    return found


def test_the_help_names_every_key_of_the_configuration_and_no_other(tmp_path: Path) -> None:
    shown = help_text(Path(conf_dir()))
    known = set()
    for choice in ["data=demo", "data=generated", "data=midi", "logger=wandb"]:  # a source has keys of its own
        known |= keys(OmegaConf.to_container(composed(choice)))
    knobs = re.findall(r"^  ([a-z_.]+)=", shown, flags=re.MULTILINE)
    assert len(knobs) > 40
    assert set(knobs) <= known
    named = set(re.findall(r"\b[a-z]+[a-z_.]*[a-z]\b", shown[shown.index("Knobs") :]))
    # what the options of a group set, not the user
    own = {"model.name", "model.shape", "data.name", "data.source", "noise.kind", "logger.name"}
    assert known - named - own == {"paths", "verdicts"}


def test_the_help_says_what_experiments_and_kinds_are(tmp_path: Path) -> None:
    """Hydra's own reading of the files is the reference for ours, which doesn't import yaml."""
    shown = " ".join(help_text(Path(conf_dir())).split())
    for path in (Path(conf_dir()) / "noise").glob("*.yaml"):
        own = yaml.safe_load(path.read_text())
        for key in set(own) - {"defaults", "kind"}:
            assert re.search(rf" {path.stem} [^\[]*\[[^\]]*\b{key}=", shown), (path.stem, key)
    for path in (Path(conf_dir()) / "experiment").glob("*.yaml"):
        first = path.read_text().splitlines()[1].removeprefix("# ")
        assert f" {path.stem} {first}" in shown


def test_cfg_job_prints_the_configuration_and_imports_nothing_heavy(
    tmp_path: Path, without_heavy: dict[str, str]
) -> None:
    done = command("--cfg", "job", "seed=7", cwd=tmp_path, env=without_heavy)
    assert done.returncode == 0, done.stderr
    assert "seed: 7" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_run_its_table_and_a_second_run_that_does_nothing(tmp_path: Path, without_heavy: dict[str, str]) -> None:
    done = command(*SHORT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3/3 clips" in done.stderr
    (cell,) = (tmp_path / "results").glob("tiny-demo-white-*")
    assert {p.name for p in tmp_path.iterdir()} == {"results"}
    table = [line for line in done.stdout.splitlines() if "white@2.0s+" in line]
    for line, row in zip(table, load_results(cell).cells.to_dict("records"), strict=True):
        shown = [x.strip() for x in line.strip("│ ").split("│")]
        assert shown[:5] == [
            row["variant"], "3", "3", f"{row['nll_clean']:.3f}", f"{row['nll_corrupted']:.3f}",
        ]  # fmt: skip
        assert shown[5] == f"{row['delta']:+.3f} +-{row['delta_se']:.3f}"
    for path in [cell.relative_to(tmp_path), cell.relative_to(tmp_path) / "profile.png"]:
        assert str(path) in done.stdout

    again = command(*SHORT, cwd=tmp_path, env=without_heavy)
    assert again.returncode == 0, again.stderr
    assert "finished already" in again.stdout
    assert [line for line in again.stdout.splitlines() if "white@2.0s+" in line] == table

    forked = quick_command(*SHORT, "paths.results=forked", cwd=tmp_path)
    assert forked.returncode == 0, forked.stderr
    assert [line for line in forked.stdout.splitlines() if "white@2.0s+" in line] == table
    for name in ["clips.parquet", "nll.parquet", "profile.parquet"]:
        assert (tmp_path / "forked" / cell.name / name).read_bytes() == (cell / name).read_bytes()


def test_a_sweep_loads_the_model_once_and_ends_with_index_and_table(tmp_path: Path) -> None:
    done = quick_command(
        "data.limit=2", "data.duration=4", "noise.onset=2", "noise.length=0.2,0.5,0.9", "-m", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("loading ") == 1
    results = load_results(tmp_path / "results")
    assert sorted(results.cells["length_s"]) == [0.2, 0.5, 0.9]
    assert "index.parquet" in done.stdout
    assert (tmp_path / "results/index.parquet").is_file()
    assert "report   results/report.html" in done.stdout
    assert (tmp_path / "results/report.html").is_file()
    assert sum("white@2.0s+" in line for line in done.stdout.splitlines()) == 3


@pytest.mark.slow
def test_a_sweep_over_two_models_ends_with_the_effect_against_their_size(tmp_path: Path) -> None:
    """Two checkpoints, each with a yaml of its own in a folder of the user's, as docs/models.md says."""
    from transformers import MusicgenForConditionalGeneration

    whole = MusicgenForConditionalGeneration.from_pretrained(PACKAGE / "assets/tiny")
    whole.config.decoder.num_hidden_layers = 2
    whole.decoder.model.decoder.layers = whole.decoder.model.decoder.layers[:2]
    whole.save_pretrained(tmp_path / "half")
    (tmp_path / "own/model").mkdir(parents=True)
    for name, folder in [("A", PACKAGE / "assets/tiny"), ("B", tmp_path / "half")]:
        text = f"defaults:\n  - local\n  - _self_\nname: {name}\npath: {folder}\n"
        (tmp_path / f"own/model/{name}.yaml").write_text(text)
    done = quick_command(
        "--config-dir", "own", "model=A,B", *SHORT, "data.limit=2", "noise.length=0.2,0.5", "-m", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("loading ") == 2  # one after the other, each for its two cells
    assert "results/sizes-delay.png" in done.stdout
    assert (tmp_path / "results/sizes-delay.svg").is_file()
    # An experiment's own sweep varies faster than the models, so each is loaded once there too.
    short = ["data.limit=1", "data.duration=3", "noise.segment_frames=1,10", "paths.results=shuffled"]
    done = quick_command("--config-dir", "own", "+experiment=paper_fig5", "model=A,B", *short, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("loading ") == 2
    assert "shuffled/paper_fig5-sizes-delay.png" in done.stdout
    cells = load_results(tmp_path / "results").cells
    sizes = cells.drop_duplicates("model").set_index("model")["parameters"]
    per_layer = sum(p.numel() for p in whole.decoder.model.decoder.layers[0].parameters())
    assert sizes["A"] - sizes["B"] == 2 * per_layer


def test_two_scorings_never_share_a_table(tmp_path: Path) -> None:
    done = quick_command(*SHORT, "data.limit=2", "scoring=delay,parallel", "-m", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for scoring in ["delay", "parallel"]:
        assert f"effect   results/effect-{scoring}.png" in done.stdout
    titles = [line for line in done.stdout.splitlines() if "means in nats" in line]
    assert ["parallel scoring" in title for title in titles] == [False, True]
    with pytest.raises(NoiseprobeError, match="cells with scoring delay and parallel"):
        load_results(tmp_path / "results")
    for scoring in ["delay", "parallel"]:
        results = load_results(tmp_path / "results", scoring=scoring)
        assert set(results.cells["scoring"]) == {scoring}
        assert results.clips["cell"].nunique() == 1


def test_a_sweep_goes_on_past_bad_cells_and_names_them(tmp_path: Path) -> None:
    overrides = ["data.limit=1", "data.duration=4", "noise.onset=2", "noise.length=0.2,99"]
    done = quick_command(*overrides, "model=musicgen_small,tiny", "-m", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(load_results(tmp_path / "results").folders) == 1
    before, _, after = done.stderr.partition("1/1 clips")
    assert before.count("will fail: ") == 2  # said before the first cell starts
    assert after.count("failed   ") == 3


def test_fail_fast_stops_at_the_first_bad_cell(tmp_path: Path) -> None:
    overrides = ["data.limit=1", "data.duration=4", "noise.onset=2", "fail_fast=true", "noise.length=0.2"]
    done = quick_command(*overrides, "model=musicgen_small,tiny", "-m", cwd=tmp_path)
    assert done.returncode == 1
    assert "failed   " in done.stderr
    assert not list((tmp_path / "results").glob("tiny-*"))


@pytest.mark.parametrize("model", ["musicgen_small", "musicgen_medium", "musicgen_large", "musicgen_melody"])
def test_models_without_weights_say_how_to_give_them(tmp_path: Path, model: str, without_heavy: dict[str, str]) -> None:
    env = {**without_heavy, **OFFLINE, "HF_HOME": str(tmp_path)}
    done = command(f"model={model}", cwd=tmp_path, env=env)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"facebook/{model.replace('_', '-')}, which is neither in the hub's cache nor reachable" in done.stderr
    assert "model.path=DIR" in done.stderr


def test_a_tilde_means_the_home_folder(tmp_path: Path, without_heavy: dict[str, str]) -> None:
    env = {**without_heavy, "HOME": str(tmp_path)}
    done = command("data=folder", "data.root=~/no music", "paths.results=~", cwd=tmp_path, env=env)
    assert f"data.root: got {tmp_path}/no music, expected a folder that exists" in done.stderr


@pytest.mark.slow
def test_a_hub_that_never_answers_is_given_up(tmp_path: Path, without_heavy: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        env = {**without_heavy, "HF_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}", "HF_HOME": str(tmp_path)}
        done = command("model=musicgen_small", cwd=tmp_path, env=env)
    assert done.returncode == 1
    assert "nor reachable (timed out)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("noise.length=-1", "noise.length: got -1"),
        ("+noise.lenght=1", "noise.lenght: unknown key; did you mean noise.length?"),
        ("data=folder", "data.root: got null"),
        ("model.path=/no/such/folder", "model.path: got /no/such/folder"),
        ("scoring=diagonal", "scoring: got diagonal, expected one of delay, parallel"),
        ("seed=-1", "seed: got -1"),
    ],
)
def test_bad_input_is_one_line_without_a_traceback(
    tmp_path: Path, override: str, message: str, without_heavy: dict[str, str]
) -> None:
    done = command(override, cwd=tmp_path, env=without_heavy)
    assert done.returncode == 1
    assert any(line.startswith(message) for line in done.stderr.splitlines()), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


def test_results_that_cannot_be_written_are_an_error_before_the_model_is_loaded(
    tmp_path: Path, without_heavy: dict[str, str]
) -> None:
    (tmp_path / "results").write_text("a file where the folder should be")
    done = command(*SHORT, cwd=tmp_path, env=without_heavy)
    assert done.returncode == 1
    assert "paths.results: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_wandb_offline_runs_and_finishes(tmp_path: Path) -> None:
    env = {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    done = quick_command(*SHORT, "data.limit=1", "logger=wandb", "logger.offline=true", cwd=tmp_path, **env)
    assert done.returncode == 0, done.stderr
    runs = list((tmp_path / "results").glob("*/wandb/offline-run-*"))
    assert len(runs) == 1


def test_csv_scalars_are_the_summarys(tmp_path: Path) -> None:
    cell = run_cell(tmp_path)
    with (cell / "logs/metrics.csv").open() as f:
        logged = list(csv.DictReader(f))
    variants = json.loads((cell / "summary.json").read_text())["variants"]
    assert len(logged) == len(variants) == 2
    for row, variant in zip(logged, variants, strict=True):
        for name in ["delta", "nll_clean", "peak_delta"]:
            assert float(row[name]) == pytest.approx(variant[name]["mean"], rel=1e-6)


def test_the_console_script_is_installed() -> None:
    script = Path(sys.executable).parent / "noiseprobe"
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("noiseprobe: ")


@pytest.mark.slow
def test_a_refusal_at_the_end_ends_all_processes_in_one_line(tmp_path: Path) -> None:
    """A clip that turns out not to decode, under strict: known to the process that writes, when all is scored."""
    (tmp_path / "music").mkdir()
    samples = np.random.RandomState(0).standard_normal(4 * 32_000).astype("float32") * 0.1
    sf.write(tmp_path / "music/good.wav", samples, 32_000)
    samples[1000] = np.nan
    sf.write(tmp_path / "music/nan.wav", samples, 32_000, subtype="FLOAT")
    data = ["data=folder", "data.root=music", "strict=true", "trainer=ddp", "trainer.accelerator=cpu"]
    done = command(*SHORT, *data, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "nan.wav first: holds NaN or infinite samples" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_force_that_cannot_start_leaves_the_finished_cell(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("the device that isn't there is")
    assert quick_command(*SHORT, cwd=tmp_path).returncode == 0
    failed = quick_command(*SHORT, "force=true", "trainer=gpu", cwd=tmp_path)
    assert failed.returncode == 1
    assert len(load_results(tmp_path / "results").folders) == 1
    assert not list((tmp_path / "results").glob("*/records"))


def test_the_table_of_a_sweep_tells_its_cells_apart(tmp_path: Path) -> None:
    done = quick_command(
        *SHORT, "data.limit=1", "noise.length=0.2", "noise.level=-20,match", "seed=3,4", "-m", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    shown = [
        [x.strip() for x in line.strip("│ ").split("│")][:2] for line in done.stdout.splitlines() if "+0.2s" in line
    ]
    assert shown == [["level -20", "3"], ["level -20", "4"], ["level match", "3"], ["level match", "4"]]
    assert "options" in done.stdout
    cells = load_results(tmp_path / "results").cells
    assert sorted(zip(cells["level"], cells["seed"], strict=True)) == [
        ("-20.0dBFS", 3), ("-20.0dBFS", 4), ("match", 3), ("match", 4),
    ]  # fmt: skip
    assert cells["signature"].nunique() == 4


@pytest.mark.slow
@pytest.mark.parametrize("force", ["force=false", "force=true"])
def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(tmp_path: Path, force: str) -> None:
    # without audio, for a clip that lacks it is scored again
    overrides = ["data.limit=12", "data.duration=4", "noise.onset=2", "noise.length=[0.2,0.5]", "keep_audio=0", force]
    process = subprocess.Popen(
        [sys.executable, "-m", "noiseprobe", *overrides], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "/12 clips" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(60) == 130, rest
    assert "the same command goes on" in rest
    assert "Traceback" not in rest
    scored = len(list((tmp_path / "results").glob("*/records/*.npz")))
    assert 0 < scored < 12
    done = quick_command(*overrides, cwd=tmp_path)
    assert f"{scored} clips were scored before" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("override", ["trainer=gpu", "trainer.devices=[7]"])
def test_devices_that_are_not_there_are_one_line(tmp_path: Path, override: str) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    done = quick_command(*SHORT, override, "trainer.accelerator=gpu", cwd=tmp_path)
    assert done.returncode == 1
    assert "trainer.accelerator: got gpu" in done.stderr
    assert "Traceback" not in done.stderr
    assert "loading " not in done.stdout
    assert list((tmp_path / "results").iterdir()) == []


@pytest.mark.slow
def test_wandb_without_an_account_fails_before_anything_is_scored(tmp_path: Path) -> None:
    env = {"WANDB_API_KEY": "", "WANDB_MODE": "online", "HOME": str(tmp_path), "NETRC": str(tmp_path / "none")}
    done = quick_command(*SHORT, "logger=wandb", cwd=tmp_path, **env)
    assert done.returncode == 1
    assert "logger: wandb" in done.stderr
    assert "Traceback" not in done.stderr
    assert "clips/s" not in done.stderr


def test_multirun_may_stand_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra alone takes overrides before -m only."""
    seen: list[list[str]] = []
    monkeypatch.setattr(cli, "_job", lambda: seen.append(sys.argv[1:]))
    for arguments in [["-m", "seed=0,1", "a=b"], ["seed=0,1", "--multirun", "a=b"], ["seed=0,1", "a=b"]]:
        monkeypatch.setattr(sys, "argv", ["noiseprobe", *arguments])
        cli.main()
    assert seen == [["seed=0,1", "a=b", "-m"], ["seed=0,1", "a=b", "--multirun"], ["seed=0,1", "a=b"]]
