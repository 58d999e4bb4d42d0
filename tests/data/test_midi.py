"""A folder of MIDI files: which clips it gives, that no bad file is lost or stops the rest, and how clips sound."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import torchaudio
from midibytes import control, midi, off, on, program, scale, tempo, track
from running import composed

from noiseprobe import config
from noiseprobe.config import PACKAGE, DataConfig
from noiseprobe.data import scores
from noiseprobe.data.audio import BadAudio
from noiseprobe.data.sources import midi as source
from noiseprobe.errors import NoiseprobeError
from noiseprobe.score import read
from noiseprobe.score.render import Renderer


@pytest.fixture
def root(tmp_path):
    (tmp_path / "music").mkdir()
    return tmp_path / "music"


def manifest(root, shortest=0.0, **changed):
    known = {
        "name": "music", "source": "midi", "duration": 2.0, "limit": None, "batch_size": 1, "num_workers": 0,
    }  # fmt: skip
    own = {"root": root, "soundfont": scores.SOUNDFONT, "loudness": -23.0, "start": 0.0, "clips_per_file": 1}
    own |= {key: changed.pop(key) for key in list(changed) if key in own}
    return source.listing(DataConfig(**(known | changed), options=source.Options(**own)), shortest)


def decode(clip, rate=32_000, channels=1, **changed):
    own = {
        "root": clip.path.parent,
        "soundfont": scores.SOUNDFONT,
        "loudness": -23.0,
        "start": 0.0,
        "clips_per_file": 1,
    }
    return source.decode(clip, rate, channels, source.Options(**(own | changed)))


def ids(found):
    return [c.id for c in found.clips]


def reasons(found):
    assert all(r.reason and len(r.reason.splitlines()) == 1 for r in found.rejected)
    return {r.path: r.reason for r in found.rejected}


# Files


def test_subfolders_are_groups_and_songs(root):
    for name in ["x.mid", "jazz/y.midi", "jazz/monk/1.MID", "jazz/monk/live/2.mid", "rock/y.mid"]:
        scale(root / name)
    for name in ["notes.txt", "._x.mid", "x.wav"]:
        (root / name).write_text("x")
    found = manifest(root)
    assert [(c.id, c.group, c.song) for c in found.clips] == [
        ("jazz/monk/1.MID#0.0", "jazz", "monk"),
        ("jazz/monk/live/2.mid#0.0", "jazz", "monk"),
        ("jazz/y.midi#0.0", "jazz", "y"),
        ("x.mid#0.0", "music", "x"),
        ("rock/y.mid#0.0", "rock", "y"),
    ]
    assert found.rejected == ()


def test_linked_folders_are_searched_and_loops_end(root):
    scale(root.parent / "elsewhere" / "a.mid")
    (root / "linked").symlink_to(root.parent / "elsewhere")
    (root / "loop").symlink_to(root)
    assert "linked/a.mid#0.0" in ids(manifest(root))


@pytest.mark.parametrize("name", ["ü 音.mid", "new\nline.mid", "a#1.0.mid", "'quote\".mid", "tab\t.mid", " .mid"])
def test_odd_names(root, name):
    scale(root / name)
    found = manifest(root)
    assert ids(found) == [f"{name}#0.0"]
    assert decode(found.clips[0]).shape == (1, 64_000)


def test_a_name_that_is_not_utf8_can_be_written_to_a_table(root):
    good = scale(root / "good.mid")
    (root / os.fsdecode(b"caf\xe9.mid")).write_bytes(good.read_bytes())
    found = manifest(root)
    assert len(found.clips) == 2
    for text in ids(found):
        text.encode()


def test_a_folder_without_midi_files_is_refused(root):
    with pytest.raises(NoiseprobeError, match=r"data\.root: no mid, midi file in "):
        manifest(root)


def make_bad(path, kind):
    good = midi(track((0, tempo(500_000))), track((0, on(60)), (1920, off(60))))
    if kind == "zero bytes":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(good[:-5])
    elif kind == "a track is missing":
        path.write_bytes(good[:33])
    elif kind == "text":
        path.write_text("this is not music\n" * 20)
    elif kind == "audio":
        path.write_bytes((PACKAGE / "assets/demo/bach/bach_bwv274_1.ogg").read_bytes()[:9999])
    elif kind == "no notes":
        path.write_bytes(midi(track((0, tempo(500_000)), (0, control(64, 127)), (960, program(4)))))
    elif kind == "format 2":
        path.write_bytes(midi(track((0, on(60)), (1920, off(60))), form=2))
    elif kind == "folder":
        path.mkdir()
    elif kind == "broken link":
        path.symlink_to("nowhere.mid")
    elif kind == "link to itself":
        path.symlink_to(path)
    elif kind == "pipe":
        os.mkfifo(path)


KINDS = ["zero bytes", "truncated", "a track is missing", "text", "audio", "no notes", "format 2", "folder",
         "broken link", "link to itself", "pipe"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["x.mid", "ü\nnew line.mid"], ids=["plain", "odd"])
def test_a_bad_file_is_rejected_and_the_others_go_on(root, kind, name):
    make_bad(root / name, kind)
    scale(root / "good.mid")
    found = manifest(root)
    assert ids(found) == ["good.mid#0.0"]
    assert set(reasons(found)) == {name}


def test_music_in_a_folder_named_like_a_file_is_found(root):
    scale(root / "x.mid" / "y.mid")
    found = manifest(root)
    assert (ids(found), set(reasons(found))) == (["x.mid/y.mid#0.0"], {"x.mid"})


def test_a_file_that_cant_be_read_is_rejected(root):
    scale(root / "good.mid")
    scale(root / "x.mid").chmod(0)
    if os.access(root / "x.mid", os.R_OK):
        pytest.skip("this user reads everything")
    assert set(reasons(manifest(root))) == {"x.mid"}


# Clips of a file


def test_a_file_lasts_to_its_last_note_and_gives_what_it_has(root):
    scale(root / "long.mid", 7.0)
    scale(root / "short.mid", 1.5)
    assert [(c.id, c.duration) for c in manifest(root).clips] == [("long.mid#0.0", 2.0), ("short.mid#0.0", 1.5)]


@pytest.mark.parametrize(
    ("count", "starts"), [(1, [0.5]), (2, [0.5, 2.5]), (9, [0.5, 2.5, 4.5]), (None, [0.5, 2.5, 4.5])]
)
def test_clips_of_a_file_follow_each_other_and_further_ones_are_whole(root, count, starts):
    scale(root / "a.mid", 7.0)
    found = manifest(root, clips_per_file=count, start=0.5).clips
    assert [(c.id, c.start, c.duration) for c in found] == [(f"a.mid#{s}", s, 2.0) for s in starts]


def test_a_start_beyond_the_end_is_rejected_with_both_numbers(root):
    scale(root / "a.mid", 3.0)
    scale(root / "b.mid", 6.0)
    found = manifest(root, start=3.0)
    assert ids(found) == ["b.mid#3.0"]
    assert reasons(found) == {"a.mid": "the last note ends at 3.000 s, before the clip's start at 3 s"}


def test_a_stretch_without_a_note_is_rejected_and_the_others_of_the_file_stay(root):
    gap = track((0, on(60)), (960, off(60)), (960 * 5, on(60)), (1920, off(60)))
    (root / "a.mid").write_bytes(midi(gap))
    found = manifest(root, clips_per_file=None)
    assert ids(found) == ["a.mid#0.0", "a.mid#6.0"]
    assert [(r.path, r.clip, r.reason) for r in found.rejected] == [
        ("a.mid", "a.mid#2.0", "silent: no note in the 2 s from 2 s on"),
        ("a.mid", "a.mid#4.0", "silent: no note in the 2 s from 4 s on"),
    ]


def test_too_short_for_the_noise_is_rejected(root):
    scale(root / "short.mid", 1.5)
    scale(root / "long.mid", 4.0)
    found = manifest(root, shortest=2.0)
    assert ids(found) == ["long.mid#0.0"]
    assert "1.500 s are too short: the shortest noise and what must follow it end at 2 s" in reasons(found)["short.mid"]


def test_a_limit_goes_round_the_songs_of_all_groups(root):
    for name in ["jazz/monk/1.mid", "jazz/monk/2.mid", "jazz/evans/1.mid", "rock/1.mid"]:
        scale(root / name)
    assert ids(manifest(root, limit=3)) == ["jazz/evans/1.mid#0.0", "jazz/monk/1.mid#0.0", "rock/1.mid#0.0"]


# Identity


def test_content_is_all_that_the_sound_comes_from(root):
    scale(root / "a.mid")
    scale(root / "b.mid")
    scale(root / "c.mid", 3.0)
    other = root.parent / "other.sf2"
    other.write_bytes(scores.SOUNDFONT.read_bytes() + b"\0\0")
    a, b, c = (clip.content for clip in manifest(root).clips)
    assert a == b != c
    assert len(a) == 64
    assert manifest(root, clips_per_file=2).clips[0].content == a
    assert manifest(root, duration=1.0).clips[0].content == a  # ids say where a clip begins, durations are their own
    assert manifest(root, loudness=-23.5).clips[0].content != a
    assert manifest(root, soundfont=other).clips[0].content != a
    copy = root.parent / "copy.sf2"
    copy.write_bytes(scores.SOUNDFONT.read_bytes())
    assert manifest(root, soundfont=copy).clips[0].content == a


# Sound


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [16_000, 32_000])
def test_a_clip_is_the_excerpt_at_the_loudness(root, channels, rate):
    scale(root / "a.mid", 5.0)
    clip = manifest(root, start=1.0, duration=2.5).clips[0]
    audio = decode(clip, rate, channels, loudness=-20.0)
    assert (audio.shape, audio.dtype) == ((channels, round(2.5 * rate)), torch.float32)
    measured = torchaudio.functional.loudness(audio.double() / 8, rate) + 20 * np.log10(8)  # its filters clamp at 1
    # At 16 kHz the filters of the two come 0.05 and 0.07 dB from the standard's, to either side.
    assert measured.item() == pytest.approx(-20, abs=0.13)
    expected = Renderer(scores.SOUNDFONT, -20.0).render(read.excerpt(clip.path, 1.0, 2.5), rate, channels, 2.5)
    np.testing.assert_array_equal(audio.numpy(), expected)


def test_a_clip_sounds_the_same_twice_and_in_any_order(root):
    for name in "abc":
        scale(root / f"{name}.mid", 4.0, 0.25 if name == "b" else 0.5)
    clips = manifest(root).clips
    first = [decode(c) for c in clips]
    assert all(torch.equal(decode(c), x) for c, x in reversed(list(zip(clips, first, strict=True))))


@pytest.mark.parametrize("spoilt", ["gone", "cut", "silent"])
def test_a_clip_that_makes_no_sound_any_more_is_bad_audio(root, spoilt):
    path = scale(root / "a.mid")
    clip = manifest(root).clips[0]
    if spoilt == "gone":
        path.unlink()
    elif spoilt == "cut":
        path.write_bytes(path.read_bytes()[:-4])
    else:
        scale(path, 4.0, 0.5, 0, control(7, 0))
    with pytest.raises(BadAudio) as caught:
        decode(clip)
    assert len(str(caught.value).splitlines()) == 1


def test_a_silent_channel_is_bad_audio_and_drums_sound(root):
    scale(root / "drums.mid", 4.0, 0.5, 9)
    assert decode(manifest(root).clips[0]).abs().max() > 0.01


def test_nothing_heavy_is_loaded_for_a_listing():
    """A finished cell is skipped after the listing: in a fresh process, without torch or the player's libraries."""
    code = (
        "import sys; from pathlib import Path; from noiseprobe.config import DataConfig\n"
        "from noiseprobe.data.sources import midi\n"
        "o = midi.options({'root': None, 'soundfont': None, 'loudness': -23.0, 'start': 0.0, 'clips_per_file': 1})\n"
        "found = midi.listing(DataConfig('midi', 'midi', 15.0, None, 1, 0, o))\n"
        "heavy = {'torch', 'scipy', 'pyloudnorm'} & set(sys.modules)\n"
        "print(len(found.clips), len(found.rejected), heavy or 'none')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["6", "0", "none"], done.stderr


# Options


def check(*overrides):
    return config.check(composed("data=midi", *overrides)).data


def test_by_default_the_embedded_pieces_are_played_by_the_embedded_soundfont():
    data = check()
    assert (data.name, data.source, data.duration, data.options.loudness) == ("midi", "midi", 15.0, -23.0)
    found = source.listing(data)
    assert len(found.clips) >= 6
    assert found.rejected == ()
    assert len({c.group for c in found.clips}) >= 3
    assert all(c.duration == 15.0 for c in found.clips)
    assert source.renderer(data.options) == Renderer(scores.SOUNDFONT, -23.0)


def test_keys_of_the_yaml_are_those_of_the_options():
    raw = composed("data=midi").data
    own = {"root", "soundfont", "loudness", "start", "clips_per_file"}
    assert set(raw) == {"name", "source", "duration", "limit", "batch_size", "num_workers"} | own


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.root=/none", "data.root: got /none, expected a folder that exists"),
        ("data.soundfont=/none.sf2", "data.soundfont: got /none.sf2, expected a SoundFont file"),
        (f"data.soundfont={PACKAGE}/config.py", "expected a SoundFont file"),
        ("data.loudness=loud", "data.loudness: got loud, expected a number of at least -70 and of at most 0"),
        ("data.loudness=-90", "data.loudness: got -90"),
        ("data.loudness=null", "data.loudness: got null"),
        ("data.start=-1", "data.start: got -1"),
        ("data.clips_per_file=0", "data.clips_per_file: got 0"),
        ("+data.manifest=x", "data.manifest: unknown key"),
    ],
)
def test_a_value_that_isnt_allowed_is_refused_in_one_line(override, message):
    with pytest.raises(NoiseprobeError) as caught:
        check(override)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_soundfont_that_turns_out_broken_is_one_error(root):
    bad = root.parent / "bad.sf2"
    bad.write_bytes(scores.SOUNDFONT.read_bytes()[:5000])
    scale(root / "a.mid")
    clip = manifest(root, soundfont=bad).clips[0]
    with pytest.raises(NoiseprobeError, match=r"data\.soundfont: .*bad\.sf2 isn't a SoundFont: it is cut off"):
        decode(clip, soundfont=bad)
