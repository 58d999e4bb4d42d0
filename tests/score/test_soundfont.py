"""SoundFonts built byte by byte: which zone plays what, how generators add up, and what broken files say."""

import io

import numpy as np
import pytest
import soundfile as sf
from sf2bytes import chunk, font, span

from noiseprobe.config import PACKAGE
from noiseprobe.errors import NoiseprobeError
from noiseprobe.score.soundfont import SoundFont

BUNDLED = PACKAGE / "assets/soundfont/piano_and_more.sf2"


RAMP = np.arange(1000)
ONE = [(RAMP, 32_000, 60, 100, 900)]


@pytest.fixture
def plain(tmp_path):
    """One preset per (bank, program), all of the same sound."""

    def make(*numbers):
        return SoundFont(font(tmp_path / "x.sf2", [(b, p, [[(41, 0)]]) for b, p in numbers], [[[(53, 0)]]], ONE))

    return make


def only(path, *args):
    (zone,) = SoundFont(path).zones(*(args or (0, False, 60, 80)))
    return zone


# Zones


def test_a_zone_with_nothing_set_has_the_standards_defaults(plain):
    (zone,) = plain((0, 0)).zones(0, False, 60, 80)
    assert (zone.keys, zone.velocities, zone.rate, zone.root, zone.scale, zone.tune) == ((0, 127),) * 2 + (
        32_000,
        60,
        1,
        0,
    )
    assert (zone.pan, zone.attenuation, zone.cutoff, zone.loop, zone.exclusive) == (0, 0, None, None, 0)
    assert (zone.delay, zone.attack, zone.hold, zone.decay, zone.sustain, zone.release) == (0,) * 6
    np.testing.assert_array_equal(zone.samples, RAMP)


def test_presets_add_to_what_instruments_and_their_global_zones_set(tmp_path):
    presets = [(0, 0, [[(48, 50), (43, span(20, 90))], [(48, 100), (44, span(1, 99)), (51, 1), (41, 0)]])]
    shared = [(17, 250), (38, 1200), (34, 0), (43, span(40, 127)), (57, 3)]
    own = [
        (43, span(10, 70)),
        (48, 40),
        (36, 1200),
        (37, 200),
        (8, 6900),
        (9, 60),
        (52, -25),
        (58, 64),
        (46, 61),
        (53, 0),
    ]
    zone = only(font(tmp_path / "x.sf2", presets, [[shared, own]], ONE))
    assert (zone.keys, zone.velocities) == ((20, 70), (1, 99))  # the zone's own range counts, not the global one's
    assert zone.attenuation == pytest.approx(0.4 * (4 + 10))
    assert (zone.pan, zone.root, zone.tune, zone.exclusive) == (0.25, 64, 0.75, 3)
    assert (zone.attack, zone.decay, zone.sustain, zone.release) == (1, 2, 20, 2)
    assert zone.cutoff == pytest.approx(440, rel=1e-4)
    assert (zone.resonance, zone.as_key, zone.as_velocity) == (6, 61, None)


def test_loops_and_offsets_go_by_the_samples_that_are_left(tmp_path):
    own = [(0, 50), (1, -50), (2, 10), (3, -10), (54, 1), (53, 0)]
    zone = only(font(tmp_path / "x.sf2", [(0, 0, [[(41, 0)]])], [[own]], ONE))
    np.testing.assert_array_equal(zone.samples, RAMP[50:950])
    assert zone.loop == (60, 840)


@pytest.mark.parametrize("loop", [(900, 100), (100, 2000), (5, 5)])
def test_a_loop_that_is_none_is_left_out(tmp_path, loop):
    zone = only(font(tmp_path / "x.sf2", [(0, 0, [[(41, 0)]])], [[[(54, 1), (53, 0)]]], [(RAMP, 32_000, 60, *loop)]))
    assert zone.loop is None


def test_all_zones_for_a_note_and_else_the_nearest(tmp_path):
    zones = [
        [(43, span(20, 40)), (44, span(1, 63)), (53, 0)],
        [(43, span(20, 40)), (44, span(64, 127)), (53, 0)],
        [(43, span(20, 40)), (44, span(64, 127)), (17, 100), (53, 0)],
        [(43, span(60, 80)), (44, span(64, 127)), (53, 0)],
    ]
    made = SoundFont(font(tmp_path / "x.sf2", [(0, 0, [[(41, 0)]])], [zones], ONE))

    def which(key, velocity):
        return [(z.keys[0], z.velocities[0], z.pan) for z in made.zones(0, False, key, velocity)]

    assert which(30, 10) == [(20, 1, 0)]
    assert which(30, 90) == [(20, 64, 0), (20, 64, 0.1)]
    assert which(45, 90) == [(20, 64, 0), (20, 64, 0.1)]  # nearer than 60
    assert which(55, 90) == which(127, 10) == [(60, 64, 0)]


def test_compressed_samples_are_decoded(tmp_path):
    tone = (8000 * np.sin(np.arange(32_000) * 0.05)).astype("<i2")
    file = io.BytesIO()
    sf.write(file, tone, 32_000, format="OGG", subtype="VORBIS")
    smpl = file.getvalue()
    samples = [(0, len(smpl), 100, 900, 32_000, 60, 0, 0x11)]
    zone = only(font(tmp_path / "x.sf3", [(0, 0, [[(41, 0)]])], [[[(54, 1), (53, 0)]]], samples, smpl))
    assert zone.loop == (100, 900)
    assert len(zone.samples) == len(tone)
    assert np.corrcoef(zone.samples, tone)[0, 1] > 0.99


# Stand-ins


@pytest.mark.parametrize(
    ("there", "asked", "plays"),
    [
        ([0, 24, 27, 30], 27, 27),
        ([0, 24, 27, 30], 25, 24),
        ([0, 24, 27, 30], 28, 27),
        ([0, 24, 30], 27, 24),  # as near as 30, and lower
        ([0, 24, 30], 29, 30),
        ([0, 24], 40, 0),
        ([9, 24], 40, 9),
    ],
)
def test_a_program_that_isnt_there_is_played_by_its_nearest_relative(plain, there, asked, plays):
    made = plain(*[(0, p) for p in there], (128, 0), (5, asked))  # other banks don't count
    assert made.stand_in(asked, False) == (0, plays)


@pytest.mark.parametrize(("kits", "asked", "plays"), [([0, 8], 8, 8), ([0, 8], 9, 0), ([16], 0, 16), ([5, 3], 9, 3)])
def test_a_kit_that_isnt_there_is_the_standard_one(plain, kits, asked, plays):
    assert plain((0, 0), *[(128, k) for k in kits]).stand_in(asked, True) == (128, plays)


def test_drums_are_no_melody_and_a_melody_no_drums(plain):
    with pytest.raises(LookupError, match="drums"):
        plain((0, 0)).stand_in(0, True)
    with pytest.raises(LookupError, match="instruments"):
        plain((128, 0)).stand_in(0, False)


# Files that are no SoundFonts


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "doesn't begin like one"),
        (b"RIFF\0\0\0\0WAVE", "doesn't begin like one"),
        (BUNDLED.read_bytes()[:1000], "cut off"),
        (chunk(b"RIFF", b"sfbk"), "no phdr chunk"),
    ],
)
def test_another_file_is_refused_with_the_reason(tmp_path, content, message):
    (tmp_path / "x.sf2").write_bytes(content)
    with pytest.raises(NoiseprobeError, match=message) as caught:
        SoundFont(tmp_path / "x.sf2")
    assert "data.soundfont" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_preset_that_is_broken_is_refused_with_the_reason(tmp_path):
    for instruments, samples in [([[[(53, 7)]]], ONE), ([[[(53, 0)]]], [(RAMP[:0], 32_000, 60)]), ([[]], ONE)]:
        made = SoundFont(font(tmp_path / "x.sf2", [(0, 0, [[(41, 0)]])], instruments, samples))
        with pytest.raises(NoiseprobeError, match=r"preset \(0, 0\)"):
            made.zones(0, False, 60, 80)
