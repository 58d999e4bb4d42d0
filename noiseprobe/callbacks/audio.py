"""Keep what the model heard: the audio of a cell's first clips, clean and corrupted, and a spectrogram of each.

    audio/000012.json          the clip's id, and of each version the files and where they come from
    audio/000012-clean.ogg     OGG Vorbis at the model's rate; .webp beside it
    audio/000012-3.ogg         the same of the cell's variant 3

A clip's files depend on that clip alone, so several processes never write the same one, and each is whole or not there.
A clip counts as scored once its audio is there too; a run that was killed in between is followed by one that scores the
clip again, which gives the same record.
Of kinds that change codes the model gets codes and no audio: there both versions are decoded from the codes that were
scored. Files are written in threads while the next clip is scored; what goes wrong there ends the run.
"""

import shutil
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
import torch
from lightning import Callback, LightningModule, Trainer

from noiseprobe.background import Background
from noiseprobe.config import NoiseConfig
from noiseprobe.data.collate import Pair
from noiseprobe.errors import NoiseprobeError
from noiseprobe.files import replace_file, write_json
from noiseprobe.report.spectrogram import mel_db, pictures, save_picture

THREADS = 2
WAITING = 8  # clips in memory at most, waiting to be written
COMPRESSION = 0.8  # of 1; about 45 kbit/s for mono at 32 kHz
SAMPLES, CODES = "samples", "codes"  # where audio comes from


class KeepAudio(Callback):
    """Writes the audio of the clips whose index is below `keep` as they are scored.

    Args:
        folder: where to; made when the first clip is written.
        keep: how many clips; None: all.
        noise: of the cell.
    """

    def __init__(self, folder: Path, keep: int | None, noise: NoiseConfig) -> None:
        self.folder, self.keep = folder, keep
        self.numbers = {v.name: i for i, v in enumerate(noise.variants)}
        self.from_codes = noise.module.CHANGES == "codes"
        self.background = Background("audio", THREADS, WAITING)

    def tidy(self, fresh: bool) -> None:
        """Before the first clip, in one process: away with what an earlier run left, or left half written.

        Args:
            fresh: whether no clip was scored before, so that nothing that lies there is of this run.
        """
        if fresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        for part in self.folder.glob(".*.part"):
            part.unlink()

    def lacking(self, scored: Collection[int]) -> set[int]:
        """Which of these clips should have audio and don't have all of it."""
        return {i for i in scored if self._keeps(i) and not self._stem(i).with_suffix(".json").exists()}

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *args: Any, **kwargs: Any
    ) -> None:
        for item in batch.items:
            if isinstance(item, Pair) and self._keeps(item.index):
                self._submit(item, pl_module.model, outputs)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.background.wait()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        # The clips' records are written: with their audio they needn't be scored again.
        self.background.close()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.background.close()

    def _keeps(self, index: int) -> bool:
        return self.keep is None or index < self.keep

    def _stem(self, index: int) -> Path:
        return self.folder / f"{index:06d}"

    def _submit(self, pair: Pair, model: Any, codes: Mapping[str, list[torch.Tensor]]) -> None:
        self.folder.mkdir(exist_ok=True)
        found, missing = self._versions(pair, model, codes)
        self.background.submit(partial(self._write, pair, model.sample_rate, found, missing))

    def _versions(
        self, pair: Pair, model: Any, codes: Mapping[str, list[torch.Tensor]]
    ) -> tuple[dict[str, np.ndarray], str | None]:
        """The audio [C, N] of each version by its name, and why there is none where there isn't."""
        names = ["clean", *(str(self.numbers[c.variant.name]) for c in pair.corrupted)]
        if not self.from_codes:
            audio = [pair.clean, *(c.audio for c in pair.corrupted)]
            return {n: a.float().cpu().numpy() for n, a in zip(names, audio, strict=True) if a is not None}, None
        try:
            decoded = [model.decode(own[None])[0, :, : pair.clean.shape[1]] for own in codes[str(pair.index)]]
        except NotImplementedError as error:
            return {"clean": pair.clean.float().cpu().numpy()}, str(error)
        return {n: a.float().cpu().numpy() for n, a in zip(names, decoded, strict=True)}, None

    def _write(self, pair: Pair, rate: int, found: Mapping[str, np.ndarray], missing: str | None) -> None:
        stem = self._stem(pair.index)
        spectra = [mel_db(audio, rate) for audio in found.values()]
        for (name, audio), picture in zip(found.items(), pictures(spectra), strict=True):
            replace_file(Path(f"{stem}-{name}.ogg"), lambda p, audio=audio: write_ogg(p, audio, rate))  # type: ignore[misc]
            replace_file(Path(f"{stem}-{name}.webp"), lambda p, picture=picture: save_picture(picture, p))  # type: ignore[misc]
        source = CODES if self.from_codes and missing is None else SAMPLES
        variants = {v: i for v, i in self.numbers.items() if str(i) in found}
        # last, so that what it names is there
        write_json(
            stem.with_suffix(".json"),
            {"clip": pair.clip.id, "source": source, "rate": rate, "variants": variants, "missing": missing},
        )


def write_ogg(path: Path, audio: np.ndarray, rate: int) -> None:
    """OGG Vorbis of audio [C, N]; what lies beyond full scale is cut off, as a player would.

    Raises:
        NoiseprobeError: if it can't be written.
    """
    blocks = np.split(np.clip(audio.T, -1, 1), range(rate, audio.shape[1], rate))
    try:
        with sf.SoundFile(
            path, "w", rate, audio.shape[0], "VORBIS", format="OGG", compression_level=COMPRESSION
        ) as file:  # fmt: skip
            for block in blocks:  # libsndfile's stack overflows on long stretches
                file.write(block)
    except sf.LibsndfileError as error:
        raise NoiseprobeError(f"audio: {path} can't be written: {error}") from error
