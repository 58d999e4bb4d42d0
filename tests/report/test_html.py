"""The report page as a file: its numbers are the tables', its names can't break it, it asks nothing of a network."""

import base64
import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from markupsafe import escape
from pagereading import HOSTILE, Page
from running import run_cell

from noiseprobe import load_results
from noiseprobe.analysis.findings import findings
from noiseprobe.errors import NoiseprobeError
from noiseprobe.report import listening
from noiseprobe.report.__main__ import main
from noiseprobe.report.html import write_report
from noiseprobe.results import schema
from noiseprobe.results.index import finished


def written(path: Path, cells: list[Path], **options: object) -> Page:
    path.parent.mkdir(parents=True, exist_ok=True)
    return Page(write_report(path, cells, **options).read_text(encoding="utf-8"))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def page(two_scorings: Path, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return written(tmp_path_factory.mktemp("page") / "report.html", finished(two_scorings))


@pytest.fixture(scope="module")
def bad_names(hostile: Path, tmp_path_factory: pytest.TempPathFactory) -> Page:
    failed = [("model=<u>x</u> seed=1", "</script>no such model")]
    return written(tmp_path_factory.mktemp("page") / "report.html", [hostile], failed=failed)


T95 = 4.302652729911275  # Student's t for 95 %, of 3 songs


def unpacked(packed: dict) -> np.ndarray:
    """Packed curves, read as the browser does."""
    whole = np.frombuffer(base64.b64decode(packed["data"]), dtype="<i2").astype(float)
    whole[whole == -32768] = np.nan
    return whole.reshape(packed["shape"]) * packed["scale"]


def test_the_table_of_cells_holds_the_numbers_of_load_results(page: Page, two_scorings: Path) -> None:
    tables = {own["data-scoring"]: rows for own, rows in page.tables if "data-scoring" in own}
    assert set(tables) == {"delay", "parallel"}
    for scoring, rows in tables.items():
        cells = load_results(two_scorings, scoring=scoring).cells.set_index(["cell", "variant"], drop=False)
        assert len(rows) - 1 == len(cells)
        for own, row in rows[1:]:
            expected = cells.loc[own["data-cell"], own["data-variant"]]
            shown = {cell["data-column"]: (cell, " ".join(text.split())) for cell, text in row}
            assert {"variant", "n_clips", "n_songs", "nll_clean", "delta", "recovery_delta"} <= set(shown)
            for column, (cell, text) in shown.items():
                if pd.isna(expected[column]):
                    assert (cell["data-value"], text) == ("", "–")
                elif "data-se" in cell:
                    assert float(cell["data-value"]) == expected[column]
                    assert float(cell["data-se"]) == expected[f"{column}_se"]
                    mean, _, error = text.replace("−", "-").partition(" ± ")
                    assert float(mean) == pytest.approx(expected[column], abs=5.001e-4)
                    assert float(error) == pytest.approx(expected[f"{column}_se"], abs=5.001e-4)
                else:
                    assert cell["data-value"] == text == str(expected[column])


def test_two_scorings_are_in_no_table_figure_or_mean_together(page: Page, two_scorings: Path) -> None:
    data = page.json("data")
    assert [cell["scoring"] for cell in data["cells"]] == ["delay", "parallel"]
    for scoring, effect in data["effects"].items():
        cells = load_results(two_scorings, scoring=scoring).cells
        (line,) = effect["lines"]
        assert line["x"] == [0.2, 0.5]
        assert line["y"] == cells["delta"].tolist()
        assert line["half"] == pytest.approx(
            (4.302652729911275 * cells["delta_se"]).tolist()
        )  # t, 2 degrees of freedom
    assert all("scoring" in cell["label"] for cell in data["cells"])


def test_mean_curves_are_those_of_the_profile(page: Page, two_scorings: Path) -> None:
    for cell in page.json("data")["cells"]:
        profile = load_results(two_scorings / cell["name"]).profile
        for variant, packed in zip(cell["variants"], cell["profiles"], strict=True):
            own = profile[profile["variant"] == variant["name"]]
            for row in range(5):
                rows = own[own["codebook"].isna()] if row == 4 else own[own["codebook"] == row]
                for name in ["clean", "corrupted", "delta"]:
                    found = unpacked(packed[f"{name}_mean"])[row]
                    np.testing.assert_allclose(found, rows[f"{name}_mean"].to_numpy(float), atol=5.001e-4)
                    half = T95 * rows[f"{name}_se"].to_numpy(float)
                    np.testing.assert_allclose(unpacked(packed[f"{name}_half"])[row], half, atol=5.001e-4)
                changed = rows["changed_mean"].to_numpy(float)
                np.testing.assert_allclose(unpacked(packed["changed"])[row], changed, atol=5.001e-4)


def test_curves_and_numbers_of_clips_are_those_of_the_tables(page: Page, two_scorings: Path) -> None:
    for i, cell in enumerate(page.json("data")["cells"]):
        results = load_results(two_scorings / cell["name"])
        found = page.json(f"listen-{i}")["clips"]
        assert cell["clips"] == list(dict.fromkeys(results.clips["clip"]))
        for clip, name in zip(found, cell["clips"], strict=True):
            for v, variant in enumerate(cell["variants"]):
                row = results.clips.query("clip == @name and variant == @variant['name']").iloc[0]
                assert clip["rows"][v]["delta"] == row["delta"]
                assert clip["rows"][v]["nll"] == row["nll_corrupted"]
                assert clip["rows"][v]["spans"] == [list(s) for s in row["spans"]]
                nll = results.nll(clip=name, variant=variant["name"]).sort_values(["codebook", "frame"])
                clean = nll["nll_clean"].to_numpy(float).reshape(4, -1)
                corrupted = nll["nll_corrupted"].where(nll["in_means"]).to_numpy(float).reshape(4, -1)
                np.testing.assert_allclose(unpacked(clip["curves"]["clean"]), clean, atol=5.01e-4)
                shown = unpacked(clip["curves"]["variants"][v]["nll"])
                np.testing.assert_allclose(shown, corrupted, atol=5.01e-4)
                # what the page draws as delta has the table's mean
                drawn = (shown - unpacked(clip["curves"]["clean"])).mean(0)
                assert np.nanmean(drawn) == pytest.approx(row["delta"], abs=1e-4)


def test_region_means_and_their_songs(page: Page, two_scorings: Path) -> None:
    for cell in page.json("data")["cells"]:
        results = load_results(two_scorings / cell["name"])
        for variant, found in zip(cell["variants"], cell["regions"], strict=True):
            rows = results.clips[results.clips["variant"] == variant["name"]]
            for region, own in found.items():
                songs = rows.groupby("song")[f"{region}_delta"].mean().dropna()
                assert own["of"] == pytest.approx(songs.to_dict(), abs=1e-5)
                assert own["songs"] == len(songs)
                if len(songs):
                    assert own["mean"] == pytest.approx(songs.mean(), abs=1e-12)
                else:
                    assert (own["mean"], own["half"]) == (None, None)


def test_sentences_claims_and_tables_are_those_of_findings(page: Page, two_scorings: Path) -> None:
    found = findings([load_results(two_scorings, scoring=s) for s in ["delay", "parallel"]])
    for sentence in found.sentences:
        assert " ".join(sentence.split()) in page.text
    rows = [row for own, table in page.tables if "claims" in own["class"] for _, row in table[1:]]
    assert len(rows) == len(found.claims)
    for cells, verdict in zip(rows, found.claims, strict=True):
        (_, claim), (_, shown), (estimate, _), (holm, _), (bh, _), (_, songs), (needed, _) = cells
        assert claim.strip().startswith(verdict.claim[0].upper() + verdict.claim[1:] + verdict.text)
        assert (shown.strip(), songs.strip()) == (verdict.verdict, str(verdict.songs))
        values = [estimate, holm, bh, needed]
        numbers = [verdict.estimate, verdict.p_holm, verdict.p_bh, verdict.songs_needed]
        assert [v["data-value"] for v in values] == ["" if n is None else str(n) for n in numbers]
    for title, own in found.tables.items():
        assert f"{title} ({len(own)} row" in page.text


def test_signatures_and_what_was_run_are_in_the_summary(page: Page, two_scorings: Path) -> None:
    for cell in finished(two_scorings):
        assert json.loads((cell / "summary.json").read_text())["signature"] in page.text
    for text in ["tiny (1,315,712 parameters)", "demo: 3 clips of 3 songs", "2 cells with 4 variants"]:
        assert text in page.text
    assert "Nothing among these cells: they are finished, and no file was rejected." in page.text


def test_names_from_data_are_text_and_nothing_else(bad_names: Page, page: Page) -> None:
    assert len(bad_names.scripts) == len(page.scripts) - 1  # one cell less
    assert not [tag for tag, own in bad_names.tags if tag in ["b", "i", "u"] or "onerror" in own]
    assert [own for own in bad_names.of("img") if own.get("src")] == []
    assert bad_names.json("data")["cells"][0]["clips"] == [f"{HOSTILE['file']}#0.0"]
    assert not [text for own, text in bad_names.scripts if own.get("type") == "application/json" and "<" in text]
    for name in [HOSTILE["song"], HOSTILE["group"], "<b>data</b>", "model=<u>x</u> seed=1", "</script>no such model"]:
        assert " ".join(name.split()) in bad_names.text.replace("/ ", "/") or name in bad_names.text
    assert "{{ 7*7 }}" in bad_names.text.replace("\u2028", "")


def test_what_failed_and_what_was_rejected_is_said_with_counts_and_reasons(bad_names: Page) -> None:
    assert "The cell model=<u>x</u> seed=1 failed: </script>no such model" in bad_names.text
    assert "1 rejected in tiny-_b_data_b_-white-" in bad_names.text
    assert "an empty file" in bad_names.text
    assert "<i>empty.wav" in bad_names.text


def test_without_curves_the_page_says_so_and_how_to_get_them(bad_names: Page) -> None:
    assert "No curves of single clips: run the cell with keep_nll=true force=true." in bad_names.text
    assert [clip["curves"] for clip in bad_names.json("listen-0")["clips"]] == [None]


def test_nothing_is_asked_of_a_network(page: Page) -> None:
    (policy,) = [own["content"] for own in page.of("meta") if own.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    links = [own[name] for _, own in page.tags for name in ["src", "href", "srcset", "action", "poster"] if name in own]
    assert len(links) > 6
    assert [x for x in links if not x.startswith(("data:", "#"))] == []
    assert page.of("iframe") == page.of("object") == page.of("form") == []
    sources = Path(listening.__file__).parent / "page"
    for source in sources.iterdir():
        own = re.sub(r"url\(data:|http-equiv", "", source.read_text(encoding="utf-8"))
        assert not re.search(r"https?:|//\w|@import|url\(|\bfetch\(|XMLHttp|import\(|sendBeacon", own), source.name


def test_audio_of_every_kept_clip_is_static_and_playable_without_scripts(page: Page, tmp_path: Path) -> None:
    kept = [own for own in page.of("audio") if "src" in own]
    assert len(kept) == 2 * 2 * 2  # cells, clips, clean and corrupted
    assert all("controls" in own and own["preload"] == "none" for own in kept)
    assert sum("not kept" in text for _, rows in page.tables for _, row in rows for _, text in row) == 2 * 2
    for i, own in enumerate(kept):
        (tmp_path / f"{i}.ogg").write_bytes(base64.b64decode(own["src"].removeprefix("data:audio/ogg;base64,")))
        assert sf.info(tmp_path / f"{i}.ogg").duration == pytest.approx(4)
    assert "Audio was kept of 2 of them; run the cell with keep_audio=null force=true for more." in page.text
    size = re.search(r"Audio and spectrograms of 4 of 6 clips, ([\d.]+) MB, are part of this file", page.text)
    assert size
    assert 0.1 < float(size[1]) < 2


def test_audio_beyond_the_limit_lies_beside_the_page(two_scorings: Path, tmp_path: Path) -> None:
    below = shutil.copytree(two_scorings, tmp_path / "moved" / "re sults#1")
    inside = written(below.parent / "report.html", finished(below), embed_mb=0)
    outside = written(tmp_path / "else/my page.html", finished(two_scorings), embed_mb=0.001)
    for page, folder, said in [
        (inside, below.parent, "not part of this file but beside it"),
        (outside, tmp_path / "else", "not part of this file but in my page_audio beside it"),
    ]:
        sources = [own["src"] for own in page.of("audio") if "src" in own]
        assert len(sources) == 8
        others = [a for i in range(2) for clip in page.json(f"listen-{i}")["clips"] for a in clip["audio"] if a]
        pictures = [a for i in range(2) for clip in page.json(f"listen-{i}")["clips"] for a in clip["pictures"] if a]
        assert (len(others), len(pictures)) == (4, 12)
        for source in [*sources, *others, *pictures]:
            assert (folder / unquote(source)).is_file(), source
            assert not source.startswith(("/", ".."))
        assert said in page.text
    there = {"my page.html", "my page.json", "my page.md", "my page_audio"}
    assert {p.name for p in (tmp_path / "else").iterdir()} == there
    assert {p.name for p in below.parent.iterdir()} == {"report.html", "report.json", "report.md", "re sults#1"}


def test_where_time_was_shifted_the_page_knows_which_frame_became_which(tmp_path: Path) -> None:
    cell = run_cell(tmp_path, "noise=deletion", "noise.length=0.5", "data.limit=1")
    (clip,) = written(tmp_path / "report.html", [cell]).json("listen-0")["clips"]
    (variant,) = clip["curves"]["variants"]
    assert variant["map"] == [*range(100), *[None] * 25, *range(100, 175)]
    assert clip["seconds"] == [4.0, 3.5]
    assert np.isnan(unpacked(variant["nll"])[:, 100:125]).all()


def test_of_many_clips_a_part_has_curves_and_the_page_says_which(
    two_scorings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = finished(two_scorings)[0]
    monkeypatch.setattr(listening, "CURVE_CLIPS", 2)
    page = written(tmp_path / "report.html", [cell])
    assert [clip["curves"] is not None for clip in page.json("listen-0")["clips"]] == [True, True, False]
    assert "Curves of 2 of 3 clips are on this page." in page.text
    monkeypatch.setattr(listening, "CURVES_MB", 1e-6)
    assert "Curves of 1 of 3 clips are on this page." in written(tmp_path / "report.html", [cell]).text


def test_cells_of_several_places_make_one_page_and_the_same_cell_counts_once(
    two_scorings: Path, hostile: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(two_scorings, tmp_path / "other machine")
    page = written(tmp_path / "report.html", [*finished(two_scorings), hostile, *finished(copy)])
    assert len(page.json("data")["cells"]) == 3
    assert page.text.count("is there twice") == 2
    assert str(copy) in page.text


def test_cells_of_another_version_are_named(two_scorings: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished(two_scorings)[0], tmp_path / "old")
    meta = json.loads((copy / "meta.json").read_text())
    (copy / "meta.json").write_text(json.dumps(meta | {"schema_version": schema.VERSION - 1}))
    with pytest.raises(NoiseprobeError, match=rf"other schema versions than {schema.VERSION}.*{copy}"):
        write_report(tmp_path / "report.html", [*finished(two_scorings), copy])
    assert not (tmp_path / "report.html").exists()


def test_the_command_writes_the_page_where_it_is_told(
    two_scorings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new/page.html"
    assert main([str(two_scorings), "--out", str(out), "--embed-mb", "0", "--margin", "0.1", "--alpha", "0.01"]) == 0
    assert str(out) in capsys.readouterr().out
    text = Page(out.read_text(encoding="utf-8")).text
    assert "A verdict needs p < 0.01 after Holm" in text
    assert "less than 0.1 nats counts as no effect" in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere"], 1, "nowhere: expected a finished cell"),
        (["{results}", "nowhere"], 1, "nowhere: expected a finished cell"),
        (["{results}", "--out", "."], 1, "--out: got the folder ."),
        (["{results}", "--out", "/proc/none/report.html"], 1, "report: "),
        ([], 2, "required"),
        (["{results}", "--embed-mb", "-1"], 2, "--embed-mb: got -1"),
        (["{results}", "--embed-mb", "nan"], 2, "--embed-mb: got nan"),
        (["{results}", "--margin", "0"], 2, "--margin: got 0"),
        (["{results}", "--alpha", "0.9"], 2, "--alpha, --power: got 0.9, 0.8"),
    ],
)
def test_wrong_arguments_are_one_line(
    arguments: list[str], code: int, message: str, two_scorings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [a.format(results=two_scorings) for a in arguments]
    if code == 2:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    else:
        assert main(arguments) == 1
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_the_page_isnt_written_into_a_cell_whose_files_it_would_replace(
    two_scorings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = finished(two_scorings)[0]
    before = (cell / "summary.json").read_bytes()
    assert main([str(cell), "--out", str(cell / "summary.html")]) == 1
    assert "inside a cell's folder" in capsys.readouterr().err
    assert (cell / "summary.json").read_bytes() == before


def test_what_is_beside_the_page_says_the_same(two_scorings: Path, tmp_path: Path) -> None:
    assert main([str(two_scorings), "--out", str(tmp_path / "report.html")]) == 0
    page = (tmp_path / "report.html").read_text()
    found = json.loads((tmp_path / "report.json").read_text())["found"]
    text = (tmp_path / "report.md").read_text()
    assert found["sentences"]
    for sentence in found["sentences"]:
        assert str(escape(sentence)) in page
        assert sentence in text
    assert {c["verdict"] for c in found["claims"]} <= {"holds", "doesn't hold", "undecided"}
    assert text.count("**") == 2 * len(found["claims"])


def test_without_out_the_page_is_beside_the_cells_and_unfinished_ones_are_named(
    two_scorings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = shutil.copytree(two_scorings, tmp_path / "results")
    gone = finished(here)[0]
    (gone / "DONE").unlink()
    assert main([str(here)]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [f"report   {here / name}" for name in ["report.html", "report.json", "report.md"]]
    assert said.err.splitlines() == [f"left out {gone}: not finished (no DONE)"]
    assert main([str(finished(here)[0])]) == 0, "and that of a single cell beside it"
    assert str(here / "report.html") in capsys.readouterr().out
