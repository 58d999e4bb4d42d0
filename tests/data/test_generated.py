"""Generated clips: which there are, that they are the same however they came about, that nothing foreign is scored."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import torch
from running import composed, run_cell
from safetensors.torch import load_file, save_file

import noiseprobe
from noiseprobe.config import PACKAGE, check
from noiseprobe.data.manifest import Manifest
from noiseprobe.data.sources import generated
from noiseprobe.data.wav import wav
from noiseprobe.errors import NoiseprobeError
from noiseprobe.models import loading, sampling
from noiseprobe.models.weights import locate

TINY = PACKAGE / "assets/tiny"
FEW = ["data.top_k=[5,200]", "data.clips_per_top_k=2", "data.duration=3", "data.limit=null"]
NAMES = ["top_k=200/000", "top_k=200/001", "top_k=5/000", "top_k=5/001"]


def overrides(root: Path | str, *more: str) -> list[str]:
    return ["data=generated", f"data.root={root}", *FEW, "noise.onset=1", "noise.length=[0.2,0.5]", *more]


def manifest(root: Path | str, *more: str) -> Manifest:
    """What the source makes of a command line."""
    config = check(composed(*overrides(root, *more)))
    return generated.manifest(config, locate(config.model), shortest=0.0)


def wavs(root: Path) -> dict[str, bytes]:
    """The clips of the one set below a root."""
    (folder,) = root.iterdir()
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*.wav"))}


def never(*args: object) -> None:
    raise AssertionError("the model was loaded")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with all clips, for tests that don't write into it."""
    root = tmp_path_factory.mktemp("kept")
    manifest(root)
    return root


@pytest.fixture
def root(kept: Path, tmp_path: Path) -> Path:
    """The same, for tests that do."""
    return Path(shutil.copytree(kept, tmp_path / "root"))


# What there is


def test_files_groups_songs_and_what_they_were_made_from(kept: Path) -> None:
    (folder,) = kept.iterdir()
    assert folder.name.startswith("tiny-")
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files == {"generated.json", "lock", *(f"{name}.wav" for name in NAMES)}
    stated = json.loads((folder / "generated.json").read_text())
    assert {k: stated[k] for k in ["protocol", "model", "backend", "precision", "seed", "duration"]} == {
        "protocol": 1, "model": "tiny", "backend": "transformers", "precision": "fp32", "seed": 0, "duration": 3.0,
    }  # fmt: skip
    assert stated["weights"] == locate(check(composed()).model).hash
    for path in folder.rglob("*.wav"):
        info = sf.info(str(path))
        assert (info.format, info.subtype, info.samplerate, info.channels, info.frames) == (
            "WAV",
            "FLOAT",
            32_000,
            1,
            96_000,
        )
    found = manifest(kept)
    assert found.rejected == ()
    assert [c.song for c in found.clips] == NAMES
    for clip in found.clips:
        assert clip.group == clip.song.split("/")[0]
        assert clip.id == f"{clip.song}.wav#0.0"
        assert (clip.start, clip.duration, clip.description) == (0.0, 3.0, None)
        assert clip.path == folder / f"{clip.song}.wav"
        assert clip.content == hashlib.sha256(clip.path.read_bytes()).hexdigest()


def test_a_clip_is_what_the_model_draws_and_its_codec_decodes(kept: Path) -> None:
    config = check(composed(*overrides(kept)))
    model = loading.load_model(locate(config.model), "fp32")
    audio = {}
    for top_k, number in [(5, 1), (200, 0)]:
        key = json.dumps([0, top_k, number]).encode()
        g = torch.Generator().manual_seed(int(hashlib.sha256(key).hexdigest()[:15], 16))
        with torch.inference_mode():
            audio[f"top_k={top_k}/{number:03d}.wav"] = model.decode(sampling.sample(model, 150, top_k, g))[0]
    (folder,) = kept.iterdir()
    for name, expected in audio.items():
        x, _ = sf.read(str(folder / name), dtype="float32", always_2d=True)
        assert np.array_equal(x.T, expected.numpy())
        assert x.std() > 0


def test_all_clips_differ(kept: Path) -> None:
    assert len(set(wavs(kept).values())) == 4


def test_a_length_between_frames_is_cut_to_the_sample(tmp_path: Path) -> None:
    manifest(tmp_path, "data.duration=2.013", "data.limit=1", "noise.length=0")
    (data,) = wavs(tmp_path).values()
    (folder,) = tmp_path.iterdir()
    assert sf.info(str(folder / "top_k=5/000.wav")).frames == round(2.013 * 32_000)  # 100.65 frames
    assert len(data) == 58 + 4 * 64_416


def test_samples_beyond_full_scale_and_channels_are_written_as_they_are(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0, 2, (2, 1000)).astype(np.float32)
    (tmp_path / "a.wav").write_bytes(wav(x, 44_100))
    found, rate = sf.read(str(tmp_path / "a.wav"), dtype="float32")
    assert rate == 44_100
    assert np.array_equal(found.T, x)
    assert np.abs(x).max() > 5


def test_a_limit_takes_the_top_k_in_turn_and_generates_no_others(tmp_path: Path, kept: Path) -> None:
    found = manifest(tmp_path, "data.limit=3")
    assert [c.song for c in found.clips] == ["top_k=200/000", "top_k=5/000", "top_k=5/001"]
    whole = wavs(kept)
    assert wavs(tmp_path) == {f"{c.song}.wav": whole[f"{c.song}.wav"] for c in found.clips}


def test_without_a_root_clips_are_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert check(composed("data=generated")).data.options.root == tmp_path / "noiseprobe/generated"


def test_the_papers_numbers_are_the_default() -> None:
    data = check(composed("data=generated")).data
    assert data.options.top_k == (10, 50, 100, 150, 200, 250, 500)
    assert (data.options.clips_per_top_k, data.duration, data.name) == (20, 15.0, "generated")


def test_progress_is_a_line_a_tenth(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", generated.__name__)
    manifest(tmp_path, "data.top_k=5", "data.clips_per_top_k=20", "data.duration=1", "noise.onset=0", "noise.length=0")
    lines = [r.getMessage() for r in caplog.records if "clips/s" in r.getMessage()]
    assert [line.split(" clips, ")[0] for line in lines] == [f"generated {2 * i}/20" for i in range(1, 11)]


# The same clips, however they came about


def test_an_interrupted_run_goes_on_and_leaves_the_same_bytes(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def interrupted(*args: object) -> torch.Tensor:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return sample(*args)  # type: ignore[arg-type]

    sample = sampling.sample
    monkeypatch.setattr(sampling, "sample", interrupted)
    with pytest.raises(KeyboardInterrupt):
        manifest(tmp_path)
    (folder,) = tmp_path.iterdir()
    assert [p.name for p in folder.rglob("*") if "wav" in p.name] == ["000.wav"]  # no half file beside it
    first = next(folder.rglob("*.wav"))
    before = first.stat().st_mtime_ns
    assert manifest(tmp_path).clips[0].content
    assert len(calls) == 2 + 3
    assert first.stat().st_mtime_ns == before
    assert wavs(tmp_path) == wavs(kept)


def test_an_interrupted_write_leaves_no_clip(tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def half(self: Path, data: bytes) -> int:
        write(self, data[: len(data) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        with pytest.raises(KeyboardInterrupt):
            manifest(tmp_path)
    assert wavs(tmp_path) == {}
    manifest(tmp_path)
    assert wavs(tmp_path) == wavs(kept)


def test_further_clips_and_other_top_k_leave_what_is_there(root: Path) -> None:
    before = wavs(root)
    (folder,) = root.iterdir()
    times = {p: p.stat().st_mtime_ns for p in folder.rglob("*.wav")}
    manifest(root, "data.clips_per_top_k=3")
    manifest(root, "data.top_k=[1,5]")
    after = wavs(root)
    assert set(after) - set(before) == {"top_k=200/002.wav", "top_k=5/002.wav", "top_k=1/000.wav", "top_k=1/001.wav"}
    assert {name: after[name] for name in before} == before
    assert {p: p.stat().st_mtime_ns for p in times} == times


def test_the_order_of_the_top_k_changes_nothing(kept: Path) -> None:
    assert manifest(kept, "data.top_k=[200,5]") == manifest(kept)


def test_what_the_audio_depends_on_has_its_own_folder(kept: Path, tmp_path: Path) -> None:
    other = shutil.copytree(TINY, tmp_path / "other")
    tensors = load_file(other / "model.safetensors")
    name = next(n for n in tensors if n.endswith("lm_heads.0.weight"))
    save_file({**tensors, name: tensors[name] * 1.5}, other / "model.safetensors", {"format": "pt"})
    root, one = tmp_path / "root", "data.limit=1"
    sets = {}
    for change in ["seed=0", "seed=1", f"model.path={other}", "precision=bf16", "data.duration=2.5"]:
        (clip,) = manifest(root, one, change).clips
        sets[clip.path.parents[1]] = clip.path.read_bytes()
        assert clip.id == "top_k=5/000.wav#0.0"  # and so the same noise
    assert len(sets) == 5
    assert len(set(sets.values())) == 5
    assert next(iter(sets.values())) == wavs(kept)["top_k=5/000.wav"]
    # the codec is part of it, the name is not part of the digest, and neither is what only scoring depends on
    assert manifest(root, one, "scoring=parallel", "noise.onset=0.5").clips[0].path.parents[1] in sets


def test_the_model_is_loaded_only_where_a_clip_is_missing(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = manifest(kept)
    monkeypatch.setattr(loading, "load_model", never)
    assert manifest(kept) == before
    with pytest.raises(AssertionError, match="was loaded"):
        manifest(kept, "data.clips_per_top_k=3")


# What is refused


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def other_length(path: Path) -> None:
    sf.write(str(path), np.zeros(96_001), 32_000, subtype="FLOAT")


def other_type(path: Path) -> None:
    sf.write(str(path), np.zeros(96_000), 32_000, subtype="PCM_16")


def two_channels(path: Path) -> None:
    sf.write(str(path), np.zeros((96_000, 2)), 32_000, subtype="FLOAT")


def no_audio(path: Path) -> None:
    path.write_text("a note")


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("spoil", [truncated, other_length, other_type, two_channels, no_audio, empty])
def test_a_file_that_is_no_generated_clip_is_neither_scored_nor_replaced(root: Path, spoil, monkeypatch) -> None:
    (folder,) = root.iterdir()
    path = folder / "top_k=5/001.wav"
    whole = path.read_bytes()
    spoil(path)
    spoiled = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(loading, "load_model", never)
        for more in ["data.clips_per_top_k=2", "data.clips_per_top_k=3"]:  # with and without others to generate
            with pytest.raises(NoiseprobeError, match=r"data\.root: .*top_k=5/001\.wav .*delete it") as caught:
                manifest(root, more)
            assert len(str(caught.value).splitlines()) == 1
    assert path.read_bytes() == spoiled
    path.unlink()
    manifest(root)
    assert path.read_bytes() == whole


def test_a_description_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoiseprobeError, match=r"model\.description: got a quiet piano, expected null .*data=folder"):
        manifest(tmp_path, "model.description='a quiet piano'")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("variable", ["RANK", "LOCAL_RANK", "SLURM_PROCID"])
def test_only_the_first_of_several_processes_generates(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    monkeypatch.setattr(loading, "load_model", never)
    with pytest.raises(NoiseprobeError, match="one process first"):
        manifest(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(manifest(kept).clips) == 4


def test_two_runs_at_a_time_are_refused_where_a_clip_is_missing(root: Path) -> None:
    (folder,) = root.iterdir()
    before = wavs(root)
    with (folder / "lock").open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        assert len(manifest(root).clips) == 4
        with pytest.raises(NoiseprobeError, match=r"data\.root: .*another run is working on it"):
            manifest(root, "data.clips_per_top_k=3")
        assert (folder / "lock").exists()
    assert wavs(root) == before
    manifest(root, "data.clips_per_top_k=3")


def test_a_root_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NoiseprobeError, match=r"^data\.root: got .*file, expected a folder"):
        manifest(tmp_path / "file")
    with pytest.raises(NoiseprobeError, match=r"^data\.root: .*file.* can't be written or read: Not a directory$"):
        manifest(tmp_path / "file/below")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_root_without_permission_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(NoiseprobeError, match=r"^data\.root: .* can't be written or read: Permission denied$"):
        manifest(tmp_path / "below")
    tmp_path.chmod(0o755)


def test_an_error_elsewhere_is_not_put_down_to_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise FileNotFoundError(2, "No such file", "/somewhere/else")

    monkeypatch.setattr(loading, "load_model", fail)
    with pytest.raises(FileNotFoundError):
        manifest(tmp_path)


def test_clips_longer_than_the_model_takes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = loading.load_model(locate(check(composed()).model), "fp32")
    monkeypatch.setattr(model, "max_frames", 149)
    with pytest.raises(
        NoiseprobeError, match=r"data\.duration: got clips of 3 s, expected at most this model's 2\.98 s"
    ):
        manifest(tmp_path)
    assert wavs(tmp_path) == {}
    monkeypatch.setattr(model, "max_frames", 150)
    manifest(tmp_path, "data.limit=1")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(NoiseprobeError, match=r"^trainer\.accelerator: got gpu, expected a device .*") as caught:
        manifest(tmp_path, "trainer=gpu", "precision=fp32")
    assert len(str(caught.value).splitlines()) == 1
    assert wavs(tmp_path) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data.top_k=0", r"data\.top_k: got 0, expected a whole number of at least 1"),
        ("data.top_k=[]", r"data\.top_k: got \[\]"),
        ("data.top_k=[5,5]", r"data\.top_k: got \[5, 5\], expected each top-k once"),
        ("data.top_k=many", r"data\.top_k: got many"),
        ("data.clips_per_top_k=0", r"data\.clips_per_top_k: got 0"),
        ("data.clips_per_top_k=null", r"data\.clips_per_top_k: got null"),
        ("+data.start=1", r"data\.start: unknown key"),
    ],
)
def test_values_that_are_not_allowed(tmp_path: Path, change: str, message: str) -> None:
    with pytest.raises(NoiseprobeError, match=message):
        check(composed(*overrides(tmp_path, change)))


# Whole cells


def test_a_cell_of_generated_clips(kept: Path, tmp_path: Path) -> None:
    cell = run_cell(tmp_path / "results", *overrides(kept))
    assert cell.name.startswith("tiny-generated-white-")
    found = noiseprobe.load_results(cell)
    clips = found.clips.drop_duplicates("clip")
    assert clips["song"].tolist() == NAMES
    assert set(clips["group"]) == {"top_k=5", "top_k=200"}
    assert found.cells["n_songs"].tolist() == [4, 4]
    assert clips["nll_clean"].notna().all()
    # from their own copies, kept elsewhere, the same clips are the same cell; fewer of them are another
    copy = shutil.copytree(kept, tmp_path / "copy")
    assert run_cell(tmp_path / "results", *overrides(copy)) == cell
    assert run_cell(tmp_path / "results", *overrides(kept, "data.top_k=5")) != cell


def test_neither_the_source_nor_a_finished_cell_imports_torch(kept: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests'); import noiseprobe.data.sources.generated;"
        " assert 'torch' not in sys.modules; from pathlib import Path; from running import run_cell;"
        " print(run_cell(Path(sys.argv[1]), *sys.argv[2:])); print('torch' in sys.modules)"
    )
    arguments = [str(tmp_path), *overrides(kept)]
    folder = run_cell(tmp_path, *overrides(kept))
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == [str(folder), "False"]
