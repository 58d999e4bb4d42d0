"""Keys: signatures, and estimates on music whose key is known."""

import pytest
from midibytes import excerpt

from noiseprobe.config import PACKAGE
from noiseprobe.score import read
from noiseprobe.score.keys import ALL, estimate, of_signature

MAJOR, HARMONIC_MINOR = [0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 11]
KEYS = {
    "prelude_bwv846": (0, "major"), "minuet_bwv_anh114": (7, "major"), "sonatina_op36_1_1": (0, "major"),
    "fuer_elise_woo59": (9, "minor"), "prelude_op28_7": (9, "major"), "gymnopedie_1": (2, "major"),
}  # fmt: skip
SIGNATURES = {
    0: (0, 9), 1: (7, 4), 2: (2, 11), 3: (9, 6), 4: (4, 1), 5: (11, 8), 6: (6, 3), 7: (1, 10),
    -1: (5, 2), -2: (10, 7), -3: (3, 0), -4: (8, 5), -5: (1, 10), -6: (6, 3), -7: (11, 8),
}  # fmt: skip


@pytest.mark.parametrize("sharps", range(-7, 8))
def test_signatures_as_in_the_circle_of_fifths(sharps):
    assert of_signature(sharps, False) == (SIGNATURES[sharps][0], "major")
    assert of_signature(sharps, True) == (SIGNATURES[sharps][1], "minor")


@pytest.mark.parametrize("key", ALL)
def test_a_scale_with_its_triad_is_in_its_key(key):
    tonic, mode = key
    steps = MAJOR if mode == "major" else HARMONIC_MINOR
    notes = [(i, 1.0, 48 + tonic + s, 80) for i, s in enumerate([*steps, 12, 0, steps[2], steps[4]])]
    assert estimate(excerpt(*notes).parts) == key


def test_drums_and_silence_say_nothing():
    drums = excerpt(*[(i, 1.0, 37, 80) for i in range(9)], is_drum=True)
    assert estimate(drums.parts) == estimate([]) == (0, "major")


def test_candidates():
    notes = excerpt(*[(i, 1.0, 60 + s, 80) for i, s in enumerate(MAJOR)])
    assert estimate(notes.parts, [(1, "major"), (9, "minor")]) == (9, "minor")


@pytest.mark.parametrize("path", sorted((PACKAGE / "assets/midi").rglob("*.mid")), ids=lambda p: p.stem)
def test_the_embedded_pieces(path):
    """By their signatures, and by their notes alone."""
    song = read.song(path)
    assert read.excerpt(path, 0.0, 15.0).key == KEYS[path.stem]
    assert estimate(song.parts) == KEYS[path.stem]
