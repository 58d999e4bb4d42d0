"""Figures of sweeps keep scorings apart, by file."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from rows import row

from noiseprobe.report import panels
from noiseprobe.report.panels import Point, write_by_scoring
from noiseprobe.results import schema


def cell(folder: Path, name: str, **changed: object) -> Path:
    """A finished cell with a summary alone."""
    r = row(1.0, cell=name, **changed)
    means = {m: {"mean": r.get(m), "se": r.get(f"{m}_se"), "clips": 24, "songs": 20} for m in schema.MEANS}
    variant = {k: r[k] for k in ["variant", "length_s", "onset_s", "n_clips", "n_songs"]} | means
    (folder / name).mkdir()
    (folder / name / "summary.json").write_text(json.dumps(r | {"variants": [variant]}))
    return folder / name


@pytest.mark.parametrize(("name", "stem"), [(None, "what"), ("mine", "mine-what")])
def test_one_figure_for_each_scoring(tmp_path: Path, name: str | None, stem: str) -> None:
    cells = [
        cell(tmp_path, "a"), cell(tmp_path, "b", scoring="parallel"), cell(tmp_path, "c", seed=1),
    ]  # fmt: skip
    seen: dict[str, list[str]] = {}

    def draw(scoring: str, points: Sequence[Point]) -> Figure:
        seen[scoring] = [p.row["cell"] for p in points]
        return Figure()

    written = write_by_scoring(tmp_path, cells, name, "what", draw)
    assert seen == {"delay": ["a", "c"], "parallel": ["b"]}
    assert written == [tmp_path / f"{stem}-delay.png", tmp_path / f"{stem}-parallel.png"]
    assert all(p.is_file() and p.with_suffix(".svg").is_file() for p in written)


def test_what_has_nothing_to_say_writes_nothing(tmp_path: Path) -> None:
    assert write_by_scoring(tmp_path, [cell(tmp_path, "a")], None, "what", lambda s, p: None) == []
    assert {p.name for p in tmp_path.iterdir()} == {"a"}


def test_labels_of_ticks_keep_their_distance_and_the_ends() -> None:
    scale = panels.Scale("length_s", [Point({"length_s": v}, {}) for v in [0.0, 0.01, 0.02, 1.0, 1.01]])
    axis = Figure().subplots()
    scale.apply(axis)
    assert not scale.is_log  # there is no logarithm of 0
    assert list(axis.get_xticks()) == [0.0, 0.01, 0.02, 1.0, 1.01]
    assert [t.get_text() for t in axis.get_xticklabels()] == ["0", "", "", "", "1.01"]
