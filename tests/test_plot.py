"""Figures from a notebook: what is drawn, and what is said where it can't be."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cellfiles import planted, write_cell
from matplotlib.figure import Figure
from running import run_cell

import noiseprobe
from noiseprobe import load_results, plot
from noiseprobe.errors import NoiseprobeError
from noiseprobe.results.load import Results

CLIPS = [planted("g", f"s{i}", i) for i in range(3)]
OF_ONE = [plot.curves, plot.codebooks, plot.songs, plot.heatmap]
MOST = 2


def results(folder: Path, *cells: tuple[str, dict[str, object]]) -> Results:
    for i, (variant, changed) in enumerate(cells):
        write_cell(folder / f"cell{i}", CLIPS, variant, **changed)  # type: ignore[arg-type]
    return load_results(folder)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Two lengths in two cells, and pure noise."""
    names = ["white@5.0s+1.0s", "white@5.0s+2.0s", "white@0.0s+end"]
    return results(tmp_path_factory.mktemp("two"), *((name, {}) for name in names))


@pytest.mark.parametrize("draw", OF_ONE)
def test_the_only_variant_needs_no_name(draw: Callable[..., Figure], tmp_path: Path) -> None:
    figure = draw(results(tmp_path, ("white@5.0s+1.0s", {})))
    assert "3 clips of 3 songs" in figure.get_suptitle()
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


@pytest.mark.parametrize("draw", OF_ONE)
def test_of_several_one_must_be_chosen(draw: Callable[..., Figure], two: Results) -> None:
    with pytest.raises(NoiseprobeError, match=r"cell: got None, expected one of cell0, cell1$"):
        draw(two)
    for choice in [{"cell": "cell1"}, {"variant": "white@5.0s+2.0s"}, {"cell": "cell1", "variant": "white@5.0s+2.0s"}]:
        assert ", 2 s, " in draw(two, **choice).get_suptitle()
    with pytest.raises(NoiseprobeError, match=r"cell: got x, expected one of cell0, cell1, cell2$"):
        draw(two, cell="x")
    with pytest.raises(NoiseprobeError, match=r"variant: got white@5\.0s\+2\.0s, expected one of white@5\.0s\+1\.0s$"):
        draw(two, cell="cell0", variant="white@5.0s+2.0s")
    assert "whole clip" in draw(two, cell="cell2").get_suptitle()


def test_pure_noise_is_found_in_the_results(two: Results) -> None:
    top = plot.curves(two, cell="cell0").axes[0]
    assert "pure white noise" in [line.get_label() for line in top.lines]


def test_two_variants_of_one_cell_are_told_apart_by_name(tmp_path: Path) -> None:
    from running import run_cell

    found = load_results(run_cell(tmp_path, "data.limit=1", "noise.length=[0.2,0.5]", "data.duration=3.5"))
    with pytest.raises(NoiseprobeError, match=r"variant: got None, expected one of white@2\.0s\+0\.2s, white@2\.0s\+0"):
        plot.heatmap(found)
    assert ", 0.5 s, " in plot.heatmap(found, variant="white@2.0s+0.5s").get_suptitle()
    assert len(plot.profile(found).axes) == 4  # both variants, left and right


def test_effect_draws_the_cells_means(two: Results) -> None:
    right = plot.effect(two).axes[1]
    drawn = np.concatenate([np.asarray(c.lines[0].get_ydata(), float) for c in right.containers])
    assert sorted(drawn) == pytest.approx(sorted(two.cells["delta"].astype(float)), abs=0)


def test_regions_draws_the_cells_means(two: Results) -> None:
    # in one panel: the lengths, and noise to the end as another place
    figure = plot.regions(two)
    drawn = [y for a in figure.axes for c in a.containers for y in np.asarray(c.lines[0].get_ydata(), float)]
    columns = [f"{r}_delta" for r in ["peak", "assimilation", "offset", "recovery"]]
    expected = two.cells[columns].to_numpy(dtype=float, na_value=np.nan)
    assert sorted(drawn) == pytest.approx(sorted(expected[~np.isnan(expected)]), abs=0)


def test_sizes_needs_two_models(two: Results, tmp_path: Path) -> None:
    with pytest.raises(NoiseprobeError, match="results: got one model, expected two at least"):
        plot.sizes(two)
    models = results(
        tmp_path, ("white@5.0s+1.0s", {}), ("white@5.0s+1.0s", {"model": "b", "weights": "2", "parameters": 9})
    )
    assert len(plot.sizes(models).axes[0].containers[0].lines[0].get_ydata()) == 2


def test_what_has_nothing_to_say_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoiseprobeError, match="results: got nothing that varies, expected two cells or variants"):
        plot.effect(results(tmp_path, ("white@5.0s+1.0s", {})))


@pytest.mark.parametrize("draw", [*OF_ONE, plot.effect, plot.regions, plot.sizes])
def test_two_scorings_are_refused(draw: Callable[[Results], Figure], tmp_path: Path) -> None:
    cells = [write_cell(tmp_path / s, CLIPS, scoring=s) for s in ["delay", "parallel"]]
    with pytest.raises(NoiseprobeError, match=r"results: got cells with scoring delay and parallel, expected one"):
        draw(Results(cells))


@pytest.mark.parametrize("draw", [plot.codebooks, plot.songs, plot.heatmap])
def test_without_nll_those_that_need_it_say_what_to_do(draw: Callable[[Results], Figure], tmp_path: Path) -> None:
    cell = write_cell(tmp_path / "a", CLIPS, nll=False)
    with pytest.raises(NoiseprobeError, match=r"run it with keep_nll=true force=true"):
        draw(load_results(cell))
    plot.curves(load_results(cell))


def test_panels_are_one_at_least(two: Results) -> None:
    assert len(plot.songs(two, cell="cell0", most=MOST).axes) == MOST
    with pytest.raises(ValueError, match="most: got 0, expected at least 1"):
        plot.songs(two, cell="cell0", most=0)


def test_profile_is_of_one_cell(two: Results) -> None:
    with pytest.raises(NoiseprobeError, match="cell: got None, expected one of cell0, cell1, cell2"):
        plot.profile(two)
    assert plot.profile(two, "cell1").get_suptitle().startswith("tiny, white, 3 clips of 3 songs")


def test_the_package_does_not_load_it_before_it_is_used() -> None:
    code = "import noiseprobe as n, sys; assert not {'matplotlib', 'pandas', 'torch'} & set(sys.modules); n.plot.curves"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert noiseprobe.plot is plot
    assert "plot" in noiseprobe.__all__


def test_amnesia_needs_the_four_pasts_of_one_model(tmp_path: Path) -> None:
    run_cell(tmp_path, "data.limit=1", "logger=none", "keep_audio=0")
    with pytest.raises(NoiseprobeError, match="four pasts of 0 models"):
        noiseprobe.plot.amnesia(load_results(tmp_path))
