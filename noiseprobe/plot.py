"""The figures, for notebooks: functions of what `load_results` gives, each with a matplotlib figure to show or save.

    import noiseprobe
    results = noiseprobe.load_results("results")
    noiseprobe.plot.curves(results, variant="white@5.0s+4.0s")
    noiseprobe.plot.effect(results).savefig("effect.svg")

They are those that a sweep ends with (`figures=[...]`). A notebook shows one that is the last value of a cell. Every
caption says of how many clips and songs the figure is and what its bars or bands are: 95 % intervals of the mean over
songs, from standard errors clustered by song and Student's t.
"""

import json
from collections.abc import Callable
from typing import TypeVar

from matplotlib.figure import Figure

from noiseprobe.analysis.claims import amnesia as amnesia_claims
from noiseprobe.analysis.group import groups
from noiseprobe.errors import NoiseprobeError
from noiseprobe.report.figures import cell_figure
from noiseprobe.report.panels import Point, points_by_scoring
from noiseprobe.report.sweeps.amnesia import amnesia_figure
from noiseprobe.report.sweeps.base import View, views, without_companions
from noiseprobe.report.sweeps.codebooks import codebooks_figure
from noiseprobe.report.sweeps.curves import curves_figure
from noiseprobe.report.sweeps.effect import effect_figure
from noiseprobe.report.sweeps.heatmap import heatmap_figure
from noiseprobe.report.sweeps.regions import regions_figure, song_means
from noiseprobe.report.sweeps.sizes import sizes_figure
from noiseprobe.report.sweeps.songs import MOST, songs_figure
from noiseprobe.results.load import Results

__all__ = ["amnesia", "codebooks", "curves", "effect", "heatmap", "profile", "regions", "sizes", "songs"]

T = TypeVar("T")


def effect(results: Results) -> Figure:
    """Mean nll and mean delta against whatever number varies (the noise's length, its level, a segment's, ...).

    A line for each model, kind and so on, a row of panels for each data set (the paper's Figures 2 and 5, and coloured
    noise). Where no number varies there is a row for each setting. Bars of delta are 95 % intervals of the mean over
    songs; nll has none, since songs differ far more in it than noise changes it.

    Raises:
        NoiseprobeError: for two scorings, or if nothing varies.
    """
    return _over(results, effect_figure, "nothing that varies: two cells or variants at least that differ in a setting")


def sizes(results: Results) -> Figure:
    """Mean delta against the number of the model's parameters, a mark for each length of noise; bars as in `effect`.

    Raises:
        NoiseprobeError: for two scorings, or for one model alone.
    """
    return _over(results, sizes_figure, "one model: two at least")


def regions(results: Results) -> Figure:
    """Delta in each region, for each length, model and data set (the paper's Figure 4).

    Points are songs, violins (from 8 songs on) their density, large marks means over songs with their 95 % intervals.

    Raises:
        NoiseprobeError: for two scorings, or if no clip has a region.
    """
    songs = song_means(results.folders)
    return _over(results, lambda scoring, own: regions_figure(songs, scoring, own), "no region: noise of some length")


def curves(results: Results, cell: str | None = None, variant: str | None = None) -> Figure:
    """Curves of clean, corrupted and pure noise, delta, and the rate of changed codes, regions marked (Figure 3).

    Over the whole clip, for one variant of one cell. Pure noise is drawn where the results have a cell of it
    (`noise=pure_noise`) on the same model and data. Bands are 95 % intervals of the mean over songs at each frame by
    itself.

    Args:
        results: what was loaded.
        cell: the name of one, where there are several.
        variant: the name of one, where there are several.

    Raises:
        NoiseprobeError: for two scorings, or if it isn't clear which variant is meant.
    """
    found = _views(results)
    return curves_figure(_one(found, cell, variant), found)


def codebooks(results: Results, cell: str | None = None, variant: str | None = None) -> Figure:
    """Delta of each codebook, around the noise and in each region; 95 % intervals of the mean over songs.

    Args:
        results: what was loaded.
        cell: the name of one, where there are several.
        variant: the name of one, where there are several.

    Raises:
        NoiseprobeError: for two scorings, if it isn't clear which variant is meant, or if the cell was run with
            keep_nll=false.
    """
    return codebooks_figure(_one(_views(results), cell, variant))


def songs(results: Results, cell: str | None = None, variant: str | None = None, most: int = MOST) -> Figure:
    """Delta of single songs around the noise, a panel each, with the same axes; no error, since each is one song.

    Args:
        results: what was loaded.
        cell: the name of one, where there are several.
        variant: the name of one, where there are several.
        most: panels; of more songs some of each group are shown, and the title says so.

    Raises:
        ValueError: for less than one panel.
        NoiseprobeError: for two scorings, if it isn't clear which variant is meant, or if the cell was run with
            keep_nll=false.
    """
    if most < 1:
        raise ValueError(f"most: got {most}, expected at least 1")
    return songs_figure(_one(_views(results), cell, variant), most)


def heatmap(results: Results, cell: str | None = None, variant: str | None = None) -> Figure:
    """Delta of every clip (down, by group and assimilation) and frame (across) around the noise; no error.

    Args:
        results: what was loaded.
        cell: the name of one, where there are several.
        variant: the name of one, where there are several.

    Raises:
        NoiseprobeError: for two scorings, if it isn't clear which variant is meant, or if the cell was run with
            keep_nll=false.
    """
    return heatmap_figure(_one(_views(results), cell, variant))


def amnesia(results: Results) -> Figure:
    """What the music before the noise is worth without noise and behind it, and the amnesia index; 95 % over songs.

    Args:
        results: what was loaded: the four pasts of `noise=token_past` (`+experiment=amnesia`) on one model and data.

    Raises:
        NoiseprobeError: if not all four pasts are there, or those of several models, data sets or scorings.
    """
    _views(results)  # refuses two scorings
    found = [group for group in groups(results) if amnesia_claims.pasts(group)]
    if len(found) != 1:
        raise NoiseprobeError(f"amnesia: got the four pasts of {len(found)} models, expected one (+experiment=amnesia)")
    (group,) = found
    rate = group.frame_rate(group.cells["cell"].iloc[0])
    return amnesia_figure(group.label, amnesia_claims.table(group), amnesia_claims.curve(group), rate)


def profile(results: Results, cell: str | None = None) -> Figure:
    """Clean and corrupted nll and delta around the noise, a row for each variant of one cell: its own profile.png.

    Bands are 95 % intervals of the mean over songs at each frame by itself.

    Args:
        results: what was loaded.
        cell: the name of one, where there are several.

    Raises:
        NoiseprobeError: if it isn't clear which cell is meant.
    """
    folder = results.named[_chosen("cell", cell, list(results.named))]
    return cell_figure(folder, json.loads((folder / "meta.json").read_text())["frame_rate"])


def _over(results: Results, draw: Callable[[str, list[Point]], Figure | None], nothing: str) -> Figure:
    """A figure of all cells and variants of one scoring."""
    scoring, points = _single(points_by_scoring(results.folders))
    figure = draw(scoring, points)
    if figure is None:
        got, expected = nothing.split(": ")
        raise NoiseprobeError(f"results: got {got}, expected {expected}")
    return figure


def _views(results: Results) -> list[View]:
    return _single(views(results.folders))[1]


def _single(found: dict[str, T]) -> tuple[str, T]:
    if len(found) > 1:
        raise NoiseprobeError(
            f"results: got cells with scoring {' and '.join(sorted(found))}, expected one: load_results(path,"
            " scoring='delay')"
        )
    return next(iter(found.items()))


def _one(found: list[View], cell: str | None, variant: str | None) -> View:
    """The variant of a cell that was asked for, or the only one; pure noise isn't counted beside other noise."""
    for key, value, of in [("cell", cell, _cell), ("variant", variant, _variant)]:
        if value is not None:
            name = _chosen(key, value, [of(view) for view in found])
            found = [view for view in found if of(view) == name]
    found = without_companions(found)
    _chosen("cell", None, [_cell(view) for view in found])
    _chosen("variant", None, [_variant(view) for view in found])
    return found[0]


def _cell(view: View) -> str:
    return str(view.point.row["cell"])


def _variant(view: View) -> str:
    return view.variant


def _chosen(key: str, value: str | None, names: list[str]) -> str:
    """The name that was asked for; where none was, the only one."""
    names = list(dict.fromkeys(names))
    if value is None and len(names) == 1:
        return names[0]
    if value is None or value not in names:
        raise NoiseprobeError(f"{key}: got {value}, expected one of {', '.join(names)}")
    return value
