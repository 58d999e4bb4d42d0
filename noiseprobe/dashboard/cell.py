"""What a cell's run holds: numbers, curves, tables, the figure, a few clips to listen to, and all as an artifact."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from noiseprobe.dashboard.listen import clips_table
from noiseprobe.dashboard.runs import artifact_name
from noiseprobe.dashboard.scalars import HEIGHTS, MEANS, scalars
from noiseprobe.dashboard.tables import as_table
from noiseprobe.functional.regions import REGIONS
from noiseprobe.results.load import Results

MOST_POINTS = 10_000  # that a custom chart of Weights & Biases draws
SONG = ["group", "song"]
PLACE = ["variant", "length_s", "onset_s", "n_clips", "n_songs"]
FILES = ["config.yaml", "meta.json", "summary.json", "profile.svg", "profile.png"]


def log_cell(run: Any, folder: Path, offline: bool) -> None:
    """Put a finished cell into its run."""
    results = Results([folder])
    summary = json.loads((folder / "summary.json").read_text())
    meta = json.loads((folder / "meta.json").read_text())
    run.config.update({
        "config": yaml.safe_load((folder / "config.yaml").read_text()), "signature": summary["signature"],
        "weights": meta["weights"], "versions": meta["versions"], "device": meta["device"],
        **{name: summary[name] for name in ["model", "parameters", "data", "noise", "options", "scoring", "precision"]},
    }, allow_val_change=True)  # fmt: skip
    values = scalars(folder)
    _numbers(run, summary, values)
    run.log({**_curves(results, meta["frame_rate"]), **_tables(results), **_media(folder, results)})
    _artifacts(run, folder, summary, meta, offline)


def _numbers(run: Any, summary: Mapping[str, Any], values: Mapping[str, Mapping[str, float]]) -> None:
    """A step for each variant, against its length; in the run's summary the numbers of each.

    Without a prefix where there is one variant, as in a sweep; otherwise they are the variant's.
    """
    for name in [*MEANS, *HEIGHTS]:
        for error in ["", "_se"]:
            # Not in step: where there is no length, Weights & Biases would take the last one, or 0.
            run.define_metric(f"{name}{error}", step_metric="length_s", step_sync=False, summary="none")
    found = {name: summary[name] for name in ["n_clips", "n_songs", "n_rejected"]}
    for name in PLACE:
        run.define_metric(name, summary="none")
    for variant in summary["variants"]:
        own = {name: variant[name] for name in PLACE if variant[name] is not None} | dict(values[variant["variant"]])
        run.log(own)
        prefix = "" if len(values) == 1 else f"{as_key(variant['variant'])}/"
        found |= {f"{prefix}{name}": value for name, value in own.items()}
    run.summary.update(found)


def as_key(variant: str) -> str:
    """A variant's name in the name of a number, where Weights & Biases takes letters, digits and _ alone.

    >>> as_key("white@5.0s+0.5s")
    'white_5_0s_0_5s'
    """
    return re.sub(r"\W+", "_", variant)


def _curves(results: Results, frame_rate: float) -> dict[str, Any]:
    """Line series over seconds: clean, corrupted and delta of each variant, and the deltas of all."""
    import wandb

    means = results.profile[results.profile["codebook"].isna()].sort_values("frame")
    own = {str(variant): rows for variant, rows in means.groupby("variant", sort=False)}
    found = {}
    deltas = {variant: _points(rows, "delta_mean", frame_rate) for variant, rows in own.items()}
    for variant, rows in own.items():
        lines = {name: _points(rows, f"{name}_mean", frame_rate) for name in ["clean", "corrupted", "delta"]}
        found[f"profile/{as_key(variant)}"] = _series(wandb, lines, f"{variant}: mean nll and delta (nats)")
    if len(own) > 1 and sum(len(x) for x, _ in deltas.values()) <= MOST_POINTS:
        found["profile/delta"] = _series(wandb, deltas, "mean delta (nats)")
    return found


def _points(rows: pd.DataFrame, column: str, frame_rate: float) -> tuple[list[float], list[float]]:
    there = rows.dropna(subset=[column])
    return [int(f) / frame_rate for f in there["frame"]], [float(v) for v in there[column]]


def _series(wandb: Any, lines: Mapping[str, tuple[list[float], list[float]]], title: str) -> Any:
    xs, ys = zip(*lines.values(), strict=True)
    return wandb.plot.line_series(list(xs), list(ys), keys=list(lines), title=title, xname="seconds")


def _tables(results: Results) -> dict[str, Any]:
    columns = ["nll_clean", "nll_corrupted", "delta", *(f"{region}_delta" for region in REGIONS), "changed"]
    clips = results.clips
    songs = clips.groupby(["variant", *SONG], sort=False)[columns].mean()
    songs.insert(0, "n_clips", clips.groupby(["variant", *SONG], sort=False).size())
    regions = [
        {
            "variant": row["variant"], "region": region, "n_songs": row["delta_songs"],
            **{f"{name}{error}": row[f"{region}_{name}{error}"]
               for name in ["delta", "changed", "delta_unchanged"] for error in ["", "_se"]},
        }
        for _, row in results.cells.iterrows() for region in REGIONS
    ]  # fmt: skip
    found = {"variants": as_table(results.cells), "regions": as_table(pd.DataFrame(regions))}
    found["songs"] = as_table(songs.reset_index())
    if len(results.rejected):
        found["rejected"] = as_table(results.rejected)
    return found


def _media(folder: Path, results: Results) -> dict[str, Any]:
    import wandb

    found = {"figure": wandb.Image(str(folder / "profile.png"))}
    if (clips := clips_table(folder, results)) is not None:
        found["clips"] = clips
    return found


def _artifacts(run: Any, folder: Path, summary: Mapping[str, Any], meta: Mapping[str, Any], offline: bool) -> None:
    """The tables as an artifact, made from one that stands for the model and one that stands for the data.

    These two hold no weights and no music, but the hashes by which either is told apart. A run on disk alone can't say
    what it was made from, so there the hashes stand in the results' own metadata only.
    """
    import wandb

    clips = pd.read_parquet(folder / "clips.parquet", columns=["clip", "content"]).drop_duplicates()
    weights = {name: meta[name] for name in ["weights", "revision", "codec_revision", "backend", "checkpoint"]}
    if not offline:
        model = wandb.Artifact(artifact_name("model", summary["model"]), type="model", metadata=weights)
        with model.new_file("weights.json") as file:
            json.dump(weights, file, indent=2, sort_keys=True)
        data = wandb.Artifact(artifact_name("data", summary["data"]), type="dataset", metadata={"clips": len(clips)})
        with data.new_file("clips.csv") as file:
            clips.to_csv(file, index=False)
        for source in (model, data):
            run.use_artifact(source)
    results = wandb.Artifact(
        artifact_name("results", summary["cell"]), type="results",
        metadata={"signature": summary["signature"], "model": weights, "data": summary["data"]},
    )  # fmt: skip
    for path in [*sorted(folder.glob("*.parquet")), *(folder / name for name in FILES)]:
        results.add_file(str(path.resolve()), name=path.name, policy="immutable")  # no second copy of large tables
    run.log_artifact(results)
