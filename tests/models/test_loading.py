"""Models in memory: once in a sweep, one at a time, and the weights once."""

import gc
import json
import shutil
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
import torch
from checkpoints import Made
from running import run_cell, weights
from safetensors.torch import load_file, save_file

from noiseprobe.config import PACKAGE
from noiseprobe.errors import NoiseprobeError
from noiseprobe.models import loading
from noiseprobe.models.backends import transformers
from noiseprobe.models.base import MusicLM
from noiseprobe.models.weights import Weights

TINY = PACKAGE / "assets/tiny"


def test_the_same_weights_are_loaded_once_and_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[weakref.ref[MusicLM]] = []
    load = transformers.load

    def spied(found: Weights, precision: str) -> MusicLM:
        assert [model for model in loaded if model() is not None] == []  # whatever was before is gone by now
        model = load(found, precision)
        loaded.append(weakref.ref(model))
        return model

    monkeypatch.setattr(transformers, "load", spied)
    monkeypatch.setattr(loading, "_loaded", {})
    first = loading.load_model(weights(TINY), "fp32")
    assert loading.load_model(weights(TINY), "fp32") is first
    assert len(loaded) == 1
    first.itself = first  # held by a circle, as a Trainer holds its module
    del first
    loading.load_model(weights(TINY), "bf16")
    assert len(loaded) == 2


@pytest.mark.slow
def test_a_sweep_over_two_models_has_one_in_memory_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole cells, through Trainer.test: nothing that they leave holds a model."""
    alive: list[weakref.ref[MusicLM]] = []
    load = transformers.load

    def spied(found: Weights, precision: str) -> MusicLM:
        assert sum(model() is not None for model in alive) == 0
        model = load(found, precision)
        alive.append(weakref.ref(model))
        return model

    monkeypatch.setattr(loading, "_loaded", {})
    gc.collect()
    monkeypatch.setattr(transformers, "load", spied)
    for overrides in [["precision=fp32"], ["precision=bf16"], ["precision=fp32", "noise.length=0.9"]]:
        run_cell(tmp_path, "data.limit=1", *overrides)
    assert len(alive) == 3


FIRST = """
import gc, sys, weakref
from pathlib import Path
from noiseprobe.config import ModelConfig
from noiseprobe.models import loading
from noiseprobe.models.weights import locate

def first():
    model = loading.load_model(locate(ModelConfig("m", "audiocraft", Path(sys.argv[1]))), "fp32")
    return weakref.ref(model)

kept = first()
loading._loaded.clear()
gc.collect()
print("kept" if kept() is not None else "freed")
"""


@pytest.mark.slow
def test_the_first_model_of_audiocraft_is_freed_too(made: Made) -> None:
    """In a process of its own: what is imported only once can hold only the first one's frames."""
    run = subprocess.run(
        [sys.executable, "-c", FIRST, str(made.audiocraft)], capture_output=True, text=True, check=True
    )
    assert run.stdout.split()[-1] == "freed"


MEASURE = """
import json, sys, threading, time
from pathlib import Path
import torch  # what the libraries take is no part of it
from noiseprobe.config import ModelConfig
from noiseprobe.models.weights import locate
folder, backend = sys.argv[1:]
module = __import__(f"noiseprobe.models.backends.{backend}", fromlist=["load"])
found = locate(ModelConfig("m", backend, Path(folder)))

def anonymous():
    fields = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
    return int(fields["RssAnon"].split()[0]) * 1024

before = peak = anonymous()
done = False
def watch():
    global peak
    while not done:
        peak = max(peak, anonymous())
        time.sleep(0.001)
thread = threading.Thread(target=watch)
thread.start()
model = module.load(found, "fp32")
done = True
thread.join()
print(json.dumps({"grown": max(peak, anonymous()) - before, "weights": sum(p.nbytes for p in model.parameters())}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["audiocraft", "transformers"])
def test_loading_holds_the_weights_at_most_once(tmp_path: Path, backend: str) -> None:
    """At an eighth of small's size, in the released layouts; the pages of the mapped file aren't counted."""
    if backend == "audiocraft":
        pytest.importorskip("audiocraft", reason="audiocraft isn't installed")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import released; from pathlib import Path;"
        "released.SIZES['eighth'] = (12, 512, 8); released.write(Path(sys.argv[2]), 'eighth', sys.argv[3])"
    )
    bench = str(Path(__file__).parents[2] / "bench")
    subprocess.run([sys.executable, "-c", code, bench, str(tmp_path / "m"), backend], check=True, capture_output=True)
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "m"), backend], capture_output=True, text=True, check=True
    )
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["weights"] > 300e6
    assert found["grown"] < 1.1 * found["weights"] + 30e6, found


@pytest.mark.parametrize("backend", ["transformers", "audiocraft"])
def test_a_codec_with_a_nan_is_refused(made: Made, tmp_path: Path, backend: str) -> None:
    """It would give codes like any others, so nothing later would tell."""
    folder = shutil.copytree(getattr(made, backend), tmp_path / backend)
    if backend == "audiocraft":
        package = torch.load(folder / "compression_state_dict.bin", weights_only=True)
        package["best_state"]["decoder.model.0.conv.conv.bias"][1] = torch.inf
        torch.save(package, folder / "compression_state_dict.bin")
    else:
        tensors = load_file(folder / "model.safetensors")
        tensors["audio_encoder.quantizer.layers.2.codebook.embed"][3, 4] = torch.nan
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    where = r"model.codec: .* has (quantizer|decoder)\.\S+ with values that aren't finite"
    with pytest.raises(NoiseprobeError, match=where):
        loading.load_model(weights(folder, backend), "fp32")


def test_no_gradient_is_kept() -> None:
    model = transformers.load(weights(TINY), "fp32")
    assert not any(p.requires_grad for p in model.parameters())
    with torch.inference_mode():
        assert model.nll(torch.zeros(1, 4, 5, dtype=torch.long)).shape == (1, 4, 5)
