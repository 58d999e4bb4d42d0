"""summary.json, Markdown and sentences: all made of the same verdicts; a cell's own through a whole cell."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from running import run_cell

from noiseprobe import load_results
from noiseprobe.analysis.findings import findings
from noiseprobe.analysis.markdown import markdown
from noiseprobe.analysis.record import found, write_summary
from noiseprobe.analysis.sentences import sentences
from noiseprobe.analysis.verdict import Findings, Verdict

VERDICT = Verdict(
    claim="noise lowers the loss", text="Noise of 1 s and more lowers the mean loss", model="tiny", data="demo",
    scoring="delay", where="white, 1, 2 s", estimate=-0.2307, low=-0.31, high=-0.15, unit="nats", p_for=0.001,
    p_against=0.9, p_holm=0.00002, p_bh=0.001, verdict="holds", songs=19, songs_needed=11,
)  # fmt: skip


def test_sentences_say_what_the_verdicts_say():
    failed = replace(VERDICT, claim="amnesia", verdict="doesn't hold", estimate=0.2, unit="share", songs=9)
    open_ = replace(VERDICT, claim="peak", verdict="undecided", estimate=None)
    first, second = sentences([VERDICT, failed, open_])
    assert first == (
        "tiny on demo (9 to 19 songs, delay scoring): 1 of 3 claims hold: noise lowers the loss (-0.231 nats)."
    )
    assert second == "Of the others, these don't hold: amnesia (0.200); undecided: peak (no estimate)."
    assert sentences([VERDICT])[1] == "No claim fails and none is undecided."
    assert sentences([failed])[0].endswith("0 of 1 claims hold.")
    assert sentences([]) == []
    assert len(sentences([VERDICT, replace(VERDICT, model="small")])) == 4, "two for each model"


def test_markdown_has_every_verdict_and_the_numbers():
    text = markdown(
        Findings([VERDICT], sentences([VERDICT]), 0.05, 0.05, 0.8, {"Amnesia": [{"a|b": 1.23456}]}), ["sig"]
    )
    line = next(x for x in text.splitlines() if x.startswith("| noise lowers"))
    cells = [c.strip() for c in line.strip("|").split("|")]
    assert cells == [
        "noise lowers the loss", "white, 1, 2 s", "-0.231", "[-0.310, -0.150]", "nats", "< 0.001", "0.001",
        "**holds**", "19", "11", "",
    ]  # fmt: skip
    assert "| a\\|b |" in text
    assert "| 1.235 |" in text
    assert "    sig" in text
    table = [x for x in text.splitlines() if x.startswith(("| claim", "| --- | --- | --- |", "| noise"))]
    assert len({x.count("|") for x in table}) == 1


def test_a_cell_says_in_its_summary_what_findings_say_of_it(tmp_path: Path):
    cell = run_cell(tmp_path, "data.limit=4", "noise.length=[0.2,1]", "verdicts.margin=0.1", "logger=none")
    summary = json.loads((cell / "summary.json").read_text())
    again = findings(load_results(cell), margin=0.1)
    assert summary["found"] == json.loads(json.dumps(found(again)))
    assert summary["found"]["sentences"] == again.sentences
    assert summary["found"]["margin"] == 0.1
    claims = {c["claim"]: c for c in summary["found"]["claims"]}
    cells = load_results(cell).cells.set_index("variant")
    estimates = [claims[name]["estimate"] for name in ["assimilation", "short noise changes nothing"]]
    means = [cells.loc["white@2.0s+1.0s", "assimilation_delta"], cells.loc["white@2.0s+0.2s", "delta"]]
    assert estimates == pytest.approx(means, rel=1e-12)  # sums in another order
    assert claims["assimilation"]["songs"] == 4

    write_summary(tmp_path / "summary.json", [cell], again)
    several = json.loads((tmp_path / "summary.json").read_text())
    assert several["found"] == summary["found"]
    assert several["cells"] == {cell.name: summary["signature"]}
