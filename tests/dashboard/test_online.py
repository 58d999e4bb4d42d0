"""What runs on a server are told: there is none here, so a stand-in takes the calls."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wandb
from running import run_cell

from noiseprobe.dashboard.runs import About, running, was_shown

OPTIONS = {"name": "wandb", "project": "p", "entity": "e", "offline": False}


class Run:
    """Notes what it is asked for, in order."""

    url = "https://server/e/p/runs/1"

    def __init__(self, **init: Any) -> None:
        self.init, self.calls = init, []
        self.config = self.summary = self
        self.code: int | None = None

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: self.calls.append((name, args))

    def finish(self, exit_code: int) -> None:
        self.code = exit_code


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Run]]:
    """The runs that were begun."""
    found: list[Run] = []

    def init(**kwargs: Any) -> Run:
        found.append(Run(**kwargs))
        return found[-1]

    monkeypatch.setattr(wandb, "init", init)
    return found


def test_what_is_done_again_continues_its_run(begun: list[Run], tmp_path: Path) -> None:
    for _ in range(2):
        with running(OPTIONS, tmp_path, About("cell", "tiny", "sweep-1", ["seed=1", "x" * 100])):
            pass
    first, second = (run.init for run in begun)
    assert first["id"] == second["id"]
    assert (first["resume"], first["mode"], first["group"], first["job_type"]) == ("allow", None, "sweep-1", "tiny")
    assert first["tags"] == ["seed=1", "x" * 61 + "..."]
    assert [run.code for run in begun] == [0, 0]
    assert was_shown(OPTIONS, tmp_path)
    assert not was_shown(OPTIONS | {"project": "other"}, tmp_path)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_is_finished_as_failed_and_was_not_shown(
    begun: list[Run], tmp_path: Path, error: type[BaseException]
) -> None:
    with pytest.raises(error), running(OPTIONS, tmp_path, About("cell", "tiny")):
        raise error
    assert begun[0].code == 1
    assert not was_shown(OPTIONS, tmp_path)


def test_results_come_from_a_model_and_from_data(begun: list[Run], tmp_path: Path) -> None:
    """The lineage: both are used before the results are made."""
    run_cell(tmp_path, "logger=wandb", "logger.entity=e", "data.limit=2", "keep_audio=0")
    (run,) = begun
    calls = [(name, args[0]) for name, args in run.calls if name.endswith("_artifact")]
    assert [(name, a.type) for name, a in calls] == [
        ("use_artifact", "model"), ("use_artifact", "dataset"), ("log_artifact", "results"),
    ]  # fmt: skip
    model, data, _ = (a for _, a in calls)
    assert model.metadata["weights"].startswith("ab05")
    clips = Path(data.manifest.entries["clips.csv"].local_path).read_text().splitlines()
    assert clips[0] == "clip,content"
    assert len(clips) == 3
    assert run.code == 0


def test_another_run_of_the_user_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    with wandb.init(mode="offline", dir=tmp_path, settings=wandb.Settings(silent=True)) as own:
        with running(OPTIONS | {"offline": True}, tmp_path / "cell", About("cell", "tiny")) as run:
            assert run is not own
            assert wandb.run is own
        own.log({"still": 1})
        assert own.summary["still"] == 1


def test_runs_go_where_they_should_though_another_folder_was_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process of Weights & Biases writes for all runs, and stays in the folder in which it was started."""
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    for name in ["first", "second"]:
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        with running(OPTIONS | {"offline": True}, Path("results"), About("cell", "tiny")):
            pass
        assert len(list(Path("results").glob("wandb/offline-run-*/*.wandb"))) == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of its own library
def test_a_workspace_shows_what_runs_hold() -> None:
    pytest.importorskip("wandb_workspaces")
    from noiseprobe.dashboard.scalars import HEIGHTS, MEANS
    from noiseprobe.dashboard.workspace import EFFECTS, make

    assert set(EFFECTS) <= {*MEANS, *HEIGHTS}
    spec = make("e", "p")._to_model().model_dump()["spec"]
    panels = [panel["config"] for s in spec["section"]["panel_bank_config"]["sections"] for panel in s["panels"]]
    axes = {(c["x_axis"], c["y_axis"]) for c in panels if "y_axis" in c}
    assert {("summary:length_s", f"summary:{name}") for name in EFFECTS} <= axes
    assert {x for x, _ in axes} == {"summary:length_s", "config:parameters.value"}


@pytest.mark.parametrize("project", ["noiseprobe", "a/", "a/b/c"])
def test_a_workspace_needs_entity_and_project(
    project: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from noiseprobe.dashboard.__main__ import main

    monkeypatch.setattr(sys, "argv", ["dashboard", project])
    assert main() == 1
    assert "expected ENTITY/PROJECT" in capsys.readouterr().err
