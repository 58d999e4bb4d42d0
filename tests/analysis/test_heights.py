"""The jumps of claim 2, from files of planted curves: half of the songs at the frame that the other half chooses."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cellfiles import PlantedClip, planted, write_cell

from noiseprobe.analysis.claims import regions
from noiseprobe.analysis.group import groups
from noiseprobe.noise import white
from noiseprobe.results import schema
from noiseprobe.results.load import Results

ON, OFF, T, LAST = 250, 300, 400, 3
BOUNDS = {"jump at the onset": (ON - 6, ON + 5), "jump at the offset": (OFF - 6, OFF + 9)}


def clips() -> list[PlantedClip]:
    """Nine songs of two clips each; the second of one has no counterpart from the noise's last frames on."""
    found = []
    for song in range(9):
        for number in range(2):
            clip = planted("g", f"s{song}", 10 * song + number, frames=T, clip=f"g/s{song}.wav#{number}.0")
            if (song, number) == (3, 1):
                clip.delta[:, OFF - 3 :] = np.nan
            found.append(clip)
    return found


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "tiny-demo-white-00000000"
    write_cell(folder, clips(), options=json.dumps(asdict(white.Options())))
    rows = pq.read_table(folder / "clips.parquet").to_pylist()
    rows = [row | {"on_frame": ON, "off_frame": OFF} for row in rows]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema.CLIPS), folder / "clips.parquet")
    pq.write_table(schema.SIGNALS.empty_table(), folder / "signals.parquet")
    return folder


def test_jumps_are_measured_on_the_songs_that_dont_choose(cell: Path) -> None:
    (group,) = groups(Results([cell]))
    found = {e.claim: e.values for e in regions.find(group, 0.05)}
    by_song: dict[str, list[np.ndarray]] = {}
    for c in clips():
        by_song.setdefault(c.song, []).append(c.delta.mean(0)[: T - LAST])
    curves = np.array([np.nanmean(own, axis=0) for own in by_song.values()])
    heights = {}
    for claim, (start, stop) in BOUNDS.items():
        at = start + curves[::2, start:stop].mean(0).argmax()
        heights[claim] = curves[1::2, at]
        np.testing.assert_allclose(found[claim], heights[claim], atol=2e-6)  # nll is float32
    both = heights["jump at the offset"] - heights["jump at the onset"]
    np.testing.assert_allclose(found["offset jump is larger"], both, atol=4e-6)


def test_no_more_of_a_curve_is_read_than_was_asked_for(cell: Path) -> None:
    (group,) = groups(Results([cell]))
    ids = group.clips["clip"]
    variant = "white@5.0s+1.0s"
    some = group.at_frames(cell.name, {variant: np.array([260, 345, T + 5])}, ids)[variant]
    whole = group.curves(cell.name, variant)
    assert list(some.index) == [("g", f"s{song}") for song in range(9)]
    np.testing.assert_array_equal(some[[0, 1]].to_numpy(), whole[[260, 345]].to_numpy())
    assert some[2].isna().all(), "no clip has such a frame"
