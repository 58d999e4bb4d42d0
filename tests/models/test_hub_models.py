"""Models of a hub through the command line: both layouts, the commit recorded, offline from a warm cache."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkpoints import Made
from loopback import OLD, REPO, Hub
from running import SHORT, command, weights

from noiseprobe import load_results

pytestmark = pytest.mark.slow  # whole commands, a process each


@pytest.fixture
def hub() -> Iterator[Hub]:
    served = Hub()
    yield served
    served.stop()


def probe(hub: Hub, folder: Path, *overrides: str, **env: str):
    """One short cell of the hub's model."""
    environment = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    arguments = ["model=local", "model.name=music", f"model.hub={REPO}", *SHORT, "data.limit=1", *overrides]
    return command(*arguments, cwd=folder, env=environment | env)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("backend", ["audiocraft", "transformers"])
def test_a_model_is_fetched_scored_and_recorded_and_needs_no_network_again(
    hub: Hub, made: Made, tmp_path: Path, backend: str
) -> None:
    """The repository holds both layouts, as the released ones do."""
    hub.commits[OLD] = files(made.audiocraft) | files(made.transformers)
    done = probe(hub, tmp_path, f"model.backend={backend}")
    assert done.returncode == 0, done.stderr
    (cell,) = load_results(tmp_path / "results").folders
    meta = json.loads((cell / "meta.json").read_text())
    assert (meta["revision"], meta["backend"]) == (OLD, backend)
    assert meta["weights"] == weights(getattr(made, backend), backend).hash
    fetched = {path.rsplit("/", 1)[1] for method, path, _ in hub.requests if method == "GET" and "/resolve/" in path}
    other = {"model.safetensors"} if backend == "audiocraft" else {"state_dict.bin", "compression_state_dict.bin"}
    assert not fetched & other  # only what this backend reads
    assert "tokenizer.json" not in fetched  # nor what only descriptions need
    hub.stop()
    again = probe(hub, tmp_path, f"model.backend={backend}", "force=true", HF_HUB_OFFLINE="1")
    assert again.returncode == 0, again.stderr


def test_wrong_bytes_end_before_any_audio_is_read(hub: Hub, made: Made, tmp_path: Path) -> None:
    hub.commits[OLD] = files(made.audiocraft)
    hub.flip = {"state_dict.bin"}
    done = probe(hub, tmp_path, "data=folder", f"data.root={tmp_path}")  # a folder without music
    assert done.returncode == 1
    assert "state_dict.bin of owner/music came with the sha256" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_of_the_cache_that_rotted_is_refused(hub: Hub, made: Made, tmp_path: Path) -> None:
    hub.commits[OLD] = files(made.audiocraft)
    assert probe(hub, tmp_path).returncode == 0
    blob = next((tmp_path / "hf").rglob("snapshots/*/state_dict.bin")).resolve()
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1  # inside a tensor: its header is as it was
    blob.write_bytes(content)
    again = probe(hub, tmp_path, "force=true")
    assert again.returncode == 1
    assert "state_dict.bin has the sha256" in again.stderr
    assert "as the hub states" in again.stderr


def test_a_model_that_is_not_scored_is_refused_before_its_weights_are_fetched(
    hub: Hub, made: Made, tmp_path: Path
) -> None:
    content = files(made.transformers)
    config = json.loads(content["config.json"]) | {"model_type": "bark"}
    hub.commits[OLD] = content | {"config.json": json.dumps(config).encode()}
    done = probe(hub, tmp_path)
    assert "says model_type bark, expected musicgen" in done.stderr
    assert not hub.gets("model.safetensors")


def test_a_description_fetches_the_tokenizer_too(hub: Hub, made: Made, tmp_path: Path) -> None:
    hub.commits[OLD] = files(made.transformers)
    done = probe(hub, tmp_path, "model.backend=transformers", "model.description='a quiet piano'")
    assert done.returncode == 0, done.stderr
    assert hub.gets("tokenizer.json")
    row = load_results(tmp_path / "results").cells.iloc[0]
    assert row["condition"].startswith("text@")


def test_a_codec_is_fetched_from_a_repository_of_its_own(hub: Hub, made: Made, tmp_path: Path) -> None:
    from audiocraft.utils.export import export_pretrained_compression_model
    from transformers import MusicgenForConditionalGeneration

    whole = MusicgenForConditionalGeneration.from_pretrained(made.transformers)
    whole.audio_encoder.save_pretrained(tmp_path / "codec")
    hub.commits[OLD] = files(tmp_path / "codec")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/state_dict.bin").write_bytes((made.audiocraft / "state_dict.bin").read_bytes())
    export_pretrained_compression_model(REPO, tmp_path / "model/compression_state_dict.bin")
    done = probe(hub, tmp_path, f"model.path={tmp_path / 'model'}", "model.hub=null")
    assert done.returncode == 0, done.stderr
    hub.stop()
    lost = probe(hub, tmp_path, f"model.path={tmp_path / 'model'}", "model.hub=null", HF_HOME=str(tmp_path / "empty"))
    assert "model.codec: got owner/music, which is neither in the hub's cache nor reachable" in lost.stderr
    assert "give the folder: model.codec=DIR" in lost.stderr
