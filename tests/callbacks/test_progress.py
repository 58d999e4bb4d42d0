"""How far a cell is: every clip of every process once, and of a sweep which cell it is."""

import os
import pty
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from crashing import Commands, Hit
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf
from running import SHORT, quick_command

from noiseprobe import turns
from noiseprobe.bars import Row
from noiseprobe.callbacks import progress as module
from noiseprobe.callbacks.progress import Progress
from noiseprobe.callbacks.turns import TurnCallback
from noiseprobe.data.collate import BadClip, Done
from noiseprobe.data.manifest import Rejected
from noiseprobe.results.records import Records
from noiseprobe.turns import Turn

SONGS = "aabbbccd"  # of each clip; of two processes the first has 0-4


class Shown:
    """Stands for the display."""

    def __init__(self) -> None:
        self.rows: list[tuple[Row, Row | None]] = []
        self.closed = False

    def show(self, cell: Row, sweep: Row | None = None) -> None:
        assert not self.closed
        self.rows.append((cell, sweep))

    def close(self) -> None:
        self.closed = True

    @property
    def labels(self) -> list[str]:
        return [cell.label for cell, _ in self.rows]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    found = Shown()
    monkeypatch.setattr(module, "display", lambda name: found)
    monkeypatch.delenv(turns.TURN, raising=False)
    return found


class Cell:
    """What the callback sees of a cell; `done` are clips that aren't scored again."""

    def __init__(self, folder: Path, processes: int = 1, rank: int = 0, done: tuple[int, ...] = ()) -> None:
        self.progress = Progress()
        folder.mkdir(parents=True, exist_ok=True)
        self.records = Records(folder)
        clips = tuple(SimpleNamespace(group="g", song=song) for song in SONGS)
        self.model = SimpleNamespace(records=self.records, manifest=SimpleNamespace(clips=clips))
        self.trainer = SimpleNamespace(
            is_global_zero=rank == 0, world_size=processes, global_rank=rank,
            datamodule=SimpleNamespace(dataset=SimpleNamespace(done=frozenset(done))),
        )  # fmt: skip

    def start(self) -> None:
        self.progress.setup(self.trainer, self.model, "test")  # type: ignore[arg-type]
        self.progress.on_test_start(self.trainer, self.model)  # type: ignore[arg-type]

    def batch(self, *items: Any) -> None:
        self.progress.on_test_batch_end(self.trainer, self.model, None, SimpleNamespace(items=items))  # type: ignore[arg-type]


def wrote(records: Records, index: int) -> None:
    """As a process that has scored a clip: another file, even if there was one."""
    part = records.folder / f".{index}.part"
    part.write_bytes(b"x")
    part.replace(records._path(index))


CLIP: Any = object()  # anything but one that isn't scored again


def test_one_process_counts_its_clips(tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "monotonic", iter([0.0, 0.0, 4.0, 6.0]).__next__)
    cell = Cell(tmp_path)
    with cell.progress:
        cell.start()
        cell.batch(CLIP, CLIP)
        cell.batch(BadClip(2, Rejected("f", "why")))
    assert shown.labels == ["0/8 clips", "2/8 clips", "3/8 clips"]
    assert [(c.share, c.rate, c.left) for c, _ in shown.rows] == [
        (0, "", None), (0.25, "0.50 clips/s", 12.0), (0.375, "0.50 clips/s", 10.0)
    ]  # fmt: skip
    assert shown.closed


def test_clips_scored_before_count_and_take_no_time(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    cell = Cell(tmp_path, done=(0, 1, 2, 3))
    with cell.progress:
        cell.start()
        now[0] = 100.0
        cell.batch(Done(0), Done(1), Done(2))
        now[0] = 102.0
        cell.batch(Done(3), CLIP)
    assert shown.labels == ["4/8 clips", "4/8 clips", "5/8 clips"]
    assert shown.rows[-1][0][2:] == ("0.50 clips/s", 6.0)


def test_the_first_of_two_processes_counts_the_others_by_their_files(tmp_path: Path, shown: Shown) -> None:
    for index in [4, 5, 6]:  # of an earlier run; 5 lacks its audio, so it is scored again
        (tmp_path / f"{index:06d}.npz").write_bytes(b"x")
    (tmp_path / "000007.rejected.json").write_text("{}")  # tried again
    cell = Cell(tmp_path, processes=2, done=(4, 6))
    with cell.progress:
        cell.start()
        wrote(cell.records, 0)
        cell.batch(CLIP)  # which isn't counted twice
        wrote(cell.records, 5)
        cell.records.reject(7, Rejected("f", "why", "clip"))
        (tmp_path / ".000006.npz.part").write_bytes(b"x")
        until = time.monotonic() + 10
        while "5/8 clips" not in shown.labels and time.monotonic() < until:
            time.sleep(0.02)
    assert shown.labels[:2] == ["2/8 clips", "3/8 clips"]
    assert shown.labels[-1] == "5/8 clips"
    assert shown.closed


def test_the_last_look_comes_after_the_wait_for_the_others(tmp_path: Path, shown: Shown) -> None:
    cell = Cell(tmp_path, processes=2)
    with cell.progress:
        cell.start()
        cell.batch(*[CLIP] * 5)
        for index in [5, 6, 7]:
            wrote(cell.records, index)
    assert shown.labels[-1] == "8/8 clips"
    assert not any(t.name == "progress" for t in threading.enumerate())


def test_other_processes_say_nothing(tmp_path: Path, shown: Shown) -> None:
    cell = Cell(tmp_path, processes=2, rank=1)
    with cell.progress:
        cell.start()
        cell.batch(CLIP)
    assert shown.rows == []


def test_an_error_ends_the_display(tmp_path: Path, shown: Shown) -> None:
    cell = Cell(tmp_path)
    try:
        with cell.progress:
            cell.start()
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert shown.closed
    else:
        raise AssertionError("swallowed")


def test_a_cell_of_a_sweep_knows_how_long_the_others_will_take(
    tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    for turn in [Turn(1, 3, None), Turn(2, 3, 30.0)]:
        monkeypatch.setenv(turns.TURN, "")  # to be put back
        turns.say(turn)
        now[0], shown.closed = 0.0, False
        cell = Cell(tmp_path)
        with cell.progress:
            cell.start()
            now[0] = 4.0
            cell.batch(CLIP, CLIP)
    sweeps = [sweep for _, sweep in shown.rows]
    # the first: 12 s left and two more cells of 16 s; the second: 12 s and one more of 30 s
    assert sweeps == [
        Row("cell 1/3", 0.0), Row("cell 1/3", 0.25 / 3, left=44.0),
        Row("cell 2/3", 1 / 3), Row("cell 2/3", 1.25 / 3, left=42.0),
    ]  # fmt: skip


def test_only_cells_that_were_scored_tell_how_long_one_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1024.0]
    monkeypatch.setattr("noiseprobe.callbacks.turns.time.time", lambda: now[0])
    monkeypatch.setenv(turns.TURN, "")
    callback = TurnCallback()
    callback.cells = 5
    said = []
    # finished long ago, failed, scored in 20 s, scored in 40 s
    for number, (seconds, finished) in enumerate([(0.5, 500.0), (3.0, None), (20.0, 0.0), (40.0, 0.0), (0.0, None)]):
        callback.on_job_start(OmegaConf.create({"hydra": {"job": {"num": number}}}))
        said.append(turns.said())
        now[0] += seconds
        job = JobReturn(status=JobStatus.FAILED, _return_value=ValueError())
        if finished is not None:
            job = JobReturn(status=JobStatus.COMPLETED, _return_value=str(tmp_path))
            (tmp_path / "DONE").touch()
            os.utime(tmp_path / "DONE", (finished or now[0] - 1,) * 2)
        callback.on_job_end(OmegaConf.create(), job)
    assert said == [Turn(1, 5, None), Turn(2, 5, None), Turn(3, 5, None), Turn(4, 5, 20.0), Turn(5, 5, 30.0)]


def test_a_copy_in_a_launchers_process_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(turns.TURN, raising=False)
    callback = TurnCallback()
    launcher = {"_target_": "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"}
    callback.on_multirun_start(OmegaConf.create({"hydra": {"launcher": launcher}}))
    callback.on_job_start(OmegaConf.create({"hydra": {"job": {"num": 0}}}))
    assert turns.said() is None


SWEEP = [*SHORT, "noise.length=0.2", "seed=1,2", "keep_audio=0", "report=false", "figures=[]", "-m"]


def test_a_pipe_gets_a_few_plain_lines_for_each_cell(tmp_path: Path) -> None:
    done = quick_command(*SWEEP, "data.limit=9", cwd=tmp_path, FORCE_COLOR="1", CI="")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr
    lines = [re.sub(r"\d+\.\d\d (?=clips/s)|\d:\d\d:\d\d", "N", line) for line in done.stderr.splitlines()]
    assert lines == [
        f"cell {cell}/2: {clips}/9 clips, Nclips/s" + ", N left" * (clips < 9) + ", sweep N left" * (cell + clips < 11)
        for cell in (1, 2)
        for clips in (3, 5, 7, 9)
    ]


class Terminal:
    """The other end of a terminal, and all that was printed there."""

    def __init__(self) -> None:
        self.end, own = pty.openpty()
        self.name = os.ttyname(own)
        self.own = own
        self.text = ""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.end, 65536)
            except OSError:  # no process has the other end any more
                return
            self.text += data.decode(errors="replace")

    def wait_for(self, pattern: str) -> None:
        until = time.monotonic() + 120
        while not re.search(pattern, self.text):
            assert time.monotonic() < until, self.text
            time.sleep(0.01)

    def close(self) -> str:
        os.close(self.own)
        self.reader.join(10)
        os.close(self.end)
        return self.text


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    with Commands() as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("how", ["finished", "ctrl-c", "terminate", "full"])
def test_a_terminal_has_bars_and_its_cursor_however_a_sweep_ends(how: str, commands: Commands, tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if k not in ("CI", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS")}
    hit = Hit("full", 3, "records/") if how == "full" else Hit()
    terminal = Terminal()
    request = {
        "arguments": [*SWEEP, "data.limit=24", "cache=off"], "cwd": str(tmp_path), "limit": 300,
        "env": {**env, "TERM": "xterm", "OMP_NUM_THREADS": "1"}, "output": [terminal.name] * 2,
    }  # fmt: skip
    pid = int(commands.ask(start=request, hit=asdict(hit), steps=str(tmp_path / "steps")))
    if how in ["ctrl-c", "terminate"]:
        terminal.wait_for(r"cell 1/2 .*\d:\d\d left")
        if how == "ctrl-c":
            os.write(terminal.end, b"\x03")  # the key, not the signal: it is the command's own terminal
        else:
            os.kill(pid, signal.SIGTERM)
    status = int(commands.ask(wait=pid, seconds=200))
    text = terminal.close()
    assert status == {"finished": 0, "ctrl-c": 130, "terminate": 128 + signal.SIGTERM, "full": 1}[how], text
    if how != "full":  # after which no bar may have been drawn again
        assert re.search(r"cell 1/2 .*\d+:\d\d:\d\d left", text)
        assert re.search(r"\d+/24 clips .*\d\.\d\d clips/s.* \d+:\d\d:\d\d left", text)
    assert bool(re.search(r"cell 2/2 .*\d+:\d\d:\d\d left", text)) == (how == "finished")
    assert "Traceback" not in text
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")
    said = {"finished": "results  ", "full": "failed   "}.get(how, "interrupted; ")
    assert f"\n{said}" in re.sub(r"\r|\x1b\[\?25h", "", text)  # at the start of a line
