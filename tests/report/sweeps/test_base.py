"""Views of single variants: their regions are those of the tables; files are told apart; pure noise stands beside."""

from pathlib import Path

import numpy as np
import pytest
from cellfiles import planted, write_cell
from matplotlib.figure import Figure
from running import run_cell

from noiseprobe.report.sweeps.base import View, views, write_views
from noiseprobe.results.curves import curves

REGIONS = ["peak", "assimilation", "offset", "recovery"]


def only(folder: Path) -> View:
    ((view,),) = views([folder]).values()
    return view


@pytest.mark.parametrize(
    "overrides",
    [
        ["noise=white", "noise.length=0.5"],
        ["noise=white", "noise.length=0.5", "scoring=parallel"],
        ["noise=token_random", "noise.length=0.5"],
        ["noise=deletion", "noise.length=0.5"],
        ["noise.spans=[[1,0.3],[2,0.5]]", "noise.length=null", "noise.onset=null"],
        ["noise.share=0.2", "noise.length=0.3", "noise.onset=null"],
    ],
    ids=["white", "parallel", "codes", "time", "spans", "scattered"],
)
def test_regions_are_those_that_the_tables_were_made_with(tmp_path: Path, overrides: list[str]) -> None:
    view = only(run_cell(tmp_path, "data.limit=1", *overrides))
    (clip,) = view.clips.to_dict("records")
    (c,) = curves(view.folder)
    found = 0
    for region, frames in view.regions(clip["spans"], len(c.counts)).items():
        assert all(frames < len(c.counts) - max(view.meta["delays"]))  # the last frames belong to none
        counted = frames[c.counts[frames]]
        found += len(counted) > 0
        expected = np.mean(c.delta[counted]) if len(counted) else np.nan
        assert expected == pytest.approx(clip[f"{region}_delta"], abs=1e-6, nan_ok=True), region
    assert found >= 3


def test_one_file_for_each_variant_named_by_what_it_differs_in(tmp_path: Path) -> None:
    clip = planted("g", "s", 0)
    cells = [
        write_cell(tmp_path / "a", [clip]),
        write_cell(tmp_path / "b", [clip], model="A/B", weights="2"),
        write_cell(tmp_path / "c", [clip], model="A B", weights="3"),
        write_cell(tmp_path / "d", [clip], scoring="parallel"),
        write_cell(tmp_path / "pure", [clip], "white@0.0s+end"),
    ]
    seen: list[tuple[str, int]] = []

    def draw(view: View, beside: object) -> Figure:
        seen.append((view.folder.name, len(list(beside))))  # type: ignore[call-overload]
        return Figure()

    written = write_views(tmp_path, cells, "mine", "what", draw)
    assert [p.name for p in written] == [
        "mine-what-delay-tiny.png", "mine-what-delay-A_B.png", "mine-what-delay-A_B-2.png", "mine-what-parallel.png",
    ]  # fmt: skip
    assert seen == [("a", 4), ("b", 4), ("c", 4), ("d", 1)]
    assert all(p.is_file() and p.with_suffix(".svg").is_file() for p in written)


def test_a_name_with_a_dot_stays_whole(tmp_path: Path) -> None:
    clip = planted("g", "s", 0)
    cells = [write_cell(tmp_path / n, [clip], f"white@5.0s+{n}s") for n in ["0.5", "0.2"]]
    written = write_views(tmp_path, cells, None, "what", lambda view, _: Figure())
    assert {p.name for p in written} == {"what-delay-0.5_s.png", "what-delay-0.2_s.png"}
    assert all(p.is_file() and Path(f"{str(p)[:-4]}.svg").is_file() for p in written)


def test_pure_noise_is_only_noise_that_replaces_the_whole_clip(tmp_path: Path) -> None:
    clip = planted("g", "s", 0)
    added = '{"mode": "add"}'
    for name, variant, more, expected in [
        ("a", "white@0.0s+end", {}, True), ("b", "paper_pink@0.0s+end", {}, True),
        ("c", "white@0.0s+end", {"options": added}, False), ("d", "white@5.0s+end", {}, False),
        ("e", "reverse@0.0s+end", {}, False), ("f", "white@10.0s+end", {}, False),
    ]:  # fmt: skip
        assert only(write_cell(tmp_path / name, [clip], variant, **more)).is_pure_noise is expected, name


def test_pure_noise_alone_is_drawn(tmp_path: Path) -> None:
    cell = write_cell(tmp_path / "a", [planted("g", "s", 0)], "white@0.0s+end")
    assert len(write_views(tmp_path, [cell], None, "what", lambda view, _: Figure())) == 1


def test_spans_are_shown_where_all_clips_have_the_same(tmp_path: Path) -> None:
    same = only(write_cell(tmp_path / "a", [planted("g", "s", 0), planted("g", "t", 1)]))
    assert (same.spans, same.window) == ([(250, 300)], (3.0, 10.0))
    other = [planted("g", "s", 0), planted("g", "t", 1, spans=[(100, 150)])]
    apart = only(write_cell(tmp_path / "b", other))
    assert (apart.spans, apart.window) == ([], (0.0, np.inf))
