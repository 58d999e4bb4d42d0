"""The cache on disk: what is put comes back bit by bit or not at all, and never grows beyond its limit."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest

from noiseprobe import store as module
from noiseprobe.store import Store

ARRAYS = {
    "codes": np.array([[[0, 2047], [5, 1]]], dtype=np.int16),
    "nll": np.array([[1.5, -0.0, np.inf, np.nan]], dtype=np.float32),
    "doubles": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "empty": np.zeros((0, 4, 3), dtype=np.float16),
    "scalar": np.array(7, dtype=np.uint8),
    "flags": np.array([True, False]),
}


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def kilobytes(number: int, size: int = 10) -> np.ndarray:
    """Content that only this number has."""
    return np.random.default_rng(number).integers(0, 256, size * 1000, dtype=np.uint8)


def fill(store: Store) -> None:
    """Put several times what fits into 100 kB, all in one folder; each is there once it was put."""
    for number in range(40):
        store.put("nll", "00" + key(number)[2:], a=kilobytes(number))
        assert same(store.get("nll", "00" + key(number)[2:]), {"a": kilobytes(number)})


def files(folder: Path) -> list[Path]:
    return [Path(parent, name) for parent, _, names in os.walk(folder) for name in names]


def used(folder: Path) -> int:
    return sum(path.stat().st_size for path in files(folder))


def same(found: dict[str, np.ndarray] | None, expected: dict[str, np.ndarray]) -> bool:
    """Bit by bit, where nan is nan and -0.0 isn't 0.0."""
    return (
        found is not None
        and list(found) == list(expected)
        and all(
            found[name].dtype == a.dtype and found[name].shape == a.shape and found[name].tobytes() == a.tobytes()
            for name, a in expected.items()
        )
    )


def test_what_is_put_comes_back_bit_by_bit(tmp_path: Path) -> None:
    Store(tmp_path / "a" / "b", 10**6).put("nll", key(1), **ARRAYS)
    assert same(Store(tmp_path / "a" / "b", 10**6).get("nll", key(1)), ARRAYS)
    assert files(tmp_path) == [tmp_path / "a" / "b" / "nll" / key(1)[:2] / f"{key(1)}.npz"]


def test_the_files_are_numpys(tmp_path: Path) -> None:
    Store(tmp_path, 10**6).put("nll", key(1), **ARRAYS)
    with np.load(files(tmp_path)[0], allow_pickle=False) as found:
        assert same(dict(found), ARRAYS)


def test_what_was_not_put_is_a_miss(tmp_path: Path) -> None:
    store = Store(tmp_path / "none", 10**6)
    assert store.get("nll", key(1)) is None
    assert list(tmp_path.iterdir()) == []  # asking leaves nothing
    store.put("nll", key(1), **ARRAYS)
    assert store.get("codes", key(1)) is None
    assert store.get("nll", key(2)) is None


def test_what_is_put_later_replaces_what_was_there(tmp_path: Path) -> None:
    store = Store(tmp_path, 10**6)
    for number in [1, 2]:
        store.put("nll", key(1), a=kilobytes(number))
    assert same(store.get("nll", key(1)), {"a": kilobytes(2)})
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:-1],
        lambda raw: raw[:-32],  # an npz without its digest
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw + b"\0",
        lambda raw: bytes(len(raw)),
        lambda raw: b"not an npz",
    ],
)
def test_a_torn_or_foreign_file_is_a_miss_and_is_removed(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    store = Store(tmp_path, 10**6)
    store.put("nll", key(1), **ARRAYS)
    (file,) = files(tmp_path)
    file.write_bytes(damage(file.read_bytes()))
    assert store.get("nll", key(1)) is None
    assert not file.exists()
    store.put("nll", key(1), **ARRAYS)
    assert same(store.get("nll", key(1)), ARRAYS)


def test_any_flipped_bit_is_a_miss(tmp_path: Path) -> None:
    """Also those that zip's checksums let through: numpy would give a shorter array, or one array less."""
    store = Store(tmp_path, 10**6)
    store.put("nll", key(1), a=np.arange(1000, dtype=np.float32), b=np.zeros((0, 3)))
    (file,) = files(tmp_path)
    whole = file.read_bytes()
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        file.write_bytes(flipped)
        assert store.get("nll", key(1)) is None, position


@pytest.mark.parametrize("share", [64_000_000, 10_000])  # one shard, and 64
def test_all_files_together_stay_within_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: int) -> None:
    monkeypatch.setattr(module, "SHARE", share)
    limit = 1_000_000
    store = Store(tmp_path, limit)
    assert store.shards == (1 if share > limit else 64)
    for number in range(400):
        store.put(["nll", "codes"][number % 2], key(number), a=kilobytes(number, 1 + number % 9))
        assert used(tmp_path) <= limit
        assert store.get(["nll", "codes"][number % 2], key(number)) is not None  # what was just put is there
    assert used(tmp_path) > 0.7 * limit  # 2 MB were put, and the room is used
    kept = [n for n in range(400) if same(store.get(["nll", "codes"][n % 2], key(n)), {"a": kilobytes(n, 1 + n % 9)})]
    assert len(kept) == len(files(tmp_path))


def test_an_entry_up_to_the_limit_is_kept_and_a_larger_one_is_not(tmp_path: Path) -> None:
    store = Store(tmp_path, 50_000)
    store.put("nll", key(1), a=kilobytes(1, 10))
    store.put("features", key(2), a=kilobytes(2, 60))
    assert store.get("features", key(2)) is None
    assert store.get("nll", key(1)) is not None  # nothing went for it
    store.put("features", key(3), a=kilobytes(3, 49))
    assert store.get("features", key(3)) is not None
    assert used(tmp_path) <= 50_000


def test_a_smaller_limit_shrinks_what_is_there(tmp_path: Path) -> None:
    for number in range(50):
        Store(tmp_path, 10**6).put("nll", key(number), a=kilobytes(number))
    assert used(tmp_path) > 500_000
    Store(tmp_path, 100_000).put("nll", key(50), a=kilobytes(50))
    assert used(tmp_path) <= 100_000


def test_where_clips_do_not_fit_a_second_walk_over_them_still_has_hits(tmp_path: Path) -> None:
    """With room for a half, the least recently used would always be gone; of random ones a part is still there."""
    store = Store(tmp_path, 500_000)
    store.random.seed(0)
    hits = []
    for _ in range(6):
        hits.append(0)
        for number in range(100):
            if store.get("nll", key(number)) is None:
                store.put("nll", key(number), a=kilobytes(number))
            else:
                hits[-1] += 1
    assert hits[0] == 0
    assert min(hits[1:]) >= 10


def test_large_files_go_first(tmp_path: Path) -> None:
    store = Store(tmp_path, 2_000_000)
    store.random.seed(0)
    for number in range(100):
        store.put("nll", key(number), a=kilobytes(number, 1))
    for number in range(100, 140):
        store.put("features", key(number), a=kilobytes(number, 100))
    assert sum(store.get("nll", key(number)) is not None for number in range(100)) >= 75  # of equal chance: about 20
    assert used(tmp_path) <= 2_000_000


def test_what_others_keep_in_the_folder_stays_and_parts_of_killed_writers_do_not(tmp_path: Path) -> None:
    folder = tmp_path / "nll" / key(0)[:2]
    folder.mkdir(parents=True)
    others = [tmp_path / "notes.txt", tmp_path / "nll" / "README", folder / "song.npz", folder / f"{key(0)}.wav"]
    for path in others:
        path.write_bytes(bytes(10_000))
    part = folder / f".{key(0)}.npz.abc.part"
    part.write_bytes(bytes(90_000))
    store = Store(tmp_path, 100_000)
    for number in range(1, 30):
        store.put("nll", key(number), a=kilobytes(number))
    assert all(path.stat().st_size == 10_000 for path in others)
    assert not part.exists()
    assert used(tmp_path) <= 100_000 + 40_000


def test_a_file_that_vanishes_once_listed_hides_none_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Another process evicts it between the listing and the look at its size."""
    listing = os.scandir
    vanished = []

    def meanwhile(path: Path) -> AbstractContextManager[list[os.DirEntry[str]]]:
        brief = path / f"{key(0)}.npz"
        brief.touch()
        with listing(path) as entries:
            found = sorted(entries, key=lambda entry: entry.name != brief.name)
        brief.unlink()
        vanished.append(found[0].name)
        return nullcontext(found)

    store = Store(tmp_path, 100_000)
    (tmp_path / "nll" / "00").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", lambda path: meanwhile(path) if path.name == "00" else listing(path))
        fill(store)
    assert set(vanished) == {f"{key(0)}.npz"}
    assert used(tmp_path) <= 100_000
    assert caplog.text == ""


def test_victims_that_are_gone_already_disturb_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    remove = Path.unlink
    evicted = []

    def twice(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".npz":
            evicted.append(path)
            remove(path)
        remove(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", twice)
    fill(Store(tmp_path, 100_000))
    assert len(evicted) > 10
    assert used(tmp_path) <= 100_000
    assert caplog.text == ""


def test_a_folder_that_is_removed_meanwhile_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path / "clips", 10**6)
    with monkeypatch.context() as patch:
        patch.setattr(store, "_make_room", lambda *_: shutil.rmtree(tmp_path / "clips"))
        store.put("nll", key(1), **ARRAYS)
    assert store.get("nll", key(1)) is None
    store.put("nll", key(1), **ARRAYS)
    assert same(store.get("nll", key(1)), ARRAYS)
    assert caplog.text == ""


def test_a_folder_that_another_machine_removed_is_no_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stale(path: Path, content: bytes) -> int:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))  # NFS

    store = Store(tmp_path, 10**6)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", stale)
        store.put("nll", key(1), **ARRAYS)
    store.put("nll", key(2), **ARRAYS)
    assert same(store.get("nll", key(2)), ARRAYS)
    assert caplog.text == ""


def test_a_full_disk_is_one_warning_and_what_is_there_is_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path, 10**6)
    store.put("nll", key(1), **ARRAYS)
    tried = []

    def full(path: Path, content: bytes) -> int:
        tried.append(path)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    for number in range(2, 5):
        store.put("nll", key(number), **ARRAYS)
    assert len(tried) == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"{tmp_path} can't be written (No space left on device)" in caplog.text
    assert same(store.get("nll", key(1)), ARRAYS)
    assert [path.name for path in files(tmp_path)] == [f"{key(1)}.npz"]  # no part stays


def test_a_folder_that_cannot_be_made_is_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    for folder in [tmp_path / "file", tmp_path / "file" / "clips"]:
        caplog.clear()
        store = Store(folder, 10**6)
        for number in range(3):
            store.put("nll", key(number), **ARRAYS)
        assert store.get("nll", key(1)) is None
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert f"{folder} can't be written (" in caplog.text


HAMMER = """
import sys
from pathlib import Path
from random import Random
import numpy as np
from noiseprobe.store import Store
from test_store import key, kilobytes, same

store, order, hits = Store(Path(sys.argv[1]), 1_000_000), Random(sys.argv[2]), 0
for _ in range(300):
    for number in [0, order.randrange(1, 300)]:  # all write the first again and again
        store.put("nll", key(number), a=kilobytes(number))
        other = order.randrange(300)
        for asked in [number, other]:
            found = store.get("nll", key(asked))
            assert found is None or same(found, {"a": kilobytes(asked)}), asked
            hits += found is not None
print(hits)
"""


@pytest.mark.slow
def test_processes_that_write_at_once_never_read_anything_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HAMMER, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    count = 4
    running = [
        subprocess.Popen([*command, str(i)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for i in range(count)
    ]
    for process in running:
        hits, errors = process.communicate(timeout=300)
        assert (process.returncode, errors) == (0, "")  # a warning would be there
        assert int(hits) > 300
    assert {path.suffix for path in files(tmp_path)} == {".npz"}
    assert 500_000 < used(tmp_path) <= 1_000_000 * (1 + (count - 1) / 10)  # each further writer may add a tenth
    Store(tmp_path, 1_000_000).put("nll", key(0), a=kilobytes(0))
    assert used(tmp_path) <= 1_000_000
