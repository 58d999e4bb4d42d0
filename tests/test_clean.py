"""What is known of clean clips: found again by the same content alone, and without a trace in the results."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from running import run_cell, weights

from noiseprobe.clean import CleanStore
from noiseprobe.config import PACKAGE
from noiseprobe.models import loading
from noiseprobe.models.backends.transformers import TransformersMusicGen, load
from noiseprobe.models.base import Encoded
from noiseprobe.models.decoder import Decoder
from noiseprobe.models.prefix import BLOCK
from noiseprobe.models.tiles import TiledEncoder
from noiseprobe.store import Store

TABLES = ["clips.parquet", "nll.parquet", "profile.parquet", "shapes.parquet", "signals.parquet"]


@pytest.fixture(scope="module")
def model() -> TransformersMusicGen:
    return load(weights(PACKAGE / "assets/tiny"), "fp32")


@pytest.fixture
def kept(model: TransformersMusicGen, tmp_path: Path) -> CleanStore:
    return CleanStore(Store(tmp_path, 10**8), model, "weights", "delay", "fp32")


def test_an_encoding_comes_back_to_the_bit(kept: CleanStore) -> None:
    audio = torch.randn(1, 1000)
    encoded = Encoded(torch.arange(8).view(4, 2), torch.randn(1, 1, 3, 2))
    assert kept.encoded(audio) is None
    kept.keep_encoded(audio, encoded)
    found = kept.encoded(audio.clone())
    assert found is not None
    assert torch.equal(found.codes, encoded.codes)
    assert found.codes.dtype == torch.int64
    assert found.features is not None
    assert torch.equal(found.features, encoded.features)  # type: ignore[arg-type]
    audio[0, 3] += 1e-7
    assert kept.encoded(audio) is None
    kept.keep_encoded(audio, Encoded(encoded.codes))
    found = kept.encoded(audio)
    assert found is not None
    assert found.features is None


def test_an_nll_comes_back_for_the_same_codes_and_the_same_scoring_alone(kept: CleanStore) -> None:
    codes = torch.arange(8).view(4, 2)
    nll = torch.tensor([[torch.nan, 1.5]] * 4)
    kept.keep_nll(codes, None, nll)
    found = kept.nll(codes.clone(), None)
    assert found is not None
    assert torch.equal(found.nan_to_num(), nll.nan_to_num())
    assert kept.nll(codes.flip(0), None) is None
    assert kept.nll(codes.view(2, 4), None) is None
    assert kept.nll(codes, "a quiet piano") is None
    for changed in [("other", "delay", "fp32"), ("weights", "parallel", "fp32"), ("weights", "delay", "bf16")]:
        assert CleanStore(kept.store, kept.model, *changed).nll(codes, None) is None


def test_what_other_files_gave_is_never_found(kept: CleanStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash is over configurations, too: the same tensors under another one give other codes."""
    audio, codes = torch.randn(1, 1000), torch.arange(8).view(4, 2)
    kept.keep_encoded(audio, Encoded(codes))
    kept.keep_nll(codes, None, torch.ones(4, 2))
    other = CleanStore(kept.store, kept.model, "other files", "delay", "fp32")
    assert other.encoded(audio) is None
    assert other.nll(codes, None) is None
    for place, value in [("processor", "another"), ("version", "9.9")]:
        with monkeypatch.context() as patch:
            patch.setattr(f"noiseprobe.clean.{place}", lambda *_, value=value: value)
            assert kept.encoded(audio) is None
            assert kept.nll(codes, None) is None
    assert kept.encoded(audio) is not None
    assert kept.nll(codes, None) is not None


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Counts what is computed: tiles of clips, steps of the language model, loads."""
    counts = {"clips": 0, "steps": 0, "scored": 0, "loads": 0}

    def counted(owner: type, name: str, key: str, size: int | None) -> None:
        original = getattr(owner, name)

        def call(self: object, x: torch.Tensor, *args: object) -> object:
            counts[key] += 1 if size is None else x.shape[size]
            return original(self, x, *args)

        monkeypatch.setattr(owner, name, call)

    counted(TiledEncoder, "clip", "clips", None)
    counted(Decoder, "run", "steps", 1)
    counted(Decoder, "nll", "scored", 1)

    def loaded(*args: object) -> object:
        counts["loads"] += 1
        return load(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("noiseprobe.models.backends.transformers.load", loaded)
    loading._loaded.clear()
    return counts


CELL = ["data.limit=2", "data.duration=6", "noise.length=[0.1,0.5]", "noise.onset=3"]


def test_a_second_cell_computes_no_clean_clip_and_loads_no_model(tmp_path: Path, passes: dict[str, int]) -> None:
    run_cell(tmp_path, *CELL)
    first = dict(passes)
    assert first["clips"] == 2
    assert first["loads"] == 1
    run_cell(tmp_path, *CELL, "noise=pink")
    second = {name: passes[name] - first[name] for name in passes}
    assert second["clips"] == second["loads"] == 0
    # Of each clip the steps before the noise, whose keys and values the variants need; none of its own is scored.
    steps, start = 303, (150 - 4) // BLOCK * BLOCK
    assert second["steps"] == 2 * (start + 2 * (steps - start))
    assert second["scored"] == 2 * 2 * (steps - start)
    assert first["steps"] - second["steps"] == 2 * (steps - start)
    assert first["scored"] - second["scored"] == 2 * steps


def test_results_are_the_same_bytes_with_and_without(tmp_path: Path) -> None:
    cells = {
        "off": run_cell(tmp_path / "off", *CELL, "cache=off"),
        "empty": run_cell(tmp_path / "empty", *CELL, f"paths.cache={tmp_path}/kept"),
        "full": run_cell(tmp_path / "full", *CELL, f"paths.cache={tmp_path}/kept"),
    }
    run_cell(tmp_path / "other", *CELL, "noise=brown", f"paths.cache={tmp_path}/another")
    cells["other noise before"] = run_cell(tmp_path / "after", *CELL, f"paths.cache={tmp_path}/another")
    assert len(list((tmp_path / "kept").rglob("*.npz"))) == 4
    for name in TABLES:
        expected = (cells["off"] / name).read_bytes()
        assert len(pq.read_table(cells["off"] / name))
        for how, folder in cells.items():
            assert (folder / name).read_bytes() == expected, (name, how)
