"""The figure of delta against what varies draws what the index says."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rows import points, row

from noiseprobe.report.sweeps.effect import MOST_LINES, effect_figure


def drawn(axis: Axes) -> list[tuple[str, list[tuple[float, float]]]]:
    """Each line's label with its x and y."""
    found = []
    for container in axis.containers:
        line = container.lines[0]
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        found.append((container.get_label(), list(zip(x.round(9), y.round(9), strict=True))))
    return found


def figure_of(*rows: dict[str, object]) -> Figure:
    figure = effect_figure("delay", points(list(rows)))
    assert figure is not None
    return figure


def test_delta_over_the_logarithm_of_the_length_and_nll_beside_it() -> None:
    figure = figure_of(*(row(n) for n in [4.0, 0.1, 1.0]))
    left, right = figure.axes
    ((_, curve),) = drawn(right)
    assert curve == [(-1.0, -0.01), (0.0, -0.1), (round(np.log10(4), 9), -0.4)]
    clean, corrupted = left.lines
    assert set(clean.get_ydata()) == {4.0}
    assert clean.get_linestyle() == "--"
    assert list(corrupted.get_ydata()) == [3.99, 3.9, 3.6]
    assert [t.get_text() for t in right.get_xticklabels()] == ["0.1", "1", "4"]
    assert right.get_xlabel() == "length of the noise (s), logarithmic"
    assert right.get_ylabel() == "delta (nats), corrupted minus clean"
    assert figure.get_suptitle().startswith(
        "delay scoring, tiny, demo, white, from 5 s on, level match, 24 clips of 20 songs\n"
    )


def test_bars_are_95_percent_of_the_mean_over_songs() -> None:
    right = figure_of(row(1.0, delta_se=0.1), row(2.0, delta_se=None)).axes[1]
    bars = [s[1, 1] - s[0, 1] for s in right.containers[0].lines[2][0].get_segments()]
    assert bars == pytest.approx([2 * 2.093024 * 0.1, 0])


def test_as_many_nats_left_as_right_at_least() -> None:
    left, right = figure_of(row(1.0, delta_se=1.0), row(2.0, delta_se=1.0)).axes
    assert np.diff(left.get_ylim()) == pytest.approx(np.diff(right.get_ylim()))


def test_a_line_for_each_combination_of_what_else_varies() -> None:
    rows = [
        row(n, noise=kind, seed=seed, delta=n + seed)
        for kind in ["white", "pink"] for seed in [0, 1] for n in [1.0, 2.0]
    ]  # fmt: skip
    left, right = figure_of(*rows).axes
    lines = drawn(right)
    assert [name for name, _ in lines] == ["white, seed 0", "white, seed 1", "pink, seed 0", "pink, seed 1"]
    assert [[y for _, y in curve] for _, curve in lines] == [[1, 2], [2, 3], [1, 2], [2, 3]]
    # aside of each other by less than a fiftieth of the axis, so that bars can be seen
    at = [curve[0][0] for _, curve in lines]
    assert len(set(at)) == 4
    assert max(at) - min(at) < 0.02
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in left.lines[1:]}
    assert len(looks) == 4


def test_colours_have_their_colour_and_the_papers_are_dashed() -> None:
    kinds = ["white", "paper_pink", "pink", "blue"]
    every = ["blue", "brown", "paper_blue", "paper_brown", "paper_pink", "pink", "violet", "white"]
    lines = figure_of(*(row(n, noise=kind) for kind in every for n in [1.0, 2.0])).axes[0].lines[1:]
    assert [line.get_linestyle() == "--" for line in lines] == [kind.startswith("paper_") for kind in every]
    left = figure_of(*(row(n, noise=kind) for kind in kinds for n in [1.0, 2.0])).axes[0]
    white, paper, pink, blue = left.lines[1:]
    assert paper.get_color() == pink.get_color() != blue.get_color() != white.get_color()
    assert (paper.get_linestyle(), pink.get_linestyle()) == ("--", "-")


def test_data_have_rows_of_their_own_and_models_their_clean_level() -> None:
    rows = [
        row(n, data=data, model=model, weights=model, nll_clean=level, nll_corrupted=level + 1)
        for data, model, level in [("a", "m", 3.0), ("a", "n", 4.0), ("b", "m", 5.0), ("b", "n", 6.0)]
        for n in [1.0, 2.0]
    ]  # fmt: skip
    axes = figure_of(*rows).axes
    assert [a.get_title(loc="left") for a in axes[::2]] == ["a", "b"]
    for left, levels in zip(axes[::2], [(3, 4), (5, 6)], strict=True):
        clean = [line for line in left.lines if line.get_label() == "clean"]
        assert [set(line.get_ydata()) for line in clean] == [{levels[0]}, {levels[1]}]
        corrupted = [line for line in left.lines if line.get_label() != "clean"]
        assert [c.get_color() for c in clean] == [c.get_color() for c in corrupted]


def test_too_many_lines_become_panels() -> None:
    rows = [
        row(n, noise=kind, seed=seed) for kind in ["white", "pink", "blue"] for seed in range(4) for n in [1.0, 2.0]
    ]
    axes = figure_of(*rows).axes
    assert [a.get_title(loc="left") for a in axes[::2]] == [f"seed {seed}" for seed in range(4)]
    assert all(len(drawn(axis)) == 3 <= MOST_LINES for axis in axes[1::2])


def test_what_has_no_number_stands_at_the_right_and_isnt_joined() -> None:
    right = figure_of(row(1.0), row(2.0), row("end", delta=-9.0)).axes[1]
    (_, numbers), (_, rest) = drawn(right)
    assert [y for _, y in numbers] == [-0.1, -0.2]
    assert [y for _, y in rest] == [-9.0]
    assert rest[0][0] > numbers[-1][0]
    assert right.containers[1].lines[0].get_linestyle() == "None"
    assert [t.get_text() for t in right.get_xticklabels()] == ["1", "2", "to the end"]


def test_the_clean_nll_is_a_curve_where_clips_were_rejected_at_some_values() -> None:
    figure = figure_of(row(1.0, cell="a"), row(2.0, cell="b", n_clips=23, n_songs=19, nll_clean=4.2))
    assert list(figure.axes[0].lines[0].get_ydata()) == [4.0, 4.2]
    assert "23 to 24 clips of 19 to 20 songs" in figure.get_suptitle()


def test_without_a_number_there_is_a_row_for_each_setting() -> None:
    rows = [row(1.0, noise=kind, delta=d) for kind, d in [("white", -0.1), ("pink", 0.2), ("reverse", 0.3)]]
    left, right = figure_of(*rows).axes
    assert [t.get_text() for t in left.get_yticklabels()] == ["white", "pink", "reverse"]
    line = right.containers[0].lines[0]
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([-0.1, 0.2, 0.3], [0, 1, 2])
    clean, corrupted = left.lines
    assert (list(clean.get_xdata()), list(corrupted.get_xdata())) == ([4.0] * 3, [3.9] * 3)


def test_nothing_that_varies_is_no_figure_and_what_wasnt_scored_isnt_drawn() -> None:
    assert effect_figure("delay", points([row(1.0)])) is None
    nothing = row(2.0, delta=None, delta_se=None, nll_clean=None, nll_corrupted=None, n_clips=0, n_songs=0)
    assert effect_figure("delay", points([row(1.0), nothing])) is None
    ((_, curve),) = drawn(figure_of(row(1.0), row(3.0), nothing).axes[1])
    assert [y for _, y in curve] == [-0.1, -0.3]
