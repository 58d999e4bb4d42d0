"""What figures are drawn on: as wide as a page's text, in type that stays readable in print, as SVG and PNG."""

import io
import logging
import textwrap
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from matplotlib import rc_context
from matplotlib.figure import Figure

from noiseprobe.files import replace_file

logging.getLogger("matplotlib").setLevel(logging.WARNING)  # it reports that it looked for fonts

WIDTH = 7.2  # inches: the text of an A4 or letter page, so that nothing is scaled down in print
CHARACTERS = 15.5  # of a caption, an inch
DPI, SCREEN_DPI = 200, 110  # of the PNG, and of what a notebook shows

# Okabe and Ito's palette: told apart by the colour-blind and in grey
BLUE, ORANGE, BLACK, SHADE, GREY = "#0072B2", "#D55E00", "#000000", "#DDDDDD", "#666666"

P = ParamSpec("P")
R = TypeVar("R")

STYLE: Any = {
    "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "figure.titlesize": 8, "xtick.labelsize": 7,
    "ytick.labelsize": 7, "legend.fontsize": 7, "legend.title_fontsize": 7, "axes.linewidth": 0.6,
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "axes.spines.top": False, "axes.spines.right": False,
    "text.parse_math": False,  # a file's name may hold dollar signs
}  # fmt: skip


def printed(draw: Callable[P, R]) -> Callable[P, R]:
    """Let a function draw in this style, whatever the user's own is."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> R:
        with rc_context(STYLE):
            return draw(*args, **kwargs)

    return styled


class Sheet(Figure):
    """A figure that a notebook shows by itself, as the last value of a cell.

    It is made without pyplot, so nothing has to be closed. Notebooks know how to show a bare `Figure` only once pyplot
    was imported in them; where it was they use their own way and not this one.
    """

    def draw(self, renderer: Any) -> None:
        with rc_context(STYLE):  # ticks are made when they are drawn
            super().draw(renderer)

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=SCREEN_DPI)
        return file.getvalue()


def caption(figure: Figure, *lines: str) -> None:
    """What a figure is, of how many, and what its bars are: above it, wrapped to its width."""
    most = int(figure.get_figwidth() * CHARACTERS)
    wrapped = [textwrap.fill(line, most, break_on_hyphens=False) for line in lines]
    figure.suptitle("\n".join(wrapped))


def save(figure: Figure, path: Path) -> None:
    """Write path.svg and path.png."""
    svg, png = (path.with_name(f"{path.name}.{kind}") for kind in ["svg", "png"])  # a name may hold a dot: 0.5 s
    # no date and no random ids: the same tables give the same bytes
    with rc_context({"svg.hashsalt": "noiseprobe"}):
        replace_file(svg, lambda p: figure.savefig(p, format="svg", metadata={"Date": None}))
    replace_file(png, lambda p: figure.savefig(p, format="png", dpi=DPI))
