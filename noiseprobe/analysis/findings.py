"""Everything that is found in a set of cells: one function, from which summary.json and the report both come."""

from collections.abc import Sequence
from dataclasses import replace

from noiseprobe.analysis import shapes, tests, trends
from noiseprobe.analysis.claims import amnesia, colors, discernment, length, regions, shuffling
from noiseprobe.analysis.evidence import judge
from noiseprobe.analysis.group import groups
from noiseprobe.analysis.sentences import sentences
from noiseprobe.analysis.verdict import Findings
from noiseprobe.results.load import Results

CLAIMS = [length, regions, shuffling, discernment, colors, amnesia]  # in the order of docs/claims.md


def findings(
    results: Sequence[Results] | Results, margin: float = 0.05, alpha: float = 0.05, power: float = 0.8,
    tables: bool = True,
) -> Findings:  # fmt: skip
    """The verdict on every claim that the cells can be asked about, and the tables behind it.

    Args:
        results: of one scoring, or of each of several.
        margin: nats; a smaller effect counts as none, unless it is certain.
        alpha: of a verdict, after correction.
        power: with which the number of songs that a verdict would need is worked out.
        tables: False: verdicts and sentences alone, which are the same and take less time.

    Example:
        >>> found = findings(load_results("results"))  # doctest: +SKIP
        >>> found.sentences  # doctest: +SKIP
    """
    several = [results] if isinstance(results, Results) else list(results)
    found = [group for own in several for group in groups(own)]
    verdicts = []
    for group in found:
        evidence = [e for claim in CLAIMS for e in claim.find(group, margin)]
        verdicts += judge(evidence, group.label, group.data, group.scoring, alpha, power)
    plain = Findings(verdicts, sentences(verdicts), margin, alpha, power)
    if not tables:
        return plain
    more = {
        "Tests of each cell": tests.table(found, margin),
        "Delta against length": trends.table(found),
        "Telling corrupted from clean": [row for group in found for row in discernment.table(group)],
        "Shape of the mean curve": [row for group in found for row in shapes.table(group)],
        "Regions as others find them": [row for group in found for row in shapes.finders(group)],
        "Amnesia": [row for group in found for row in amnesia.table(group)],
        "Amnesia after the noise": [row for group in found for row in amnesia.curve(group)],
    }
    return replace(plain, tables={name: rows for name, rows in more.items() if rows})
