"""What a sweep's end writes: the report of its own cells, with what failed."""

from pathlib import Path

import pytest
from hydra.core.utils import JobReturn, JobStatus
from pagereading import Page
from running import composed, run_cell

from noiseprobe.callbacks.sweep import SweepCallback
from noiseprobe.errors import NoiseprobeError


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    path = tmp_path_factory.mktemp("results")
    return [run_cell(path, "data.limit=1", f"noise.length={n}", "keep_audio=0") for n in ["0.2", "0.5"]]


def ended(jobs: list[JobReturn], results: Path, *overrides: str) -> bool:
    callback = SweepCallback()
    callback.jobs = jobs
    return callback._finish(composed(f"paths.results={results}", "figures=[]", *overrides))


def test_the_report_is_of_the_sweeps_cells_and_names_what_failed(
    cells: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    results = cells[0].parent
    done = JobReturn(overrides=["noise.length=0.2"], status=JobStatus.COMPLETED, _return_value=str(cells[0]))
    error = NoiseprobeError("noise.length: got 99, expected less <than> the clip")
    failed = JobReturn(overrides=["noise.length=99", "seed=1"], status=JobStatus.FAILED, _return_value=error)
    assert ended([done, failed], results, "verdicts.margin=0.07")
    said = capsys.readouterr()
    assert f"report   {results / 'report.html'}" in said.out
    assert "failed   noise.length=99 seed=1: noise.length: got 99" in said.err
    page = Page((results / "report.html").read_text(encoding="utf-8"))
    assert [cell["name"] for cell in page.json("data")["cells"]] == [cells[0].name]  # not of others that lie there
    assert "less than 0.07 nats counts as no effect" in page.text
    assert "The cell noise.length=99 seed=1 failed: noise.length: got 99, expected less <than> the clip" in page.text


def test_no_report_if_none_is_wanted_or_nothing_was_finished(cells: list[Path], tmp_path: Path) -> None:
    done = JobReturn(overrides=[], status=JobStatus.COMPLETED, _return_value=str(cells[0]))
    failed = JobReturn(overrides=[], status=JobStatus.FAILED, _return_value=NoiseprobeError("no"))
    assert ended([done], tmp_path, "report=false")
    assert ended([failed], tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_report_that_cannot_be_written_hides_nothing_and_is_no_success(
    cells: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.html").mkdir()
    done = JobReturn(overrides=[], status=JobStatus.COMPLETED, _return_value=str(cells[0]))
    assert not ended([done], tmp_path)
    said = capsys.readouterr()
    assert "failed   report: IsADirectoryError" in said.err
    assert f"results  {cells[0]}" in said.out
