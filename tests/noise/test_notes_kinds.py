"""What all kinds that change notes promise: loudness, length, what comes before the first changed note, determinism."""

import dataclasses
import hashlib
import importlib
import subprocess
import sys
from pathlib import Path

import notehearing
import numpy as np
import pyloudnorm
import pytest
from notehearing import SOUNDFONT, WHOLE, heard, random_score, spans, written
from running import composed

from noiseprobe.config import check
from noiseprobe.errors import NoiseprobeError
from noiseprobe.noise.base import CannotCorrupt
from noiseprobe.score.render import Renderer
from noiseprobe.variants import Span

KINDS = ["notes_delete", "notes_pitch", "notes_velocity", "notes_rhythm", "notes_tempo", "notes_structure"]
OPTIONS = {"notes_structure": {"unit": "beat"}}
PIECE = notehearing.MIDI / "clementi/sonatina_op36_1_1.mid"
RATE, HOP = 16_000, 320


class Played(Renderer):
    """At the level that it happens to have."""

    def gain(self, audio, sample_rate):
        return 1.0


def module(kind):
    return importlib.import_module(f"noiseprobe.noise.{kind}")


def corrupted(kind, clip, where, seed=0, **keys):
    before = clip.audio.tobytes()
    own = module(kind).Options(**OPTIONS.get(kind, {}) | keys)
    made = module(kind).corrupt(clip, where, notehearing.draws(kind, seed), own)
    assert clip.audio.tobytes() == before
    assert not np.shares_memory(made.audio, clip.audio)
    assert (made.audio.dtype, made.audio.shape) == (np.float32, clip.audio.shape)
    assert made.audio.flags.c_contiguous
    assert made.recode is None
    return made


def piece(player=Renderer, channels=1, path=PIECE):
    return heard(path, 10.0, 4.0, channels, player(SOUNDFONT, -23.0), RATE, HOP)


PLACE = spans((1.5, 3.5), rate=RATE, hop=HOP)


def test_what_they_declare():
    for kind in KINDS:
        assert module(kind).CHANGES == "score"
        assert module(kind).WHOLE is (kind != "notes_tempo")


@pytest.mark.parametrize("kind", KINDS)
def test_over_the_whole_clip_both_are_equally_loud_and_long(kind):
    for channels in [1, 2]:
        clip = piece(channels=channels)
        whole = [Span(0.0, 0, clip.audio.shape[1], 0, clip.frames)]
        made = corrupted(kind, clip, whole)
        meter = pyloudnorm.Meter(RATE, filter_class="DeMan")  # the standard's own filters
        levels = [meter.integrated_loudness(a.T.astype(float)) for a in (clip.audio, made.audio)]
        assert levels == pytest.approx([-23, -23], abs=0.01)
        assert made.measured.music_db is not None
        assert made.measured.over_full_scale == int((np.abs(made.audio) > 1).sum())


@pytest.mark.parametrize("kind", KINDS)
def test_before_a_span_in_part_of_the_clip_samples_are_the_clean_ones(kind):
    for channels in [1, 2]:
        clip = piece(channels=channels)
        made = corrupted(kind, clip, PLACE)
        assert made.audio[:, :24_000].tobytes() == clip.audio[:, :24_000].tobytes()
        assert clip.audio[:, :24_000].any()
        assert (made.audio[:, 24_000:] != clip.audio[:, 24_000:]).any()


def test_a_deleted_note_takes_its_own_sound_and_nothing_else():
    clip = piece(Played)
    made = corrupted("notes_delete", clip, PLACE, notes=0.5)
    rest = corrupted("notes_delete", clip, PLACE, notes=1.0)
    # the sound of those that went under 0.5 and of those that didn't add up to that of all
    assert not np.allclose(made.audio, rest.audio, atol=1e-3)
    from noiseprobe.noise.tools import notes_share, score

    every = score.excerpt(clip)
    gone = notes_share.chosen(clip, every, PLACE, notehearing.draws("notes_delete"), 0.5)
    alone = clip.renderer.play(score.only(every, gone), RATE, 1, 4.0)
    assert made.audio + alone == pytest.approx(clip.audio, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_span_of_length_0_changes_nothing(tmp_path, kind):
    clip = heard(random_score(tmp_path, 1))
    made = corrupted(kind, clip, spans((2, 2)))
    assert made.audio.tobytes() == clip.audio.tobytes()
    assert made.frame_map is None or made.frame_map.tolist() == list(range(300))
    assert (made.measured.noise_db, made.measured.music_db, made.measured.over_full_scale) == (None, None, 0)
    both = corrupted(kind, clip, spans((1, 1), (2, 4)))
    assert both.audio.tobytes() == corrupted(kind, clip, spans((2, 4))).audio.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_no_note_that_could_change_is_a_rejection(tmp_path, kind):
    path = written(tmp_path / "a.mid", [(0, 1, 60, 60), (1, 0.5, 62, 61)])
    with pytest.raises(CannotCorrupt):
        corrupted(kind, heard(path), spans((2.0, 4.0)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_from_the_middle_of_a_file_and_one_that_ends_within_a_frame(tmp_path, kind):
    path = random_score(tmp_path, 4)
    clip = heard(path, 3.21, 4.013, 2)
    made = corrupted(kind, clip, spans((0.5, 3.0)))
    assert made.audio[0].tobytes() == made.audio[1].tobytes()
    assert (made.audio != clip.audio).any()
    changed = (made.audio != clip.audio).any(0).nonzero()[0]
    assert changed.min() >= 4000
    if kind not in ["notes_tempo"]:
        assert changed.max() < 24_000 + 160


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_clips_and_kinds_draw_their_own(tmp_path, kind):
    path = random_score(tmp_path, 4)
    made = [corrupted(kind, heard(path), WHOLE if kind != "notes_tempo" else spans((1, 3)), s).audio for s in (1, 1, 2)]
    assert made[0].tobytes() == made[1].tobytes()
    assert (made[0].tobytes() == made[2].tobytes()) == (kind == "notes_tempo")


def digests():
    found = []
    for kind in KINDS:
        audio = corrupted(kind, piece(), PLACE).audio
        found.append(f"{kind} {hashlib.sha256(audio.tobytes()).hexdigest()}")
    return found


def test_the_same_bytes_in_another_process():
    here, tests = Path(__file__).resolve().parent, Path(__file__).resolve().parents[1]
    script = (
        f"import sys; sys.path[:0] = ['{tests}', '{here}']\nimport test_notes_kinds as t\nprint(*t.digests(), sep='|')"
    )
    there = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True)
    assert there.stdout.strip().split("|") == digests()


@pytest.mark.parametrize("kind", KINDS)
def test_yaml_and_options_agree(kind):
    own = check(composed(f"noise={kind}", "data=midi")).noise
    assert own.options == module(kind).Options()
    assert [v.length for v in own.variants] == ([0.1, 0.2, 1, 2, 3, 4] if kind == "notes_tempo" else [None])
    assert all(isinstance(v, int | float | str) for v in dataclasses.asdict(own.options).values())


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("notes_delete noise.notes=0", "noise.notes: got 0, expected a number above 0 and of at most 1"),
        ("notes_delete noise.notes=1.1", "noise.notes: got 1.1, expected a number above 0 and of at most 1"),
        ("notes_velocity noise.notes=null", "noise.notes: got null, expected a number above 0"),
        ("notes_velocity noise.range=0", "noise.range: got 0, expected a whole number of at least 1"),
        ("notes_velocity noise.range=127", "noise.range: got 127, expected at most 126 steps of velocity"),
        ("notes_pitch noise.semitones=13", "noise.semitones: got 13, expected at most 12"),
        ("notes_pitch noise.scale=up", "noise.scale: got up, expected one of in, out"),
        ("notes_rhythm noise.mode=odd", "noise.mode: got odd, expected one of jitter, even"),
        ("notes_rhythm noise.beats=0", "noise.beats: got 0, expected a number of at least 0.01 and of at most 4"),
        ("notes_rhythm noise.mode=even noise.beats=1", "noise.beats: got 1.0, expected its default, 0.25"),
        ("notes_tempo noise.rate=0.2", "noise.rate: got 0.2, expected a number of at least 0.25 and of at most 4"),
        ("notes_tempo noise.rate=5", "noise.rate: got 5, expected a number of at least 0.25 and of at most 4"),
        ("notes_structure noise.unit=page", "noise.unit: got page, expected one of bar, beat"),
        ("notes_structure noise.size=0", "noise.size: got 0, expected a whole number of at least 1"),
        ("notes_structure noise.order=back", "noise.order: got back, expected one of shuffle, adjacent, far"),
        ("notes_delete data=demo", "noise.kind: got notes_delete, expected a kind that works on audio"),
    ],
)  # fmt: skip
def test_wrong_values_are_refused(overrides, message):
    kind, *rest = overrides.split()
    with pytest.raises(NoiseprobeError) as error:
        check(composed(f"noise={kind}", *(["data=midi"] if "data=demo" not in rest else []), *rest))
    assert str(error.value).startswith(message)
