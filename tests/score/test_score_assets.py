"""The scores and the SoundFont that ship: sizes, licences, and that the recipes make them."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from noiseprobe.config import PACKAGE
from noiseprobe.score import read
from noiseprobe.score.soundfont import load

SCORES, FONT = PACKAGE / "assets/midi", PACKAGE / "assets/soundfont"
RECIPES = PACKAGE.parent / "recipes"
PIECES = sorted(SCORES.rglob("*.mid"))


def recipe(name):
    folder = RECIPES / Path(name).parent
    sys.path.insert(0, str(folder))
    try:
        spec = importlib.util.spec_from_file_location(Path(name).stem, RECIPES / name)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look there
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module


def test_sizes():
    assert sum(p.stat().st_size for p in FONT.iterdir()) < 3.1e6
    assert sum(p.stat().st_size for p in PIECES) < 1e5


def test_the_readme_names_every_piece_with_composer_key_and_length():
    rows = re.findall(
        r"^\| `(.+?)` \| (.+?) \(\d+-\d+\) \| .+? \| (\S+) (\S+) \| (\d+) \|$", (SCORES / "README.md").read_text(), re.M
    )
    assert {r[0] for r in rows} == {p.relative_to(SCORES).as_posix() for p in PIECES}
    assert len({r[1] for r in rows}) >= 3
    for name, composer, tonic, mode, seconds in rows:
        assert composer.split()[-1].lower() in name
        assert read.excerpt(SCORES / name, 0, 15).key == ("C.D.EF.G.A.B".index(tonic), mode)
        assert read.seconds(SCORES / name) == pytest.approx(int(seconds), abs=0.5)
        assert int(seconds) >= 30
    assert "CC0" in (SCORES / "README.md").read_text()


def test_the_recipe_makes_the_scores_byte_for_byte(tmp_path):
    made = recipe("midi/pieces.py")
    assert {f"{name}.mid" for name in made.PIECES} == {p.relative_to(SCORES).as_posix() for p in PIECES}
    for name, piece in made.PIECES.items():
        made.write(piece(), tmp_path / "x.mid")
        assert (tmp_path / "x.mid").read_bytes() == (SCORES / f"{name}.mid").read_bytes()


def test_a_bar_of_another_length_is_an_error():
    notation = recipe("midi/notation.py")
    for text in ["c4/4 c4 c4", "c4/4 c4 c4 c4 c4", "h4/4"]:
        piece = notation.Piece("x", 0, False, (4, 4), {0: 60}, [])
        with pytest.raises(ValueError, match="x, bar 0"):
            notation.notes(notation.Voice(text), piece)


def test_the_fonts_readme_names_its_programs_and_its_licence():
    text = (FONT / "README.md").read_text()
    rows = re.findall(r"^\| (\d+), ([\d, and]+) \|", text, re.M)
    named = {(int(bank), int(p)) for bank, programs in rows for p in re.findall(r"\d+", programs)}
    assert named == set(load(FONT / "piano_and_more.sf2").presets)
    assert "Frank Wen" in text
    assert "Permission is hereby" in text


@pytest.mark.slow
def test_the_recipe_makes_the_font_byte_for_byte():
    made = recipe("soundfont/make.py")
    if not made.SOURCE.exists():
        pytest.skip("FluidR3 GM isn't installed")
    assert made.encode(made.make()) == (FONT / "piano_and_more.sf2").read_bytes()
