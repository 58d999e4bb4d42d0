"""Small checkpoints in the layouts of the released MusicGens, made by the libraries' own builders and export code.

`make` writes the same random weights twice: as audiocraft exports them and as transformers' save_pretrained does. What
the releases need from the web (T5, Demucs) is replaced by a tiny T5 and by nothing.
"""

import math
import re
import sys
import types
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import torch
from omegaconf import OmegaConf
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    EncodecConfig,
    MusicgenConfig,
    MusicgenForConditionalGeneration,
    MusicgenMelodyConfig,
    MusicgenMelodyForConditionalGeneration,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
)
from transformers.models.musicgen.configuration_musicgen import MusicgenDecoderConfig
from transformers.models.musicgen_melody.configuration_musicgen_melody import MusicgenMelodyDecoderConfig

CARD, WIDTH, LAYERS, HEADS = 64, 32, 3, 4
RATE, RATIOS = 32_000, [8, 5, 4, 4]
T5_WIDTH = 512  # audiocraft knows t5-small by this width
WORDS = ["<pad>", "</s>", "<unk>", "a", "quiet", "piano", "loud", "techno", "song", "with", "drums"]


@dataclass(frozen=True)
class Made:
    """One model in both layouts, its text encoder, and audiocraft's own objects that were exported."""

    audiocraft: Path
    transformers: Path
    t5: Path
    lm: torch.nn.Module
    codec: torch.nn.Module


def lm_config(
    melody: bool, stereo: bool, width: int = WIDTH, layers: int = LAYERS, heads: int = HEADS, card: int = CARD,
    t5: str = "t5-small",
) -> dict:  # fmt: skip
    """What a released MusicGen's xp.cfg holds, as far as building the model reads it."""
    codebooks = 8 if stereo else 4
    conditioners = {
        "description": {
            "model": "t5",
            "t5": {
                "name": t5, "finetune": False, "word_dropout": 0.2, "normalize_text": False,
                "autocast_dtype": "float32",
            },
        },
        "args": {"merge_text_conditions_p": 0.25, "drop_desc_p": 0.5},
    }  # fmt: skip
    if melody:
        chroma = {
            "sample_rate": "${sample_rate}", "n_chroma": 12, "radix2_exp": 14, "argmax": True,
            "match_len_on_eval": False, "eval_wavs": None, "n_eval_wavs": 100, "cache_path": None,
        }  # fmt: skip
        conditioners = {"self_wav": {"model": "chroma_stem", "chroma_stem": chroma}} | conditioners
    return {
        "device": "cpu", "dtype": "float32", "solver": "musicgen", "sample_rate": RATE, "channels": 2 if stereo else 1,
        "compression_model_checkpoint": "//pretrained/facebook/encodec_32khz", "lm_model": "transformer_lm",
        "dataset": {"segment_duration": 30, "batch_size": 192},
        "codebooks_pattern": {
            "modeling": "delay",
            "delay": {
                "delays": [0, 0, 1, 1, 2, 2, 3, 3] if stereo else [0, 1, 2, 3], "flatten_first": 0, "empty_initial": 0,
            },
        },
        "transformer_lm": {
            "dim": width, "num_heads": heads, "num_layers": layers, "hidden_scale": 4, "n_q": codebooks, "card": card,
            "dropout": 0.0, "emb_lr": None, "activation": "gelu", "norm_first": True, "bias_ff": False,
            "bias_attn": False, "bias_proj": False, "past_context": None, "causal": True, "custom": False,
            "memory_efficient": True, "attention_as_float32": False, "layer_scale": None,
            "positional_embedding": "sin", "xpos": False, "checkpointing": "torch", "weight_init": "gaussian",
            "depthwise_init": "current", "zero_bias_init": True, "norm": "layer_norm", "cross_attention": False,
            "qk_layer_norm": False, "qk_layer_norm_cross": False, "attention_dropout": None, "kv_repeat": 1,
        },
        "classifier_free_guidance": {"training_dropout": 0.3, "inference_coef": 3.0},
        "attribute_dropout": {"args": {"active_on_eval": False}, "text": {}, "wav": {}},
        "fuser": {
            "cross_attention_pos_emb": False, "cross_attention_pos_emb_scale": 1, "sum": [],
            "prepend": ["self_wav", "description"] if melody else [], "cross": [] if melody else ["description"],
            "input_interpolate": [],
        },
        "conditioners": conditioners,
        "interleave_stereo_codebooks": {"use": stereo, "per_timestep": False},
        "compression_model_n_q": None,
    }  # fmt: skip


def codec_config(cardinality: int = CARD, codebooks: int = 4, dimension: int = 16, filters: int = 4) -> dict:
    return {
        "device": "cpu", "solver": "compression", "compression_model": "encodec", "sample_rate": RATE, "channels": 1,
        "encodec": {
            "autoencoder": "seanet", "quantizer": "rvq", "sample_rate": RATE, "channels": 1, "causal": False,
            "renormalize": False,
        },
        "seanet": {
            "dimension": dimension, "channels": 1, "causal": False, "n_filters": filters, "n_residual_layers": 1,
            "ratios": RATIOS, "activation": "ELU", "activation_params": {"alpha": 1.0}, "norm": "weight_norm",
            "norm_params": {},
            "kernel_size": 7, "residual_kernel_size": 3, "last_kernel_size": 7, "dilation_base": 2,
            "pad_mode": "reflect", "true_skip": True, "compress": 2, "lstm": 2, "disable_norm_outer_blocks": 0,
            "encoder": {}, "decoder": {"trim_right_ratio": 1.0, "final_activation": None},
        },
        "rvq": {
            "n_q": codebooks, "q_dropout": False, "bins": cardinality, "decay": 0.99, "kmeans_init": False,
            "kmeans_iters": 50, "threshold_ema_dead_code": 2, "orthogonal_reg_weight": 0.0,
            "orthogonal_reg_active_codes_only": False,
        },
    }  # fmt: skip


def tiny_t5(folder: Path) -> None:
    """A text encoder and its tokenizer in a folder; texts end in </s> as T5's do."""
    torch.manual_seed(5)
    config = T5Config(vocab_size=len(WORDS), d_model=T5_WIDTH, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    T5EncoderModel(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(folder)


@contextmanager
def without_the_web(t5: Path):
    """audiocraft's T5 conditioner on the tiny T5, its chroma conditioner without Demucs, its export on its own file."""
    from audiocraft.modules import conditioners

    demucs = types.ModuleType("demucs")
    demucs.pretrained = types.SimpleNamespace(get_model=lambda name: Demucs())  # type: ignore[attr-defined]
    load = torch.load
    tokenizer, encoder = PreTrainedTokenizerFast.from_pretrained(t5), T5EncoderModel.from_pretrained(t5)
    with (
        mock.patch.dict(sys.modules, {"demucs": demucs}),
        mock.patch.object(conditioners.T5Tokenizer, "from_pretrained", return_value=tokenizer),
        mock.patch.object(conditioners.T5EncoderModel, "from_pretrained", return_value=encoder),
        mock.patch.object(torch, "load", lambda *args, **kw: load(*args, **{"weights_only": False} | kw)),
    ):
        yield


class Demucs(torch.nn.Module):
    sources = ("drums", "bass", "other", "vocals")


def make(
    folder: Path, melody: bool = False, stereo: bool = False, seed: int = 0, card: int = CARD, filters: int = 4
) -> Made:
    """Random weights in both layouts."""
    from audiocraft.models import builders
    from audiocraft.utils import export

    torch.manual_seed(seed)
    made = [folder / name for name in ["t5", "audiocraft", "transformers"]]
    tiny_t5(made[0])
    with without_the_web(made[0]):
        torch.manual_seed(seed)
        config = OmegaConf.create(lm_config(melody, stereo, card=card))
        codec_cfg = OmegaConf.create(codec_config(card, filters=filters))
        lm = builders.get_lm_model(config).eval()
        codec = builders.get_compression_model(codec_cfg).eval()
        randomise(lm, codec)
        for name, cfg, model, write in [
            ("state_dict.bin", config, lm, export.export_lm),
            ("compression_state_dict.bin", codec_cfg, codec, export.export_encodec),
        ]:
            checkpoint = folder / "checkpoint.th"  # what audiocraft's training leaves
            states = {"best_state": {"model": model.state_dict()}, "fsdp_best_state": {}, "ema": {}}
            torch.save({**states, "xp.cfg": cfg}, checkpoint)
            write(checkpoint, made[1] / name)
            checkpoint.unlink()
    to_transformers(lm, codec, made[0], made[2], melody, stereo, filters)
    return Made(made[1], made[2], made[0], lm, codec)


@torch.no_grad()
def randomise(lm: torch.nn.Module, codec: torch.nn.Module) -> None:
    """Weights under which everything matters: no zero biases, norms that aren't the identity, logits that differ."""
    for name, p in lm.named_parameters():
        if "norm" in name:
            p.add_(torch.randn_like(p) * 0.2)
        elif "output_proj" in name:
            p.normal_(std=0.3)
        else:
            p.mul_(1.5).add_(torch.randn_like(p) * 0.05)
    # codebooks from what the encoder gives for noise, so that all entries are used
    card = codec.cardinality
    residual = codec.encoder(torch.randn(1, 1, 640 * 2 * card) * 0.3)[0].T  # [frames, dimension]
    for layer in codec.quantizer.vq.layers:
        embed = residual[torch.randperm(len(residual))[:card]].clone()
        layer._codebook.embed.copy_(embed)
        layer._codebook.inited.fill_(1)
        residual = residual - embed[torch.cdist(residual, embed).argmin(1)]


def to_transformers(
    lm: torch.nn.Module, codec: torch.nn.Module, t5: Path, folder: Path, melody: bool, stereo: bool, filters: int
) -> None:
    encodec = EncodecConfig(
        sampling_rate=RATE, audio_channels=1, normalize=False, hidden_size=16, num_filters=filters,
        num_residual_layers=1, target_bandwidths=[round(math.log2(codec.cardinality)) / 5], upsampling_ratios=RATIOS,
        use_causal_conv=False, num_lstm_layers=2, codebook_size=codec.cardinality, use_conv_shortcut=False,
    )  # fmt: skip
    decoder = {
        "vocab_size": lm.card, "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "ffn_dim": 4 * WIDTH, "num_codebooks": 8 if stereo else 4, "audio_channels": 2 if stereo else 1,
        "pad_token_id": lm.card, "bos_token_id": lm.card,
    }  # fmt: skip
    text = T5EncoderModel.from_pretrained(t5)
    config, kind, own = (
        (MusicgenMelodyConfig, MusicgenMelodyForConditionalGeneration, MusicgenMelodyDecoderConfig)
        if melody
        else (MusicgenConfig, MusicgenForConditionalGeneration, MusicgenDecoderConfig)
    )
    parts = {"text_encoder": text.config, "audio_encoder": encodec, "decoder": own(**decoder)}
    whole = kind(config(**{name: part.to_dict() for name, part in parts.items()})).eval()
    whole.text_encoder.load_state_dict(text.state_dict())
    whole.audio_encoder.load_state_dict({codec_name(k): v for k, v in codec.state_dict().items()})
    renamed = dict(pair for k, v in lm.state_dict().items() if ".chroma." not in k for pair in lm_names(k, v))
    missing, unexpected = whole.load_state_dict(renamed, strict=False)
    assert not unexpected, unexpected
    assert not [k for k in missing if k.startswith(("decoder.", "enc_to", "audio_enc_to"))], missing
    whole.save_pretrained(folder)
    PreTrainedTokenizerFast.from_pretrained(t5).save_pretrained(folder)


def codec_name(name: str) -> str:
    """The name that transformers has for a tensor of audiocraft's EncodecModel."""
    name = re.sub(r"^(encoder|decoder)\.model\.", r"\1.layers.", name)
    name = name.replace(".conv.conv.", ".conv.").replace(".convtr.convtr.", ".conv.")
    name = re.sub(r"quantizer\.vq\.layers\.(\d+)\._codebook", r"quantizer.layers.\1.codebook", name)
    return name.replace("weight_g", "parametrizations.weight.original0").replace(
        "weight_v", "parametrizations.weight.original1"
    )


def lm_names(name: str, value: torch.Tensor) -> list[tuple[str, torch.Tensor]]:
    """The tensors of a transformers MusicGen that one of audiocraft's LMModel stands for."""
    name = name.replace("condition_provider.conditioners.description.output_proj", "enc_to_dec_proj")
    name = name.replace("condition_provider.conditioners.self_wav.output_proj", "audio_enc_to_dec_proj")
    if "_proj." in name and name.startswith(("enc_", "audio_")):
        return [(name, value)]
    for theirs, ours in [
        ("emb.", "model.decoder.embed_tokens."), ("linears.", "lm_heads."), ("out_norm.", "model.decoder.layer_norm."),
    ]:  # fmt: skip
        if name.startswith(theirs):
            return [(f"decoder.{ours}{name.removeprefix(theirs)}", value)]
    name = name.replace("transformer.layers.", "decoder.model.decoder.layers.").replace("mha.", "")
    for theirs, ours in [
        ("linear1", "fc1"), ("linear2", "fc2"), ("cross_attention", "encoder_attn"), ("norm1", "self_attn_layer_norm"),
        ("norm2", "final_layer_norm"), ("norm_cross", "encoder_attn_layer_norm"),
    ]:  # fmt: skip
        name = name.replace(theirs, ours)
    if name.endswith("in_proj_weight"):
        parts = value.chunk(3)
        return [(name.replace("in_proj_weight", f"{p}_proj.weight"), v) for p, v in zip("qkv", parts, strict=True)]
    return [(name, value)]


@torch.no_grad()
def as_audiocraft(folder: Path, to: Path) -> None:
    """A mono model of transformers in audiocraft's exported layout."""
    from audiocraft.models import builders

    whole = MusicgenForConditionalGeneration.from_pretrained(folder).eval()
    decoder, encodec = whole.config.decoder, whole.config.audio_encoder
    config = OmegaConf.create(
        lm_config(False, False, decoder.hidden_size, decoder.num_hidden_layers, decoder.num_attention_heads,
                  decoder.vocab_size)
    )  # fmt: skip
    config.transformer_lm.hidden_scale = decoder.ffn_dim / decoder.hidden_size
    codec_cfg = OmegaConf.create(codec_config(encodec.codebook_size, 4, encodec.hidden_size, encodec.num_filters))
    own = {"ratios": list(encodec.upsampling_ratios), "pad_mode": encodec.pad_mode, "compress": encodec.compress}
    codec_cfg.seanet.update(own | {"lstm": encodec.num_lstm_layers, "n_residual_layers": encodec.num_residual_layers})
    t5 = to.parent / "t5"
    tiny_t5(t5)
    with without_the_web(t5):
        lm, codec = builders.get_lm_model(config), builders.get_compression_model(codec_cfg)
    theirs, codes = whole.state_dict(), whole.audio_encoder.state_dict()
    state = {}
    for name, value in lm.state_dict().items():
        parts = [theirs.get(other) for other, _ in lm_names(name, value)]
        # the projection of a text that this model never had
        state[name] = torch.zeros_like(value) if name.startswith("condition_provider") else torch.cat(parts)
    states = {"best_state": state, "xp.cfg": OmegaConf.to_yaml(config), "version": "1.3.0", "exported": True}
    to.mkdir(parents=True)
    torch.save(states, to / "state_dict.bin")
    states |= {"best_state": {name: codes[codec_name(name)] for name in codec.state_dict()}}
    torch.save(states | {"xp.cfg": OmegaConf.to_yaml(codec_cfg)}, to / "compression_state_dict.bin")
