"""NoiseProbe: a frozen music language model that scores clean and corrupted clips; `test_step` only."""

import math
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from noiseprobe.data.collate import BadClip, Batch, Done, Pair
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
    """

    def __init__(
        self,
        model: MusicLM,
        scoring: str,
        variants: tuple[Variant, ...],
        manifest: Manifest,
        records: Records,
        frames: int,
    ) -> None:
        super().__init__()
        self.model, self.scoring, self.manifest, self.records = model, scoring, manifest, records
        self.pattern = model.pattern(scoring)
        self.variants = {v.name: i for i, v in enumerate(variants)}
        # A plain list, not a ModuleList: MPS has no float64, so the states don't always follow the module.
        self.profiles = [PairedLossProfile(model.codebooks, frames) for _ in variants]
        self.changes = [LossProfile(model.codebooks, frames) for _ in variants]
        names = dict.fromkeys((c.group, c.song) for c in manifest.clips)
        self.songs = {name: i for i, name in enumerate(names)}
        self.codes: dict[str, list[Tensor]] = {}

    def on_test_epoch_start(self) -> None:
        self.model.eval()
        for profile in (*self.profiles, *self.changes):
            profile.to("cpu" if self.device.type == "mps" else self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> STEP_OUTPUT:
        """Scores a batch; callbacks get the codes of its clips, clean and of each variant, by index."""
        self.codes = {}
        for item in batch.items:
            match item:
                case BadClip(index, rejected):
                    self.records.reject(index, rejected)
                case Done(index):
                    self._count(self.records.read(index))
                case Pair():
                    record = self.score(item)
                    self.records.write(record)
                    self._count(record)
        return self.codes

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
            NoiseprobeError: if an nll is NaN or infinite.
        """
        codes = self.codes[str(pair.index)] = self._codes(pair)
        names = ["clean", *(c.variant.name for c in pair.corrupted)]
        nll = self._nll(codes, pair.clip.description)
        for name, values in zip(names, nll, strict=True):
            self._finite(values, pair.clip.id, name)
        variants = tuple(
            VariantRecord(
                variant=c.variant.name, spans=tuple((s.on, s.off) for s in c.spans), nll=values.numpy(),
                changed=changed(codes[0], own, c.corruption.frame_map), frame_map=c.corruption.frame_map,
                measured=c.corruption.measured,
            )
            for c, own, values in zip(pair.corrupted, codes[1:], nll[1:], strict=True)
        )  # fmt: skip
        return Record(pair.index, pair.clip.id, nll[0].numpy(), variants, pair.rejected)

    def _codes(self, pair: Pair) -> list[Tensor]:
        """The codes [K, T'] of the clean clip and of each variant."""
        heard = [pair.clean, *(c.audio for c in pair.corrupted if c.audio is not None)]
        encoded = self._each(heard, self.model.encode)
        for audio, own in zip(heard, encoded, strict=True):
            expected = (self.model.codebooks, math.ceil(audio.shape[-1] / self.model.hop))
            if own.shape != expected:
                got = tuple(own.shape)
                raise NoiseprobeError(f"{pair.clip.id}: the codec gave codes of shape {got}, expected {expected}")
        clean, *others = encoded
        codes, made = [clean], iter(others)
        for c in pair.corrupted:
            other = None if c.audio is None else next(made)
            recode = c.corruption.recode
            new = other if recode is None else recode(clean, other, self.model)
            assert new is not None, f"{c.variant.name}: neither audio nor codes"
            codes.append(new)
        return codes

    def _nll(self, codes: list[Tensor], description: str | None) -> list[Tensor]:
        nll = self._each(codes, lambda batch: self.model.nll(batch, self.scoring, description))
        return [values.cpu() for values in nll]

    def _each(self, items: list[Tensor], compute: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """`compute` on each item; on a GPU those of one shape as one batch.

        One sequence at a time on a CPU: as fast there, and a sequence's numbers then can't depend on what it shares a
        batch with, so a list of lengths and a sweep over them agree to the bit.
        """
        if self.device.type == "cpu":
            return [compute(item[None])[0] for item in items]
        done: dict[int, Tensor] = {}
        for shape in dict.fromkeys(item.shape for item in items):
            own = [i for i, item in enumerate(items) if item.shape == shape]
            done |= zip(own, compute(torch.stack([items[i] for i in own])), strict=True)
        return [done[i] for i in range(len(items))]

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
