"""What `python -m noiseprobe` does, in ten lines of Python."""

import noiseprobe

results = noiseprobe.probe(
    "tiny",  # or a folder with a checkpoint, or an object (own_model.py)
    "demo",  # or a folder, a file, or {name: (samples, rate)}
    {"kind": "white", "length": [0.5, 1, 2]},  # or a name
    overrides={"data.limit": 8, "data.duration": 10},  # any key of the command line
)
print(results.cells[["variant", "n_clips", "nll_clean", "delta", "delta_se", "assimilation_delta"]].to_string())
noiseprobe.plot.profile(results).savefig("profile.png")
