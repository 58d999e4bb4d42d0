"""noiseprobe's own route, with the objects of a cell, its parts timed apart; nothing is cached between clips."""

from functools import partial
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from torch import Tensor

from bench.stopwatch import Stopwatch
from noiseprobe.allocator import keep_freed_memory
from noiseprobe.cell import plan
from noiseprobe.cli import conf_dir
from noiseprobe.config import Config, check
from noiseprobe.data.collate import Pair, PairCollate
from noiseprobe.data.datamodule import ClipDataset
from noiseprobe.lightning_module import NoiseProbe
from noiseprobe.models.loading import load_model
from noiseprobe.models.weights import locate
from noiseprobe.results.records import Records


def configured(*overrides: str) -> Config:
    """What `python -m noiseprobe OVERRIDES` runs."""
    with initialize_config_dir(conf_dir(), version_base="1.3"):
        return check(compose("config", list(overrides)))


class Ours:
    """A cell with `cache=off`, clip by clip, without the Trainer around it and with nothing in the background.

    Args:
        config: of the cell.
        records: an empty folder.
    """

    def __init__(self, config: Config, records: Path) -> None:
        keep_freed_memory()  # as a cell does
        weights = locate(config.model)
        manifest = plan(config, weights)
        self.model = load_model(weights, config.precision)
        decode = partial(
            config.data.module.decode, sample_rate=self.model.sample_rate, channels=self.model.channels,
            options=config.data.options,
        )  # fmt: skip
        self.dataset = ClipDataset(manifest, decode)
        self.collate = PairCollate(
            config.noise, config.seed, self.model.sample_rate, self.model.hop, manifest.clips, decode
        )
        frames = round(config.data.duration * self.model.frame_rate)
        self.probe = NoiseProbe(
            self.model, config.scoring, config.noise.variants, manifest, Records(records), frames
        )  # fmt: skip

    @torch.inference_mode()
    def clip(self, index: int, watch: Stopwatch) -> tuple[Pair, list[Tensor], list[Tensor]]:
        """The clip with its variants, and codes and nll [K, T] of each, the clean ones first."""
        with watch("decode"):
            loaded = self.dataset[index]
        with watch("noise"):
            pair = self.collate.pair(loaded)
        with watch("encode"):
            codes = self.probe.codes(pair)
        with watch("score"):
            nll = self.probe.nll(pair, codes)
        with watch("metrics"):
            record = self.probe._record(pair, codes, nll)
            self.probe._count(record)
        with watch("write"):
            self.probe.records.write(record)
        return pair, codes, nll

    @torch.inference_mode()
    def encode(self, audio: Tensor) -> Tensor:
        """The library's encoder over all of a clip [C, N], weight norm taken out: codes [K, T]."""
        return self.model.encode(audio[None])[0]
