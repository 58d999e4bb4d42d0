"""Runs on disk, read back and compared with `load_results`."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from running import command, quick_command
from wandbfiles import Run, runs

from noiseprobe import load_results
from noiseprobe.results.load import Results

WANDB = ["logger=wandb", "logger.offline=true"]
SHORT = ["data.limit=3", "data.duration=4", "noise.onset=2"]
SWEEP = [*SHORT, "keep_audio=2", "noise.length=0.2,1", "seed=0,1", "-m"]
D = 3  # frames by which the delay pattern shifts its last codebook


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where Weights & Biases keeps what waits to be uploaded."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_DATA_DIR", str(folder))
        patch.setenv("WANDB_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def swept(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a sweep of 2 x 2 cells."""
    cwd = tmp_path_factory.mktemp("sweep")
    done = quick_command(*SWEEP, *WANDB, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return cwd / "results"


@pytest.fixture(scope="module")
def found(swept: Path) -> dict[str, Run]:
    return {run.about.display_name: run for run in runs(swept)}


@pytest.fixture(scope="module")
def results(swept: Path) -> Results:
    return load_results(swept)


@pytest.fixture(scope="module")
def sweep(found: dict[str, Run]) -> Run:
    (run,) = (run for run in found.values() if run.about.job_type == "sweep")
    return run


def test_a_finished_run_for_each_cell_and_one_for_the_sweep(
    found: dict[str, Run], results: Results, swept: Path
) -> None:
    assert len(runs(swept)) == 5
    assert len({run.about.run_id for run in found.values()}) == 5
    assert {run.code for run in found.values()} == {0}
    (group,) = {run.about.run_group for run in found.values()}
    assert set(found) == {*results.named, group}
    cells = [found[name].about for name in results.named]
    assert {about.job_type for about in cells} == {"tiny"}
    tags = {tuple(t for t in about.tags if t.startswith(("noise.length", "seed"))) for about in cells}
    assert tags == {(f"noise.length={length}", f"seed={seed}") for length in ["0.2", "1"] for seed in [0, 1]}
    assert not [t for about in cells for t in about.tags if t.startswith("logger")]


def test_the_config_is_the_cells(found: dict[str, Run], results: Results) -> None:
    for _, row in results.cells.iterrows():
        config = found[row["cell"]].config
        assert (config["model"], config["parameters"], config["scoring"]) == ("tiny", row["parameters"], "delay")
        assert config["config"]["seed"] == row["seed"]
        (variant,) = config["config"]["noise"]["variants"]
        assert variant["where"]["places"] == [{"onset": 2.0, "length": row["length_s"]}]
        assert config["signature"] == row["signature"]


COLUMNS = {
    "nll/clean": "nll_clean", "nll/corrupted": "nll_corrupted", "delta/mean": "delta", "peak/mean": "peak_delta",
    "assimilation/mean": "assimilation_delta", "offset/mean": "offset_delta", "recovery/mean": "recovery_delta",
    "inside/mean": "inside_delta", "after/mean": "after_delta", "changed/mean": "changed",
}  # fmt: skip


def test_the_summarys_means_are_those_of_the_tables(found: dict[str, Run], results: Results) -> None:
    for _, row in results.cells.iterrows():
        summary = found[row["cell"]].summary
        assert summary["n_clips"] == row["n_clips"] == 3
        assert (summary["length_s"], summary["onset_s"]) == (row["length_s"], row["onset_s"])
        for name, column in COLUMNS.items():
            for error in ["", "_se"]:
                if pd.isna(row[f"{column}{error}"]):
                    assert f"{name}{error}" not in summary
                else:
                    assert summary[f"{name}{error}"] == row[f"{column}{error}"]
    assert results.cells["assimilation_delta"].isna().any()  # noise of 0.2 s has none


def average(results: Results, cell: str) -> np.ndarray:
    """Mean delta of each frame over codebooks, clips of a song, songs."""
    nll = results.nll(cell=cell)
    nll = nll[nll["in_means"]].assign(delta=nll["nll_corrupted"].astype(float) - nll["nll_clean"].astype(float))
    clips = nll.groupby(["song", "clip", "frame"])["delta"].mean()
    return clips.groupby(["song", "frame"]).mean().groupby("frame").mean().to_numpy()


def test_heights_and_levels_are_those_of_the_average_curve(found: dict[str, Run], results: Results) -> None:
    for cell, length in zip(results.cells["cell"], results.cells["length_s"], strict=True):
        curve, summary = average(results, cell), found[cell].summary
        on, off = 100, 100 + round(50 * length)
        ahead = 4 + D - 1  # the codec's look-ahead and the delay pattern's
        offset = curve[max(off - ahead, on + 5) : off + 4 + 5]
        assert summary["peak/height"] == pytest.approx(curve[on - ahead : on + 5].max(), abs=1e-6)
        assert summary["offset/height"] == pytest.approx(offset.max(), abs=1e-6)
        if length == 1:
            level = curve[on + 5 : off - ahead].mean()
            assert summary["assimilation/level"] == pytest.approx(level, abs=1e-6)
        else:
            assert "assimilation/level" not in summary
        if "recovery/frames" in summary:
            assert summary["recovery/frames"] == pytest.approx(round(summary["recovery/frames"]), abs=1e-6)
            assert 0 <= summary["recovery/frames"] <= 200 - off


def test_curves_are_those_of_the_profile(found: dict[str, Run], results: Results) -> None:
    profile = results.profile[results.profile["codebook"].isna()]
    for cell, rows in profile.groupby("cell"):
        run = found[str(cell)]
        (variant,) = set(rows["variant"])
        (name,) = {name for step in run.history for name in step if name.startswith("profile/")}
        table = run.table(name)
        assert name == f"profile/{variant.replace('@', '_').replace('.', '_').replace('+', '_')}_table"
        for curve in ["clean", "corrupted", "delta"]:
            line = table[table["lineKey"] == curve]
            own = rows.dropna(subset=[f"{curve}_mean"]).sort_values("frame")
            assert len(line) > 190
            np.testing.assert_array_equal(line["step"].astype(float), own["frame"].astype(float) / 50)
            np.testing.assert_array_equal(line["lineVal"].astype(float), own[f"{curve}_mean"].astype(float))


def test_tables_of_songs_and_regions(found: dict[str, Run], results: Results) -> None:
    for cell in results.named:
        songs = found[cell].table("songs").set_index("song")
        nll = results.nll(cell=cell)
        nll = nll[nll["in_means"]].assign(delta=nll["nll_corrupted"].astype(float) - nll["nll_clean"].astype(float))
        clips = nll.groupby(["song", "clip"])["delta"].mean()
        expected = clips.groupby("song").mean()
        assert dict(songs["delta"]) == pytest.approx(dict(expected), abs=1e-6)
        assert songs["n_clips"].sum() == 3
        row = results.cells.set_index("cell").loc[cell]
        regions = found[cell].table("regions").set_index("region")
        for region in ["peak", "assimilation", "offset", "recovery"]:
            value = row[f"{region}_delta"]
            assert regions.loc[region, "delta"] == value if pd.notna(value) else pd.isna(regions.loc[region, "delta"])


def test_clips_to_listen_to(found: dict[str, Run], results: Results, home: Path) -> None:
    for cell, folder in results.named.items():
        run = found[cell]
        table = run.table("clips")
        clips = results.clips[results.clips["cell"] == cell].set_index("clip")["delta"]
        assert dict(zip(table["clip"], table["delta"], strict=True)) == dict(clips[table["clip"]])
        assert len(table) == 2  # of which audio was kept
        name = f"run-{run.about.run_id}-clips"
        media = [p for p in run.contents(name) if p.startswith("media/")]
        assert sorted(Path(p).suffix for p in media) == [".ogg"] * 4 + [".png"] * 2
        kept = {md5(path) for path in folder.glob("audio/*.ogg")}
        assert {run.contents(name)[p].digest for p in media if p.endswith(".ogg")} == kept


def md5(path: Path) -> str:
    return base64.b64encode(hashlib.md5(path.read_bytes()).digest()).decode()


def test_results_are_an_artifact(found: dict[str, Run], results: Results) -> None:
    for cell, folder in results.named.items():
        (name,) = (n for n, a in found[cell].artifacts.items() if a.type == "results")
        assert name == f"results-{cell}"
        contents = found[cell].contents(name)
        tables = {p.name for p in folder.glob("*.parquet")}
        assert len(tables) == 6
        assert set(contents) == tables | {"config.yaml", "meta.json", "summary.json", "profile.svg", "profile.png"}
        assert all(entry.digest == md5(folder / path) for path, entry in contents.items())
        metadata = json.loads(found[cell].artifacts[name].metadata)
        assert metadata["model"]["weights"] == json.loads((folder / "meta.json").read_text())["weights"]


def test_the_sweeps_run_has_all_cells(sweep: Run, results: Results, swept: Path) -> None:
    assert (sweep.summary["n_cells"], sweep.summary["n_failed"]) == (4, 0)
    assert sorted(sweep.config["cells"]) == sorted(results.named)
    table = sweep.table("cells/delay").set_index("cell")
    rows = results.cells.set_index("cell")
    for column in ["delta", "delta_se", "peak_delta", "length_s", "n_songs", "signature"]:
        assert dict(table[column]) == dict(rows[column])
    assert table["peak/height"].notna().all()
    lines = sweep.table("delta/delay_table")
    assert set(lines["lineKey"]) == {"0", "1"}  # the seeds
    expected = {(r["length_s"], str(r["seed"])): r["delta"] for _, r in rows.iterrows()}
    assert {(r["step"], r["lineKey"]): r["lineVal"] for _, r in lines.iterrows()} == expected
    verdicts = sweep.table("verdicts")
    claims = json.loads((swept / "report.json").read_text())["found"]["claims"]
    assert list(verdicts["estimate"]) == [c["estimate"] for c in claims]
    assert "figures/effect-delay" in {name for step in sweep.history for name in step}
    (artifact,) = (n for n, a in sweep.artifacts.items() if a.type == "report")
    assert {"report.html", "report.json", "report.md", "effect-delay.png"} <= set(sweep.contents(artifact))


def test_several_variants_have_numbers_of_their_own(home: Path, tmp_path: Path) -> None:
    done = quick_command(*SHORT, "noise.length=[0.2,1]", "keep_audio=0", *WANDB, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = runs(tmp_path)
    cells = load_results(tmp_path / "results").cells
    for _, row in cells.iterrows():
        key = f"white_2_0s_{row['length_s']:.1f}s".replace(".", "_")
        assert run.summary[f"{key}/delta/mean"] == row["delta"]
    assert "delta/mean" not in run.summary
    steps = [step for step in run.history if "delta/mean" in step]
    assert [(s["length_s"], s["delta/mean"]) for s in steps] == list(
        zip(cells["length_s"], cells["delta"], strict=True)
    )
    assert "clips" not in {name for step in run.history for name in step}


def test_noise_of_no_length_has_none(home: Path, tmp_path: Path) -> None:
    """Weights & Biases would take the last one's, or 0."""
    ends = quick_command(*SHORT, "noise.length=[0.2,end]", "keep_audio=0", *WANDB, "paths.results=a", cwd=tmp_path)
    assert ends.returncode == 0, ends.stderr
    (run,) = runs(tmp_path / "a")
    steps = {step["variant"]: step.get("length_s") for step in run.history if "variant" in step}
    assert steps == {"white@2.0s+0.2s": 0.2, "white@2.0s+end": None}
    whole = [*SHORT[:2], "noise=shuffle", "noise.onset=null", "noise.length=null", "keep_audio=0", "keep_nll=false"]
    done = quick_command(*whole, *WANDB, "paths.results=b", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = runs(tmp_path / "b")
    assert "length_s" not in run.summary
    assert run.summary["delta/mean"] == load_results(tmp_path / "b").cells["delta"].item()
    assert "peak/height" not in run.summary


def test_a_line_has_each_length_once(tmp_path: Path, home: Path) -> None:
    """Cells of other clips under the same names aren't on one line, nor are those of another scoring."""
    swept = ["data.limit=1,2", "data.duration=4", "noise.onset=2", "noise.length=0.2,1", "keep_audio=0", "report=false"]
    assert quick_command(*swept, "scoring=delay,parallel", *WANDB, "-m", cwd=tmp_path).returncode == 0
    (sweep,) = (run for run in runs(tmp_path) if run.about.job_type == "sweep")
    for scoring in ["delay", "parallel"]:
        lines = sweep.table(f"delta/{scoring}_table")
        assert len(lines) == 4
        assert not lines.duplicated(["lineKey", "step"]).any()
        assert len(sweep.table(f"cells/{scoring}")) == 4


def test_what_is_shown_of_a_sweep_stays_when_the_next_one_writes_its_own(home: Path, tmp_path: Path) -> None:
    swept = [*SHORT, "noise.length=0.2", "keep_audio=0", "figures=[]"]
    assert quick_command(*swept, "seed=0,1", *WANDB, "-m", cwd=tmp_path).returncode == 0
    (sweep,) = (run for run in runs(tmp_path) if run.about.job_type == "sweep")
    assert quick_command(*swept, "seed=0,1,2", "-m", cwd=tmp_path).returncode == 0
    (artifact,) = (n for n, a in sweep.artifacts.items() if a.type == "report")
    for entry in sweep.contents(artifact).values():
        assert Path(entry.local_path).is_absolute()
        assert md5(Path(entry.local_path)) == entry.digest


def test_results_are_finished_whatever_becomes_of_the_run(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cell = [*SHORT, "noise.length=0.2", "keep_audio=0", *WANDB]
    failed = quick_command(*cell, cwd=tmp_path, WANDB_DATA_DIR=str(tmp_path / "file"))
    assert failed.returncode == 1
    assert "logger: the results are written, but wandb didn't take them" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert len(load_results(tmp_path / "results").clips) == 3
    again = quick_command(*cell, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "is finished already" in again.stdout
    assert [run.code for run in runs(tmp_path)] == [0]


def test_again_is_the_same_run_and_a_finished_cell_is_shown_once(home: Path, tmp_path: Path) -> None:
    cell = [*SHORT, "noise.length=0.2", "keep_audio=0"]
    assert quick_command(*cell, cwd=tmp_path).returncode == 0
    assert runs(tmp_path) == []
    late = quick_command(*cell, *WANDB, cwd=tmp_path)
    assert late.returncode == 0, late.stderr
    assert "is finished already" in late.stdout
    assert "loading" not in late.stdout
    (first,) = runs(tmp_path)
    again = quick_command(*cell, *WANDB, cwd=tmp_path)
    assert again.returncode == 0
    assert [run.folder for run in runs(tmp_path)] == [first.folder]
    assert quick_command(*cell, *WANDB, "force=true", cwd=tmp_path).returncode == 0
    (forced,) = runs(tmp_path)
    assert forced.folder != first.folder
    assert forced.about.run_id == first.about.run_id
    same = [name for name in first.summary if name.endswith(("/mean", "/height", "_se"))]
    assert same
    assert {name: forced.summary[name] for name in same} == {name: first.summary[name] for name in same}


def test_a_cell_that_fails_is_a_failed_run(home: Path, tmp_path: Path) -> None:
    """The one with strict=true fails once it has met the broken file; the other is finished."""
    music = tmp_path / "music"
    music.mkdir()
    for path in sorted((Path(__file__).parents[2] / "noiseprobe/assets/demo/bach").glob("*.ogg"))[:2]:
        (music / path.name).symlink_to(path)
    (music / "broken.ogg").write_bytes((music / path.name).read_bytes()[:5000])
    data = ["data=folder", f"data.root={music}", "data.duration=4", "noise.onset=2", "noise.length=0.2"]
    done = quick_command(*data, "strict=true,false", "seed=0,1", "report=false", *WANDB, "-m", cwd=tmp_path)
    assert done.returncode == 1
    found = runs(tmp_path)
    codes = {kind: [r.code for r in found if r.about.job_type == kind] for kind in ["tiny", "sweep"]}
    assert codes["sweep"] == [1]
    assert len(found) == 3
    (sweep,) = (r for r in found if r.about.job_type == "sweep")
    assert sweep.summary["n_failed"] == 2
    assert all("strict=true" in error for error in sweep.table("failed")["error"])


@pytest.mark.slow
def test_one_of_several_processes_has_the_run(home: Path, tmp_path: Path) -> None:
    cell = [*SHORT, "noise.length=0.2", "keep_audio=0", "trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
    done = command(*cell, *WANDB, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = runs(tmp_path)
    assert run.code == 0
    (row,) = load_results(tmp_path / "results").cells.to_dict("records")
    assert run.summary["delta/mean"] == row["delta"]
