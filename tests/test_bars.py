"""Bars where somebody looks, a few plain lines elsewhere."""

import logging
import os
import pty
import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from noiseprobe.bars import Bars, Lines, Row, display


class Terminal:
    """stderr is one, for the time of a block; not in a fixture, after which pytest puts its own stderr there."""

    def __init__(self, **env: str) -> None:
        self.env, self.text = {"TERM": "xterm", "COLUMNS": "100", **env}, ""

    def __enter__(self) -> "Terminal":
        self.patch = pytest.MonkeyPatch()
        self.end, own = pty.openpty()
        self.file = os.fdopen(own, "w")
        self.patch.setattr(sys, "stderr", self.file)
        for name in ["CI", "FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"]:
            self.patch.delenv(name, raising=False)
        for name, value in self.env.items():
            self.patch.setenv(name, value)
        return self

    def __exit__(self, *_: object) -> None:
        self.patch.undo()
        self.file.close()
        data = b""
        with suppress(OSError):  # as a terminal's other end says that there is no more
            while True:
                data += os.read(self.end, 65536)
        self.text = data.decode()
        os.close(self.end)


def test_a_terminal_gets_bars_and_keeps_its_cursor() -> None:
    with Terminal() as terminal:
        shown = display("cell")
        assert isinstance(shown, Bars)
        shown.show(Row("3/12 clips", 0.25, "0.52 clips/s", 20.4), Row("cell 2/6", 0.2, left=3725))
        shown.live.refresh()
        shown.close()
        assert sys.stderr is terminal.file
    text = terminal.text
    assert re.search(r"cell 2/6 .* 1:02:0[45] left", text)
    assert re.search(r"3/12 clips .*0\.52 clips/s.* 0:00:(20|19) left", text)
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")  # the cursor is there
    assert text.endswith("\x1b[?25h")
    assert text.index("\x1b[?25h") < text.index("clips")  # and was while the bars were, should they be killed
    assert "cell 2/6" not in text[text.rindex("3/12 clips") - 50 :]  # the sweep's row is gone


def test_in_a_narrow_terminal_each_is_one_line() -> None:
    with Terminal(COLUMNS="44") as terminal:
        shown = display("cell")
        assert isinstance(shown, Bars)
        shown.show(Row("3/12 clips", 0.25, "0.52 clips/s", 20.4), Row("cell 2/6", 0.2, left=3725))
        lines = "".join(s.text for s in shown.live.console.render(shown.live.get_renderable())).splitlines()
        shown.close()
    assert terminal.text
    assert [bool(re.search(r"^(cell|3/12).*━.* left *$", line)) for line in lines] == [True, True]
    assert all("clips/s" in line for line in lines if "3/12" in line)


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("TERM", "dumb")])
def test_a_terminal_that_nobody_looks_at_gets_lines(name: str, value: str) -> None:
    with Terminal(**{name: value}):
        assert isinstance(display("cell"), Lines)


def test_what_is_logged_meanwhile_is_a_line_above() -> None:
    """A handler holds the stream that was there before the bars."""
    with Terminal() as terminal:
        handler = logging.StreamHandler(sys.stderr)
        logging.getLogger().addHandler(handler)
        try:
            shown = display("cell")
            shown.show(Row("3/12 clips", 0.25))
            shown.live.refresh()
            logging.getLogger("noiseprobe").warning("torn")
            shown.close()
            assert handler.stream is sys.stderr
        finally:
            logging.getLogger().removeHandler(handler)
    # the row is erased (2K) before the line is printed in its place
    assert re.search(r"3/12 clips [^\n]*\n?.*\x1b\[2Ktorn", terminal.text, re.DOTALL), terminal.text


def test_stdout_in_a_file_stays_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("w") as out, Terminal() as terminal:
        monkeypatch.setattr(sys, "stdout", out)
        shown = display("cell")
        print("a result")
        shown.close()
    assert (tmp_path / "out").read_text() == "a result\n"
    assert "a result" not in terminal.text


def test_a_pipe_gets_lines_whatever_rich_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("CI", raising=False)
    shown = display("tiny-demo-white")
    for i in range(1, 101):
        shown.show(Row(f"{i}/100 clips", i / 100, "2.00 clips/s", (100 - i) / 2))
    shown.close()
    assert capsys.readouterr().err == (
        "tiny-demo-white: 25/100 clips, 2.00 clips/s, 0:00:38 left\n"
        "tiny-demo-white: 50/100 clips, 2.00 clips/s, 0:00:25 left\n"
        "tiny-demo-white: 75/100 clips, 2.00 clips/s, 0:00:12 left\n"
        "tiny-demo-white: 100/100 clips, 2.00 clips/s\n"
    )


def test_lines_of_a_sweep_name_the_cell(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Lines("tiny-demo-white")
    shown.show(Row("0/3 clips", 0.0), Row("cell 2/3", 1 / 3))  # nothing to say yet
    shown.show(Row("2/3 clips", 2 / 3, "0.50 clips/s", 2.0), Row("cell 2/3", 5 / 9, left=3605.0))
    shown.show(Row("3/3 clips", 1.0, "0.50 clips/s", 0.0), Row("cell 2/3", 2 / 3, left=3603.0))
    assert capsys.readouterr().err == (
        "cell 2/3: 2/3 clips, 0.50 clips/s, 0:00:02 left, sweep 1:00:05 left\n"
        "cell 2/3: 3/3 clips, 0.50 clips/s, sweep 1:00:03 left\n"
    )


def test_parts_that_binary_fractions_miss_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """0.7 * 10 is below 7."""
    shown = Lines("sweep", 10)
    for i in range(1, 11):
        shown.show(Row(f"{i}/10 cells", i / 10))
    assert capsys.readouterr().err.count("\n") == 10
