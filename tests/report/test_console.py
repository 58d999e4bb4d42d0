"""The table of verdicts at a sweep's end: a row for each claim, whole in a pipe, with nothing read as markup."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from noiseprobe.analysis.verdict import Verdict
from noiseprobe.report.console import print_claims


def verdict(**changed: object) -> dict[str, object]:
    plain = Verdict(
        claim="noise lowers the loss", text="", model="tiny", data="demo", scoring="delay", where="white, 1, 2 s",
        estimate=-0.2307, low=-0.31, high=-0.15, unit="nats", p_for=0.001, p_against=0.9, p_holm=0.00002, p_bh=0.001,
        verdict="holds", songs=19, songs_needed=11,
    )  # fmt: skip
    return asdict(plain) | changed


def printed(folder: Path, claims: list[dict[str, object]], capsys: pytest.CaptureFixture[str]) -> list[str]:
    path = folder / "report.json"
    path.write_text(json.dumps({"found": {"claims": claims}}))
    print_claims(path)
    return capsys.readouterr().out.splitlines()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│┃ ").replace("┃", "│").split("│")]


def test_a_row_for_each_claim(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    undecided = verdict(
        claim="amnesia", estimate=None, low=None, high=None, p_holm=None, verdict="undecided", songs_needed=None,
        where="music[0]/x",
    )  # fmt: skip
    out = printed(tmp_path, [verdict(), undecided], capsys)
    rows = [cells(line) for line in out if "│" in line]
    assert rows == [
        ["noise lowers the loss", "white, 1, 2 s", "-0.231 nats", "[-0.310, -0.150]", "<0.001", "holds", "19", "11"],
        ["amnesia", "music[0]/x", "-", "-", "-", "undecided", "19", "-"],
    ]
    assert "tiny on demo, delay scoring" in out[0]


def test_each_model_and_scoring_has_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(tmp_path, [verdict(), verdict(scoring="parallel"), verdict(model="small", p_holm=0.031)], capsys)
    titles = [line.strip() for line in out if "verdicts (" in line]
    assert [title.partition(" scoring")[0] for title in titles] == [
        "tiny on demo, delay", "tiny on demo, parallel", "small on demo, delay",
    ]  # fmt: skip
    assert any("0.031" in line for line in out)


def test_no_claim_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(tmp_path, [], capsys) == []
