"""The figure of the effect against the model's size draws what the index says."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from rows import points, row

from noiseprobe.report.sweeps.sizes import sizes_figure

MODELS = [("small", 420e6), ("medium", 1.8e9), ("melody", 1.8e9), ("large", 3.2e9)]


def rows(**changed: object) -> list[dict[str, object]]:
    return [
        row(n, model=m, weights=m, parameters=int(p), **{"delta": -n * p / 1e9, "delta_se": 0.1} | changed)
        for m, p in MODELS for n in [0.5, 2.0]
    ]  # fmt: skip


def figure_of(found: list[dict[str, object]]) -> Figure:
    figure = sizes_figure("delay", points(found))
    assert figure is not None
    return figure


def drawn(figure: Figure, panel: int = 0) -> dict[str, np.ndarray]:
    return {c.get_label(): np.asarray(c.lines[0].get_ydata(), float) for c in figure.axes[panel].containers}


def test_a_line_for_each_length_with_its_values_in_order_of_size() -> None:
    found = drawn(figure_of(rows()))
    assert list(found) == ["0.5 s", "2 s"]
    assert found["2 s"] == pytest.approx([-0.84, -3.6, -3.6, -6.4])


def test_bars_are_95_percent_of_the_mean_over_songs() -> None:
    bars = figure_of(rows()).axes[0].containers[1].lines[2][0].get_segments()
    assert [s[1, 1] - s[0, 1] for s in bars] == pytest.approx([2 * 2.093024 * 0.1] * 4)


def test_ticks_name_models_and_sizes_once() -> None:
    figure = figure_of(rows())
    ticks = {t.get_text() for t in figure.axes[0].get_xticklabels()}
    assert ticks == {"420M\nsmall", "1.8B\nmedium\nmelody", "3.2B\nlarge"}
    assert "delay scoring, demo, white" in figure.get_suptitle()


def test_models_of_the_same_name_are_told_apart_by_their_weights() -> None:
    two = [row(1.0, weights=w, parameters=p) for w, p in [("11112222", 10), ("33334444", 2000)]]
    ticks = [t.get_text() for t in figure_of(two).axes[0].get_xticklabels()]
    assert ticks == ["10\ntiny@1111", "2k\ntiny@3333"]


def test_settings_have_panels_of_their_own() -> None:
    figure = figure_of([*rows(precision="bf16", delta=1.0), *rows()])
    assert [a.get_title(loc="left") for a in figure.axes] == ["bf16", "fp32"]
    assert drawn(figure, 0)["2 s"] == pytest.approx([1.0] * 4)
    assert drawn(figure, 1)["2 s"] == pytest.approx([-0.84, -3.6, -3.6, -6.4])


def test_another_number_that_varies_takes_the_place_of_the_length() -> None:
    found = [
        row("end", 0.0, noise="shuffle", model=m, weights=m, parameters=p, options={"segment_frames": n}, delta=n)
        for m, p in [("a", 10), ("b", 20)] for n in [1, 5, 10]
    ]  # fmt: skip
    lines = drawn(figure_of(found))
    assert {k: list(v) for k, v in lines.items()} == {f"segment_frames {n}": [n, n] for n in [1, 5, 10]}


def test_one_song_has_no_bar_and_is_drawn() -> None:
    assert np.isfinite(drawn(figure_of(rows(delta_se=None)))["0.5 s"]).all()


def test_one_model_is_no_figure() -> None:
    assert sizes_figure("delay", points([row(1.0), row(2.0)])) is None
