"""Claim 3 of the paper: music in another order costs much in short segments and hardly anything in long ones."""

import json

import pandas as pd

from noiseprobe.analysis.evidence import Evidence
from noiseprobe.analysis.group import Group, left_out, mean

SHORT, LONG = 10, 50  # frames of a segment


def find(group: Group, margin: float) -> list[Evidence]:
    rows = group.whole("shuffle", order="shuffle")
    gone = left_out(rows)
    rows = rows.assign(frames=[json.loads(text)["segment_frames"] for text in rows["options"]]).sort_values("frames")
    found = []
    for claim, text, own, side in [
        ("short shuffling raises it", f"Segments of {SHORT} frames or less in another order raise the mean loss",
         rows[rows["frames"] <= SHORT], "above"),
        ("long shuffling changes nothing", f"Segments of {LONG} frames or more in another order leave it as it is",
         rows[rows["frames"] >= LONG], "within"),
    ]:  # fmt: skip
        if len(own):
            values = mean(group.songs(own, "delta"))
            found.append(Evidence(claim, text, _where(own) + gone, "nats", values, side, margin))  # type: ignore[arg-type]
    return found


def _where(rows: pd.DataFrame) -> str:
    return f"shuffle, {', '.join(str(n) for n in rows['frames'])} frames"
