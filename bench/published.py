"""The published route, written anew as a plain reference that shares no code with noiseprobe.

One file at a time: read it, put the noise in, write it, read it again, encode all of it, pass all of it through the
language model, take the cross-entropy. The modules are transformers' own, as `from_pretrained` gives them. Where the
published code scores without MusicGen's delay, this has the delay, so that the work and the numbers are those of
noiseprobe's default. Nor does it run the cross-attention on the null condition, which adds nothing: both save it.
"""

from collections.abc import Sequence
from pathlib import Path

import soundfile as sf
import torch
import torchaudio
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import EncodecModel, MusicgenForCausalLM, MusicgenForConditionalGeneration

from bench.stopwatch import Stopwatch

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
ONSET = 5.0  # seconds


class Published:
    """A codec, in fp32, and a language model.

    Args:
        codec: mono, with the one bandwidth that MusicGen uses.
        lm: the language model.
    """

    def __init__(self, codec: EncodecModel, lm: MusicgenForCausalLM) -> None:
        self.codec, self.lm = codec.eval(), lm.eval()
        self.rate = codec.config.sampling_rate

    @classmethod
    def load(cls, folder: Path, precision: str) -> "Published":
        """From a checkpoint as save_pretrained writes it; the language model alone is ever in bf16."""
        whole = MusicgenForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
        return cls(whole.audio_encoder, whole.decoder.to(DTYPES[precision]))

    def grid(self, clip: Path, lengths: Sequence[int], scratch: Path, watch: Stopwatch) -> list[Tensor]:
        """nll [K, T] of a clean clip and of one noisy version for each length in frames; `scratch` is a file."""
        found = [self.file(clip, watch)]
        for frames in lengths:
            with watch("decode"):
                audio = self.read(clip)
            with watch("noise"):
                on = int(ONSET * self.rate)
                off = on + int(frames / self.codec.config.frame_rate * self.rate)
                level = 20 * audio[on:off].square().mean().sqrt().log10()  # dBFS, of the music that the noise replaces
                noise = torch.randn(off - on)
                audio[on:off] = noise / noise.std() * 10 ** (level / 20)
            with watch("write"):
                sf.write(scratch, audio.numpy(), self.rate, subtype="FLOAT")
            found.append(self.file(scratch, watch))
        return found

    def file(self, path: Path, watch: Stopwatch) -> Tensor:
        """nll [K, T] of one file."""
        with watch("decode"):
            audio = self.read(path)
        with watch("encode"):
            codes = self.encode(audio)
        with watch("score"):
            return self.nll(codes)

    def read(self, path: Path) -> Tensor:
        """Mono samples [N] at the codec's rate."""
        samples, rate = sf.read(path, dtype="float32", always_2d=True)
        audio = torch.from_numpy(samples.mean(1))
        return audio if rate == self.rate else torchaudio.functional.resample(audio, rate, self.rate)

    @torch.inference_mode()
    def encode(self, audio: Tensor) -> Tensor:
        """[N] -> [K, T]."""
        return self.codec.encode(audio[None, None]).audio_codes[0, 0]

    @torch.inference_mode()
    def nll(self, codes: Tensor) -> Tensor:
        """[K, T] -> [K, T], nats, codebook k delayed by k steps, after a first step of special tokens."""
        codebooks, frames = codes.shape
        steps = torch.full((codebooks, frames + codebooks - 1), self.lm.config.pad_token_id)
        for k in range(codebooks):
            own = steps[k, k + 1 :]
            own[:frames] = codes[k, : len(own)]
        logits = self.lm(input_ids=steps, use_cache=False).logits.float()  # [K, S, cardinality]
        return torch.stack(
            [cross_entropy(logits[k, k : k + frames], codes[k], reduction="none") for k in range(codebooks)]
        )
