"""What was found, in summary.json: of a cell, and of the cells of a sweep. The report shows the same object."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from noiseprobe.analysis.findings import findings
from noiseprobe.analysis.verdict import Findings
from noiseprobe.files import write_json
from noiseprobe.results.load import Results


def found(findings: Findings) -> dict[str, Any]:
    """As JSON: the sentences, the verdicts they are made of, and what these were tested with."""
    return {
        "sentences": findings.sentences, "claims": [asdict(v) for v in findings.claims],
        "margin": findings.margin, "alpha": findings.alpha, "power": findings.power,
    }  # fmt: skip


def add_to_cell(folder: Path, margin: float, alpha: float, power: float) -> dict[str, Any]:
    """Add to a cell's summary.json what its own tables say.

    Returns:
        The whole summary.
    """
    path = folder / "summary.json"
    summary = json.loads(path.read_text()) | {
        "found": found(findings(Results([folder]), margin, alpha, power, tables=False))
    }
    write_json(path, summary)
    return summary


def write_summary(path: Path, cells: list[Path], findings: Findings) -> None:
    """A sweep's summary.json: its cells by signature, and what they say together."""
    signatures = {cell.name: json.loads((cell / "summary.json").read_text())["signature"] for cell in cells}
    write_json(path, {"cells": signatures, "found": found(findings)})
