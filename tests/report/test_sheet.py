"""What figures are drawn on: captions fit, notebooks show it, the same figure gives the same bytes."""

import matplotlib
from matplotlib.figure import Figure
from matplotlib.image import imread

from noiseprobe.report.sheet import SCREEN_DPI, WIDTH, Sheet, caption, printed, save


@printed
def some_figure(text: str = "x") -> Figure:
    figure = Sheet(figsize=(WIDTH, 2), layout="constrained")
    figure.subplots().plot([1, 2])
    caption(figure, text)
    return figure


def test_a_caption_is_wrapped_to_the_width() -> None:
    figure = some_figure("word " * 100)
    figure.draw_without_rendering()
    (title,) = [t for t in figure.texts if t.get_text()]
    box = title.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert len(title.get_text().split("\n")) > 3


def test_a_notebook_gets_a_png_of_its_size() -> None:
    import io

    png = some_figure()._repr_png_()  # type: ignore[attr-defined]
    assert imread(io.BytesIO(png)).shape == (2 * SCREEN_DPI, round(WIDTH * SCREEN_DPI), 4)


def test_the_users_style_is_left_alone_and_does_not_show(tmp_path) -> None:  # type: ignore[no-untyped-def]
    save(some_figure(), tmp_path / "plain")
    with matplotlib.rc_context({"font.size": 20, "xtick.labelsize": 30, "axes.spines.top": True}):
        save(some_figure(), tmp_path / "styled")
        assert matplotlib.rcParams["font.size"] == 20
    for kind in ["svg", "png"]:
        assert (tmp_path / f"plain.{kind}").read_bytes() == (tmp_path / f"styled.{kind}").read_bytes()


def test_names_of_files_may_have_dots(tmp_path) -> None:  # type: ignore[no-untyped-def]
    save(some_figure(), tmp_path / "what-0.5_s")
    assert {p.name for p in tmp_path.iterdir()} == {"what-0.5_s.svg", "what-0.5_s.png"}


def test_dollar_signs_are_no_formula() -> None:
    some_figure(r"$\frac$").draw_without_rendering()
