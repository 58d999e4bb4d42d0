"""Six piano pieces, typed for noiseprobe from scores that are in the public domain.

    .venv/bin/python recipes/midi/pieces.py

writes noiseprobe/assets/midi. Ornament signs and repeats are left out. Tempo, levels and the pedal where none is
printed are ours.
"""

from fractions import Fraction
from pathlib import Path

from notation import Piece, Voice, write

TARGET = Path(__file__).resolve().parents[2] / "noiseprobe/assets/midi"


def prelude() -> Piece:
    """J. S. Bach, Prelude in C major, BWV 846: two equal halves of five notes in bars 1 to 32."""
    harmony = """
        c4 e4 g4 c5 e5 | c4 d4 a4 d5 f5 | b3 d4 g4 d5 f5 | c4 e4 g4 c5 e5 | c4 e4 a4 e5 a5 | c4 d4 f#4 a4 d5
        b3 d4 g4 d5 g5 | b3 c4 e4 g4 c5 | a3 c4 e4 g4 c5 | d3 a3 d4 f#4 c5 | g3 b3 d4 g4 b4 | g3 bb3 e4 g4 c#5
        f3 a3 d4 a4 d5 | f3 ab3 d4 f4 b4 | e3 g3 c4 g4 c5 | e3 f3 a3 c4 f4 | d3 f3 a3 c4 f4 | g2 d3 g3 b3 f4
        c3 e3 g3 c4 e4 | c3 g3 bb3 c4 e4 | f2 f3 a3 c4 e4 | f#2 c3 a3 c4 eb4 | ab2 f3 b3 c4 d4 | g2 f3 g3 b3 d4
        g2 e3 g3 c4 e4 | g2 d3 g3 c4 f4 | g2 d3 g3 b3 f4 | g2 eb3 a3 c4 f#4 | g2 e3 g3 c4 g4 | g2 d3 g3 c4 f4
        g2 d3 g3 b3 f4 | c2 c3 g3 bb3 e4
    """
    bars = [bar.split() for bar in harmony.replace("\n", "|").split("|") if bar.strip()]
    upper = [f"r/8 {c}/16 {d} {e} {c} {d} {e} " * 2 for _, _, c, d, e in bars]
    middle = [f"r/16 {b}/8.~ {b}/4 " * 2 for _, b, _, _, _ in bars]
    bass = [f"{a}/2 {a}" for a, _, _, _, _ in bars]
    upper += [
        "r/8 f3/16 a3 c4 f4 c4 a3 c4 a3 f3 a3 f3 d3 f3 d3",
        "r/8 g4/16 b4 d5 f5 d5 b4 d5 b4 g4 b4 d4 f4 e4 d4",
        "e4+g4+c5/1",
    ]
    middle += ["r/16 c3/8.~ c3/2.", "r/16 b2/8.~ b2/2.", "c3/1"]
    bass += ["c2/1", "c2/1", "c2/1"]
    swell = {0: 62, 4: 68, 7: 60, 11: 68, 18: 58, 22: 66, 28: 74, 31: 62, 33: 56}
    softer = {bar: level - 8 for bar, level in swell.items()}
    return Piece(
        "Bach: Prelude in C major, BWV 846", 0, False, (4, 4), {0: 69, 128: 63, 136: 54},
        [Voice(" | ".join(upper), swell), Voice(" | ".join(middle), softer), Voice(" | ".join(bass), swell)],
    )  # fmt: skip


def minuet() -> Piece:
    """C. Petzold, Minuet in G major, BWV Anh. 114; the appoggiatura of bar 8 as a quarter note."""
    right = """
        d5/4 g4/8 a4 b4 c5 | d5/4 g4 g4 | e5/4 c5/8 d5 e5 f#5 | g5/4 g4 g4 | c5/4 d5/8 c5 b4 a4 | b4/4 c5/8 b4 a4 g4
        | f#4/4 g4/8 a4 b4 g4 | b4/4 a4/2
        | d5/4 g4/8 a4 b4 c5 | d5/4 g4 g4 | e5/4 c5/8 d5 e5 f#5 | g5/4 g4 g4 | c5/4 d5/8 c5 b4 a4 | b4/4 c5/8 b4 a4 g4
        | a4/4 b4/8 a4 g4 f#4 | g4/2.
        | b5/4 g5/8 a5 b5 g5 | a5/4 d5/8 e5 f#5 d5 | g5/4 e5/8 f#5 g5 d5 | c#5/4 b4/8 c#5 a4/4 | a4/8 b4 c#5 d5 e5 f#5
        | g5/4 f#5 e5 | f#5 a4 c#5 | d5/2.
        | d5/4 g4/8 f#4 g4/4 | e5 g4/8 f#4 g4/4 | d5 c5 b4 | a4/8 g4 f#4 g4 a4/4 | d4/8 e4 f#4 g4 a4 b4 | c5/4 b4 a4
        | b4/8 d5 g4/4 f#4 | b3+d4+g4/2.
    """
    left = """
        g3+b3+d4/2 a3/4 | b3/2. | c4 | b3 | a3 | g3 | d4/4 b3 g3 | d4 d3/8 c4 b3 a3
        | b3/2 a3/4 | g3 b3 g3 | c4/2. | b3/4 c4/8 b3 a3 g3 | a3/2 f#3/4 | g3/2 b3/4 | c4 d4 d3 | g3/2 g2/4
        | g3/2. | f#3 | e3/4 g3 e3 | a3/2 a2/4 | a3/2. | b3/4 d4 c#4 | d4 f#3 a3 | d4 d3 c4
        | b3/2 b3/4 | c4/2 c4/4 | b3 a3 g3 | d4/2 r/4 | d3/2~ d3+f#3/4 | e3 g3 f#3 | g3 b2 d3 | g3 d3 g2
    """
    inner = " | ".join(["r/2."] * 24 + ["r/4 d4/2", "r/4 e4/2"] + ["r/2."] * 6)
    level = {0: 74, 8: 66, 16: 78, 24: 68, 28: 76}
    softer = {bar: value - 10 for bar, value in level.items()}
    return Piece(
        "Petzold: Minuet in G major, BWV Anh. 114", 1, False, (3, 4), {0: 126, 93: 108},
        [Voice(right, level), Voice(left, softer), Voice(inner, 60)],
    )  # fmt: skip


def sonatina() -> Piece:
    """M. Clementi, Sonatina in C major, op. 36 no. 1, first movement."""
    right = """
        c5/4 e5/8 c5 g4/4 g4 | c5 e5/8 c5 g4/4 g5 | f5/8 e5 d5 c5 b4 c5 b4 c5 | d5 c5 b4 a4 g4/4 r
        | c5 e5/8 c5 g4/4 g4 | e5 g5/8 e5 c5/4 e5/8 c5 | d5 b4 c5 a4 b4 g4 a4 f#4 | g4 a4 b4 c5 d5 e5 f#5 g5
        | a4/4 a5 a5 a5 | b4/8 c5 d5 e5 f#5 g5 a5 b5 | c5/4 c6 c6 c6 | d5/8 g5 b5 d6 c6 b5 a5 g5
        | f#5 e5 g5 f#5 a5 g5 f#5 e5 | e5 d5 c5 b4 d5 c5 b4 a4 | g4/2 r
        | b4/4 d5/8 b4 g4/4 g4 | c5 eb5/8 c5 g4/4 g5 | f5 d5 eb5 c5 | b4/8 c5 d5 b4 g4/4 g4
        | g5/8 g4 g5 g4 g5 g4 g5 g4 | g5 g4 g5 g4 g5 g4 g5 g4 | d5 eb5 f5 d5 f5 eb5 d5 c5 | b4+g5/4 r r/2
        | c4/4 e4/8 c4 g3/4 g3 | c4 e4/8 c4 g3/4 g4 | f4/8 e4 d4 c4 b3 c4 b3 c4 | d4 c4 b3 a3 g3/4 r
        | c4 g3/8 c4 e4/4 e4 | e4 c4/8 e4 g4/4 c5 | e4+g4 d4+f4 c4+e4 b3+d4 | c4/8 d4 e4 f4 g4 a4 b4 c5
        | d4/4 d5 d5 d5 | e4/8 f4 g4 a4 b4 c5 d5 e5 | f4/4 f5 f5 f5 | g4/8 c5 e5 g5 f5 e5 d5 c5
        | a5 g5 f5 e5 d5 c5 b4 a4 | g4 a4 f4 g4 e4 f4 d4 e4 | c4/4 r r/2
    """
    left = """
        c3/4 r r/2 | c3/4 r r/2 | c3/4 r c3 r | g2 r g3/8 f3 e3 d3
        | c3/4 r r/2 | c4/4 r r f#3 | g3 c3 d3 d2 | g2 r r/2
        | f#3/8 d4 a3 d4 f#3 d4 a3 d4 | g3/4 r r/2 | a3/8 d4 c4 d4 a3 d4 c4 d4 | b3/4 r r/2
        | c4/4 r c3 r | d3 r d2 r | g2/8 b2 d3 g3 g2/4 r
        | f4/1 | eb4 | b3/2 c4 | g3 r
        | f4/4 g3 d4 g3 | eb4 g3 c4 g3 | b3 r c4 r | g3 g2 g3/8 f3 e3 d3
        | c3/4 r r/2 | c3/4 r r/2 | c3/4 r c3 r | g2 r g2/8 f2 e2 d2
        | c2/4 r r/2 | c3/4 r r/2 | g3/4 r g2 r | c3 r r/2
        | b2/8 g3 d3 g3 b2 g3 d3 g3 | c3/4 r r/2 | d3/8 g3 f3 g3 d3 g3 f3 g3 | e3/4 r r/2
        | f3/4 r f3 r | g3 r g2 r | c2/8 e2 g2 c3 c2/4 r
    """
    level = {0: 82, 4: 64, 8: 80, 12: 72, 15: 62, 19: 76, 23: 84, 27: 66, 31: 80, 35: 86}
    softer = {bar: value - 8 for bar, value in level.items()}
    return Piece(
        "Clementi: Sonatina in C major, op. 36 no. 1, 1st movement", 0, False, (4, 4), {0: 152},
        [Voice(right, level), Voice(left, softer)],
    )  # fmt: skip


def elise() -> Piece:
    """L. van Beethoven, Bagatelle in A minor, WoO 59 (Fuer Elise): the first 22 bars, the first eight of them twice."""
    turn = "e5/16 d#5 e5 b4 d5 c5 | a4/8 r/16 c4 e4 a4 | b4/8 r/16 e4 g#4 b4"
    again = f"c5/8 r/16 e4 e5 d#5 | {turn.replace('g#4 b4', 'c5 b4')}"
    theme = f"{turn} | {again}"
    right = f"""
        e5/16 d#5 | {theme} | a4/4 e5/16 d#5 | {theme} | a4/8 r/16 b4 c5 d5
        | e5/8. g4/16 f5 e5 | d5/8. f4/16 e5 d5 | c5/8. e4/16 d5 c5 | b4/8 r/16 e4 e5 r | r e5 e6 r r d#5
        | e5/8 r/16 d#5 e5 d#5 | {theme} | a4/4.
    """
    low, high = "a2/16 e3 a3 r r/8", "e2/16 e3 g#3 r r/8"
    steps = f"r/4. | {low} | {high} | {low} | r/4. | {low} | {high}"
    left = f"""
        r/8 | {steps} | {low} | {steps} | {low} | c3/16 g3 c4 r r/8 | g2/16 g3 b3 r r/8 | {low}
        | e2/16 e3 e4 r r e4 | e5 r r d#5 e5 r | r d#5 e5 r r/8 | {steps} | a2/16 e3 a3/4
    """
    level = {0: 58, 17: 66, 21: 54, 25: 60}
    softer = {bar: value - 6 for bar, value in level.items()}
    bar, upbeat = Fraction(3, 2), Fraction(1, 2)
    # as printed: down with the left hand's figure, up with the third beat
    figures = [1, 2, 3, 5, 6, 9, 10, 11, 13, 14, 16, 17, 18, 24, 25, 26, 28, 29]
    pedal = [(upbeat + bar * n, upbeat + bar * n + 1) for n in figures]
    return Piece(
        "Beethoven: Fuer Elise, WoO 59, bars 1 to 22", 0, True, (3, 8), {0: 66, 43: 60, 45: 50},
        [Voice(right, level), Voice(left, softer)], pedal, upbeat,
    )  # fmt: skip


def chopin() -> Piece:
    """F. Chopin, Prelude in A major, op. 28 no. 7; without the grace note of bar 15."""
    right = """
        e4/4 | c#5/8. d5/16 d4+g#4+b4/4 d4+g#4+b4 | d4+g#4+b4/2 d5+f#5/4
        | b#4+d#5/8. c#5+e5/16 c#5+a5/4 c#5+a5 | c#5+a5/2 e4+c#5/4
        | a#4/8. b4/16 f#4+d5/4 f#4+d5 | f#4+d5/2 d4+g#4/4
        | d4+g#4/8. c#4+a4/16 c#4+c#5/4 c#4+c#5 | c#4+c#5/2 r/4
        | c#5/8. d5/16 g#4+b4/4 g#4+b4 | d4+g#4+b4/2 d5+f#5/4
        | b#4+d#5/8. r/16 a5+c#6/4 a5+c#6 | a#4+c#5+e5+a#5+c#6/2 a#4+c#5/4
        | a#4+c#5/8. b4+d5/16 b4+f#5/4 a4+f#5 | g#4+f#5/2 d4+g#4/4
        | d4+b4/8. c#4+a4/16 c#5+a5/4 c#5+a5 | c#5+a5/2 r/4
    """
    # what is held below or inside the melody
    inner = """
        r/4 | r/2. | r | r | r | c#4/8. d4/16~ d4/2~ | d4/2 r/4 | r/2. | r/2 e4/4~ | e4+g#4/4 d4 d4 | r/2.
        | r/8. c#5+e5/16~ c#5+e5/2 | r/2. | r | r | r/4 a4/2~ | a4/2 r/4
    """
    left = """
        r/4 | e2 e3+e4 e3+e4 | e3+e4/2 r/4 | a2 a3+e4 a3+e4 | a3+e4/2 r/4 | e2 e3+b3 e3+b3 | e3+b3/2 r/4
        | a1 e3+a3+e4 e3+a3+e4 | e3+a3+e4/2 r/4 | e2 e3+e4 e3+e4 | e3+e4/2 r/4
        | a2 a3+e4+a4 a3+e4+a4 | f#3+c#4+e4+f#4/2 r/4 | b1 f#3+d4 f#3+b3+d4 | e3+b3+d4/2 r/4
        | a1 e3+a3+e4 a3+e4 | a3+e4/2 r/4
    """
    level = {0: 56, 9: 60, 11: 74, 12: 70, 13: 58, 15: 50}
    softer = {bar: value - 6 for bar, value in level.items()}
    spans = [(1, 6), (7, 12), (13, 18), (19, 24), (25, 30), (31, 33), (34, 36), (37, 39), (40, 42), (43, 48)]
    pedal = [(Fraction(down), Fraction(up)) for down, up in spans]
    return Piece(
        "Chopin: Prelude in A major, op. 28 no. 7", 3, False, (3, 4), {0: 72, 33: 63, 37: 70, 43: 58},
        [Voice(right, level), Voice(inner, softer), Voice(left, softer)], pedal, Fraction(1),
    )  # fmt: skip


def gymnopedie() -> Piece:
    """E. Satie, Gymnopedie no. 1: the first time through, bars 1 to 39."""
    melody = """
        r/2. | r | r | r | r/4 f#5 a5 | g5 f#5 c#5 | b4 c#5 d5 | a4/2. | f#4~ | f#4~ | f#4~ | f#4
        | r/4 f#5 a5 | g5 f#5 c#5 | b4 c#5 d5 | a4/2. | c#5 | f#5 | e4~ | e4~ | e4
        | a4/4 b4 c5 | e5 d5 b4 | d5 c5 b4 | d5/2.~ | d5/2 d5/4 | e5 f5 g5 | a5 c5 d5 | e5 d5 b4 | d5/2.~ | d5/2 d5/4
        | g5/2. | f#5 | b4/4 a4 b4 | c#5 d5 e5 | c#5 d5 e5 | f#4/2. | c4+e4+a4+c5 | d4+f#4+a4+d5
    """
    first, second = "r/4 b3+d4+f#4/2", "r/4 a3+c#4+f#4/2"
    chords = [first, second] * 8
    chords += [
        "r/4 a3+c#4+f#4/2", "r/4 b3+d4+f#4/2", "r/4 g3+b3/2", "r/4 b3+d4+g4/2", "r/4 f3+a3+d4/2", "r/4 a3+c4+e4/2",
        "r/4 g3+b3+e4/2", "r/4 d3+g3+b3+e4/2", "r/4 c3+e3+a3+d4/2", "r/4 c3+f#3+a3+d4/2", "r/4 a3+c4+f4/2",
        "r/4 a3+c4+e4/2", "r/4 d3+g3+b3+e4/2", "r/4 c3+e3+a3+d4/2", "r/4 c3+f#3+a3+d4/2", "r/4 b3+e4+g4/2",
        "r/4 a3+c#4+f#4/2", "r/4 b3+d4+f#4/2", "r/4 c#4+e4+a4/2", "r/4 a3+c#4+f#4+a4/2", "r/4 a3+d4 b3+d4+g4", "r/2.",
        "r/2.",
    ]  # fmt: skip
    bass = ["g2", "d2"] * 8 + ["f#2", "b1", "e2", "e2", "d2", "a1"] + ["d2"] * 9
    bass += ["e2", "f#2", "b1", "e2", "e2", "e2", "a2+g3", "d2+a2+d3"]
    tenor = " | ".join(["r/2."] * 36 + ["r/4 b2 e3", "r/2.", "r/2."])
    level = {0: 62, 21: 66, 24: 60, 31: 70, 36: 58}
    softer = {bar: value - 12 for bar, value in level.items()}
    pedal = [(Fraction(3 * bar), Fraction(3 * bar + 3)) for bar in range(39)]
    low = " | ".join(f"{notes}/2." for notes in bass)
    voices = [Voice(melody, level), Voice(" | ".join(chords), softer), Voice(tenor, 50), Voice(low, softer)]
    return Piece("Satie: Gymnopedie no. 1, bars 1 to 39", 2, False, (3, 4), {0: 72, 108: 66}, voices, pedal)


PIECES = {
    "bach/prelude_bwv846": prelude, "petzold/minuet_bwv_anh114": minuet, "clementi/sonatina_op36_1_1": sonatina,
    "beethoven/fuer_elise_woo59": elise, "chopin/prelude_op28_7": chopin, "satie/gymnopedie_1": gymnopedie,
}  # fmt: skip


if __name__ == "__main__":
    for name, piece in PIECES.items():
        path = TARGET / f"{name}.mid"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(piece(), path)
        print(path.relative_to(TARGET), path.stat().st_size, "bytes")
