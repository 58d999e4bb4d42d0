"""The text of --help. It is ours, since Hydra's own takes a third of a second to list the groups of a config folder."""

from pathlib import Path

TEXT = """\
noiseprobe: how the loss of a music language model reacts to noise.

Usage: python -m noiseprobe [KEY=VALUE ...]          one cell: one model, one data set, one noise
       python -m noiseprobe KEY=V1,V2 [...] -m       a sweep: one cell for each combination

Groups (GROUP=OPTION):

{groups}

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
  data.duration=15            seconds of a clip (at most 30)
  data.start=0                where the first clip of a file starts, in seconds
  data.clips_per_file=1       how many clips a file gives, one after another; null: all that fit
  data.limit=20               at most so many clips, taken in turn from each song
  data.batch_size=1           clips in a batch; changes no number
  data.num_workers=0          processes that decode and corrupt; changes no number
  noise=white                 the kind of noise
  noise.length=0.5,1,2 -m     seconds of noise; a cell for each, or noise.length=[0.5,1,2]: variants of one cell
  noise.frames=[25,50]        the same in codec frames of 20 ms (instead of noise.length)
  noise.onset=5               where the noise starts, in seconds
  noise.level=match           match (the RMS of what it replaces), clip (of the whole clip), snr, or a number in dBFS
  noise.snr=0                 dB of music over noise, with noise.level=snr
  scoring=delay               delay (MusicGen's own likelihood) or parallel (as the paper's published code)
  precision=auto              fp32, bf16, or auto (bf16 on an NVIDIA GPU, else fp32), for the language model
  seed=0                      of every random draw
  trainer=auto                auto, cpu, gpu or ddp
  trainer.devices=2           how many devices; also trainer.accelerator, trainer.num_nodes, trainer.strategy
  logger=csv                  csv, wandb or none
  paths.results=results       where finished cells go, a folder each
  keep_nll=false              no nll.parquet, the one large table
  strict=true                 a rejected clip is an error
  force=true                  run a finished cell again
  fail_fast=true              the first failed cell ends the sweep

--cfg job prints the configuration that a command line would run, --hydra-help what Hydra itself offers.
"""


def help_text(conf: Path) -> str:
    """The help with the groups of a config folder."""
    folders = sorted(p for p in conf.iterdir() if p.is_dir() and p.name != "hydra")
    groups = [f"  {p.name}: {', '.join(sorted(o.stem for o in p.glob('*.yaml')))}" for p in folders]
    return TEXT.format(groups="\n".join(groups))
