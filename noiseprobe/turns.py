"""Which cell of a sweep this process runs: said in the environment, which a cell's own processes inherit (`fresh`)."""

import json
import os
from typing import NamedTuple

TURN = "NOISEPROBE_TURN"


class Turn(NamedTuple):
    """A cell's place in a sweep.

    Attributes:
        number: 1 for the first.
        cells: of the sweep.
        seconds: that the cells scored before it took on average; None if there was none.
    """

    number: int
    cells: int
    seconds: float | None


def say(turn: Turn) -> None:
    os.environ[TURN] = json.dumps(turn)


def said() -> Turn | None:
    """None for a single cell, and for cells that a launcher runs elsewhere."""
    return Turn(*json.loads(os.environ[TURN])) if TURN in os.environ else None
