"""A model whose logits aren't finite somewhere: an error with clip, variant, codebook and frame, and nothing is kept.

An embedding that is NaN for one code of one codebook poisons what is predicted after that code, and nothing else: so a
clip, or a corrupted version of it alone, can be chosen.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from running import SHORT, composed, quick_command, weights
from safetensors.torch import load_file, save_file

from noiseprobe.cell import plan
from noiseprobe.config import PACKAGE, check
from noiseprobe.data.audio import decode
from noiseprobe.data.collate import Pair, PairCollate
from noiseprobe.data.datamodule import ClipDataset
from noiseprobe.lightning_module import NoiseProbe
from noiseprobe.models.backends.transformers import load
from noiseprobe.models.weights import locate
from noiseprobe.results.records import Records

TINY = PACKAGE / "assets/tiny"
Poison = Callable[[int, int], Path]


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> list[list[torch.Tensor]]:
    """Of each clip of SHORT: the clean codes, and those of each variant."""
    config = check(composed(*SHORT))
    manifest = plan(config, locate(config.model))
    model = load(weights(TINY), "fp32")
    probe = NoiseProbe(
        model, "delay", config.noise.variants, manifest, Records(tmp_path_factory.mktemp("records")), frames=200
    )
    collate = PairCollate(config.noise, 0, model.sample_rate, model.hop, manifest.clips, lambda c: decode(c, 32_000, 1))
    dataset = ClipDataset(manifest, lambda c: decode(c, 32_000, 1))
    with torch.inference_mode():
        pairs = [item for i in range(len(manifest.clips)) for item in collate([dataset[i]]).items]
        assert all(isinstance(pair, Pair) for pair in pairs)
        return [probe.codes(pair) for pair in pairs]


def only_in(wanted: torch.Tensor, others: list[torch.Tensor]) -> tuple[int, int]:
    """A codebook and a code that these codes have, in frames that count, and no others do."""
    for k in range(4):
        found = set(wanted[k, 5:-10].tolist()) - {int(c) for other in others for c in other[k]}
        if found:
            return k, min(found)
    raise AssertionError("no code is there alone")


@pytest.fixture
def poisoned(tmp_path: Path) -> Poison:
    """A copy of the embedded model whose embedding of one code of one codebook is NaN."""

    def make(codebook: int, code: int) -> Path:
        folder = shutil.copytree(TINY, tmp_path / "tiny")
        tensors = load_file(folder / "model.safetensors")
        (name,) = [n for n in tensors if re.search(rf"embed_tokens\.{codebook}\.weight$", n) and "decoder" in n]
        tensors[name][code] = torch.nan
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        return folder

    return make


def nothing_bad_is_kept(results: Path, cache: Path, first: int) -> None:
    assert not list(results.glob("*/DONE"))
    kept = [path for path in cache.rglob("*.npz") if "nll" in path.parts]
    records = list(results.rglob("records/*.npz"))
    for path in [*kept, *records]:
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                if name.startswith(("nll", "clean")):
                    assert np.isfinite(arrays[name][:, first:]).all(), (path, name)


def one_line(done: "subprocess.CompletedProcess[str]", pattern: str) -> None:
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    says = re.compile(pattern + r": the nll of codebook [0-3], frame \d+ is nan; the model's logits aren't finite")
    assert [line for line in done.stderr.splitlines() if says.search(line)], done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("scoring", ["delay", "parallel"])
@pytest.mark.parametrize("where", ["clean", "corrupted"])
def test_the_line_names_the_version_and_nothing_bad_is_kept(
    codes: list[list[torch.Tensor]], poisoned: Poison, tmp_path: Path, scoring: str, where: str
) -> None:
    clips = codes if where == "corrupted" else []
    others = [own[0] for own in clips] + [own[i] for own in codes[1:] for i in range(3)]
    codebook, code = only_in(codes[0][2 if clips else 0], others)
    model = poisoned(codebook, code)
    overrides = [*SHORT, "model=local", f"model.path={model}", f"scoring={scoring}", "logger=none", "keep_audio=0"]
    clip = r"bach/\w+\.ogg#0\.0"
    version = r"white@2\.0s\+0\.\ds" if where == "corrupted" else "clean"
    for _ in range(2):  # what is kept hides nothing from the second
        done = quick_command(*overrides, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
        one_line(done, f"{clip}, {version}")
        nothing_bad_is_kept(tmp_path / "results", tmp_path / "cache", first=0 if scoring == "delay" else 1)
    assert list((tmp_path / "cache").rglob("*.npz"))


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, -1])
def test_one_processs_nan_ends_both(
    codes: list[list[torch.Tensor]], poisoned: Poison, tmp_path: Path, which: int
) -> None:
    """The first clip is the first process's, the last the second's; no process waits for one that has ended."""
    others = [c for own in codes if own is not codes[which] for c in own]
    model = poisoned(*only_in(codes[which][0], others))
    overrides = [*SHORT, "model=local", f"model.path={model}", "logger=none", "keep_audio=0"]
    two = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
    done = quick_command(*overrides, *two, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    one_line(done, r"\w+\.ogg#0\.0, (clean|white@\S+)")
    nothing_bad_is_kept(tmp_path / "results", tmp_path / "cache", first=0)


FULL = """
import torch
from noiseprobe.models.backends import transformers

known = transformers.TransformersMusicGen.nll_all
calls = []


def full(*arguments):
    calls.append(1)
    if len(calls) == 2:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    return known(*arguments)


transformers.TransformersMusicGen.nll_all = full
from noiseprobe.cli import main

main()
"""


@pytest.mark.slow
def test_a_clip_that_does_not_fit_is_named_and_those_before_it_stay(tmp_path: Path) -> None:
    """By the command line, with a device whose memory is full at the second clip."""
    (tmp_path / "full.py").write_text(FULL)
    done = subprocess.run(
        [sys.executable, "full.py", *SHORT, "logger=none"], cwd=tmp_path, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    lines = [line for line in done.stderr.splitlines() if "not even one sequence of 128000 samples fits" in line]
    assert len(lines) == 1
    assert re.match(r"\S+\.ogg#0\.0: .*Tried to allocate 2 GiB", lines[0])
    assert not list(tmp_path.glob("results/*/DONE"))
    assert [path.name for path in tmp_path.glob("results/*/records/*.npz")] == ["000000.npz"]
    again = quick_command(*SHORT, "logger=none", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "1 clips were scored before" in again.stdout
