"""The experiments: what each composes to, on any model and data; that what a user sets wins; whole commands."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from running import command, composed, quick_command

from noiseprobe import load_results
from noiseprobe.callbacks.sweep import combinations, put_first
from noiseprobe.cli import conf_dir
from noiseprobe.config import Config, check
from noiseprobe.report.panels import Point
from noiseprobe.report.settings import settings
from noiseprobe.report.sweeps.effect import effect_figure
from noiseprobe.results.index import finished, index_table

NAMES = sorted(p.stem for p in Path(conf_dir(), "experiment").glob("*.yaml"))
PAPER_LENGTHS = [0.1, 0.2, 1.0, 2.0, 3.0, 4.0]


def jobs(experiment: str, *overrides: str) -> list[list[str]]:
    """The overrides of each cell that a command line with an experiment runs."""
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        line = [f"+experiment={experiment}", *overrides]
        assert hydra.get_mode("config", line) == RunMode.MULTIRUN, "it would need -m"
        config = hydra.compose_config("config", line, RunMode.MULTIRUN, with_log_configuration=False)
    put_first(config)
    return combinations(config)


@cache
def cells(experiment: str, *overrides: str) -> list[Config]:
    """The checked configurations of these cells."""
    return [check(composed(*own)) for own in jobs(experiment, *overrides)]


def lengths(config: Config) -> list[float | None]:
    return [v.length for v in config.noise.variants]


def test_these_are_the_experiments() -> None:
    papers = [f"paper_{name}" for name in ["colors", "fig2", "fig3", "fig4", "fig5"]]
    assert ["amnesia", "claims", "controls", "levels", *papers] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_runs_on_any_model_and_data(name: str, tmp_path: Path) -> None:
    here = cells(name)
    assert {(c.model.name, c.data.name, c.scoring) for c in here} == {("tiny", "demo", "delay")}
    assert {c.sweep for c in here} == {name}
    others = ["model=musicgen_medium,musicgen_large", "data=folder", f"data.root={tmp_path}", "scoring=parallel"]
    lines = jobs(name, *others)
    assert ["model=musicgen_medium" in line for line in lines] == [True] * len(here) + [False] * len(here)
    last = check(composed(*lines[-1]))
    assert last.noise in [c.noise for c in here]
    assert (last.data.name, last.scoring) == (tmp_path.name, "parallel")
    assert last.model.name == "musicgen-large"


def test_figure_2_is_white_noise_in_the_papers_lengths_at_5_s() -> None:
    (cell,) = cells("paper_fig2")
    assert (cell.noise.kind, lengths(cell), cell.figures) == ("white", PAPER_LENGTHS, ("effect", "sizes"))
    assert {v.onset for v in cell.noise.variants} == {5.0}


def test_figure_3_is_the_papers_longest_noise_and_pure_noise() -> None:
    noise, pure = cells("paper_fig3")
    assert [(v.onset, v.length) for v in noise.noise.variants] == [(5.0, 4.0)]
    assert pure.noise == check(composed("noise=pure_noise")).noise
    assert {(c.noise.kind, c.figures) for c in (noise, pure)} == {("white", ("curves",))}
    assert [c.noise.kind for c in cells("paper_fig3", "noise=pink")] == ["pink", "pink"]


def test_figure_4_has_the_lengths_of_the_published_regions() -> None:
    (cell,) = cells("paper_fig4")
    assert (cell.noise.kind, lengths(cell), cell.figures) == ("white", [1.0, 2.0, 3.0, 4.0], ("regions",))


def test_figure_5_shuffles_whole_clips_in_the_papers_segments() -> None:
    found = cells("paper_fig5")
    assert {c.noise.kind for c in found} == {"shuffle"}
    assert [c.noise.options.segment_frames for c in found] == [1, 2, 5, 10, 35, 50, 70, 100, 150, 200]
    assert {(v.onset, v.length) for c in found for v in c.noise.variants} == {(0.0, None)}


def test_the_papers_colours_and_true_ones_in_all_lengths() -> None:
    found = cells("paper_colors")
    assert sorted(c.noise.kind for c in found) == sorted(
        ["white", "pink", "brown", "blue", "violet", "paper_pink", "paper_brown", "paper_blue"]
    )
    assert all(lengths(c) == PAPER_LENGTHS for c in found)
    assert {c.noise.options.level for c in found} == {"match"}


def test_controls_are_five_with_two_seeds() -> None:
    found = cells("controls")
    kinds = {(c.noise.kind, tuple((v.onset, v.length) for v in c.noise.variants)) for c in found}
    assert ("white", ((5.0, 0.0),)) in kinds  # nothing
    assert ("white", ((0.0, None),)) in kinds  # pure noise
    assert {kind for kind, _ in kinds} == {"white", "token_self", "reencode"}
    assert len(kinds) == 5
    assert sorted(c.seed for c in found) == [0] * 5 + [1] * 5


def test_levels_are_those_of_one_length() -> None:
    found = cells("levels")
    assert [c.noise.options.level for c in found] == [-60, -54, -48, -42, -36, -30, -24, -18, -12, -6]
    assert {(c.noise.kind, *lengths(c)) for c in found} == {("white", 2.0)}


@pytest.mark.parametrize(
    ("experiment", "overrides", "expected"),
    [
        ("paper_fig5", ["noise.segment_frames=7"], [("shuffle", 7)]),
        ("paper_fig5", ["noise.segment_frames=7,9", "seed=3"], [("shuffle", 7), ("shuffle", 9)]),
        ("paper_fig5", ["noise.order=adjacent", "noise.segment_frames=2"], [("shuffle", 2)]),
        ("paper_colors", ["noise=violet"], [("violet", None)]),
        ("controls", ["noise=reencode", "seed=5"], [("reencode", None)]),
    ],
)
def test_what_a_user_sets_wins_and_is_not_swept_over(
    experiment: str, overrides: list[str], expected: list[tuple[str, int | None]]
) -> None:
    found = cells(experiment, *overrides)
    assert [(c.noise.kind, getattr(c.noise.options, "segment_frames", None)) for c in found] == expected


def test_what_a_user_sets_wins_over_an_experiments_values() -> None:
    own = cells("levels", "noise.length=1", "noise.level=snr", "noise.snr=-5,5", "sweep=mine", "figures=[sizes]")
    assert [(c.noise.options.snr, *lengths(c), c.sweep, c.figures) for c in own] == [
        (-5.0, 1.0, "mine", ("sizes",)), (5.0, 1.0, "mine", ("sizes",)),
    ]  # fmt: skip
    assert lengths(cells("paper_fig4", "noise.length=null", "noise.frames=[25]")[0]) == [0.5]


def test_an_experiments_name_and_figures_are_in_no_identity(tmp_path: Path) -> None:
    from noiseprobe.identity import identity

    assert identity(cells("paper_fig2")[0], "w", ()) == identity(check(composed()), "w", ())


def drawn_equals_index(results: Path, x: str) -> None:
    """The figure's delta and nll are those of the index, at the values that were asked for."""
    rows = index_table(finished(results)).to_pylist()
    figure = effect_figure("delay", [Point(s, r) for s, r in zip(settings(rows), rows, strict=True)])
    assert figure is not None
    left, right = figure.axes
    drawn = np.concatenate([np.asarray(c.lines[0].get_ydata(), float) for c in right.containers])
    frame = load_results(results).cells
    assert sorted(drawn) == pytest.approx(sorted(frame["delta"].astype(float)), abs=0)
    corrupted = np.concatenate([np.asarray(line.get_ydata(), float) for line in left.lines[1:]])
    assert sorted(corrupted) == pytest.approx(sorted(frame["nll_corrupted"].astype(float)), abs=0)
    assert set(left.lines[0].get_ydata()) == {frame["nll_clean"].iloc[0]}
    ticks = {t.get_text() for t in right.get_xticklabels()}
    values = frame["length_s"] if x == "length_s" else [json.loads(o)[x] for o in frame["options"]]
    assert ticks == {f"{v:g}" for v in set(values)}


def test_figure_5_on_the_embedded_model_ends_with_its_figure(tmp_path: Path) -> None:
    arguments = [
        "+experiment=paper_fig5",
        "data.limit=2",
        "data.duration=2",
        "noise.segment_frames=1,10",
        "logger=none",
    ]
    done = quick_command(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "effect   results/paper_fig5-effect-delay.png" in done.stdout
    assert "sizes    nothing to draw for these cells" in done.stdout  # one model
    for suffix in [".png", ".svg"]:
        assert (tmp_path / "results/paper_fig5-effect-delay").with_suffix(suffix).stat().st_size > 10_000
    drawn_equals_index(tmp_path / "results", "segment_frames")
    shown = [line.split("│")[1].strip() for line in done.stdout.splitlines() if "shuffle@" in line]
    assert shown == ["segment_frames 1", "segment_frames 10"]

    # A figure that can't be written is said, hides nothing else, and isn't a success.
    path = tmp_path / "results/paper_fig5-effect-delay.png"
    path.unlink()
    path.mkdir()
    (tmp_path / "results/index.parquet").unlink()
    again = quick_command(*arguments, "figures=[effect,regions]", "-m", cwd=tmp_path)
    assert again.returncode == 1
    assert "failed   effect: IsADirectoryError" in again.stderr
    assert "Traceback" not in again.stderr
    assert "regions  results/paper_fig5-regions-delay.png" in again.stdout
    assert again.stdout.count("finished already") == 2
    assert [line for line in again.stdout.splitlines() if "shuffle@" in line] == [
        line for line in done.stdout.splitlines() if "shuffle@" in line
    ]
    assert pq.read_table(tmp_path / "results/index.parquet").num_rows == 2


@pytest.mark.slow
def test_colours_on_the_embedded_model_end_with_their_figure(tmp_path: Path) -> None:
    short = ["data.limit=2", "data.duration=3", "noise.onset=1", "noise.length=[0.2,0.5]", "logger=none"]
    done = quick_command("+experiment=paper_colors", *short, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "effect   results/paper_colors-effect-delay.png" in done.stdout
    assert load_results(tmp_path / "results").cells["noise"].nunique() == 8
    drawn_equals_index(tmp_path / "results", "length_s")


@pytest.mark.slow
def test_controls_that_change_nothing_are_exactly_0_and_shown_so(tmp_path: Path) -> None:
    done = quick_command("+experiment=controls", "data.limit=2", "data.duration=11", "logger=none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    frame = load_results(tmp_path / "results").cells
    zero = (frame["noise"] == "token_self") | (frame["length_s"] == 0)
    assert zero.sum() == 2 * 7
    assert (frame.loc[zero, ["delta", "delta_se"]] == 0).all(axis=None)
    assert (frame.loc[~zero, "delta"] != 0).all()
    rows = [[x.strip() for x in line.split("│")[1:-1]] for line in done.stdout.splitlines() if "@" in line]
    assert [r[6] == "0" for r in rows] == [r[1].startswith("token_self") or r[1].endswith("+0.0s") for r in rows]
    assert "0 without decimals: exactly" in done.stdout
    by_seed = frame[frame["noise"] == "reencode"].groupby("seed")["delta"].first()
    assert by_seed[0] == by_seed[1], "re-encoding draws nothing"
    whole_clip = frame[(frame["noise"] == "white") & frame["length_s"].isna()].groupby("seed")["delta"].first()
    assert whole_clip[0] != whole_clip[1]


def test_experiments_are_run_one_at_a_time(tmp_path: Path) -> None:
    done = command("+experiment=levels,controls", "-m", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("experiment: got several, expected one")
    assert "Traceback" not in done.stderr
