"""Everything that is found in a set of cells: one function, from which summary.json and the report both come."""

from noiseprobe.analysis.verdict import Findings
from noiseprobe.results.load import Results


def findings(results: Results, margin: float = 0.05, alpha: float = 0.05, power: float = 0.8) -> Findings:
    """The verdict on every claim that the cells can be asked about."""
    return Findings([], [], margin, alpha, power)
