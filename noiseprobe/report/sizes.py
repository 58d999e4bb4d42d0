"""The effect of noise against the size of the model, over the cells of a sweep."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from noiseprobe.report.figures import Z95, save
from noiseprobe.results.index import index_table

ASIDE = 0.015  # of the width between the lengths of one model, so that their bars don't hide each other
NEAR = 0.2  # of the width: ticks closer than this overlap
# Everything but the model and the length; cells that differ in any of it get panels of their own.
PANELS = ["data", "clips", "noise", "options", "onset_s", "precision", "condition", "seed"]


def write_sizes(results: Path, cells: Sequence[Path]) -> list[Path]:
    """sizes-<scoring>.svg and .png for each scoring with two models or more; the paths of the latter."""
    rows = with_labels(index_table(list(cells)).to_pandas())
    written = []
    for scoring, own in rows.groupby("scoring"):
        if own["weights"].nunique() < 2:
            continue
        figure, path = sizes_figure(own), results / f"sizes-{scoring}.png"
        save(figure, path.with_suffix(""))
        written.append(path)
    return written


def with_labels(cells: pd.DataFrame) -> pd.DataFrame:
    """The index with `label`, the model's name (with digits of its hash where two have the same), and `clips`."""
    names = cells.drop_duplicates("weights")["model"].value_counts()
    alike = cells["model"].map(names) > 1
    label = cells["model"].where(~alike, cells["model"] + "@" + cells["weights"].str[:4])
    return cells.assign(label=label, clips=cells.groupby("cell")["n_clips"].transform("max"))


def sizes_figure(cells: pd.DataFrame) -> Figure:
    """Mean delta over the number of parameters, a line for each length of noise, a panel for each setting.

    Bars are 95 % intervals of the mean over songs (1.96 clustered standard errors).

    Args:
        cells: rows of the index of one scoring, with labels.
    """
    varying = [name for name in PANELS if cells[name].nunique(dropna=False) > 1]
    panels = list(cells.groupby(varying)) if varying else [((), cells)]
    figure = Figure(figsize=(max(6.0, 4.2 * len(panels)), 4.6), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    decades = math.log(cells["parameters"].max() / cells["parameters"].min())
    lengths = sorted(cells["length_s"].unique())
    for axis, (names, rows) in zip(axes, panels, strict=True):
        for i, length in enumerate(lengths):
            own = rows[rows["length_s"] == length].sort_values(["parameters", "label"])
            color = str(0.75 * (1 - i / max(len(lengths) - 1, 1)))  # the longer the darker
            aside = math.exp((i - (len(lengths) - 1) / 2) * ASIDE * max(decades, 0.2))
            axis.errorbar(
                own["parameters"] * aside, own["delta"], yerr=Z95 * own["delta_se"].fillna(0), color=color, fmt="o:",
                markersize=4, linewidth=0.8, elinewidth=1.2, label=f"{length:g} s",
            )  # fmt: skip
        axis.axhline(0, color="#0072B2", linewidth=0.8)
        axis.set_xscale("log")
        models = rows.drop_duplicates("label").groupby("parameters")["label"].agg("\n".join)
        axis.set_xticks(list(models.index), _ticks(models, max(decades, 0.2)))
        axis.set_xticks([], minor=True)
        axis.margins(x=0.2)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlabel("parameters of the language model")
        values = names if isinstance(names, tuple) else (names,)
        axis.set_title(", ".join(f"{k} {v}" for k, v in zip(varying, values, strict=True)), fontsize="medium")
    axes[0].set_ylabel("delta (nats), corrupted minus clean")
    axes[0].legend(title="noise", frameon=False, fontsize="small")
    first = cells.iloc[0]
    same = ", ".join(f"{k} {first[k]}" for k in ["data", "noise", "precision"] if k not in varying)
    figure.suptitle(f"{first['scoring']} scoring, {same}\nbars: 95 % of the mean over songs", fontsize="medium")
    return figure


def _ticks(models: "pd.Series[str]", width: float) -> list[str]:
    """Sizes and names; what would lie on its left neighbour stands below it."""
    ticks: list[str] = []
    last, depth = -math.inf, 0
    for parameters, names in zip(models.index, models, strict=True):
        position = math.log(parameters)
        depth = ticks[-1].count("\n") + 1 if position - last < NEAR * width else 0
        ticks.append("\n" * depth + f"{_count(int(parameters))}\n{names}")
        last = position
    return ticks


def _count(parameters: int) -> str:
    """
    >>> _count(1_500_000_000)
    '1.5B'
    """
    for limit, unit in [(1e9, "B"), (1e6, "M"), (1e3, "k")]:
        if parameters >= limit:
            return f"{parameters / limit:.3g}{unit}"
    return str(parameters)
