"""The examples run, in the time that they state, and show what they are for."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import noiseprobe

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, cwd: Path) -> str:
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, EXAMPLES / name], cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return done.stdout


def test_ten_lines_are_ten_at_most() -> None:
    source = (EXAMPLES / "ten_lines.py").read_text()
    doc, *code = ast.parse(source).body
    lines = {line for node in code for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    assert isinstance(doc, ast.Expr)
    assert 5 < len(lines) <= 10


@pytest.mark.slow
def test_ten_lines(tmp_path: Path) -> None:
    out = run("ten_lines.py", tmp_path)
    for length in ["0.5", "1.0", "2.0"]:
        assert f"white@5.0s+{length}s" in out
    assert (tmp_path / "profile.png").stat().st_size > 10_000


@pytest.mark.slow
def test_a_model_of_ones_own(tmp_path: Path) -> None:
    out = run("own_model.py", tmp_path)
    losses = [float(line.split(":")[1].split()[0]) for line in out.splitlines() if line.startswith("step")]
    assert losses[0] - losses[-1] > 0.3
    assert (tmp_path / "own_model.png").stat().st_size > 10_000
    cells = noiseprobe.load_results(tmp_path / "results").cells
    assert cells[["model", "backend", "n_clips", "n_songs"]].drop_duplicates().to_numpy().tolist() == [
        ["FlatLlama", "python", 24, 19]
    ]
    assert (cells["nll_clean"] < 5.3).all()  # it has learnt something: ln 256 is 5.545
    assert (cells["peak_delta"] > 2 * cells["peak_delta_se"]).all()  # and noise surprises it
