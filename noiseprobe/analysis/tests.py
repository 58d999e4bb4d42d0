"""Every cell and variant tested by itself: is its mean delta other than 0? Corrected over all of a table's rows."""

from typing import Any

from noiseprobe.analysis.group import Group, asked
from noiseprobe.functional.hypotheses import adjust, equivalence, permutation_test, t_test, wilcoxon
from noiseprobe.functional.intervals import BCA_FROM, bca_interval, t_interval


def table(groups: list[Group], margin: float) -> list[dict[str, object]]:
    """Mean delta with its interval, three paired tests, both corrections, and equivalence to 0.

    The correction is over lengths, kinds and models: over all rows of one scoring.
    """
    found: list[dict[str, Any]] = []
    for group in groups:
        lines = zip(group.cells["cell"], group.cells["variant"], asked(group.cells), strict=True)
        for at, (_, variant, options) in enumerate(lines):
            songs = group.songs(group.cells.iloc[[at]], "delta").to_numpy().ravel()
            own = t_interval(songs)
            bca = bca_interval(songs) if len(songs) >= BCA_FROM else None
            found.append({
                "model": group.model, "data": group.data, "scoring": group.scoring, "variant": variant,
                "options": options, "songs": own.songs, "delta": own.estimate, "low": own.low, "high": own.high,
                "BCa low": bca and bca.low, "BCa high": bca and bca.high,
                "p t": t_test(songs).two_sided, "p permutation": permutation_test(songs), "p Wilcoxon": wilcoxon(songs),
                f"p within {margin:g}": equivalence(songs, margin),
            })  # fmt: skip
    for scoring in dict.fromkeys(row["scoring"] for row in found):
        own_rows = [row for row in found if row["scoring"] == scoring]
        for method, name in [("holm", "Holm"), ("bh", "BH")]:
            corrected = adjust([row["p t"] for row in own_rows], method)  # type: ignore[arg-type]
            for row, p in zip(own_rows, corrected, strict=True):
                row[f"p t, {name}"] = p
    return found
