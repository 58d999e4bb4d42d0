"""Whole cells of the embedded model: resumed, repeated, split and joined, they give the same numbers."""

import fcntl
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from running import run_cell

import noiseprobe
from noiseprobe.config import PACKAGE
from noiseprobe.errors import NoiseprobeError
from noiseprobe.lightning_module import NoiseProbe

TABLES = ["clips.parquet", "nll.parquet", "profile.parquet", "rejected.parquet", "shapes.parquet", "signals.parquet"]


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_cell(tmp_path_factory.mktemp("results"))


def test_what_a_finished_cell_leaves(cell: Path) -> None:
    left = {p.name for p in cell.iterdir()}
    assert left == {
        "config.yaml", "meta.json", *TABLES,
        "summary.json", "profile.svg", "profile.png", "logs", "audio", "DONE",
    }  # fmt: skip
    assert cell.name.startswith("tiny-demo-white-")


def test_a_list_of_lengths_and_a_sweep_over_them_agree_to_the_bit(cell: Path, tmp_path: Path) -> None:
    together = noiseprobe.load_results(cell)
    for length in ["0.2", "0.5"]:
        alone = noiseprobe.load_results(run_cell(tmp_path, f"noise.length={length}"))
        variant = f"white@2.0s+{length}s"
        for table in ["clips", "profile"]:
            joint = getattr(together, table)
            joint = joint[joint["variant"] == variant].drop(columns="cell").reset_index(drop=True)
            pd.testing.assert_frame_equal(getattr(alone, table).drop(columns="cell"), joint, check_exact=True)


def test_batch_size_and_workers_change_no_table(cell: Path, tmp_path: Path) -> None:
    other = run_cell(tmp_path, "data.batch_size=2", "data.num_workers=2")
    assert other.name == cell.name
    for table in TABLES:
        assert (other / table).read_bytes() == (cell / table).read_bytes()


@pytest.mark.parametrize("clips_before", [0, 1, 2])
def test_an_interrupted_cell_goes_on_and_ends_byte_equal(
    cell: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clips_before: int
) -> None:
    score, calls = NoiseProbe.codes, []

    def interrupted(self: NoiseProbe, pair):
        if len(calls) == clips_before:
            raise KeyboardInterrupt
        calls.append(pair.clip.id)
        return score(self, pair)

    monkeypatch.setattr(NoiseProbe, "codes", interrupted)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        run_cell(tmp_path)
    assert not list(tmp_path.glob("*/DONE"))

    calls.clear()
    monkeypatch.setattr(NoiseProbe, "codes", lambda self, pair: calls.append(pair.clip.id) or score(self, pair))
    resumed = run_cell(tmp_path)
    assert len(calls) == 3 - clips_before
    for table in [*TABLES, "summary.json"]:
        assert (resumed / table).read_bytes() == (cell / table).read_bytes()


def test_a_finished_cell_is_left_alone_and_force_runs_it_again(cell: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored = []
    score = NoiseProbe.codes
    monkeypatch.setattr(NoiseProbe, "codes", lambda self, pair: scored.append(1) or score(self, pair))
    run_cell(cell.parent)
    assert not scored
    before = (cell / "clips.parquet").read_bytes()
    run_cell(cell.parent, "force=true")
    assert len(scored) == 3
    assert (cell / "clips.parquet").read_bytes() == before


def test_corrupted_files_are_rejected_with_a_reason_and_the_rest_is_scored(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    good = sorted((PACKAGE / "assets/demo").glob("*/*.ogg"))[0]
    shutil.copy(good, music / "good.ogg")
    (music / "empty.wav").write_bytes(b"")
    (music / "text.mp3").write_text("not audio")
    x, rate = sf.read(good)
    sf.write(music / "short.wav", x[:rate], rate)
    nan = x[: 5 * rate].astype("float32")
    nan[1000] = np.nan
    sf.write(music / "nan.wav", nan, rate, subtype="FLOAT")
    results = noiseprobe.load_results(
        run_cell(tmp_path / "results", "data=folder", f"data.root={music}", "data.limit=null")
    )
    assert set(results.clips["song"]) == {"good"}
    reasons = dict(zip(results.rejected["path"], results.rejected["reason"], strict=True))
    assert set(reasons) == {"empty.wav", "text.mp3", "short.wav", "nan.wav"}
    assert "empty" in reasons["empty.wav"]
    assert "not readable as audio" in reasons["text.mp3"]
    assert "too short" in reasons["short.wav"]
    assert "NaN" in reasons["nan.wav"]
    with pytest.raises(NoiseprobeError, match="strict=true"):
        run_cell(tmp_path / "strict", "data=folder", f"data.root={music}", "data.limit=null", "strict=true")


def test_clips_too_short_for_a_variant_are_scored_in_the_others(tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    x, rate = sf.read(sorted((PACKAGE / "assets/demo").glob("*/*.ogg"))[0])
    sf.write(music / "long.wav", x[: 4 * rate], rate)
    sf.write(music / "short.wav", x[: int(3.3 * rate)], rate)  # room for 0.2 s of noise and 1 s after it, not for 0.5 s
    results = noiseprobe.load_results(run_cell(tmp_path / "results", "data=folder", f"data.root={music}"))
    counts = results.clips.groupby("variant")["clip"].count().to_dict()
    assert counts == {"white@2.0s+0.2s": 2, "white@2.0s+0.5s": 1}
    assert results.rejected[["clip", "variant"]].to_numpy().tolist() == [["short.wav#0.0", "white@2.0s+0.5s"]]
    # the short clip's frames end at 165, of which the last 3 are in no mean
    n = results.profile.query("variant == 'white@2.0s+0.2s' and codebook.isna()").set_index("frame")["n_clips"]
    assert n[[0, 161, 162, 164, 165, 196, 197, 199]].tolist() == [2, 2, 1, 1, 1, 1, 0, 0]


def test_parallel_scoring_leaves_frame_0_null_and_shares_no_folder_with_delay(cell: Path, tmp_path: Path) -> None:
    parallel = run_cell(tmp_path, "scoring=parallel")
    assert parallel.name != cell.name
    results = noiseprobe.load_results(parallel)
    nll = results.nll(variant="white@2.0s+0.5s")
    assert nll.query("frame == 0")["nll_clean"].isna().all()
    assert nll.query("frame > 0")[["nll_clean", "nll_corrupted"]].notna().all(axis=None)
    assert nll.query("frame == 0")["in_means"].sum() == 0
    assert nll.query("frame == 199")["in_means"].all()


def test_parallel_scoring_of_noise_at_the_start_has_a_peak(tmp_path: Path) -> None:
    results = noiseprobe.load_results(run_cell(tmp_path, "scoring=parallel", "noise.onset=0"))
    assert results.clips["peak_delta"].notna().all()
    nll = results.nll(variant="white@0.0s+0.5s", clip=results.clips["clip"].iloc[0])
    delta = (nll["nll_corrupted"].astype(float) - nll["nll_clean"].astype(float)).groupby(nll["frame"]).mean()
    row = results.clips.query("variant == 'white@0.0s+0.5s'").iloc[0]
    assert row["peak_delta"] == pytest.approx(delta.loc[1:4].mean(), abs=1e-9)


def test_songs_of_different_groups_stay_apart_whatever_their_names(tmp_path: Path) -> None:
    demo = sorted((PACKAGE / "assets/demo").glob("*/*.ogg"))[:4]
    names = [("a/b", "c"), ("a", "b/c"), ("a", "d"), ("e", "d")]
    rows = [f"{path},{song},{group}" for path, (group, song) in zip(demo, names, strict=True)]
    (tmp_path / "clips.csv").write_text("\n".join(["path,song,group", *rows]))
    data = ["data=folder", f"data.root={tmp_path}", f"data.manifest={tmp_path}/clips.csv", "data.limit=null"]
    results = noiseprobe.load_results(run_cell(tmp_path / "results", *data))
    assert (results.cells["n_songs"] == 4).all()
    assert (results.profile.query("n_clips > 0")["n_songs"] == 4).all()
    own = results.clips.query("variant == 'white@2.0s+0.5s'")["delta"]
    cell = results.cells.set_index("variant").loc["white@2.0s+0.5s"]
    assert cell["delta_se"] == pytest.approx(own.std(ddof=1) / 2, abs=1e-12)


def test_however_the_root_is_written_the_clips_are_the_same(cell: Path, tmp_path: Path) -> None:
    demo = PACKAGE / "assets/demo"
    crooked = f"data.root={demo}/../demo/."
    assert run_cell(tmp_path, crooked).name == cell.name


def test_a_short_file_is_rejected_once_whatever_the_number_of_variants(tmp_path: Path) -> None:
    x, rate = sf.read(sorted((PACKAGE / "assets/demo").glob("*/*.ogg"))[0])
    (tmp_path / "music").mkdir()
    sf.write(tmp_path / "music/good.wav", x[: 4 * rate], rate)
    sf.write(tmp_path / "music/short.wav", x[:rate], rate)
    folder = run_cell(tmp_path / "results", "data=folder", f"data.root={tmp_path}/music")
    assert json.loads((folder / "summary.json").read_text())["n_rejected"] == 1
    assert len(noiseprobe.load_results(folder).rejected) == 1


def test_the_limit_counts_clips_that_can_be_scored(tmp_path: Path) -> None:
    x, rate = sf.read(sorted((PACKAGE / "assets/demo").glob("*/*.ogg"))[0])
    (tmp_path / "music").mkdir()
    sf.write(tmp_path / "music/a_short.wav", x[:rate], rate)
    sf.write(tmp_path / "music/good.wav", x[: 4 * rate], rate)
    results = noiseprobe.load_results(
        run_cell(tmp_path / "results", "data=folder", f"data.root={tmp_path}/music", "data.limit=1")
    )
    assert set(results.clips["song"]) == {"good"}
    assert results.rejected["path"].tolist() == ["a_short.wav"]


def test_a_finished_cell_answers_for_strict_and_for_files_that_went_bad_since(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    x, rate = sf.read(sorted((PACKAGE / "assets/demo").glob("*/*.ogg"))[0])
    (tmp_path / "music").mkdir()
    sf.write(tmp_path / "music/good.wav", x[: 4 * rate], rate)
    data = ["data=folder", f"data.root={tmp_path}/music"]
    folder = run_cell(tmp_path / "results", *data)
    assert run_cell(tmp_path / "results", *data, "strict=true") == folder
    (tmp_path / "music/new.wav").write_bytes(b"")
    with caplog.at_level("WARNING"):
        assert run_cell(tmp_path / "results", *data) == folder
    assert "new.wav: an empty file" in caplog.text
    with pytest.raises(NoiseprobeError, match=r"rejected with strict=true, new\.wav first"):
        run_cell(tmp_path / "results", *data, "strict=true")


def test_two_runs_do_not_share_a_cell(tmp_path: Path) -> None:
    folder = run_cell(tmp_path)
    (folder / "DONE").unlink()
    (folder / "records").mkdir()
    with (folder / "records/lock").open("w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        with pytest.raises(NoiseprobeError, match="another run is working on it"):
            run_cell(tmp_path)
        assert (folder / "records/lock").exists()  # the one that works may not have scored a clip yet
    assert run_cell(tmp_path) == folder


def test_what_a_killed_run_left_half_written_goes(cell: Path, tmp_path: Path) -> None:
    (tmp_path / cell.name / "records").mkdir(parents=True)
    (tmp_path / cell.name / ".profile.png.abc.part").write_bytes(b"half")
    (tmp_path / cell.name / "records/.000001.npz.abc.part").write_bytes(b"half")
    again = run_cell(tmp_path)
    assert {p.name for p in again.iterdir()} == {p.name for p in cell.iterdir()}
    for name in ["profile.svg", "profile.png", "DONE", *TABLES]:
        assert (again / name).read_bytes() == (cell / name).read_bytes()


SHARED = Path(__file__).parents[2] / "shared/audio"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real pairs lie beside the checkout only where they were put")
def test_a_folder_of_real_recordings_works_as_the_demo_does(tmp_path: Path) -> None:
    overrides = ["data=folder", f"data.root={SHARED}", "data.limit=null", "data.duration=15", "noise.onset=5"]
    results = noiseprobe.load_results(run_cell(tmp_path, *overrides, "noise.length=2"))
    assert set(results.clips["clip"]) == {f"{p.name}#0.0" for p in SHARED.glob("*.wav")}
    assert results.rejected.empty
    assert results.clips["frames"].eq(750).all()
    # the music's level in the span, as the folder's README states it for two of the files
    levels = results.clips.set_index("song")["music_db"]
    assert levels["ori_Schubert_062"] == pytest.approx(-31.6, abs=0.05)
    assert levels["ori_sample_004"] == pytest.approx(-11.6, abs=0.05)
    assert levels["whiteNoise_Schubert_062"] == pytest.approx(-30, abs=0.05)


def test_no_file_at_all_is_an_error_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(NoiseprobeError, match=r"data\.root: no flac, mp3, ogg, wav file"):
        run_cell(tmp_path / "results", "data=folder", f"data.root={tmp_path}")
