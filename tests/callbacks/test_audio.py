"""What is kept to listen to: the samples that the model got, or its codes decoded; no error vanishes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile as sf
import torch
from PIL import Image
from running import composed, run_cell, weights

from noiseprobe.callbacks.audio import WAITING, KeepAudio, write_ogg
from noiseprobe.config import PACKAGE, NoiseConfig, check
from noiseprobe.data.audio import decode
from noiseprobe.data.collate import Batch, Corrupted, Pair
from noiseprobe.data.manifest import Clip
from noiseprobe.errors import NoiseprobeError
from noiseprobe.lightning_module import NoiseProbe
from noiseprobe.models.backends.transformers import load
from noiseprobe.noise.base import Corruption
from noiseprobe.report.media import kept

RATE = 32_000


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_cell(tmp_path_factory.mktemp("results"), "keep_audio=2")


def noise(kind: str = "white") -> NoiseConfig:
    return check(composed(f"noise={kind}", "data.duration=4", "noise.onset=2", "noise.length=[0.2,0.5]")).noise


def pair(index: int, audio: np.ndarray, config: NoiseConfig) -> Pair:
    """A clip whose variants are itself, with its sign changed."""
    x = torch.from_numpy(audio.astype(np.float32))
    corrupted = tuple(Corrupted(v, (), -x, Corruption(None)) for v in config.variants)
    return Pair(index, Clip(f"{index}.wav#0.0", Path(), 0, 4, "s", "g"), x, corrupted)


class Model:
    sample_rate = RATE

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("Model has no decode")


class Probe:
    model = Model()


class Full:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise sf.LibsndfileError(1, "the disk is full: ")


FULL = SimpleNamespace(SoundFile=Full, LibsndfileError=sf.LibsndfileError)


def feed(callback: KeepAudio, *pairs: Pair, codes: Any = None) -> None:
    callback.on_test_batch_end(None, Probe(), codes, Batch(pairs))  # type: ignore[arg-type]


def test_the_first_clips_are_kept_and_what_is_heard_is_what_was_scored(cell: Path) -> None:
    found = kept(cell)
    assert len(found) == 2
    names = sorted(p.name for p in (cell / "audio").iterdir())
    assert names == sorted(
        [f"00000{i}.json" for i in range(2)]
        + [f"00000{i}-{n}.{s}" for i in range(2) for n in ["clean", 0, 1] for s in ["ogg", "webp"]]
    )
    for i, (clip, entry) in enumerate(found.items()):
        assert entry["stem"] == cell / f"audio/{i:06d}"
        assert (entry["source"], entry["rate"], entry["missing"]) == ("samples", RATE, None)
        assert entry["variants"] == {"white@2.0s+0.2s": 0, "white@2.0s+0.5s": 1}
        file, _, start = clip.rpartition("#")
        original = decode(Clip(clip, PACKAGE / "assets/demo" / file, float(start), 4, "", ""), RATE, 1)[0].numpy()
        clean, rate = sf.read(f"{entry['stem']}-clean.ogg")
        assert rate == RATE
        assert clean.shape == original.shape == (4 * RATE,)
        assert np.corrcoef(clean, original)[0, 1] > 0.98
        long = sf.read(f"{entry['stem']}-1.ogg")[0]
        before, inside, after = slice(0, 60_000), slice(66_000, 78_000), slice(84_000, 128_000)
        for part in [before, after]:
            assert np.corrcoef(long[part], original[part])[0, 1] > 0.97
        assert abs(np.corrcoef(long[inside], original[inside])[0, 1]) < 0.1


@pytest.mark.parametrize(("key", "count"), [("0", 0), ("null", 3)])
def test_none_or_all(tmp_path: Path, key: str, count: int) -> None:
    folder = run_cell(tmp_path, f"keep_audio={key}", "noise.length=0.2")
    assert len(kept(folder)) == count
    assert (folder / "audio").exists() == (count > 0)


def test_of_codes_what_is_heard_is_what_they_decode_to(tmp_path: Path) -> None:
    """Without its corrupted codes a clip spliced with its own ones sounds as the clean one, through the codec."""
    folder = run_cell(tmp_path, "noise=token_self", "noise.length=0.5", "data.limit=1")
    ((clip, entry),) = kept(folder).items()
    assert entry["source"] == "codes"
    model = load(weights(PACKAGE / "assets/tiny"), "fp32")
    file, _, start = clip.rpartition("#")
    original = decode(Clip(clip, PACKAGE / "assets/demo" / file, float(start), 4, "", ""), RATE, 1)
    with torch.inference_mode():
        expected = model.decode(model.encode(original[None]))[0, 0].numpy()
    for name in ["clean", "0"]:
        heard = sf.read(f"{entry['stem']}-{name}.ogg")[0]
        assert np.corrcoef(heard, expected)[0, 1] > 0.97
        assert np.corrcoef(heard, original[0])[0, 1] < np.corrcoef(heard, expected)[0, 1]


def test_a_model_without_a_decoder_gives_the_clean_clip_and_the_reason(tmp_path: Path) -> None:
    config = noise("token_noise")
    callback = KeepAudio(tmp_path / "audio", None, config)
    feed(callback, pair(0, np.zeros((1, RATE)), config), codes={"0": [torch.zeros(4, 50)] * 3})
    callback.on_test_end(None, None)  # type: ignore[arg-type]
    (entry,) = kept(tmp_path).values()
    assert (entry["source"], entry["variants"], entry["missing"]) == ("samples", {}, "Model has no decode")
    assert {p.suffix for p in (tmp_path / "audio").iterdir()} == {".ogg", ".webp", ".json"}


def test_beyond_full_scale_is_cut_off_and_never_wraps(tmp_path: Path) -> None:
    loud = 3 * np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE)[None].astype(np.float32)
    write_ogg(tmp_path / "loud.ogg", loud, RATE)
    heard = sf.read(tmp_path / "loud.ogg")[0]
    sure = np.abs(loud[0]) > 1.5
    assert (np.sign(heard[sure]) == np.sign(loud[0][sure])).all()
    assert np.abs(heard[sure] - np.sign(loud[0][sure])).max() < 0.35


@pytest.mark.parametrize("channels", [1, 2])
def test_channels_stay_apart_and_long_clips_are_whole(tmp_path: Path, channels: int) -> None:
    random = np.random.default_rng(0)
    time = np.arange(31 * 48_000) / 48_000
    audio = np.stack([0.3 * np.sin(2 * np.pi * f * time) for f in [300, 700][:channels]]).astype(np.float32)
    audio += 1e-3 * random.standard_normal(audio.shape).astype(np.float32)
    write_ogg(tmp_path / "x.ogg", audio, 48_000)
    heard, rate = sf.read(tmp_path / "x.ogg", always_2d=True)
    assert rate == 48_000
    assert heard.shape == audio.T.shape
    for own, other in zip(heard.T, audio, strict=True):
        assert np.corrcoef(own, other)[0, 1] > 0.99


def test_pictures_of_a_clip_share_one_scale(tmp_path: Path) -> None:
    config = noise()
    callback = KeepAudio(tmp_path / "audio", None, config)
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)[None]
    quiet = replace(pair(0, tone, config).corrupted[0], audio=torch.from_numpy(tone / 100).float())
    feed(callback, replace(pair(0, tone, config), corrupted=(quiet,)))
    callback.on_test_end(None, None)  # type: ignore[arg-type]
    loud, soft = (np.asarray(Image.open(tmp_path / f"audio/000000-{n}.webp").convert("L")) for n in ["clean", 0])
    assert loud.shape == soft.shape == (64, 25)
    assert loud.max() > 220  # the loudest is nearly white
    assert soft.max() < loud.max() - 60  # 40 dB below it


def test_an_error_while_writing_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("noiseprobe.callbacks.audio.sf", FULL)
    with pytest.raises(NoiseprobeError, match=r"audio: .*can't be written"):
        run_cell(tmp_path, "data.limit=1", "noise.length=0.2")
    assert not list(tmp_path.glob("*/DONE"))


def test_an_error_is_raised_before_the_end_if_many_clips_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("noiseprobe.callbacks.audio.sf", FULL)
    config = noise()
    callback = KeepAudio(tmp_path / "audio", None, config)
    with pytest.raises(NoiseprobeError, match="can't be written"):
        feed(callback, *(pair(i, np.zeros((1, 2000)), config) for i in range(WAITING + 1)))


def test_force_replaces_what_an_earlier_run_kept(cell: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(cell.parent, tmp_path / "results") / cell.name
    (copy / "audio/000002-clean.ogg").write_bytes(b"of another run")
    (copy / "audio/.000001-0.ogg.abc.part").write_bytes(b"half")
    again = run_cell(copy.parent, "keep_audio=1", "force=true")
    assert again == copy
    assert {p.name.partition(".")[0].partition("-")[0] for p in (again / "audio").iterdir()} == {"000000"}


def test_a_resumed_cell_keeps_what_it_has(cell: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codes, calls = NoiseProbe.codes, []

    def interrupted(self: NoiseProbe, item: Pair) -> Any:
        if len(calls) == 1:
            raise KeyboardInterrupt
        calls.append(item.index)
        return codes(self, item)

    monkeypatch.setattr(NoiseProbe, "codes", interrupted)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        run_cell(tmp_path, "keep_audio=2")
    (folder,) = tmp_path.iterdir()
    assert len(kept(folder)) == 1  # the clip that was scored, whole, before the end
    (folder / "audio/.000001-0.ogg.abc.part").write_bytes(b"half")
    first = (folder / "audio/000000-1.ogg").stat().st_mtime_ns
    monkeypatch.setattr(NoiseProbe, "codes", codes)
    run_cell(tmp_path, "keep_audio=2")
    assert sorted(p.name for p in (folder / "audio").iterdir()) == sorted(p.name for p in (cell / "audio").iterdir())
    assert (folder / "audio/000000-1.ogg").stat().st_mtime_ns == first
    for path in (folder / "audio").glob("*.json"):
        assert json.loads(path.read_text()) == json.loads((cell / "audio" / path.name).read_text())
