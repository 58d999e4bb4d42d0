"""Clips that a caller in Python gives: what is kept of them, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch

from noiseprobe.data.given import keep, listed
from noiseprobe.errors import NoiseprobeError

X = np.random.default_rng(0).normal(size=(2, 100)).astype(np.float32)


def test_every_sample_is_kept_as_it_is(tmp_path: Path) -> None:
    loud = (X * 1e4).astype(np.float64)
    root = keep(
        {"a": (X, 44_100), "jazz/monk/1": (torch.from_numpy(X[0]), 8_000), "b": (loud.astype("f4"), 1)}, tmp_path
    )
    assert root.name == "memory"
    for name, samples, rate in [("a", X, 44_100), ("jazz/monk/1", X[:1], 8_000), ("b", loud.astype("f4"), 1)]:
        found, there = sf.read(root / f"{name}.wav", dtype="float32", always_2d=True)
        assert there == rate
        np.testing.assert_array_equal(found.T, samples)


def test_the_same_clips_are_the_same_files_and_others_lie_elsewhere(tmp_path: Path) -> None:
    root = keep({"a": (X, 44_100), "b": (X, 8_000)}, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.wav")}
    assert keep({"b": (X.astype(np.float64), 8_000), "a": (X, 44_100)}, tmp_path) == root
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.wav")} == before
    others = [{"a": (X, 44_100)}, {"a": (X, 44_100), "b": (X, 8_001)}, {"a": (X, 44_100), "c": (X, 8_000)}]
    others.append({"a": (X, 44_100), "b": (X * 2, 8_000)})
    assert len({keep(clips, tmp_path) for clips in others} | {root}) == 5


def test_a_file_that_is_torn_is_written_again(tmp_path: Path) -> None:
    root = keep({"a": (X, 44_100)}, tmp_path)
    whole = (root / "a.wav").read_bytes()
    (root / "a.wav").write_bytes(whole[:50])
    keep({"a": (X, 44_100)}, tmp_path)
    assert (root / "a.wav").read_bytes() == whole


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "../a", "a/../b", ".a", "a/.b", "a\nb", "a\0", 3, None])
def test_a_name_that_leads_elsewhere_or_nowhere_is_refused(name: object, tmp_path: Path) -> None:
    with pytest.raises(NoiseprobeError, match=r"clips: got the name .*, expected a text such as"):
        keep({name: (X, 44_100)}, tmp_path)  # type: ignore[dict-item]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (X, "a: got a ndarray, expected \\(samples, rate\\)"),
        ((X,), "a: got a tuple, expected \\(samples, rate\\)"),
        ((X, 0), "a: got the rate 0"), ((X, 44_100.5), "a: got the rate 44100.5"), ((X, True), "a: got the rate True"),
        ((X, "44100"), "a: got the rate 44100"), ((X, 2**31), "a: got the rate 2147483648"),
        (((X * 100).astype(np.int16), 44_100), "a: got samples of int16, expected floating point"),
        ((X.T, 44_100), "a: got samples of shape \\[100, 2\\], expected \\[N\\] or \\[C, N\\]"),
        ((np.zeros((9, 10)), 44_100), "a: got 9 channels, expected at most 8"),
        ((X[None], 44_100), "a: got samples of shape \\[1, 2, 100\\]"),
        ((X[:, :0], 44_100), "a: got samples of shape \\[2, 0\\]"), ((X[0, :0], 44_100), "a: got samples of shape"),
    ],
)  # fmt: skip
def test_what_is_no_audio_is_refused(clip: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(NoiseprobeError, match=f"clips: {message}"):
        keep({"a": clip}, tmp_path)


@pytest.mark.parametrize("make", [lambda at: keep({"a": (X, 44_100)}, at), lambda at: listed(Path("/m/a.wav"), at)])
def test_a_folder_that_cant_be_written_is_one_line(make: object, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NoiseprobeError, match=r"results: .* can't be written: Not a directory"):
        make(tmp_path / "file")  # type: ignore[operator]


def test_bfloat16_is_taken(tmp_path: Path) -> None:
    x = torch.from_numpy(X).bfloat16()
    found, _ = sf.read(keep({"a": (x, 8_000)}, tmp_path) / "a.wav", dtype="float32")
    np.testing.assert_array_equal(found.T, x.float().numpy())
