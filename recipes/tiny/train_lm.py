"""Train the tiny language model on the tiny codec's codes, then put both into one MusicGen folder.

    python recipes/tiny/train_lm.py [--minutes 45 | --steps 5654] [--threads 1] [--seed 0] [--out tiny]

transformers' MusicgenForCausalLM with MusicGen's delay pattern and special token, unconditional: the cross-attention
that the class brings is set to zero and stays untrained, so a text condition changes nothing. The data is music
alone: no noise was added to it. Writes WORK/OUT (MusicgenForConditionalGeneration.save_pretrained layout),
WORK/songs.json (what was trained on, what held out) and WORK/lm.json (nll per codebook on both; lm-OUT.json for another
OUT than tiny). `--steps` trains so many steps however long they take: another seed of the same model, or with 0 an
untrained one.
"""

import argparse
import json
import math
import random
import time

import numpy as np
import torch
import torch.nn.functional as F
from songs import RATE, WORK, Song, bach, load, released
from torch import Tensor
from transformers import EncodecModel, MusicgenConfig, MusicgenForCausalLM, MusicgenForConditionalGeneration, T5Config
from transformers.models.musicgen.configuration_musicgen import MusicgenDecoderConfig

from noiseprobe.models.patterns import pattern

K, CARDINALITY, FRAMES, BATCH = 4, 256, 750, 4
PATTERN = pattern("delay", (0, 1, 2, 3), special=CARDINALITY)
GAINS_DB = (0.0, -8.0)

DECODER = MusicgenDecoderConfig(
    vocab_size=CARDINALITY, num_codebooks=K, hidden_size=128, num_hidden_layers=4, num_attention_heads=4, ffn_dim=512,
    dropout=0.1, attention_dropout=0.0, activation_dropout=0.0, max_position_embeddings=2048, audio_channels=1,
    pad_token_id=CARDINALITY, bos_token_id=CARDINALITY, eos_token_id=None,
)  # fmt: skip


@torch.no_grad()
def codes_of(song: Song, codec: EncodecModel, gain_db: float) -> Tensor:
    """Codes [K, T] of a whole song, encoded in pieces of 30 s."""
    cache = WORK / "codes" / f"{song.name}@{gain_db:g}.npy"
    if not cache.exists():
        x = torch.from_numpy(np.asarray(load(song), dtype=np.float32) / 32768) * 10 ** (gain_db / 20)
        pieces = [codec.encode(p[None, None]).audio_codes[0, 0] for p in x.split(30 * RATE) if len(p) > RATE]
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.save(cache, torch.cat(pieces, dim=1).to(torch.int16).numpy())
    return torch.from_numpy(np.load(cache))


class Batches:
    """Random windows of FRAMES frames, half of them from released music and half by Bach."""

    def __init__(self, pools: list[list[Tensor]], seed: int) -> None:
        self.pools = [[c for c in pool if c.shape[1] >= FRAMES] for pool in pools]
        self.rng = random.Random(seed)

    def __call__(self, batch: int) -> Tensor:
        rows = []
        for i in range(batch):
            pool = self.pools[i % 2]
            codes = self.rng.choices(pool, [c.shape[1] for c in pool])[0]
            at = self.rng.randrange(codes.shape[1] - FRAMES + 1)
            rows.append(codes[:, at : at + FRAMES])
        return torch.stack(rows).long()


def nll(model: MusicgenForCausalLM, codes: Tensor) -> Tensor:
    """[B, K, T] nats."""
    steps = PATTERN.layout(codes)
    logits = model(input_ids=steps.flatten(0, 1)).logits
    logits = PATTERN.align(logits.view(len(codes), K, steps.shape[-1], -1))
    return F.cross_entropy(logits.flatten(0, 2), codes.flatten(), reduction="none").view_as(codes)


@torch.no_grad()
def report(model: MusicgenForCausalLM, codes: Tensor) -> list[float]:
    """Mean nll of each codebook, without the last three frames."""
    model.eval()
    rows = torch.cat([nll(model, c)[..., : -PATTERN.tail] for c in codes.split(4)])
    model.train()
    return [round(v, 3) for v in rows.double().mean((0, 2)).tolist()]


def export(model: MusicgenForCausalLM, codec: EncodecModel, out: str) -> None:
    """One MusicGen folder; the text encoder that the class demands is the smallest T5, untrained, never used."""
    text = T5Config(vocab_size=8, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=1, bos_token_id=0)
    parts = {"text_encoder": text, "audio_encoder": codec.config, "decoder": DECODER}
    plain = {name: part.to_dict() | {"_name_or_path": ""} for name, part in parts.items()}  # no path of this machine
    config = MusicgenConfig(**plain)
    torch.manual_seed(0)
    whole = MusicgenForConditionalGeneration(config)
    whole.audio_encoder.load_state_dict(codec.state_dict())
    whole.decoder.load_state_dict(model.state_dict())
    whole.save_pretrained(WORK / out)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out", default="tiny")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    codec = EncodecModel.from_pretrained(WORK / "codec").eval()
    sources = [released(), bach()]
    pools = {
        held: [[codes_of(s, codec, g) for s in songs if s.held_out == held for g in GAINS_DB] for songs in sources]
        for held in (False, True)
    }
    names = [[s.name for songs in sources for s in songs if s.held_out == held] for held in (False, True)]
    (WORK / "songs.json").write_text(json.dumps(dict(zip(["training", "held_out"], names, strict=True)), indent=1))
    train = Batches(pools[False], args.seed)
    fixed = {name: Batches(pools[held], 1)(32) for name, held in [("train", False), ("held_out", True)]}
    torch.manual_seed(args.seed)
    model = MusicgenForCausalLM(DECODER).train()
    for layer in model.model.decoder.layers:
        for p in layer.encoder_attn.parameters():
            p.data.zero_()
            p.requires_grad_(False)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, 2e-3, (0.9, 0.95), weight_decay=0.05)
    start, step, log = time.time(), 0, []

    def share() -> float:
        if args.steps is None:
            return minutes() / args.minutes
        return step / args.steps if step < args.steps else 1.0

    def minutes() -> float:
        return (time.time() - start) / 60

    while (done := share()) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        loss = nll(model, train(BATCH)).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        if step % 200 == 0 or step == 20:
            row = {"step": step, "minutes": round(minutes(), 1)}
            row |= {name: report(model, codes) for name, codes in fixed.items()}
            log.append(row)
            print(json.dumps(row), flush=True)
            export(model, codec, args.out)
    row = {"step": step, "minutes": round(minutes(), 1)} | {name: report(model, codes) for name, codes in fixed.items()}
    print(json.dumps(row), flush=True)
    log_name = "lm.json" if args.out == "tiny" else f"lm-{args.out}.json"
    (WORK / log_name).write_text(json.dumps([*log, row], indent=1))
    export(model.eval(), codec, args.out)


if __name__ == "__main__":
    main()
