"""The figure of amnesia: what is drawn is what the tables say, and nothing is drawn where there is no ratio."""

import pytest

from noiseprobe.report.sweeps.amnesia import amnesia_figure


def row(length, amnesia=0.4, loss=0.7, **more):
    bounds = {
        f"{name} {end}": None if value is None else value + by
        for name, value in [
            ("amnesia", amnesia),
            ("context loss", loss),
            ("worth of old music", 0.3),
            ("behind noise", 0.2),
        ]
        for end, by in [("low", -0.1), ("high", 0.2)]
    }
    return {
        "data": "demo", "scoring": "delay", "songs": 19, "length_s": length, "skipped frames": 3, "amnesia": amnesia,
        "context loss": loss, "worth of old music": 0.3, "behind noise": 0.2, **bounds, **more,
    }  # fmt: skip


def curve(length, frame, worth):
    return {
        "length_s": length, "frame after the noise": frame, "worth of old music": worth, "behind noise": 0.0,
        **{f"{name} {end}": worth for name in ["worth of old music", "behind noise"] for end in ["low", "high"]},
    }  # fmt: skip


def marks(axis):
    return {c.get_label(): [tuple(p) for p in c[0].get_xydata()] for c in axis.containers}


def test_marks_and_bars_are_the_tables():
    figure = amnesia_figure("tiny", [row(1.0), row(4.0, amnesia=None)], [], 50.0)
    worth, index = figure.axes
    assert [y for _, y in marks(worth)["without noise (c - e)"]] == [0.3, 0.3]
    assert [y for _, y in marks(worth)["behind it (f - b)"]] == [0.2, 0.2]
    ((at, y),) = marks(index)["amnesia"]
    assert (round(at), y) == (0, 0.4), "no mark where there is no ratio"
    assert [y for _, y in marks(index)["context loss"]] == [0.7, 0.7]
    (bars,) = index.containers[0].lines[2]
    assert bars.get_segments()[0][:, 1].tolist() == pytest.approx([0.3, 0.6])
    assert [t.get_text() for t in index.get_xticklabels()] == ["1", "4"]
    low, high = index.get_ylim()
    assert low < 0 < 1 < high


def test_the_caption_says_of_how_many_and_what_bars_are():
    text = amnesia_figure("tiny", [row(1.0), row(2.0, songs=15)], [], 50.0).get_suptitle()
    text = " ".join(text.split())
    for part in ["tiny on demo", "delay scoring", "15 to 19 songs", "first 3 frames", "95 % over songs", "Fieller"]:
        assert part in text


def test_the_curve_is_that_of_the_longest_noise():
    rows = [curve(1.0, 3, 9.0), curve(4.0, 3, 0.5), curve(4.0, 13, 0.25), curve(4.0, 303, 9.0)]
    time = amnesia_figure("tiny", [row(1.0)], rows, 50.0).axes[2]
    assert time.lines[0].get_xydata().tolist() == [[0.06, 0.5], [0.26, 0.25]]
    assert time.get_title(loc="left") == "after 4 s, bins of 10 frames"


def test_no_ratio_at_all():
    figure = amnesia_figure("tiny", [row(1.0, amnesia=None, loss=None)], [], 50.0)
    assert marks(figure.axes[1]) == {"amnesia": [], "context loss": []}
    figure.canvas.draw()
