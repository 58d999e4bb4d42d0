"""report.html: one page about any set of finished cells, to look at, listen to and send around.

It loads nothing from a network. Its text comes from data through jinja's escaping; its scripts get JSON in which no
tag can begin. What it shows is collected in `overview`, `data`, `series` and `listening`, what was found by
`analysis.findings`: one function, wherever its sentences stand.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from noiseprobe.analysis.findings import findings
from noiseprobe.analysis.markdown import markdown
from noiseprobe.analysis.record import write_summary
from noiseprobe.analysis.verdict import FAILS, HOLDS, UNDECIDED, Findings
from noiseprobe.files import replace_file
from noiseprobe.report import words
from noiseprobe.report.claimtables import claim_groups, generic_tables
from noiseprobe.report.data import Cell, as_json, profiles, read_cells, region_means
from noiseprobe.report.figures import common_spans
from noiseprobe.report.listening import Listening, audio_note, listenings
from noiseprobe.report.media import Media, kept
from noiseprobe.report.overview import cell_tables, facts, footer, rejections, title
from noiseprobe.report.series import cell_labels, effect, of_scorings, variant_labels
from noiseprobe.results.load import Results

PAGE = Path(__file__).parent / "page"
SCRIPTS = ["base.js", "tables.js", "figures.js", "listen.js", "start.js"]
EMBED_MB = 20.0

CLAIM_HEADINGS = [
    ("Claim, and what it was tested on", "text"), ("Verdict", "rank"), ("Estimate [95 %]", "number"),
    ("p (Holm)", "number"), ("p (BH)", "number"), ("Songs", "number"), ("Songs needed", "number"),
]  # fmt: skip


def write_report(
    path: Path, cells: Sequence[Path], failed: Sequence[tuple[str, str]] = (), embed_mb: float = EMBED_MB,
    margin: float = 0.05, alpha: float = 0.05, power: float = 0.8,
) -> Path:  # fmt: skip
    """Write the page, and beside it what was found as JSON and as Markdown: report.html, report.json, report.md.

    Args:
        path: of the page; its folder must be there.
        cells: folders of finished cells; cells of two scorings are shown apart.
        failed: of cells that have no results, the overrides and the error.
        embed_mb: audio and pictures go into the page if together they have at most so many million bytes.
        margin: nats; a smaller effect counts as none.
        alpha: of a verdict, after correction.
        power: with which the number of songs that a verdict would need is worked out.

    Returns:
        The path.

    Raises:
        NoiseprobeError: if there is no cell, or one was written by another version.
    """
    known, left_out = read_cells(cells)
    results = [Results([c.folder for c in own]) for own in of_scorings(known).values()]
    found = findings(results, margin, alpha, power)
    page = render(path, known, found, failed, left_out, embed_mb)
    text = markdown(found, [cell.summary["signature"] for cell in known])
    write_summary(path.with_suffix(".json"), [cell.folder for cell in known], found)
    replace_file(path.with_suffix(".md"), lambda p: p.write_text(text, encoding="utf-8"))
    replace_file(path, lambda p: p.write_text(page, encoding="utf-8"))
    return path


def render(
    path: Path, cells: Sequence[Cell], found: Findings, failed: Sequence[tuple[str, str]], left_out: Sequence[str],
    embed_mb: float,
) -> str:  # fmt: skip
    """The page's text; files beside it are copied where they must be."""
    audio = [kept(cell.folder) for cell in cells]
    media = Media(path, audio, embed_mb)
    labels = cell_labels(cells)
    listen = listenings(cells, audio, media, labels)
    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "raw": words.raw, "plain": words.plain, "signed": words.signed, "fixed": words.fixed, "p": words.p_value,
        "count": words.count, "counted": words.counted, "breakable": words.breakable, "mean": words.mean,
    }  # fmt: skip
    parts: Any = environment.get_template("parts.html", globals={"cell_labels": [labels[c.name] for c in cells]}).module
    effects = {scoring: effect(own) for scoring, own in of_scorings(cells).items()}
    axes = {e["axis"] for e in effects.values()}
    return environment.get_template("template.html").render(
        title=title(cells), css=_text("page.css"), js=Markup("\n".join(_text(name) for name in SCRIPTS)),
        plotly=Markup((files("plotly") / "package_data/plotly.min.js").read_text(encoding="utf-8")),
        sentences=found.sentences, facts=facts(cells), failed=failed, rejected=rejections(cells), left_out=left_out,
        signatures=[c.summary["signature"] for c in cells],
        claims=claim_groups(found.claims), tables=generic_tables(found.tables), claim_headings=CLAIM_HEADINGS,
        alpha=found.alpha, margin=found.margin, power=found.power,
        verdict_class={HOLDS: "holds", FAILS: "fails", UNDECIDED: "undecided"},
        verdict_order={HOLDS: 1, FAILS: 2, UNDECIDED: 3},
        effect_axis=axes.pop() if len(axes) == 1 else None, cell_tables=cell_tables(cells),
        choices=parts.choices, clip_list=parts.clip_list, listen=listen, audio_note=audio_note(cells, audio, media),
        data=as_json(page_data(cells, labels, listen, effects)), footer=footer(cells),
    )  # fmt: skip


def page_data(
    cells: Sequence[Cell], labels: Mapping[str, str], listen: Sequence[Listening], effects: Mapping[str, Any]
) -> dict[str, Any]:
    """What the figures are drawn from."""
    found = []
    for cell, own in zip(cells, listen, strict=True):
        rows = [row for clip in cell.clips.values() for row in clip.values()]
        spans = common_spans(rows)
        told = variant_labels(cell)
        found.append({
            "label": labels[cell.name], "name": cell.name, "scoring": cell.scoring, "rate": cell.meta["frame_rate"],
            "codebooks": cell.meta["checkpoint"]["codebooks"], "default": cell.default,
            "variants": [
                {"name": v["variant"], "label": text, "clips": v["delta"]["clips"], "songs": v["delta"]["songs"],
                 "spans": spans.get(v["variant"], [])}
                for v, text in zip(cell.variants, told, strict=True)
            ],
            "clips": [clip["id"] for clip in own.clips],
            "profiles": profiles(cell), "regions": region_means(cell),
        })  # fmt: skip
    return {"cells": found, "effects": effects}


def _text(name: str) -> Markup:
    return Markup((PAGE / name).read_text(encoding="utf-8"))
