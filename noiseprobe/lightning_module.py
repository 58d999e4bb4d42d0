"""NoiseProbe: a frozen music language model that scores clean and corrupted clips; `test_step` only."""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from noiseprobe.background import Background
from noiseprobe.clean import CleanStore
from noiseprobe.data.collate import BadClip, Batch, Done, Failed, Pair
from noiseprobe.data.manifest import Manifest
from noiseprobe.errors import NoiseprobeError
from noiseprobe.metrics.profile import LossProfile, PairedLossProfile, Profile
from noiseprobe.models.base import MusicLM
from noiseprobe.results.pairing import pairing
from noiseprobe.results.records import Record, Records, VariantRecord
from noiseprobe.variants import Variant


class Profiles(NamedTuple):
    """Of one variant: nll clean, corrupted and delta, and the rate of changed codes."""

    nll: Profile
    changed: Profile


class NoiseProbe(LightningModule):
    """Scores every clip and its variants, writes a record for each clip and keeps profiles for each variant.

    Args:
        model: frozen.
        scoring: `delay` or `parallel`.
        variants: of the cell, in order.
        manifest: of the cell.
        records: where a clip's record goes.
        frames: of the longest clip.
        clean: what is known of clean clips; None: nothing, and nothing is kept.
    """

    def __init__(
        self,
        model: MusicLM,
        scoring: str,
        variants: tuple[Variant, ...],
        manifest: Manifest,
        records: Records,
        frames: int,
        clean: CleanStore | None = None,
    ) -> None:
        super().__init__()
        self.model, self.scoring, self.manifest, self.records = model, scoring, manifest, records
        self.clean = clean
        self.pattern = model.pattern(scoring)
        self.variants = {v.name: i for i, v in enumerate(variants)}
        # A plain list, not a ModuleList: records are counted on the CPU, beside the scoring.
        self.profiles = [PairedLossProfile(model.codebooks, frames) for _ in variants]
        self.changes = [LossProfile(model.codebooks, frames) for _ in variants]
        names = dict.fromkeys((c.group, c.song) for c in manifest.clips)
        self.songs = {name: i for i, name in enumerate(names)}
        self.background = Background("records")

    def on_test_epoch_start(self) -> None:
        self.model.eval()

    def test_step(self, batch: Batch, batch_idx: int) -> STEP_OUTPUT:
        """Scores a batch; callbacks get the codes of its clips, clean and of each variant, by index."""
        found: dict[str, list[Tensor]] = {}
        for item in batch.items:
            match item:
                case BadClip(index, rejected):
                    self.background.submit(partial(self.records.reject, index, rejected))
                case Done(index):
                    self.background.submit(partial(self._count_again, index))
                case Failed(message):
                    raise NoiseprobeError(message)
                case Pair():
                    found[str(item.index)] = codes = self.codes(item)
                    self.background.submit(partial(self._keep, item, codes, self.nll(item, codes)))
        return found

    def on_test_epoch_end(self) -> None:
        self.background.wait()

    @torch.inference_mode()
    def reduce(self, device: torch.device) -> list[Profiles]:
        """The profiles over all processes, each of which must call this after `Trainer.test`.

        Not a hook of the loop: Lightning skips those in a process without a clip, and the others would wait for it.
        """
        for profile in (*self.profiles, *self.changes):
            profile.to("cpu" if device.type == "mps" else device)
        with warnings.catch_warnings():
            # Rightly so: a process may have no clip, and no clip may have a variant.
            warnings.filterwarnings("ignore", message=".*was called before the ``update`` method.*")
            nll, changes = (
                [Profile(*(x.cpu() for x in profile.compute())) for profile in own]
                for own in (self.profiles, self.changes)
            )
            return [Profiles(*both) for both in zip(nll, changes, strict=True)]

    def score(self, pair: Pair) -> Record:
        """The nll of a clip and its variants.

        Raises:
            NoiseprobeError: if an nll is NaN or infinite, or not even one sequence fits into the device's memory.
        """
        codes = self.codes(pair)
        return self._record(pair, codes, self.nll(pair, codes))

    def codes(self, pair: Pair) -> list[Tensor]:
        """The codes [K, T'] of the clean clip and of each variant."""
        known = None if self.clean is None else self.clean.encoded(pair.clean)
        heard = [c.audio for c in pair.corrupted if c.audio is not None]
        with _enough_memory(pair):
            encoded, others = self.model.encode_all(pair.clean, heard, known)
        if self.clean and encoded is not known:
            self.background.submit(partial(self.clean.keep_encoded, pair.clean, encoded))
        for audio, own in zip([pair.clean, *heard], [encoded.codes, *others], strict=True):
            expected = (self.model.codebooks, math.ceil(audio.shape[-1] / self.model.hop))
            if own.shape != expected:
                got = tuple(own.shape)
                raise NoiseprobeError(f"{pair.clip.id}: the codec gave codes of shape {got}, expected {expected}")
        codes, made = [encoded.codes], iter(others)
        for c in pair.corrupted:
            other = None if c.audio is None else next(made)
            recode = c.corruption.recode
            new = other if recode is None else recode(encoded.codes, other, self.model)
            assert new is not None, f"{c.variant.name}: neither audio nor codes"
            codes.append(new)
        return codes

    def nll(self, pair: Pair, codes: Sequence[Tensor]) -> list[Tensor]:
        """The nll [K, T'] of these codes."""
        description = pair.clip.description
        known = None if self.clean is None else self.clean.nll(codes[0], description)
        with _enough_memory(pair):
            clean, corrupted = self.model.nll_all(codes[0], codes[1:], self.scoring, description, known)
        if self.clean and known is None:
            self.background.submit(partial(self._keep_clean, self.clean, pair, codes[0], clean))
        return [clean, *corrupted]

    @torch.inference_mode()
    def _keep_clean(self, clean: CleanStore, pair: Pair, codes: Tensor, nll: Tensor) -> None:
        self._finite(nll.cpu(), pair.clip.id, "clean")
        clean.keep_nll(codes, pair.clip.description, nll)

    @torch.inference_mode()
    def _keep(self, pair: Pair, codes: Sequence[Tensor], nll: Sequence[Tensor]) -> None:
        record = self._record(pair, codes, nll)
        self.records.write(record)
        self._count(record)

    @torch.inference_mode()
    def _count_again(self, index: int) -> None:
        self._count(self.records.read(index))

    def _record(self, pair: Pair, codes: Sequence[Tensor], nll: Sequence[Tensor]) -> Record:
        clean, *corrupted = (values.cpu() for values in nll)
        first, *others = (own.cpu() for own in codes)
        names = ["clean", *(c.variant.name for c in pair.corrupted)]
        for name, values in zip(names, [clean, *corrupted], strict=True):
            self._finite(values, pair.clip.id, name)
        variants = tuple(
            VariantRecord(
                variant=c.variant.name, spans=tuple((s.on, s.off) for s in c.spans), nll=values.numpy(),
                changed=changed(first, own, c.corruption.frame_map), frame_map=c.corruption.frame_map,
                measured=c.corruption.measured,
            )
            for c, own, values in zip(pair.corrupted, others, corrupted, strict=True)
        )  # fmt: skip
        return Record(pair.index, pair.clip.id, clean.numpy(), variants, pair.rejected)

    def _count(self, record: Record) -> None:
        clip = self.manifest.clips[record.index]
        song = self.songs[clip.group, clip.song]
        clean = torch.from_numpy(record.clean)
        for v in record.variants:
            paired, scored = (torch.from_numpy(x) for x in pairing(v, clean.shape[1], self.pattern))
            i = self.variants[v.variant]
            self.profiles[i].update(clean, paired, song, scored)
            self.changes[i].update(torch.from_numpy(v.changed), song, scored)

    def _finite(self, nll: Tensor, clip: str, variant: str) -> None:
        bad = (~torch.isfinite(nll[:, self.pattern.first :])).nonzero()
        if len(bad):
            codebook, frame = int(bad[0, 0]), int(bad[0, 1]) + self.pattern.first
            raise NoiseprobeError(
                f"{clip}, {variant}: the nll of codebook {codebook}, frame {frame} is {nll[codebook, frame].item()};"
                " the model's logits aren't finite there"
                " (with precision=bf16 try precision=fp32; else check the checkpoint)"
            )


@contextmanager
def _enough_memory(pair: Pair) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise NoiseprobeError(
            f"{pair.clip.id}: not even one sequence of {pair.clean.shape[-1]} samples fits into the device's memory"
            f" ({str(error).splitlines()[0]}); try precision=bf16, a shorter data.duration or a smaller model"
        ) from error


def changed(clean: Tensor, corrupted: Tensor, frame_map: np.ndarray | None) -> np.ndarray:
    """Which clean codes differ from the code at the frame that theirs has become; False where it has become none.

    Shape:
        clean: [K, T]; corrupted: [K, T']; frame_map: [T] or None -> bool [K, T]
    """
    before, after = clean.cpu().numpy(), corrupted.cpu().numpy()
    to = np.arange(before.shape[1]) if frame_map is None else frame_map
    found = np.zeros(before.shape, dtype=bool)
    mapped = to >= 0
    found[:, mapped] = before[:, mapped] != after[:, to[mapped]]
    return found
