"""NoiseProbe: a frozen music language model that scores clean and corrupted clips; `test_step` only."""

import math

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import Tensor

from noiseprobe.data.collate import BadClip, Batch, Done, Pair
from noiseprobe.data.manifest import Manifest
from noiseprobe.errors import NoiseprobeError
from noiseprobe.metrics.profile import PairedLossProfile, Profile
from noiseprobe.models.base import MusicLM
from noiseprobe.results.records import Record, Records, VariantRecord
from noiseprobe.variants import Variant


class NoiseProbe(LightningModule):
    """Scores every clip and its variants, writes a record for each clip and keeps a paired profile for each variant.

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
        names = dict.fromkeys((c.group, c.song) for c in manifest.clips)
        self.songs = {name: i for i, name in enumerate(names)}

    def on_test_epoch_start(self) -> None:
        self.model.eval()
        for profile in self.profiles:
            profile.to("cpu" if self.device.type == "mps" else self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> STEP_OUTPUT:
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
        return None

    @torch.inference_mode()
    def reduce(self, device: torch.device) -> list[Profile]:
        """The profiles over all processes, each of which must call this after `Trainer.test`.

        Not a hook of the loop: Lightning skips those in a process without a clip, and the others would wait for it.
        """
        for profile in self.profiles:
            profile.to("cpu" if device.type == "mps" else device)
        return [Profile(*(x.cpu() for x in profile.compute())) for profile in self.profiles]

    def score(self, pair: Pair) -> Record:
        """The nll of a clip and its variants.

        Raises:
            NoiseprobeError: if an nll is NaN or infinite.
        """
        clips = [pair.clean, *(c.audio for c in pair.corrupted)]
        # One sequence at a time on a CPU: as fast there, and a sequence's numbers then can't depend on what it shares
        # a batch with, so a list of lengths and a sweep over them agree to the bit.
        size = 1 if self.device.type == "cpu" else len(clips)
        codes, nll = [], []
        for at in range(0, len(clips), size):
            codes.append(self.model.encode(torch.stack(clips[at : at + size])))
            nll.append(self.model.nll(codes[-1], self.scoring, pair.clip.description))
        all_codes, all_nll = torch.cat(codes), torch.cat(nll).cpu()
        expected = (len(clips), self.model.codebooks, math.ceil(pair.clean.shape[-1] / self.model.hop))
        if all_codes.shape != expected:
            got = tuple(all_codes.shape)
            raise NoiseprobeError(f"{pair.clip.id}: the codec gave codes of shape {got}, expected {expected}")
        names = ["clean", *(c.variant.name for c in pair.corrupted)]
        for name, values in zip(names, all_nll, strict=True):
            self._finite(values, pair.clip.id, name)
        changed = (all_codes[1:] != all_codes[0]).any(1).cpu()
        variants = tuple(
            VariantRecord(
                variant=c.variant.name, on=c.span.on, off=c.span.off,
                nll=values.numpy(), changed=frames.nonzero()[:, 0].numpy(),
                level_db=c.measured.level_db, noise_db=c.measured.noise_db, music_db=c.measured.music_db,
                over_full_scale=c.measured.over_full_scale,
            )
            for c, values, frames in zip(pair.corrupted, all_nll[1:], changed, strict=True)
        )  # fmt: skip
        return Record(pair.index, pair.clip.id, all_nll[0].numpy(), variants)

    def _count(self, record: Record) -> None:
        clip = self.manifest.clips[record.index]
        song = self.songs[clip.group, clip.song]
        clean = torch.from_numpy(record.clean)
        scored = torch.zeros(clean.shape[1], dtype=torch.bool)
        scored[self.pattern.averaged(len(scored))] = True
        for v in record.variants:
            self.profiles[self.variants[v.variant]].update(clean, torch.from_numpy(v.nll), song, scored)

    def _finite(self, nll: Tensor, clip: str, variant: str) -> None:
        bad = (~torch.isfinite(nll[:, self.pattern.first :])).nonzero()
        if len(bad):
            codebook, frame = int(bad[0, 0]), int(bad[0, 1]) + self.pattern.first
            raise NoiseprobeError(
                f"{clip}, {variant}: the nll of codebook {codebook}, frame {frame} is {nll[codebook, frame].item()};"
                " the model's logits aren't finite there"
                " (with precision=bf16 try precision=fp32; else check the checkpoint)"
            )
