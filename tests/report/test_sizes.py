"""The figure of the effect against the model's size draws what the index says."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from noiseprobe.report.sizes import sizes_figure, with_labels


def index(**changed: object) -> pd.DataFrame:
    rows = []
    for model, parameters in [("small", 420e6), ("medium", 1.8e9), ("melody", 1.8e9), ("large", 3.2e9)]:
        for length in [0.5, 2.0]:
            rows.append({
                "model": model, "label": model, "parameters": int(parameters), "length_s": length, "onset_s": 5.0,
                "clips": 24,
                "delta": -length * parameters / 1e9, "delta_se": 0.1, "data": "demo", "noise": "white",
                "level": "match", "scoring": "delay", "precision": "fp32", "condition": "null", "seed": 0,
            })  # fmt: skip
    return pd.DataFrame(rows).assign(**changed)


def drawn(figure: Figure, panel: int = 0) -> dict[str, np.ndarray]:
    return {c.get_label(): np.asarray(c.lines[0].get_ydata(), float) for c in figure.axes[panel].containers}


def test_a_line_for_each_length_with_its_values_in_order_of_size() -> None:
    found = drawn(sizes_figure(index()))
    assert list(found) == ["0.5 s", "2 s"]
    assert found["2 s"] == pytest.approx([-0.84, -3.6, -3.6, -6.4])


def test_bars_are_95_percent_of_the_mean_over_songs() -> None:
    bars = sizes_figure(index()).axes[0].containers[1].lines[2][0].get_segments()
    assert [s[1, 1] - s[0, 1] for s in bars] == pytest.approx([2 * 1.959964 * 0.1] * 4)


def test_ticks_name_models_and_sizes_once() -> None:
    figure = sizes_figure(index())
    ticks = {t.get_text() for t in figure.axes[0].get_xticklabels()}
    assert ticks == {"420M\nsmall", "1.8B\nmedium\nmelody", "3.2B\nlarge"}
    assert "delay scoring" in figure.get_suptitle()


def test_models_of_the_same_name_are_told_apart_by_their_weights() -> None:
    cells = pd.DataFrame({
        "cell": list("abcc"), "model": ["final", "final", "small", "small"],
        "weights": ["11112222", "33334444", "55556666", "55556666"], "n_clips": [3, 3, 3, 2],
    })  # fmt: skip
    found = with_labels(cells)
    assert found["label"].tolist() == ["final@1111", "final@3333", "small", "small"]
    assert found["clips"].tolist() == [3, 3, 3, 3]


def test_settings_have_panels_of_their_own() -> None:
    both = pd.concat([index(), index(precision="bf16", delta=1.0)])
    figure = sizes_figure(both)
    assert [a.get_title() for a in figure.axes] == ["precision bf16", "precision fp32"]
    assert drawn(figure, 0)["2 s"] == pytest.approx([1.0] * 4)
    assert drawn(figure, 1)["2 s"] == pytest.approx([-0.84, -3.6, -3.6, -6.4])


def test_one_song_has_no_bar_and_is_drawn() -> None:
    found = drawn(sizes_figure(index(delta_se=np.nan)))
    assert np.isfinite(found["0.5 s"]).all()
