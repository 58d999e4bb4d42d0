"""A model of one's own: a Llama that writes music code after code, as YuE's first stage does, here small.

The 4 codebooks of a codec are flattened into one sequence, frame after frame and codebook after codebook within each.
Each codebook has a range of its own in one vocabulary, and each token is predicted from all tokens before it. Two
methods say so to noiseprobe: `encode` and `nll`. The codec is the one that ships with noiseprobe; the Llama is trained
here, a little, on the first 12 seconds of the demo's clips and probed on their last 3.
"""

from pathlib import Path

import soundfile
import torch
import transformers
from torch import Tensor
from torch.nn import functional as F

import noiseprobe
from noiseprobe.models.reach import look

ASSETS = Path(noiseprobe.__file__).parent / "assets"
SECONDS = 3.0  # of a clip
STEPS, BATCH = 80, 4  # of the training, each on so many stretches as long as a clip


class FlatLlama(noiseprobe.MusicLM):
    """A codec, and a language model of its flattened codes."""

    def __init__(self) -> None:
        super().__init__()
        self.codec = transformers.MusicgenForConditionalGeneration.from_pretrained(ASSETS / "tiny").audio_encoder
        self.sample_rate, self.channels, self.hop = 32_000, 1, 640
        self.codebooks, self.cardinality = 4, 256
        self.delays = (0, 0, 0, 0)  # no code is predicted from one of a later frame
        self.look_ahead, self.look_back = look(self.codec.config)  # how far the codec's convolutions reach
        self.max_frames = 250
        self.start = self.codebooks * self.cardinality  # the token that a sequence begins with
        config = transformers.LlamaConfig(
            vocab_size=self.start + 1, hidden_size=96, intermediate_size=256, num_hidden_layers=3,
            num_attention_heads=4, max_position_embeddings=self.max_frames * self.codebooks,
        )  # fmt: skip
        self.llama = transformers.LlamaForCausalLM(config)

    def encode(self, audio: Tensor) -> Tensor:
        """[B, 1, N] -> [B, K, T]"""
        return self.codec.encode(audio, bandwidth=1.6).audio_codes[0]

    def nll(self, codes: Tensor, scoring: str = "delay", description: str | None = None) -> Tensor:
        """[B, K, T] -> [B, K, T], in nats"""
        ranges = torch.arange(self.codebooks, device=codes.device) * self.cardinality
        tokens = (codes + ranges[:, None]).transpose(1, 2).flatten(1)  # frame 0's K codes, frame 1's, ...
        logits = self.llama(F.pad(tokens, (1, 0), value=self.start)[:, :-1]).logits.float()
        places = logits.unflatten(1, (-1, self.codebooks))  # [B, T, K, vocabulary]
        # What a codebook can say is its own range: elsewhere nothing could be decoded.
        own = [places[:, :, k, r : r + self.cardinality] for k, r in enumerate(ranges.tolist())]
        return F.cross_entropy(torch.stack(own, -1).movedim(2, 1), codes.transpose(1, 2), reduction="none").mT


def train(model: FlatLlama, codes: Tensor) -> None:
    """Lower the nll of music [n, K, T]."""
    random, frames = torch.Generator().manual_seed(0), round(SECONDS * model.frame_rate)
    optimizer = torch.optim.AdamW(model.llama.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=STEPS)
    for step in range(STEPS):
        which = torch.randint(len(codes), (BATCH,), generator=random).tolist()
        start = torch.randint(codes.shape[2] - frames, (BATCH,), generator=random).tolist()
        loss = model.nll(torch.stack([codes[i, :, s : s + frames] for i, s in zip(which, start, strict=True)])).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 25 == 0 or step == STEPS - 1:
            print(f"step {step:3}: {loss.item():.3f} nats")


def main() -> None:
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(0)
    model = FlatLlama()

    heard, probed = [], {}
    for path in sorted(ASSETS.glob("demo/*/*.ogg")):
        samples, rate = soundfile.read(path, dtype="float32")
        cut = len(samples) - round(SECONDS * rate)
        with torch.no_grad():
            heard.append(model.encode(torch.from_numpy(samples[:cut])[None, None]))
        song, _, clip = path.stem.rpartition("_")
        probed[f"{path.parent.name}/{song}/{clip}"] = samples[cut:], rate  # group/song/clip
    train(model, torch.cat(heard))

    noise = {"kind": "white", "onset": 1, "length": [0.5, 1]}
    results = noiseprobe.probe(model, probed, noise, overrides={"data.duration": SECONDS})
    columns = ["n_clips", "n_songs", "nll_clean", "delta", "delta_se"]
    columns += ["peak_delta", "assimilation_delta", "offset_delta", "recovery_delta"]
    print(results.cells.set_index("variant")[columns].round(3).T.to_string())
    noiseprobe.plot.profile(results).savefig("own_model.png")


if __name__ == "__main__":
    main()
