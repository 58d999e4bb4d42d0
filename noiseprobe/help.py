"""The text of --help. It is ours, since Hydra's own takes a third of a second to list the groups of a config folder.

What the folder's files say of themselves is read from their text: a file's first comment is what it is, and its
unindented lines are its keys.
"""

import re
import textwrap
from pathlib import Path

TEXT = """\
noiseprobe: how the loss of a music language model reacts to noise.

Usage: python -m noiseprobe [KEY=VALUE ...]          one cell: one model, one data set, one noise
       python -m noiseprobe KEY=V1,V2 [...] -m       a sweep: one cell for each combination
       python -m noiseprobe +experiment=NAME [...]   a sweep made ready; what else you set wins over it

Groups (GROUP=OPTION):

{groups}

Experiments:

{experiments}

Kinds of noise (noise=KIND), with their own keys and what these are by default (noise.KEY=...):

{kinds}

Knobs, with an example each:

  model=musicgen_small        which model; local: one of your own, in model.path
  model.path=~/musicgen       a local folder with the model's weights, as audiocraft exports or save_pretrained writes
  model.backend=transformers  the library that scores; auto: audiocraft where it is installed, else transformers
  model.hub=owner/name        where the weights are fetched from; also model.revision
  model.codec=~/encodec       folder or repository of the codec, where the checkpoint doesn't hold it
  model.description="..."     a text condition for all clips; a column of that name in data.manifest goes before it
  model.text_encoder=~/t5     folder or repository of the text encoder, where the checkpoint doesn't hold it
  data=folder                 where the clips come from (demo: the music that ships with noiseprobe)
  data=generated              clips that the model itself generates, made once and kept in data.root
  data.top_k=[10,50,250]      with data=generated: each code is one of so many likeliest; a group for each
  data.clips_per_top_k=20     clips for each of them
  data.root=~/music           the folder of wav, flac, ogg and mp3 files
  data.manifest=clips.csv     or a table: path, and optionally start, song, group, description
  data=midi                   scores, played with a SoundFont; data=asap: those of ASAP
  data.soundfont=piano.sf2    the SoundFont; null: the one that ships with noiseprobe
  data.loudness=-23           LUFS of each clip
  data.duration=15            seconds of a clip (at most 30)
  data.start=0                where the first clip of a file starts, in seconds
  data.clips_per_file=1       how many clips a file gives, one after another; null: all that fit
  data.limit=20               at most so many clips, taken in turn from each song
  data.batch_size=1           clips in a batch; changes no number
  data.num_workers=0          processes that decode and corrupt; changes no number
  noise=white                 the kind of noise
  noise.length=0.5,1,2 -m     seconds of noise; a cell for each, or noise.length=[0.5,1,2]: variants of one cell
  noise.frames=[25,50]        the same in codec frames of 20 ms (instead of noise.length)
  noise.length=end            up to the end of the clip
  noise.onset=5               where the noise starts, in seconds
  noise.onset_frame=250       the same in codec frames of 20 ms
  noise.spans=[[5,0.5],[8,1]] several places in one variant, [onset, length] in seconds, instead of the above
  noise.share=0.2             this share of each clip, in pieces of noise.length seconds at random places
  noise.mode=replace          replace the music or add to it
  noise.level=match           match (the RMS of what it replaces), clip (of the whole clip), lufs (its loudness), snr,
                              or a number in dBFS
  noise.snr=0                 dB of music over noise, with noise.level=snr
  noise.fade=0.01             seconds of fade inside the noise at both ends
  scoring=delay               delay (MusicGen's own likelihood) or parallel (as the paper's published code)
  precision=auto              fp32, bf16, or auto (bf16 on an NVIDIA GPU, else fp32), for the language model
  seed=0                      of every random draw
  trainer=auto                auto, cpu, gpu or ddp
  trainer.devices=2           how many devices; also trainer.accelerator, trainer.num_nodes, trainer.strategy
  logger=csv                  csv, wandb or none; with wandb also logger.project, logger.entity, logger.offline
  paths.results=results       where finished cells go, a folder each
  keep_nll=false              no nll.parquet, the one large table
  keep_audio=20               of the first so many clips the audio is kept, for the report (null: of all; 0: of none)
  cache=off                   clean codes and nll are computed anew, not kept on disk for all cells; changes no number
  cache_gb=10                 how large that cache may grow, in GB (1e9 bytes)
  paths.cache=~/clips         its folder; null: noiseprobe/clips in $XDG_CACHE_HOME, by default in ~/.cache
  strict=true                 a rejected clip is an error
  force=true                  run a finished cell again
  fail_fast=true              the first failed cell ends the sweep
  hydra/launcher=local        with -m: several cells at a time; or slurm, ray_local, ray_cluster (docs/scaling.md)
  sweep=name                  with which the files of a sweep's figures begin
  figures=[effect,sizes]      with which it ends: effect (delta against what varies), sizes (against the models'),
                              regions, curves, codebooks, songs, heatmap, amnesia (docs/figures.md)
  verdicts.margin=0.05        nats; a smaller effect counts as none, unless it is certain (docs/claims.md)
  verdicts.alpha=0.05         of a verdict, after correction; verdicts.power=0.8: for how many songs one would need
  report=false                no report.html at a sweep's end

--cfg job prints the configuration that a command line would run, --hydra-help what Hydra itself offers.
"""


WIDTH = 120


def help_text(conf: Path) -> str:
    """The help with the groups, experiments and kinds of noise of a config folder."""
    folders = sorted(p for p in conf.iterdir() if p.is_dir() and p.name != "hydra")
    groups = [f"{p.name}: {', '.join(o.stem for o in _options(p))}" for p in folders]
    kinds = [(path.stem, f"{_first_comment(path)} {_keys(path)}") for path in _options(conf / "noise")]
    return TEXT.format(
        groups="\n".join(_wrapped(line, "  ", "    ") for line in groups),
        experiments=_table([(path.stem, _first_comment(path)) for path in _options(conf / "experiment")]),
        kinds=_table(kinds),
    )


def _options(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yaml"))


def _first_comment(path: Path) -> str:
    """The first comment, without what it says to Hydra (# @package)."""
    comments = [line[1:].strip() for line in path.read_text().splitlines() if re.match(r"#\s*[^@\s]", line)]
    return comments[0] if comments else ""


def _keys(path: Path) -> str:
    """What a kind sets beside the keys of all: [piece=0.5 count=1]; nothing where there is nothing."""
    found = re.findall(r"^(\w+):[ \t]*([^#\n]*)", path.read_text(), flags=re.MULTILINE)
    own = [f"{key}={value.strip()}" for key, value in found if key not in ["defaults", "kind"]]
    return f"[{' '.join(own)}]" if own else ""


def _table(rows: list[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(_wrapped(text, f"  {name:{width}}", " " * (width + 2)) for name, text in rows)


def _wrapped(text: str, first: str, rest: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
