"""A few clips to listen to, clean and corrupted, each with its curves."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from noiseprobe.errors import NoiseprobeError
from noiseprobe.report.media import kept
from noiseprobe.report.sheet import BLACK, BLUE, GREY, ORANGE, SHADE, Sheet, printed
from noiseprobe.results.load import Results

MOST = 5  # clips; the report has all
DPI = 110
COLUMNS: list[Any] = ["clip", "variant", "clean", "corrupted", "delta", "curves"]


def clips_table(folder: Path, results: Results) -> Any | None:
    """A row for each variant of the first clips whose audio was kept; None where none was."""
    import wandb

    notes = list(kept(folder).items())[:MOST]
    if not notes:
        return None
    rate = json.loads((folder / "meta.json").read_text())["frame_rate"]
    deltas = results.clips.set_index(["clip", "variant"])
    rows: list[Any] = []
    for clip, note in notes:
        curves = _curves(results, clip)
        for variant, number in note["variants"].items():
            row = deltas.loc[clip, variant]
            picture = None if curves is None else wandb.Image(_picture(curves[variant], row["spans"], rate))
            clean, corrupted = (wandb.Audio(f"{note['stem']}-{name}.ogg") for name in ["clean", number])
            delta = None if pd.isna(row["delta"]) else float(row["delta"])
            rows.append([clip, variant, clean, corrupted, delta, picture])
    types: Any = [str, str, wandb.Audio, wandb.Audio, float, wandb.Image]
    return wandb.Table(columns=COLUMNS, data=rows, dtype=types)


def _curves(results: Results, clip: str) -> dict[str, pd.DataFrame] | None:
    """For each variant the means over codebooks, a row a frame; None where single values weren't kept."""
    try:
        nll = results.nll(clip=clip)
    except NoiseprobeError:
        return None
    nll["delta"] = (nll["nll_corrupted"] - nll["nll_clean"]).where(nll["in_means"])
    means = nll.groupby(["variant", "frame"])[["nll_clean", "nll_corrupted", "delta"]].mean()
    return {str(variant): means.loc[variant] for variant in means.index.unique("variant")}


@printed
def _picture(curves: pd.DataFrame, spans: Any, rate: float) -> Image.Image:
    figure = Sheet(figsize=(6, 3), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    time = curves.index.to_numpy(dtype=float) / rate
    for axis in (top, bottom):
        for on, off in spans:
            axis.axvspan(on / rate, off / rate, color=SHADE, zorder=0)
        axis.margins(x=0)
    top.plot(time, curves["nll_clean"].to_numpy(dtype=float), color=BLUE, linewidth=0.7, label="clean")
    top.plot(time, curves["nll_corrupted"].to_numpy(dtype=float), "--", color=ORANGE, linewidth=0.7, label="corrupted")
    top.legend(loc="upper right", ncols=2, frameon=False)
    top.set_ylabel("nll (nats)")
    bottom.plot(time, curves["delta"].to_numpy(dtype=float), color=BLACK, linewidth=0.7)
    bottom.axhline(0, color=GREY, linewidth=0.5)
    bottom.set_ylabel("delta (nats)")
    bottom.set_xlabel("time (s); noise shaded")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    return Image.open(file)
