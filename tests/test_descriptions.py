"""Text conditions through whole cells: of the model, of single clips, in tables and identity."""

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from checkpoints import Made
from running import run_cell

from noiseprobe import load_results
from noiseprobe.errors import NoiseprobeError
from noiseprobe.results.load import Results


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    for i, name in enumerate("ab"):
        sf.write(folder / f"{name}.wav", np.random.default_rng(i).uniform(-0.3, 0.3, 32_000 * 4), 32_000)
    (folder / "table.csv").write_text("path,description\na.wav,a quiet piano\nb.wav,\n")
    return folder


def cell(made: Made, music: Path, results: Path, *overrides: str) -> Results:
    own = ["model=local", f"model.path={made.transformers}", "data=folder", f"data.root={music}", "logger=none"]
    return load_results(run_cell(results, *own, "noise.length=0.5", *overrides))


def clean(results: Results) -> dict[str, float]:
    return dict(zip(results.clips["song"], results.clips["nll_clean"], strict=True))


def test_descriptions_of_single_clips_go_before_the_models(made: Made, music: Path, tmp_path: Path) -> None:
    null = cell(made, music, tmp_path)
    some = cell(made, music, tmp_path, f"data.manifest={music}/table.csv")
    piano = cell(made, music, tmp_path, "model.description='a quiet piano'")
    both = cell(made, music, tmp_path, f"data.manifest={music}/table.csv", "model.description='loud techno'")
    assert clean(some) == {"a": clean(piano)["a"], "b": clean(null)["b"]}
    assert clean(both)["a"] == clean(piano)["a"]
    assert len({clean(r)["b"] for r in [null, piano, both]}) == 3
    assert some.clips["description"].tolist()[0] == "a quiet piano"
    assert some.clips["description"].isna().tolist() == [False, True]
    conditions = [r.cells["condition"].iloc[0] for r in [null, some, piano, both]]
    assert conditions[0] == "null"
    assert len(set(conditions)) == 4
    for r, condition in zip([null, some, piano, both], conditions, strict=True):
        assert f"|cond:{condition}|" in r.cells["signature"].iloc[0]


def test_a_model_without_its_text_encoder_says_so_before_audio_is_decoded(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("noiseprobe.data.audio.decode", lambda *args: pytest.fail("audio was read"))
    with pytest.raises(NoiseprobeError, match=r"model\.text_encoder: .* expected the text encoder with its tokenizer"):
        run_cell(tmp_path, "data=folder", f"data.root={music}", "model.description=loud")
