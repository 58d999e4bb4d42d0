"""The numbers of a cell by the names that runs have them under, with `_se` for their standard errors over songs."""

from pathlib import Path

import pandas as pd

from noiseprobe.analysis import shapes
from noiseprobe.analysis.group import groups
from noiseprobe.results.load import Results

# columns of `Results.cells`: means over songs
MEANS = {
    "nll/clean": "nll_clean", "nll/corrupted": "nll_corrupted", "delta/mean": "delta", "peak/mean": "peak_delta",
    "assimilation/mean": "assimilation_delta", "offset/mean": "offset_delta", "recovery/mean": "recovery_delta",
    "inside/mean": "inside_delta", "after/mean": "after_delta", "changed/mean": "changed",
}  # fmt: skip
# fields of `functional.shape`: of the songs' average curve
SHAPE = {
    "peak/height": "onset_peak", "peak/height_held_out": "onset_peak_held_out", "peak/latency_s": "onset_latency_s",
    "peak/half_life_s": "onset_half_life_s", "assimilation/level": "assimilation_level",
    "assimilation/slope": "assimilation_slope", "offset/height": "offset_peak",
    "offset/height_held_out": "offset_peak_held_out", "offset/latency_s": "offset_latency_s",
    "recovery/residual": "recovery_residual",
}  # fmt: skip
RECOVERY = "recovery/frames"  # of `recovery_time_s`
HEIGHTS = [*SHAPE, RECOVERY]


def scalars(folder: Path) -> dict[str, dict[str, float]]:
    """The numbers of each variant of a cell; those that it has none of are left out.

    The shape's are missing where it needs what isn't there: nll.parquet, one span in the same frames of every clip.
    """
    results = Results([folder])
    found = {
        str(row["variant"]): {
            f"{name}{error}": float(row[f"{column}{error}"])
            for name, column in MEANS.items()
            for error in ["", "_se"]
            if pd.notna(row[f"{column}{error}"])
        }
        for _, row in results.cells.iterrows()
    }
    for group in groups(results):
        rate = group.frame_rate(group.cells["cell"].iloc[0])
        fields = {field: (name, 1.0) for name, field in SHAPE.items()} | {"recovery_time_s": (RECOVERY, rate)}
        for row in shapes.table(group):
            if row["field"] in fields:
                name, factor = fields[str(row["field"])]
                for key, value in [(name, row["estimate"]), (f"{name}_se", row["se"])]:
                    if value is not None:
                        found[str(row["variant"])][key] = factor * float(value)  # type: ignore[arg-type]
    return found
