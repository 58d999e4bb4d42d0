"""Frozen numbers of the embedded model: whatever changes them changes what people measured with an earlier version.

If a change is meant, raise identity.PROTOCOL, say so in CHANGELOG.md, and freeze the new numbers with

    python tests/test_golden.py
"""

import json
import tempfile
from pathlib import Path

import pytest
from running import run_cell

from noiseprobe import load_results

FROZEN = Path(__file__).with_suffix(".json")
# Another processor adds in another order, and a code that flips there moves a clip's mean by about 0.005. Levels are
# numpy's in float64, the same everywhere but for the decoder's last bit.
TOLERANCE = {"nll_clean": 0.02, "nll_corrupted": 0.02, "delta": 0.02, "noise_db": 1e-3, "music_db": 1e-3}
OVERRIDES = ["data.limit=9", "noise.length=[0,0.5]"]


def measured(folder: Path) -> dict[str, dict[str, float | None]]:
    clips = load_results(folder).clips
    rows = clips.set_index(clips["clip"] + " " + clips["variant"])[list(TOLERANCE)]
    return {
        k: {c: None if v[c] != v[c] else round(v[c], 6) for c in TOLERANCE} for k, v in rows.to_dict("index").items()
    }


def test_the_embedded_models_numbers_are_the_frozen_ones(tmp_path: Path) -> None:
    frozen = json.loads(FROZEN.read_text())
    found = measured(run_cell(tmp_path, *OVERRIDES))
    assert found.keys() == frozen.keys()
    for clip, values in frozen.items():
        for column, value in values.items():
            expected = value if value is None else pytest.approx(value, abs=TOLERANCE[column])
            assert found[clip][column] == expected, (clip, column)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as tmp:
        FROZEN.write_text(json.dumps(measured(run_cell(Path(tmp), *OVERRIDES)), indent=1) + "\n")
