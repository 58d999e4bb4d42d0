"""Draws docs/alignment.svg and docs/regions.svg, from the pattern and the regions as the code has them.

python recipes/docs/drawings.py
"""

from pathlib import Path

import matplotlib
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from noiseprobe.functional.regions import regions
from noiseprobe.models.patterns import pattern

DOCS = Path(__file__).parents[2] / "docs"
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#999999"  # Okabe and Ito
COLORS = {"peak": ORANGE, "assimilation": BLUE, "offset": PURPLE, "recovery": GREEN}
SPECIAL, STEPS, PREDICTING = -1, 8, 5
ON, OFF, FRAMES = 250, 350, 750
SHOWN = 386  # frames of the drawing; recovery goes on


def cell(ax: Axes, x: int, y: int, text: str, face: str = "white", edge: str = GREY, width: float = 0.6) -> None:
    ax.add_patch(Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, facecolor=face, edgecolor=edge, linewidth=width))
    ax.text(x, y, text, ha="center", va="center", fontsize=9)


def layout(ax: Axes, scoring: str, title: str) -> None:
    """What step 5 sees (tinted), and the codes that it predicts (framed, one step to the right)."""
    own = pattern(scoring, (0, 1, 2, 3), special=SPECIAL)
    codes = torch.arange(12).expand(1, 4, 12)
    steps, targets = own.layout(codes)[0], own.targets(codes)[0]
    for k in range(4):
        for s in range(STEPS):
            seen = s <= PREDICTING
            what = "S" if steps[k, s] == SPECIAL else str(int(steps[k, s]))
            if s == PREDICTING + 1:
                assert int(targets[k, PREDICTING]) == int(steps[k, s])
                cell(ax, s, 3 - k, what, "#FBE3B5", ORANGE, 1.8)
            else:
                cell(ax, s, 3 - k, what, "#D6E8F4" if seen else "white")
        ax.text(-0.8, 3 - k, f"codebook {k}", ha="right", va="center", fontsize=9)
    for s in range(STEPS):
        ax.text(s, 3.75, str(s), ha="center", va="center", fontsize=8, color="#555555")
    ax.text(-0.8, 3.75, "step", ha="right", va="center", fontsize=8, color="#555555")
    ax.set(xlim=(-2.7, STEPS), ylim=(-0.6, 4.1))
    ax.set_title(title, fontsize=10, loc="left")
    ax.axis("off")


def alignment() -> Figure:
    figure = Figure(figsize=(7.2, 5.0), layout="constrained")
    top, bottom = figure.subplots(2)
    layout(top, "delay", "scoring=delay: numbers are frames, S the special token. Step 5 knows what is blue and"
           "\npredicts what is orange: codebook 0 of frame 5, codebook 1 of frame 4, ...")  # fmt: skip
    layout(bottom, "parallel", "scoring=parallel: step 5 knows the frames 0 to 5 and predicts all codebooks of frame 6;"
           "\nframe 0 is predicted by nothing")  # fmt: skip
    return figure


def bar(ax: Axes, y: float, start: int, stop: int, color: str, text: str, alpha: float = 1.0) -> None:
    ax.barh(y, stop - start, left=start, height=0.62, color=color, alpha=alpha, linewidth=0)
    ax.text(max(start, 236), y + 0.43, text, va="bottom", fontsize=8)


def bounds() -> Figure:
    """Noise of 2 s from frame 250 on, in a clip of 750 frames, as MusicGen hears it under delay scoring."""
    look, context = 4, 2
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    ax = figure.subplots()
    bar(ax, 3, ON, OFF, GREY, f"samples that the noise replaces: frames [{ON}, {OFF})")
    start, stop = ON - look, OFF + look
    bar(ax, 2, start, stop, GREY, f"frames whose features the codec's convolutions change: [{start}, {stop})", 0.65)
    bar(ax, 1, ON - look - context, SHOWN, GREY, f"frames predicted from a context that may be changed: from"
        f" {ON - look - context} on", 0.35)  # fmt: skip
    found = regions(ON, OFF, FRAMES, look_ahead=look, look_back=look, context=context)
    for name, place in found.items():
        assert place
        begin, end = place
        ax.barh(0, min(end, SHOWN) - begin, left=begin, height=0.62, color=COLORS[name], linewidth=0)
        ax.text((begin + min(end, SHOWN)) / 2, -0.45, f"{name}\n[{begin}, {end})", ha="center", va="top", fontsize=8)
    ax.vlines([ON, OFF], -0.31, 3.31, color="black", linewidth=0.7, linestyle=":")
    ax.set(xlim=(235, SHOWN + 1), ylim=(-1.4, 3.9), xlabel="frame", yticks=[], xticks=[240, 250, 300, 350, 360, 380])
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.tick_params(labelsize=8)
    return figure


if __name__ == "__main__":
    # the same bytes each time, and text as text
    matplotlib.rcParams |= {"svg.hashsalt": "noiseprobe", "svg.fonttype": "none", "font.family": "sans-serif"}
    for name, figure in {"alignment": alignment(), "regions": bounds()}.items():
        figure.savefig(DOCS / f"{name}.svg", metadata={"Date": None})
        print(DOCS / f"{name}.svg")
