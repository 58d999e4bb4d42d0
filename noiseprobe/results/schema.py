"""The tables that a cell leaves: their columns, their types, and what each means.

Frames are the codec's frames, 0-based; nll in nats; levels in dBFS of the RMS; an absent value is null. Every mean over
frames leaves out the last D frames, whose context holds special tokens that training never had there.
"""

import pyarrow as pa

from noiseprobe.functional import signals
from noiseprobe.functional.regions import REGIONS
from noiseprobe.functional.shape import Shape

VERSION = 4


def other_version(version: object) -> str | None:
    """What to do about results whose meta.json says this; None: they can be read.

    >>> other_version(VERSION + 1)
    'got schema version 5, expected 4; update noiseprobe'
    """
    if version == VERSION:
        return None
    newer = isinstance(version, int) and version > VERSION
    todo = "update noiseprobe" if newer else "run the cell again with force=true, or move it away"
    return f"got schema version {version}, expected {VERSION}; {todo}"


CURVES = ["clean", "corrupted"]
TEXT_KEYS = ["cell", "model", "group", "song", "clip", "noise", "variant"]
KEYS = [*[(name, pa.string()) for name in TEXT_KEYS], ("length_s", pa.float64()), ("onset_s", pa.float64())]

CLIPS = pa.schema([
    *KEYS,
    ("description", pa.string()),  # what the model was conditioned on; null: its null condition
    ("file_sha256", pa.string()),  # of the file that the clip is of
    ("content", pa.string()),  # the same; of a score a digest of it, the SoundFont's hash, loudness and player version
    ("frames", pa.int32()), ("frames_corrupted", pa.int32()),  # T and T' of the clip before and after
    ("mapped_frames", pa.int32()),  # clean frames that have a counterpart; T unless time was shifted
    ("on_frame", pa.int32()), ("off_frame", pa.int32()),  # from the first corrupted frame to after the last
    ("spans", pa.list_(pa.list_(pa.int32()))),  # the frames [on, off) of each span
    # over codebooks, then frames; nll over each clip's own frames, deltas over the mapped ones
    ("nll_clean", pa.float64()), ("nll_corrupted", pa.float64()), ("delta", pa.float64()),
    ("peak_delta", pa.float64()), ("assimilation_delta", pa.float64()),  # means of delta over the regions
    ("offset_delta", pa.float64()), ("recovery_delta", pa.float64()),
    ("inside_delta", pa.float64()), ("after_delta", pa.float64()),  # over the last span and the first second after it,
    # each without its first max(D, 1) frames (`skipped`), whose context holds special tokens or the seam
    ("skipped", pa.int32()),
    # codes that differ: their share (of those that means are over), and delta over all the codes of a clip that don't
    ("changed", pa.float64()), *[(f"{name}_changed", pa.float64()) for name in REGIONS],
    ("delta_unchanged", pa.float64()), *[(f"{name}_delta_unchanged", pa.float64()) for name in REGIONS],
    ("options", pa.string()),  # the kind's keys, JSON
    ("level", pa.string()),  # null for a kind that has none
    ("level_db", pa.float64()), ("level_lufs", pa.float64()),  # what was asked for; null where silence gives no level
    ("noise_db", pa.float64()), ("music_db", pa.float64()), ("snr_db", pa.float64()),  # measured in the spans
    ("noise_lufs", pa.float64()),  # null for less than 0.4 s, where loudness isn't defined
    ("over_full_scale", pa.int64()),  # samples of the spans beyond +-1
    ("other_clip", pa.string()),  # the clip that was put in
    ("changed_frames", pa.int32()), ("first_changed_frame", pa.int32()), ("last_changed_frame", pa.int32()),
])  # fmt: skip

NLL = pa.schema([
    *KEYS,
    ("codebook", pa.int8()),
    ("frame", pa.int32()), ("frame_corrupted", pa.int32()),  # of the clean clip and of the corrupted; null: none
    ("nll_clean", pa.float32()), ("nll_corrupted", pa.float32()),
    ("changed", pa.bool_()),  # whether the code differs; null: one of the frames is
    ("in_means", pa.bool_()),  # whether delta counts: False in the last D frames, and where either is null
])  # fmt: skip

# one row for each clip and variant of a single span: functional/shape.py says what each is
SHAPES = pa.schema([*KEYS, *[(name, pa.float64()) for name in Shape._fields]])

# one row for each clip and variant: functional/signals.py, of the clean curve and of the corrupted one
SIGNALS = pa.schema([*KEYS, *[(f"{name}_{curve}", pa.float64()) for name in signals.SIGNALS for curve in CURVES]])

PROFILE = pa.schema([
    ("cell", pa.string()), ("model", pa.string()), ("noise", pa.string()), ("variant", pa.string()),
    ("length_s", pa.float64()), ("onset_s", pa.float64()),
    ("codebook", pa.int8()),  # null: the mean of the codebooks
    ("frame", pa.int32()), ("n_clips", pa.int64()), ("n_songs", pa.int64()),  # 0 where no clip has a mean
    *[(f"{curve}_{value}", pa.float64())
      for curve in ["clean", "corrupted", "delta", "changed"] for value in ["mean", "sd", "se"]],  # changed: a rate
])  # fmt: skip

REJECTED = pa.schema([
    ("cell", pa.string()), ("path", pa.string()), ("clip", pa.string()), ("variant", pa.string()),
    ("reason", pa.string()),
])  # fmt: skip

MEANS = [
    "nll_clean", "nll_corrupted", "delta", *(f"{name}_delta" for name in REGIONS), "inside_delta", "after_delta",
    "changed", *(f"{name}_changed" for name in REGIONS),
    "delta_unchanged", *(f"{name}_delta_unchanged" for name in REGIONS),
]  # fmt: skip

INDEX = pa.schema([
    ("cell", pa.string()), ("model", pa.string()),
    ("weights", pa.string()),  # the first digits of their hash, which tells models of the same name apart
    ("backend", pa.string()),
    ("parameters", pa.int64()),  # of the language model, without codec and text encoder
    ("data", pa.string()), ("noise", pa.string()), ("options", pa.string()),  # the kind's keys, JSON
    ("variant", pa.string()), ("length_s", pa.float64()), ("onset_s", pa.float64()), ("level", pa.string()),
    ("scoring", pa.string()), ("precision", pa.string()),
    ("condition", pa.string()),  # the text "null" (the null condition), or text and digits of a hash over descriptions
    ("seed", pa.int64()),
    ("n_clips", pa.int64()), ("n_songs", pa.int64()),  # scored
    ("delta_clips", pa.int64()), ("delta_songs", pa.int64()),  # of them those with a delta; fewer where time moved
    *[(f"{name}{error}", pa.float64()) for name in MEANS for error in ["", "_se"]],
    ("signature", pa.string()),
])  # fmt: skip
