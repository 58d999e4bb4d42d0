"""Content hashes against hashlib, and the memory that must never make them wrong."""

import hashlib
import json
import os

import pytest

from noiseprobe import hashing
from noiseprobe.hashing import cache_folder, digest, hash_files, memory_file


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(path, content):
    path.write_bytes(content)
    return path


def sha(content):
    return hashlib.sha256(content).hexdigest()


def remember(path, entry):
    memory_file().parent.mkdir(parents=True, exist_ok=True)
    memory_file().write_text(json.dumps({str(path.resolve()): entry}))


def stamp(path):
    return [path.stat().st_size, path.stat().st_mtime_ns]


def test_hashes_are_sha256_of_the_content(tmp_path):
    a, b = write(tmp_path / "a", b"music"), write(tmp_path / "b", b"")
    assert hash_files([a, b]) == ({a: sha(b"music"), b: sha(b"")}, {})
    assert sha(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_file_longer_than_a_chunk_is_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(hashing, "CHUNK", 7)
    content = bytes(range(256))
    a = write(tmp_path / "a", content)
    assert hash_files([a])[0] == {a: sha(content)}


def test_what_is_remembered_is_not_read_again(tmp_path):
    a = write(tmp_path / "a", b"music")
    remember(a, [*stamp(a), "remembered"])
    assert hash_files([a])[0] == {a: "remembered"}


def test_hashes_are_remembered_by_path_size_and_time(tmp_path):
    a = write(tmp_path / "a", b"music")
    hash_files([a])
    assert json.loads(memory_file().read_text()) == {str(a.resolve()): [*stamp(a), sha(b"music")]}


def test_another_size_or_time_is_read_again(tmp_path):
    a = write(tmp_path / "a", b"music")
    hash_files([a])
    write(a, b"musics")
    assert hash_files([a])[0] == {a: sha(b"musics")}
    before = a.stat()
    write(a, b"cisums")
    os.utime(a, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert hash_files([a])[0] == {a: sha(b"cisums")}


def test_the_memory_keeps_what_it_had(tmp_path):
    a, b = write(tmp_path / "a", b"1"), write(tmp_path / "b", b"2")
    hash_files([a])
    hash_files([b])
    assert set(json.loads(memory_file().read_text())) == {str(a.resolve()), str(b.resolve())}
    assert [p.name for p in memory_file().parent.iterdir()] == ["hashes.json"]  # no temporary file stays


@pytest.mark.parametrize("broken", [b"", b"{", b"[1]", b"null", b"\xff\xfe\x00"])
def test_a_broken_memory_is_started_anew(tmp_path, broken):
    a = write(tmp_path / "a", b"music")
    memory_file().parent.mkdir(parents=True)
    memory_file().write_bytes(broken)
    assert hash_files([a]) == ({a: sha(b"music")}, {})


@pytest.mark.parametrize("entry", [None, 3, "x", [], [0], "stamp alone", {"0": 1}])
def test_a_broken_entry_is_worked_out_anew(tmp_path, entry):
    a = write(tmp_path / "a", b"music")
    remember(a, stamp(a) if entry == "stamp alone" else entry)
    assert hash_files([a]) == ({a: sha(b"music")}, {})


def test_files_that_cant_be_read_are_errors_and_the_others_go_on(tmp_path):
    a = write(tmp_path / "a", b"music")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    hashes, errors = hash_files([tmp_path / "none", a, tmp_path, tmp_path / "loop"])
    assert hashes == {a: sha(b"music")}
    assert set(errors) == {tmp_path / "none", tmp_path, tmp_path / "loop"}
    assert all(isinstance(e, OSError) for e in errors.values())


def test_a_cache_that_cant_be_written_costs_only_time(tmp_path, monkeypatch):
    a = write(tmp_path / "a", b"music")
    monkeypatch.setenv("XDG_CACHE_HOME", str(a / "below a file"))
    assert hash_files([a]) == ({a: sha(b"music")}, {})


def test_the_cache_folder_is_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "cache" / "noiseprobe"
    monkeypatch.setenv("XDG_CACHE_HOME", "")  # as good as unset, says the XDG specification
    assert cache_folder() == tmp_path / ".cache" / "noiseprobe"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / ".cache" / "noiseprobe"
    assert memory_file() == cache_folder() / "hashes.json"


def test_digest_is_sha256_of_sorted_json():
    assert digest({"b": [2, None], "a": "ü"}) == sha('{"a": "ü", "b": [2, null]}'.encode())
    assert digest({"b": [2, None], "a": "ü"}) == digest({"a": "ü", "b": [2, None]})
    assert digest([1, 2]) != digest([2, 1])
