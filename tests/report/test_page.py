"""The report page in a browser: it draws, plays, follows, seeks, sorts and filters, with what the tables hold.

Needs Chromium or Chrome on the machine; without one these tests are skipped.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running import run_cell

from noiseprobe import load_results
from noiseprobe.report.html import write_report
from noiseprobe.results.index import finished

playwright = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")

pytestmark = pytest.mark.slow  # a browser, and pages of several MB

DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
PLOTS = ["effect", "profile", "regions", "curve"]

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    names = ["chromium", "chromium-browser", "google-chrome"]
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser found: none of {', '.join(names)} is on PATH")
    with playwright.sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def report(two_scorings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("page") / "report.html", finished(two_scorings))


@pytest.fixture
def opened(browser: Any) -> Iterator[Open]:
    """Opens a page and waits until it is drawn; at the end nothing may have been said on its console."""
    contexts, said = [], []

    def open_page(path: Path, early: str = "", **options: Any) -> Any:
        context = browser.new_context(**(DESKTOP | options))
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: said.append(m.text) if m.type in ["error", "warning"] else None)
        page.on("pageerror", lambda e: said.append(str(e)))
        page.on("request", lambda r: said.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None)
        if early:  # run when the tables work and nothing is drawn yet
            page.add_init_script(f"addEventListener('DOMContentLoaded', () => {{ {early} }})")
        page.goto(path.as_uri())
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready=true]", timeout=60_000)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


def until(page: Any, condition: str, *argument: Any) -> None:
    """Wait for a condition; playwright's own waiting needs eval, which the page's policy forbids."""
    for _ in range(200):
        if page.evaluate(condition, *argument):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {condition}")


def play(page: Any, selector: str) -> None:
    """Play as a user of the keyboard does, and wait until it runs."""
    before = time_of(page, selector)
    page.locator(selector).focus()
    page.keyboard.press("Space")
    until(page, "([s, t]) => document.querySelector(s).currentTime > t + 0.1", [selector, before])


def time_of(page: Any, selector: str) -> float:
    return float(page.evaluate("s => document.querySelector(s).currentTime", selector))


def cursor_time(page: Any, cursor: str = "cursor") -> float:
    """Where the cursor stands on the curve's axis, in seconds, from what is on the screen."""
    return float(
        page.evaluate(
            """id => {
        const x = document.getElementById('curve')._fullLayout.xaxis;
        const box = document.getElementById('curve').getBoundingClientRect();
        const own = document.getElementById(id).getBoundingClientRect();
        const at = (own.left + own.width / 2 - box.left - x._offset) / x._length;
        return x.range[0] + at * (x.range[1] - x.range[0]);
    }""",
            cursor,
        )
    )


def click_at(page: Any, seconds: float, selector: str = "#curve", height: float = 0.4) -> None:
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    left, length, low, high = page.evaluate(
        "() => { const g = document.getElementById('curve'), x = g._fullLayout.xaxis;"
        " return [g.getBoundingClientRect().left + x._offset, x._length, ...x.range]; }"
    )
    page.mouse.click(left + (seconds - low) / (high - low) * length, box["y"] + height * box["height"])


def choose(page: Any, what: str, value: object, where: str = "listen") -> None:
    page.locator(f"#{where}-{what}").select_option(str(value))


def drawn(page: Any, plot: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the first line of that name in a figure."""
    found = page.evaluate(
        "([p, n]) => { const t = document.getElementById(p).data.find((d) => d.name === n);"
        " return [Array.from(t.x), Array.from(t.y)]; }",
        [plot, name],
    )
    x, y = (np.array([np.nan if v is None else v for v in values], float) for values in found)
    return x, y


def test_it_opens_and_draws_everything(opened: Open, report: Path) -> None:
    page = opened(report)
    for plot in PLOTS:
        assert page.locator(f"#{plot} svg.main-svg").first.is_visible()
        assert page.evaluate("id => document.getElementById(id).data.length", plot) > 0
    images = page.locator(".strip img")
    assert images.count() == 2
    assert page.evaluate("[...document.querySelectorAll('.strip img')].every((i) => i.naturalHeight === 64)")
    assert page.evaluate("performance.getEntriesByName('noiseprobe-ready').length") == 1


def test_what_is_chosen_while_plotly_loads_is_drawn(opened: Open, report: Path) -> None:
    page = opened(report, early="document.getElementById('figures-cell').value = '1';"
                  " document.getElementById('figures-cell').dispatchEvent(new Event('change'))")  # fmt: skip
    assert page.evaluate("state.cell") == 1
    assert page.locator(".clip-list[data-cell='1']").is_visible()
    assert page.locator(".clip-list[data-cell='0']").is_hidden()
    assert "parallel scoring" in page.locator("#profile-caption").inner_text()
    play(page, ".clip-list[data-cell='1'] tr[data-clip='1'] audio[data-kind=clean]")
    choose(page, "cell", 0)
    play(page, ".clip-list[data-cell='0'] tr[data-clip='1'] audio[data-kind=clean]")


def test_the_cursor_runs_with_the_audio_and_stands_where_it_is(opened: Open, report: Path) -> None:
    page = opened(report)
    assert cursor_time(page) == pytest.approx(0, abs=0.02)
    play(page, "#corrupted-audio")
    first = cursor_time(page)
    page.wait_for_timeout(600)
    second = cursor_time(page)
    assert second > first + 0.2
    page.locator("#corrupted-audio").evaluate("a => a.pause()")
    until(page, "document.getElementById('corrupted-audio').paused")
    page.wait_for_timeout(100)
    assert cursor_time(page) == pytest.approx(time_of(page, "#corrupted-audio"), abs=0.03)
    assert page.locator("#position").inner_text() == f"{time_of(page, '#corrupted-audio'):.2f} s"


@pytest.mark.parametrize("where", ["#curve", "#picture-clean", "#picture-corrupted"])
def test_a_click_seeks(opened: Open, report: Path, where: str) -> None:
    page = opened(report)
    click_at(page, 3.0, where)
    until(page, "Math.abs(document.getElementById('corrupted-audio').currentTime - 3) < 0.05")
    assert cursor_time(page) == pytest.approx(3.0, abs=0.05)
    play(page, "#corrupted-audio")
    assert time_of(page, "#corrupted-audio") > 3.0


def test_a_drag_zooms_and_doesnt_seek_and_the_pictures_follow(opened: Open, report: Path) -> None:
    page = opened(report)
    page.locator("#curve").scroll_into_view_if_needed()
    box = page.locator("#curve").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 700, box["y"] + 150, steps=5)
    page.mouse.up()
    until(page, "document.getElementById('curve')._fullLayout.xaxis.range[0] > 0.3")
    page.wait_for_timeout(200)
    low, high = page.evaluate("document.getElementById('curve')._fullLayout.xaxis.range")
    assert time_of(page, "#corrupted-audio") == 0
    strip, image = (page.locator(f"#picture-clean {s}").bounding_box() for s in [".strip", "img"])
    per_second = strip["width"] / (high - low)
    assert image["width"] == pytest.approx(4 * per_second, rel=0.01)
    assert strip["x"] - image["x"] == pytest.approx(low * per_second, abs=1.5)
    assert page.locator("#cursor").is_hidden()  # 0 s isn't shown now


def test_audio_in_the_list_chooses_its_clip_and_stops_other_audio(opened: Open, report: Path) -> None:
    page = opened(report)
    play(page, "#clean-audio")
    row = ".clip-list[data-cell='0'] tr[data-clip='1'] audio[data-kind=clean]"
    play(page, row)
    assert page.locator("#clip-title").inner_text() == page.evaluate("DATA.cells[0].clips[1]")
    assert page.locator("#listen-clip").input_value() == "1"
    assert page.locator("tr[aria-current=true]").get_attribute("data-clip") == "1"
    assert page.evaluate("document.getElementById('clean-audio').paused")
    page.wait_for_timeout(400)
    assert cursor_time(page) > 0.2
    click_at(page, 2.5)  # seeks what plays
    until(page, "s => document.querySelector(s).currentTime >= 2.5", row)


def test_switching_between_clean_and_corrupted_keeps_the_moment(opened: Open, report: Path) -> None:
    page = opened(report)
    click_at(page, 1.5)
    play(page, "#corrupted-audio")
    before = time_of(page, "#corrupted-audio")
    page.locator("#swap").click()
    until(page, "!document.getElementById('clean-audio').paused")
    assert page.evaluate("document.getElementById('corrupted-audio').paused")
    assert before <= time_of(page, "#clean-audio") < before + 1.5


def test_where_time_was_shifted_the_cursor_stands_at_the_same_music(opened: Open, tmp_path: Path) -> None:
    # half a second from 2 s on is cut out
    cell = run_cell(tmp_path / "results", "noise=deletion", "noise.length=0.5", "data.limit=1")
    page = opened(write_report(tmp_path / "report.html", [cell]))
    click_at(page, 3.0)
    until(page, "Math.abs(document.getElementById('corrupted-audio').currentTime - 2.5) < 0.05")
    assert cursor_time(page) == pytest.approx(3.0, abs=0.05)
    assert cursor_time(page, "cursor-corrupted") == pytest.approx(2.5, abs=0.05)
    page.locator("#swap").click()
    until(page, "Math.abs(document.getElementById('clean-audio').currentTime - 3) < 0.05")


def test_what_is_chosen_is_shown_and_equals_the_tables(opened: Open, report: Path, two_scorings: Path) -> None:
    page = opened(report)
    cells = page.evaluate("DATA.cells.map((c) => [c.name, c.variants.map((v) => v.name)])")
    for i, (cell, variants) in enumerate(cells):
        choose(page, "cell", i, "figures")
        assert page.locator("#listen-cell").input_value() == str(i)
        results = load_results(two_scorings / cell)
        for v, variant in enumerate(variants):
            choose(page, "variant", v)
            rows = results.clips[results.clips["variant"] == variant].set_index("clip")
            for name, column in [("clean-nll", "nll_clean"), ("corrupted-nll", "nll_corrupted"), ("delta", "delta")]:
                shown = page.locator(f".clip-list[data-cell='{i}'] td.{name}").all_inner_texts()
                numbers = [float(text.replace("−", "-")) for text in shown]
                assert numbers == pytest.approx(rows[column].tolist(), abs=5.001e-4)
            for codebook in ["mean", "2"]:
                choose(page, "codebook", codebook, "figures")
                profile = results.profile[results.profile["variant"] == variant]
                own = profile[profile["codebook"].isna() if codebook == "mean" else profile["codebook"] == 2]
                for name in ["clean", "corrupted", "delta"]:
                    x, y = drawn(page, "profile", name)
                    np.testing.assert_allclose(y, own[f"{name}_mean"].to_numpy(float), atol=5.01e-4)
                    np.testing.assert_allclose(x, own["frame"].to_numpy(float) / 50)
                clip = page.locator("#clip-title").inner_text()
                nll = results.nll(clip=clip, variant=variant).sort_values(["codebook", "frame"])
                nll = nll if codebook == "mean" else nll[nll["codebook"] == 2]
                delta = (nll["nll_corrupted"].astype(float) - nll["nll_clean"].astype(float)).where(nll["in_means"])
                expected = delta.to_numpy(float).reshape(-1, 200).mean(0)
                np.testing.assert_allclose(drawn(page, "curve", "delta")[1], expected, atol=1.01e-3)
            choose(page, "codebook", "mean")
            assert f"{variant}, 3 clips of 3 songs" in page.locator("#profile-caption").inner_text()
            assert variant in page.locator("#regions-caption").inner_text()


def test_clips_without_audio_say_how_to_get_it(opened: Open, report: Path) -> None:
    page = opened(report)
    choose(page, "clip", 2)
    assert page.locator(".decks").is_hidden()
    assert "keep_audio=null" in page.locator("#no-audio").inner_text()
    assert page.locator("#curve svg.main-svg").first.is_visible()
    choose(page, "clip", 0)
    assert page.locator(".decks").is_visible()
    assert page.locator("#no-audio").is_hidden()


def test_clips_are_filtered_by_what_is_typed(opened: Open, report: Path) -> None:
    page = opened(report)
    rows = page.locator(".clip-list[data-cell='0'] tr[data-clip]")
    assert rows.count() == 3
    name = page.evaluate("DATA.cells[0].clips[1]")
    page.locator("#filter").fill(name.upper())
    assert [row.is_visible() for row in rows.all()] == [False, True, False]
    assert page.locator("#shown").inner_text() == "1 of 3 clips"
    page.locator("#filter").fill("nothing like it")
    assert page.locator("#shown").inner_text() == "0 of 3 clips"
    page.locator("#filter").fill("")
    assert page.locator("#shown").inner_text() == "3 of 3 clips"


def test_tables_are_sorted_with_the_keyboard_and_nothing_comes_last(opened: Open, report: Path) -> None:
    page = opened(report)
    table = "table.cells[data-scoring=delay]"
    for column, last_is_missing in [("delta", False), ("assimilation", True)]:
        button = page.locator(f"{table} th button", has_text=re.compile(f"^{column}$"))
        button.focus()
        for key, state, sign in [("Enter", "ascending", 1), ("Space", "descending", -1)]:
            page.keyboard.press(key)
            assert button.locator("..").get_attribute("aria-sort") == state
            name = column if column == "delta" else f"{column}_delta"
            shown = page.locator(f"{table} td[data-column={name}]").all()
            values = [cell.get_attribute("data-value") for cell in shown]
            assert (values[-1] == "") == last_is_missing
            numbers = [sign * float(v) for v in values if v]
            assert numbers == sorted(numbers)
    assert page.locator(f"{table} th[aria-sort]").count() == 1


@pytest.mark.parametrize("page_of", ["report", "hostile"])
def test_a_phone_never_scrolls_sideways(
    opened: Open, report: Path, hostile: Path, tmp_path: Path, page_of: str
) -> None:
    path = report if page_of == "report" else write_report(tmp_path / "report.html", [hostile])
    page = opened(path, **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    outside = page.evaluate(
        """() => [...document.querySelectorAll('main *')].filter((e) => !e.closest('.scroll, svg, .plot, .strip')
            && e.getBoundingClientRect().width && e.getBoundingClientRect().right > 361)
            .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert outside == []
    page.locator("#listen-variant").select_option("0")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def luminance(color: str) -> float:
    r, g, b = (int(v) for v in re.findall(r"\d+", color)[:3])
    return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255


def test_dark_mode_is_dark_also_in_the_figures_and_follows_a_change(opened: Open, report: Path) -> None:
    page = opened(report, color_scheme="dark")

    def lightness() -> tuple[float, float]:
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        ink = page.evaluate("getComputedStyle(document.querySelector('#profile .xtick text')).fill")
        return luminance(ground), luminance(ink)

    ground, ink = lightness()
    assert ground < 0.2
    assert ink > 0.7
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(500)
    ground, ink = lightness()
    assert ground > 0.8
    assert ink < 0.3


def test_without_scripts_everything_static_is_there(opened: Open, report: Path) -> None:
    page = opened(report, java_script_enabled=False)
    assert page.locator("audio[src]:visible").count() == 8  # two cells, two clips, clean and corrupted
    assert page.locator("table.cells tbody tr:visible").count() == 4
    assert page.locator("select:visible, button:visible").count() == 0
    (note,) = [n for n in page.locator("noscript .note").all() if "need JavaScript" in n.inner_text()]
    assert note.is_visible()


def test_audio_beside_the_page_plays_and_other_cells_lists_are_made_when_asked_for(
    opened: Open, two_scorings: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(two_scorings, tmp_path / "my results")
    page = opened(write_report(tmp_path / "report.html", finished(copy), embed_mb=0))
    assert page.locator(".clip-list").count() == 1
    choose(page, "cell", 1)
    assert page.locator(".clip-list").count() == 2
    assert page.locator(".clip-list[data-cell='0']").is_hidden()
    play(page, ".clip-list[data-cell='1'] tr[data-clip='1'] audio[data-kind=corrupted]")
    assert page.evaluate("[...document.querySelectorAll('.strip img')].every((i) => i.naturalHeight === 64)")
    choose(page, "variant", 0)
    play(page, "#corrupted-audio")


def test_names_that_are_meant_to_break_it_are_shown(opened: Open, hostile: Path, tmp_path: Path) -> None:
    page = opened(
        write_report(tmp_path / "report.html", [hostile], failed=[("<script>window.hacked = 2</script>", "x")])
    )
    assert page.evaluate("window.hacked") is None
    assert page.locator("#clip-title").inner_text().startswith("a <b>&amp; 'quote\" ünï {{ 7*7 }}")
    assert "</script><script>window.hacked = 1</script>" in page.locator(".clips .song").inner_text().replace("\n", "")
    assert "keep_nll=true" in page.evaluate("document.getElementById('curve').layout.annotations[0].text")


def test_the_keyboard_reaches_the_content_first(opened: Open, report: Path) -> None:
    page = opened(report)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_signature_is_copied(opened: Open, report: Path) -> None:
    page = opened(report, permissions=["clipboard-read", "clipboard-write"])
    page.locator(".copy").first.click()
    until(page, "document.getElementById('copied').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator(".signatures code").first.inner_text()
