"""Checkpoints of the released models' shapes with random weights, in both layouts, for speed and memory.

    python bench/released.py FOLDER small|medium|large audiocraft|transformers

audiocraft: the language model in half precision, as released. transformers: float32 with T5-base's encoder. The output
heads are zero, so every code has the probability 1 / 2048 and every nll must be ln 2048 = 7.6246; `write` can make them
random instead, so that two ways to one nll can be compared.
"""

import sys
from pathlib import Path

import torch
from omegaconf import OmegaConf
from transformers import EncodecConfig, MusicgenConfig, MusicgenForConditionalGeneration, T5Config
from transformers.models.musicgen.configuration_musicgen import MusicgenDecoderConfig

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from checkpoints import codec_config, lm_config

SIZES = {"small": (24, 1024, 16), "medium": (48, 1536, 24), "large": (48, 2048, 32)}  # layers, width, heads


def write(folder: Path, size: str, layout: str, heads_sd: float = 0.0) -> None:
    """A checkpoint; memory holds it once."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    (write_audiocraft if layout == "audiocraft" else write_transformers)(folder, *SIZES[size], heads_sd)


@torch.no_grad()
def write_audiocraft(folder: Path, layers: int, width: int, heads: int, heads_sd: float) -> None:
    from audiocraft.models.builders import get_compression_model, get_condition_fuser
    from audiocraft.models.lm import LMModel
    from audiocraft.modules.codebooks_patterns import DelayedPatternProvider
    from audiocraft.modules.conditioners import BaseConditioner, ConditioningProvider

    cfg = OmegaConf.create(lm_config(False, False, width, layers, heads, card=2048, t5="t5-base"))
    options = OmegaConf.to_container(cfg.transformer_lm) | {"cross_attention": True, "weight_init": None}
    options |= {"depthwise_init": None, "zero_bias_init": False}
    with torch.device("meta"):
        conditions = ConditioningProvider({"description": BaseConditioner(768, width)})
        lm = LMModel(DelayedPatternProvider(4), conditions, get_condition_fuser(cfg), **options)
    state = {}
    for name, p in lm.state_dict().items():
        if "norm" in name:
            state[name] = torch.full(p.shape, float(name.endswith("weight")), dtype=torch.float16)
        elif name.startswith("linears."):
            state[name] = torch.empty(p.shape, dtype=torch.float16).normal_(std=heads_sd)
        else:
            state[name] = torch.empty(p.shape, dtype=torch.float16).normal_(std=0.02)
    package = {"best_state": state, "xp.cfg": OmegaConf.to_yaml(cfg), "version": "1.3.0", "exported": True}
    torch.save(package, folder / "state_dict.bin")
    own = OmegaConf.create(codec_config(2048, 4, dimension=128, filters=64))
    codec = get_compression_model(own)
    for layer in codec.quantizer.vq.layers:
        layer._codebook.embed.normal_(std=0.05)
        layer._codebook.inited.fill_(1)
    package |= {"best_state": codec.state_dict(), "xp.cfg": OmegaConf.to_yaml(own)}
    torch.save(package, folder / "compression_state_dict.bin")


@torch.no_grad()
def write_transformers(folder: Path, layers: int, width: int, heads: int, heads_sd: float) -> None:
    text = T5Config(d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12, vocab_size=32128)
    codec = EncodecConfig(
        sampling_rate=32_000, audio_channels=1, normalize=False, target_bandwidths=[2.2], hidden_size=128,
        num_filters=64, num_residual_layers=1, upsampling_ratios=[8, 5, 4, 4], use_causal_conv=False,
        num_lstm_layers=2, codebook_size=2048, codebook_dim=128, use_conv_shortcut=False,
    )  # fmt: skip
    decoder = MusicgenDecoderConfig(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, ffn_dim=4 * width, vocab_size=2048,
        num_codebooks=4, pad_token_id=2048, bos_token_id=2048,
    )  # fmt: skip
    parts = {"text_encoder": text, "audio_encoder": codec, "decoder": decoder}
    model = MusicgenForConditionalGeneration(MusicgenConfig(**{k: v.to_dict() for k, v in parts.items()}))
    # Entries around what they quantize: with others nearly all frames of any music would have one code.
    seen = model.audio_encoder.encoder(0.1 * torch.randn(1, 1, 4 * 32_000))[0].T
    for k, layer in enumerate(model.audio_encoder.quantizer.layers):
        layer.codebook.embed.normal_().mul_(seen.std(0) / 2**k).add_(seen.mean(0) if k == 0 else 0)
    for head in model.decoder.lm_heads:
        head.weight.normal_(std=heads_sd)
    model.save_pretrained(folder)


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
