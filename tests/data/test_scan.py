"""What of a folder is found, whatever the files hold; the sources' own tests say what becomes of it."""

import os
from pathlib import Path

import pytest

from noiseprobe.data.scan import Entry, group_and_song, reason, relative, scan, windows


def found(root, suffixes=(".a", ".b")):
    rejected = []
    return list(scan(root, set(suffixes), rejected, 1.5, None)), rejected


def test_names_that_end_as_asked_for_are_entries_folders_among_them(tmp_path):
    for name in ["x.a", "Y.B", "z.c", ".x.a", "a", "s/t/u.a"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "folder.a").mkdir()
    entries, rejected = found(tmp_path)
    assert [e.relative for e in entries] == ["Y.B", "folder.a", "x.a", "s/t/u.a"]
    assert {(e.start, e.clips, e.description) for e in entries} == {(1.5, None, None)}
    assert (entries[-1].path, entries[-1].group, entries[-1].song) == (tmp_path / "s/t/u.a", "s", "t")
    assert rejected == []
    assert [e.relative for e in found(tmp_path, [".c"])[0]] == ["z.c"]


def test_each_folder_is_searched_once_however_many_links_lead_to_it(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/x.a").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "s2").symlink_to(tmp_path / "s")
    entries, rejected = found(tmp_path)
    assert ([e.relative for e in entries], rejected) == (["s/x.a"], [])


def test_a_folder_that_cant_be_searched_is_rejected_and_the_rest_found(tmp_path, monkeypatch):
    (tmp_path / "shut").mkdir()
    (tmp_path / "x.a").write_text("")
    real = os.scandir

    def scandir(path):  # permissions don't stop root, as whom tests may run
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    entries, rejected = found(tmp_path)
    assert [e.relative for e in entries] == ["x.a"]
    assert [(r.path, r.reason) for r in rejected] == [("shut", "Permission denied")]


def test_of_two_names_with_the_same_text_one_is_rejected(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"x\xff.a")).write_text("")
    except OSError:
        pytest.skip("the file system takes only UTF-8")
    (tmp_path / "x\\xff.a").write_text("")
    entries, rejected = found(tmp_path)
    assert [e.relative for e in entries] == [r.path for r in rejected] == ["x\\xff.a"]


@pytest.mark.parametrize(
    ("clips", "seconds", "expected"),
    [
        (None, 10.0, [(1.0, 4.0), (5.0, 4.0)]),
        (None, 13.0, [(1.0, 4.0), (5.0, 4.0), (9.0, 4.0)]),
        (2, 13.0, [(1.0, 4.0), (5.0, 4.0)]),
        (1, 13.0, [(1.0, 4.0)]),
        (None, 3.5, [(1.0, 2.5)]),
        (None, 1.0, []),
    ],
)
def test_only_the_first_clip_of_a_file_may_be_short(clips, seconds, expected):
    entry = Entry(Path("/r/x.a"), "x.a", "song", "group", 1.0, clips, "text")
    cut = list(windows(entry, seconds, 4.0))
    assert [(c.start, c.duration) for c in cut] == expected
    assert all((c.id, c.song, c.group, c.description) == (f"x.a#{c.start}", "song", "group", "text") for c in cut)


def test_files_elsewhere_belong_to_their_own_folder():
    path, root = Path("/else/where/x.a"), Path("/root")
    assert (relative(path, root), group_and_song(path, root)) == ("/else/where/x.a", ("where", "x"))


def test_a_reason_names_no_path(tmp_path):
    with pytest.raises(OSError) as caught:
        (tmp_path / "none").read_bytes()
    assert reason(caught.value) == "No such file or directory"
    assert reason(ValueError("empty")) == "empty"
