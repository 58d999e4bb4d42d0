"""A folder of real files: which clips it gives, what they belong to, and that no bad file is lost or stops the rest."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from noiseprobe.config import DataConfig
from noiseprobe.data.sources import folder
from noiseprobe.errors import NoiseprobeError

FILES = [
    ("a.wav", 8000, 1, "PCM_U8"),
    ("b.wav", 44_100, 2, "PCM_24"),
    ("c.wav", 192_000, 1, "DOUBLE"),
    ("d.wav", 48_000, 7, "PCM_16"),
    ("e.flac", 96_000, 2, "PCM_24"),
    ("f.ogg", 44_100, 2, "VORBIS"),
    ("g.mp3", 32_000, 1, "MPEG_LAYER_III"),
    ("H.WAV", 11_025, 1, "FLOAT"),
]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def root(tmp_path):
    (tmp_path / "music").mkdir()
    return tmp_path / "music"


def write(path, seconds=3.0, rate=8000, channels=1, subtype=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (round(seconds * rate), channels))
    sf.write(path, x, rate, subtype=subtype)
    return path


def manifest(root, table=None, **changed):
    known = {
        "name": "music", "source": "folder", "duration": 2.0, "limit": None, "batch_size": 1, "num_workers": 0,
    }  # fmt: skip
    own = {"root": root, "manifest": None, "start": 0.0, "clips_per_file": 1}
    if table is not None:
        own["manifest"] = root.parent / "table.csv"
        own["manifest"].write_bytes(table.encode() if isinstance(table, str) else table)
    own |= {key: changed.pop(key) for key in list(changed) if key in own}
    return folder.listing(DataConfig(**(known | changed), options=folder.Options(**own)))


def ids(found):
    return [c.id for c in found.clips]


def reasons(found):
    assert all(r.reason and len(r.reason.splitlines()) == 1 for r in found.rejected)
    return {r.path: r.reason for r in found.rejected}


# Files


@pytest.mark.parametrize(("name", "rate", "channels", "subtype"), FILES, ids=[f[0] for f in FILES])
def test_every_format_rate_and_channel_count_gives_a_clip_of_its_length(root, name, rate, channels, subtype):
    path = write(root / name, 1.5, rate, channels, subtype)
    found = manifest(root)
    assert found.rejected == ()
    assert ids(found) == [f"{name}#0.0"]
    clip = found.clips[0]
    assert clip.duration == pytest.approx(1.5, abs=0.06 if name.endswith("mp3") else 0.5001 / rate)  # mp3: whole frames
    assert (clip.path, clip.start) == (path, 0.0)
    assert clip.content == hashlib.sha256(path.read_bytes()).hexdigest()


def test_subfolders_are_groups_and_songs(root):
    for name in ["x.wav", "jazz/y.wav", "jazz/monk/1.wav", "jazz/monk/live/2.wav", "rock/y.wav"]:
        write(root / name)
    found = [(c.id, c.group, c.song) for c in manifest(root).clips]
    assert found == [
        ("jazz/monk/1.wav#0.0", "jazz", "monk"),
        ("jazz/monk/live/2.wav#0.0", "jazz", "monk"),
        ("jazz/y.wav#0.0", "jazz", "y"),
        ("x.wav#0.0", "music", "x"),
        ("rock/y.wav#0.0", "rock", "y"),
    ]


def test_other_and_hidden_files_are_not_looked_at(root):
    write(root / "a.wav")
    (root / "notes.txt").write_text("x")
    (root / "._a.wav").write_text("x")
    found = manifest(root)
    assert (ids(found), found.rejected) == (["a.wav#0.0"], ())


def test_linked_folders_are_searched_and_loops_end(root):
    write(root.parent / "elsewhere" / "a.wav")
    (root / "linked").symlink_to(root.parent / "elsewhere")
    (root / "loop").symlink_to(root)
    assert "linked/a.wav#0.0" in ids(manifest(root))


# Clips of a file


def test_a_file_gives_its_first_clip_and_keeps_a_shorter_length(root):
    write(root / "long.wav", 7.25)
    write(root / "short.wav", 1.25)
    assert [(c.id, c.duration) for c in manifest(root).clips] == [("long.wav#0.0", 2.0), ("short.wav#0.0", 1.25)]


@pytest.mark.parametrize(
    ("count", "starts"),
    [(1, [0.5]), (2, [0.5, 2.5]), (3, [0.5, 2.5, 4.5]), (9, [0.5, 2.5, 4.5]), (None, [0.5, 2.5, 4.5])],
)
def test_clips_of_a_file_follow_each_other_and_further_ones_are_whole(root, count, starts):
    write(root / "a.wav", 7.25)  # 0.5 + 3 * 2 = 6.5; what is left is not a whole clip
    found = manifest(root, clips_per_file=count, start=0.5).clips
    assert [(c.start, c.duration) for c in found] == [(s, 2.0) for s in starts]
    assert [c.id for c in found] == [f"a.wav#{s}" for s in starts]


def test_a_file_that_holds_exactly_so_many_clips_gives_them_all(root):
    write(root / "a.wav", 6.0)
    assert [c.start for c in manifest(root, clips_per_file=None).clips] == [0.0, 2.0, 4.0]


def test_a_start_beyond_the_end_is_rejected_with_both_numbers(root):
    write(root / "a.wav", 3.0)
    write(root / "b.wav", 6.0)
    found = manifest(root, start=3.0)
    assert [(c.id, c.duration) for c in found.clips] == [("b.wav#3.0", 2.0)]
    assert "3.000 s" in reasons(found)["a.wav"]
    assert "start at 3 s" in reasons(found)["a.wav"]


def test_a_limit_goes_round_the_songs_of_all_groups(root):
    for name in ["jazz/monk/1.wav", "jazz/monk/2.wav", "jazz/evans/1.wav", "rock/1.wav"]:
        write(root / name, 2.0)
    assert ids(manifest(root, limit=3)) == ["jazz/evans/1.wav#0.0", "jazz/monk/1.wav#0.0", "rock/1.wav#0.0"]


# Tables


def test_a_table_chooses_clips_songs_and_groups(root):
    write(root / "a.wav", 9.0)
    write(root / "jazz/b.wav", 9.0)
    write(root / "c.wav")
    table = "path,start,song,group,note\na.wav,1.5,one,blues,x\na.wav,4,one,blues,\njazz/b.wav,,,,\n"
    assert [(c.id, c.song, c.group, c.duration) for c in manifest(root, table).clips] == [
        ("a.wav#1.5", "one", "blues", 2.0),
        ("a.wav#4.0", "one", "blues", 2.0),
        ("jazz/b.wav#0.0", "b", "jazz", 2.0),
    ]


def test_descriptions_of_a_table_and_none_where_a_cell_is_empty(root):
    for name in "abc":
        write(root / f"{name}.wav")
    found = manifest(root, 'path,description\na.wav,"a quiet, slow piano"\nb.wav,   \nc.wav,loud\n')
    assert [c.description for c in found.clips] == ["a quiet, slow piano", None, "loud"]


def test_rows_without_a_start_are_files_and_others_single_clips(root):
    write(root / "a.wav", 9.0)
    found = manifest(root, "path,start\na.wav,\na.wav,5\n", clips_per_file=2, start=0.5)
    assert ids(found) == ["a.wav#0.5", "a.wav#2.5", "a.wav#5.0"]


def test_a_table_of_excel_with_bom_unicode_and_crlf(root):
    write(root / "Füße, 音楽.wav")
    found = manifest(root, '\ufeffpath,song\r\n"Füße, 音楽.wav",Übung\r\n')
    assert [(c.id, c.song) for c in found.clips] == [("Füße, 音楽.wav#0.0", "Übung")]


def test_absolute_paths_inside_the_root_are_the_same_clips(root):
    path = write(root / "jazz/a.wav")
    assert manifest(root, f"path\n{path}\n") == manifest(root, "path\njazz/a.wav\n")


def test_files_outside_the_root_are_songs_of_their_own(root):
    paths = [write(root.parent / "other" / name) for name in ["a.wav", "b.wav"]]
    found = manifest(root, "path\n" + "\n".join(map(str, paths)) + "\n")
    assert sorted(c.song for c in found.clips) == ["a", "b"]


def test_missing_files_of_a_table_are_rejected(root):
    write(root / "a.wav")
    found = manifest(root, "path\na.wav\nnone.wav\n")
    assert ids(found) == ["a.wav#0.0"]
    assert reasons(found) == {"none.wav": "No such file or directory"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,start\na.wav,0\n", "got the columns file, start, expected one named path"),
        ("", "got the columns nothing, expected one named path"),
        ("path,start\na.wav,0\na.wav,soon\n", "line 3: start: got soon, expected seconds of at least 0"),
        ("path,start\na.wav,-1\n", "line 2: start: got -1"),
        ("path,start\na.wav,nan\n", "line 2: start: got nan"),
        ("path,start\na.wav,inf\n", "line 2: start: got inf"),
        ("path,start\n\n\na.wav,soon\n", "line 4: start: got soon"),  # as an editor counts
        ("path,song\n,x\n", "line 2: the path is empty"),
        ("path\na.wav\na.wav\n", "names a clip (path and start) twice"),
        ("path,start\na.wav,0\na.wav,0.0\n", "names a clip (path and start) twice"),
        ("path\n", "no flac, mp3, ogg, wav file in"),
        ("path,song\na.wav,Fuß\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_a_table_that_cant_be_used_is_refused_in_one_line(root, table, message):
    write(root / "a.wav")
    with pytest.raises(NoiseprobeError) as caught:
        manifest(root, table)
    assert message in str(caught.value)
    assert str(root.parent / "table.csv") in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_without_music_is_refused(root):
    with pytest.raises(NoiseprobeError, match=r"data\.root: no flac, mp3, ogg, wav file in "):
        manifest(root)


# Bad files: beside a good one, each is rejected with one line, or scored


def make_bad(path, kind):
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "garbage":
        path.write_bytes(np.random.default_rng(0).bytes(4000))
    elif kind == "text":
        path.write_text("this is not music\n" * 20)
    elif kind == "header only":
        path.write_bytes(write(path.parent / "good.wav").read_bytes()[:44])
    elif kind == "half a header":
        path.write_bytes(write(path.parent / "good.wav").read_bytes()[:20])
    elif kind == "no samples":
        sf.write(path, np.zeros((0, 1)), 8000)
    elif kind == "folder":
        path.mkdir()
    elif kind == "broken link":
        path.symlink_to("nowhere.wav")
    elif kind == "link to itself":
        path.symlink_to(path)
    elif kind == "pipe":
        os.mkfifo(path)


@pytest.mark.parametrize(
    "kind",
    ["empty", "garbage", "text", "header only", "half a header", "no samples", "folder", "broken link",
     "link to itself", "pipe"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["x.wav", "ü\nnew line.wav"], ids=["plain", "odd"])
def test_a_bad_file_is_rejected_and_the_others_go_on(root, kind, name):
    make_bad(root / name, kind)
    write(root / "good.wav")
    found = manifest(root)
    assert ids(found) == ["good.wav#0.0"]
    assert set(reasons(found)) == {name}


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_garbage_of_every_kind_is_rejected(root, suffix):
    (root / f"x.{suffix}").write_bytes(np.random.default_rng(0).bytes(4000))
    write(root / "good.wav")
    assert set(reasons(manifest(root))) == {f"x.{suffix}"}


def test_music_in_a_folder_named_like_a_file_is_found(root):
    write(root / "x.wav" / "y.wav")
    found = manifest(root)
    assert ids(found) == ["x.wav/y.wav#0.0"]
    assert set(reasons(found)) == {"x.wav"}


@pytest.mark.parametrize("name", ["ü 音.wav", "new\nline.wav", "a#1.0.wav", "'quote\".wav", "tab\t.wav", " .wav"])
def test_odd_names_are_scored(root, name):
    write(root / name)
    assert ids(manifest(root)) == [f"{name}#0.0"]


def test_a_name_that_is_not_utf8_is_not_lost_and_can_be_written_to_a_table(root):
    good = write(root / "good.wav")
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.wav")).write_bytes(good.read_bytes())
    found = manifest(root)
    assert len(found.clips) + len(found.rejected) == 2
    for text in [*ids(found), *[r.path for r in found.rejected], *[r.reason for r in found.rejected]]:
        text.encode()  # UnicodeEncodeError: neither JSON, parquet nor the noise's key could hold it


def test_only_bad_files_make_an_empty_manifest(root):
    make_bad(root / "x.wav", "garbage")
    found = manifest(root)
    assert found.clips == ()
    assert list(reasons(found)) == ["x.wav"]


def test_a_streamed_flac_without_its_length_gives_no_endless_clips(root):
    """What `ffmpeg ... -f flac - | cat` writes: STREAMINFO says 0 samples, which libsndfile gives as 2^63 - 1."""
    content = bytearray(write(root / "a.flac", 5.0).read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    (root / "a.flac").write_bytes(content)
    found = manifest(root, limit=1)
    assert len(found.clips) + len(found.rejected) == 1
    assert all(c.duration <= 5.0 for c in manifest(root, duration=15.0).clips)
