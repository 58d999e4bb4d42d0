"""The probe on the embedded model and demo clips: what may change an nll, and what may not."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from running import weights
from torch.utils.data import DataLoader, Subset

from noiseprobe.config import PACKAGE, DataConfig, NoiseConfig
from noiseprobe.data.audio import decode
from noiseprobe.data.collate import Loaded, PairCollate
from noiseprobe.data.datamodule import ClipDataset
from noiseprobe.data.manifest import Clip, Manifest
from noiseprobe.data.sources.folder import Options, listing
from noiseprobe.errors import NoiseprobeError
from noiseprobe.lightning_module import NoiseProbe
from noiseprobe.models.backends.transformers import TransformersMusicGen, load
from noiseprobe.models.decoder import Decoder
from noiseprobe.noise.white import Options as Noise
from noiseprobe.results.records import Record, Records
from noiseprobe.variants import Variant, at

DEMO = PACKAGE / "assets/demo"
SECONDS = 4.0
VARIANTS = tuple(Variant("white", at(2.0, length)) for length in (0.0, 0.1, 0.5))


@pytest.fixture(scope="module")
def model() -> TransformersMusicGen:
    return load(weights(PACKAGE / "assets/tiny"), "fp32")


@pytest.fixture(scope="module")
def clips() -> Manifest:
    data = DataConfig("demo", "folder", SECONDS, 8, 1, 0, Options(DEMO, DEMO / "manifest.csv", 0.0, 1))
    return listing(data)


def make_probe(model: TransformersMusicGen, clips: Manifest, folder: Path, variants=VARIANTS) -> NoiseProbe:
    folder.mkdir(exist_ok=True)
    return NoiseProbe(model, "delay", variants, clips, Records(folder), frames=200)


def collate(model: TransformersMusicGen, variants: tuple[Variant, ...] = VARIANTS) -> PairCollate:
    return PairCollate(NoiseConfig("white", variants, Noise()), 0, model.sample_rate, model.hop, [], heard)


def heard(clip: Clip) -> torch.Tensor:
    return decode(clip, 32_000, 1)


@torch.inference_mode()
def scores(
    model: TransformersMusicGen, clips: Manifest, folder: Path, batch_size: int, workers: int, order: list[int]
) -> dict[int, Record]:
    probe = make_probe(model, clips, folder)
    dataset = Subset(ClipDataset(clips, heard), order)
    loader = DataLoader(dataset, batch_size, num_workers=workers, collate_fn=collate(model))
    pairs = [item for batch in loader for item in batch.items]
    assert [p.index for p in pairs] == order
    return {p.index: probe.score(p) for p in pairs}


@pytest.fixture(scope="module")
def reference(
    model: TransformersMusicGen, clips: Manifest, tmp_path_factory: pytest.TempPathFactory
) -> dict[int, Record]:
    return scores(model, clips, tmp_path_factory.mktemp("reference"), 1, 0, list(range(len(clips.clips))))


@pytest.mark.parametrize(("batch_size", "workers"), [(3, 0), (8, 0), (1, 2), (3, 2), (8, 2)])
def test_batches_workers_and_order_change_no_bit(
    model: TransformersMusicGen,
    clips: Manifest,
    reference: dict[int, Record],
    tmp_path: Path,
    batch_size: int,
    workers: int,
) -> None:
    order = np.random.RandomState(batch_size + workers).permutation(len(clips.clips)).tolist()
    for index, record in scores(model, clips, tmp_path, batch_size, workers, order).items():
        assert record.clean.tobytes() == reference[index].clean.tobytes()
        for own, other in zip(record.variants, reference[index].variants, strict=True):
            assert own.nll.tobytes() == other.nll.tobytes()


def test_without_noise_delta_is_exactly_zero(reference: dict[int, Record]) -> None:
    for record in reference.values():
        silent = record.variants[0]
        assert silent.variant == "white@2.0s+0.0s"
        assert np.array_equal(silent.nll, record.clean)
        assert not silent.changed.any()


def test_nothing_changes_before_the_noise_reaches(model: TransformersMusicGen, reference: dict[int, Record]) -> None:
    """Codebook 0 from on - LA on, codebook k from k - 1 frames before that on; and something does change there."""
    for record in reference.values():
        for v in record.variants[1:]:
            differs = v.nll != record.clean
            first = v.spans[0][0] - model.look_ahead
            assert not differs[0, :first].any()
            for k in range(1, 4):
                assert not differs[k, : first - (k - 1)].any()
            assert differs[:, first:].any()
            assert v.changed.any(0).argmax() >= first


def test_the_context_reaches_as_far_back_as_declared(model: TransformersMusicGen) -> None:
    """A change of frame 60's codebook 0 alone reaches codebook 3 at frame 58 through its context, and none before."""
    codes = torch.randint(256, (1, 4, 100), generator=torch.Generator().manual_seed(0))
    other = codes.clone()
    other[0, 0, 60] = (other[0, 0, 60] + 1) % 256
    with torch.inference_mode():
        differs = (model.nll(codes) != model.nll(other))[0]
    firsts = [row.nonzero()[0].item() for row in differs]
    assert firsts == [60, 60, 59, 58]
    assert min(firsts) == 60 - model.pattern("delay").context


def test_the_nll_is_that_of_a_plain_forward_pass(
    model: TransformersMusicGen, clips: Manifest, reference: dict[int, Record]
) -> None:
    """A slow reference: transformers' modules called by hand, one code at a time, in float64 at the end."""
    dataset = ClipDataset(clips, heard)
    loaded = dataset[0]
    assert isinstance(loaded, Loaded)
    with torch.inference_mode():
        codes = model.codec.encode(loaded.audio[None]).audio_codes[0, 0].tolist()
        frames = len(codes[0])
        steps = [
            [256 if not 0 <= s - 1 - k < frames else codes[k][s - 1 - k] for s in range(frames + 3)] for k in range(4)
        ]
        logits = model.decoder(input_ids=torch.tensor(steps)).logits.double()
    for k, t in itertools.product(range(4), range(0, frames, 7)):
        expected = torch.logsumexp(logits[k, t + k], 0) - logits[k, t + k, codes[k][t]]
        assert reference[0].clean[k, t] == pytest.approx(expected.item(), abs=1e-5)


def test_metric_states_stay_float64_under_bf16(clips: Manifest, tmp_path: Path) -> None:
    probe = make_probe(load(weights(PACKAGE / "assets/tiny"), "bf16"), clips, tmp_path)
    pair = collate(probe.model)([ClipDataset(clips, heard)[0]])  # type: ignore[arg-type]
    with torch.inference_mode():
        probe.test_step(pair, 0)
    for profile in probe.profiles:
        assert profile.total.dtype == torch.float64
        assert profile.compute().mean.dtype == torch.float64


def test_an_nll_that_is_not_finite_is_an_error_with_its_place(
    model: TransformersMusicGen, clips: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Decoder.nll

    def poisoned(self: Decoder, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        nll = whole(self, hidden, targets)
        nll[:, 2, 52] = torch.nan  # codebook 2 of frame 50
        return nll

    monkeypatch.setattr(Decoder, "nll", poisoned)
    probe = make_probe(model, clips, tmp_path)
    batch = collate(model)([ClipDataset(clips, heard)[0]])  # type: ignore[arg-type]

    @torch.inference_mode()
    def score() -> None:  # the background says so by the end, or at once where it is done with the clip by then
        probe.test_step(batch, 0)
        probe.on_test_epoch_end()

    with pytest.raises(NoiseprobeError, match=r"clean: the nll of codebook 2, frame 50 is nan"):
        score()
    assert probe.records.scored() == set()


@pytest.mark.parametrize("part", ["encode_all", "nll_all"])
def test_too_little_memory_is_an_error_that_names_the_clip(
    model: TransformersMusicGen, clips: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def full(*args: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nand more")

    monkeypatch.setattr(model, part, full)
    batch = collate(model)([ClipDataset(clips, heard)[0]])  # type: ignore[arg-type]
    with pytest.raises(NoiseprobeError, match=r"#0\.0: not even one sequence .* Tried to allocate 2 GiB\); try"):
        make_probe(model, clips, tmp_path).test_step(batch, 0)
