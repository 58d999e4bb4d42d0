"""Train the tiny codec: transformers' EnCodec encoder and decoder, residual vector quantisation with EMA codebooks.

    python recipes/tiny/train_codec.py [--minutes 24] [--threads 1]

Losses: L1 on the waveform, L1 on log-mel spectra at four scales, 0.25 x commitment; no adversary. The codebooks
start as k-means centres of real features after 12 % of the time, and entries that die are put on random features.
Writes WORK/codec (save_pretrained layout) and WORK/codec.json (losses, codebook usage).
"""

import argparse
import json
import math
import random
import time

import numpy as np
import torch
import torch.nn.functional as F
import torchaudio
from songs import RATE, WORK, bach, load, released
from torch import Tensor, nn
from transformers import EncodecConfig, EncodecModel

K, CARDINALITY, DIM = 4, 256, 64
BATCH, SECONDS = 8, 1.0

CONFIG = EncodecConfig(
    target_bandwidths=[1.6],  # transformers derives K = 1000 * 1.6 / (50 frames * 8 bits) = 4 quantisers from this
    sampling_rate=RATE, audio_channels=1, normalize=False, chunk_length_s=None, overlap=None,
    hidden_size=DIM, num_filters=8, num_residual_layers=1, upsampling_ratios=[8, 5, 4, 4], norm_type="weight_norm",
    kernel_size=7, last_kernel_size=7, residual_kernel_size=3, dilation_growth_rate=2, use_causal_conv=False,
    pad_mode="reflect", compress=2, num_lstm_layers=1, codebook_size=CARDINALITY, codebook_dim=DIM,
    use_conv_shortcut=False,
)  # fmt: skip


class Codebook(nn.Module):
    """One level: nearest neighbour, exponential moving average of what falls to each entry, dead entries restarted."""

    def __init__(self, decay: float = 0.98) -> None:
        super().__init__()
        self.decay = decay
        self.embed = nn.Buffer(torch.zeros(CARDINALITY, DIM))
        self.count = nn.Buffer(torch.ones(CARDINALITY))
        self.total = nn.Buffer(torch.zeros(CARDINALITY, DIM))

    @torch.no_grad()
    def start(self, x: Tensor, iterations: int = 20) -> None:
        """k-means on features x [M, DIM]."""
        self.embed.copy_(x[torch.randperm(len(x))[:CARDINALITY]])
        for _ in range(iterations):
            index = torch.cdist(x, self.embed).argmin(1)
            count = torch.bincount(index, minlength=CARDINALITY)
            total = torch.zeros_like(self.embed).index_add_(0, index, x)
            alive = count > 0
            self.embed[alive] = total[alive] / count[alive, None]
            self.embed[~alive] = x[torch.randint(len(x), (int((~alive).sum()),))]
        self.count.fill_(len(x) / CARDINALITY)
        self.total.copy_(self.embed * self.count[:, None])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        index = torch.cdist(x, self.embed).argmin(1)
        if self.training:
            with torch.no_grad():
                self.count.lerp_(torch.bincount(index, minlength=CARDINALITY).float(), 1 - self.decay)
                self.total.lerp_(torch.zeros_like(self.embed).index_add_(0, index, x), 1 - self.decay)
                dead = self.count < 0.15 * self.count.mean()
                fresh = x[torch.randint(len(x), (int(dead.sum()),))]
                self.embed.copy_(self.total / self.count[:, None].clamp(min=1e-3))
                self.embed[dead] = fresh
                self.count[dead] = self.count.mean()
                self.total[dead] = fresh * self.count.mean()
        return self.embed[index], index


def quantise(books: nn.ModuleList, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Features z [B, DIM, T] -> quantised with a straight-through gradient, commitment loss, codes [B, K, T]."""
    b, d, t = z.shape
    x = z.transpose(1, 2).reshape(-1, d)
    residual, total, commit, codes = x, torch.zeros_like(x), x.new_zeros(()), []
    for book in books:
        q, index = book(residual.detach())
        commit = commit + F.mse_loss(residual, q)
        total, residual = total + q, residual - q
        codes.append(index.view(b, t))
    total = x + (total - x).detach()
    return total.view(b, t, d).transpose(1, 2), commit / len(books), torch.stack(codes, 1)


class MelLoss(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mels = nn.ModuleList(
            torchaudio.transforms.MelSpectrogram(RATE, n_fft=n, hop_length=n // 4, n_mels=m, power=1)
            for n, m in [(256, 20), (512, 40), (1024, 64), (2048, 80)]
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        losses = [F.l1_loss((mel(x) + 1e-3).log(), (mel(y) + 1e-3).log()) for mel in self.mels]
        return torch.stack(losses).mean()


class Crops:
    """Random crops, half of them from released music and half by Bach, at random levels."""

    def __init__(self, held_out: bool, seed: int) -> None:
        self.rng = random.Random(seed)
        self.pools = [[load(s) for s in songs if s.held_out == held_out] for songs in (released(), bach())]

    def __call__(self, batch: int, seconds: float) -> Tensor:
        n = round(seconds * RATE)
        rows = []
        for i in range(batch):
            pool = self.pools[i % 2]
            song = self.rng.choices(pool, [len(s) for s in pool])[0]
            at = self.rng.randrange(max(1, len(song) - n))
            crop = np.asarray(song[at : at + n], dtype=np.float32) / 32768
            gain = 10 ** (self.rng.uniform(-12, 3) / 20)
            rows.append(torch.from_numpy(np.pad(crop, (0, n - len(crop)))) * gain)
        return torch.stack(rows)[:, None].clamp(-1, 1)


def perplexity(codes: Tensor) -> list[float]:
    """Per codebook, exp of the entropy of code usage; codes [B, K, T]."""
    result = []
    for k in range(codes.shape[1]):
        p = torch.bincount(codes[:, k].flatten(), minlength=CARDINALITY).double()
        p = p[p > 0] / p.sum()
        result.append(round(math.exp(-(p * p.log()).sum().item()), 1))
    return result


def export(model: EncodecModel, books: nn.ModuleList) -> None:
    for layer, book in zip(model.quantizer.layers, books, strict=True):
        layer.codebook.embed.copy_(book.embed)
        layer.codebook.embed_avg.copy_(book.total)
        layer.codebook.cluster_size.copy_(book.count)
    model.save_pretrained(WORK / "codec")


@torch.no_grad()
def initialise(model: EncodecModel) -> None:
    """Weights that keep the signal's variance from layer to layer.

    torch's default lets it shrink by half a layer: after 14 layers the features were the biases', and after 1,000
    steps the encoder still said nothing about its input.
    """
    for m in model.modules():
        if isinstance(m, nn.Conv1d | nn.ConvTranspose1d):
            reach = m.kernel_size[0] / (m.stride[0] if isinstance(m, nn.ConvTranspose1d) else 1)
            m.weight = torch.randn_like(m.weight) * (1.5 / (m.in_channels * reach)) ** 0.5
            m.bias.zero_()
    first, last = model.encoder.layers[0].conv, model.decoder.layers[-1].conv
    first.weight = first.weight * 10  # music has an RMS of about 0.1
    last.weight = last.weight / 10


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=24)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    train, held_out = Crops(False, 0), Crops(True, 1)
    test_batch = held_out(24, 4.0)
    model = EncodecModel(CONFIG)
    initialise(model)
    books = nn.ModuleList(Codebook() for _ in range(K))
    mel = MelLoss()
    optimizer = torch.optim.AdamW([*model.encoder.parameters(), *model.decoder.parameters()], 1e-3, (0.8, 0.99))
    start, step, quantising, log = time.time(), 0, False, []
    while (done := (time.time() - start) / 60 / args.minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1, step / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        x = train(BATCH, SECONDS)
        z = model.encoder(x)
        if not quantising and done > 0.12:
            with torch.no_grad():
                residual = torch.cat([model.encoder(train(BATCH, SECONDS)) for _ in range(12)])
                residual = residual.transpose(1, 2).reshape(-1, DIM)
                for book in books:
                    book.start(residual)
                    residual = residual - book.embed[torch.cdist(residual, book.embed).argmin(1)]
            quantising = True
        commit = x.new_zeros(())
        if quantising:
            z, commit, _ = quantise(books, z)
        y = model.decoder(z)[..., : x.shape[-1]]
        mel_loss = mel(x, y)
        loss = F.l1_loss(x, y) + mel_loss + 0.25 * commit
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0 or step == 20:
            books.eval()
            with torch.no_grad():
                z, commit_test, codes = quantise(books, model.encoder(test_batch))
                y = model.decoder(z)[..., : test_batch.shape[-1]]
                row = {
                    "step": step, "minutes": round(done * args.minutes, 1), "mel_train": round(mel_loss.item(), 3),
                    "mel_held_out": round(mel(test_batch, y).item(), 3), "commit": round(commit_test.item(), 3),
                    "perplexity_held_out": perplexity(codes),
                }  # fmt: skip
            books.train()
            log.append(row)
            print(json.dumps(row), flush=True)
            export(model, books)
    (WORK / "codec.json").write_text(json.dumps(log, indent=1))
    export(model, books)


if __name__ == "__main__":
    main()
