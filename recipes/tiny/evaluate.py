"""The numbers of the model card: nll and code usage on training and held-out songs, after train_lm.py.

    python recipes/tiny/evaluate.py [FOLDER]

Up to 10 windows of 15 s from each song, equally spaced, as recorded (gain 0 dB). nll is the mean over frames (without
the last three), windows of a song, then songs, per codebook. Prints JSON.
"""

import json
import sys
from pathlib import Path

import torch
from songs import WORK, bach, released
from train_codec import CARDINALITY, perplexity
from train_lm import FRAMES, PATTERN, codes_of

from noiseprobe.config import ModelConfig
from noiseprobe.models.backends.transformers import load
from noiseprobe.models.weights import locate

WINDOWS = 10
OTHER_TAKES = ("__1", "__2", "__3", "__4")  # of a piece by Bach: the same notes again


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else WORK / "tiny"
    model = load(locate(ModelConfig("tiny", "transformers", folder)), "fp32")
    report = {}
    for held_out in (False, True):
        for name, songs in [("released", released()), ("bach", bach())]:
            nll, seen = [], []
            for song in songs:
                if song.held_out != held_out or song.name.endswith(OTHER_TAKES):
                    continue
                codes = codes_of(song, model.codec, 0.0).long()
                if codes.shape[1] < FRAMES:
                    continue
                starts = torch.linspace(0, codes.shape[1] - FRAMES, WINDOWS).long().unique()
                windows = [codes[None, :, at : at + FRAMES] for at in starts]
                nll.append(torch.cat([model.nll(w)[..., : -PATTERN.tail] for w in windows]).double().mean((0, 2)))
                seen.append(torch.cat(windows, -1)[0])
            used = [len(torch.cat(seen, 1)[k].unique()) for k in range(model.codebooks)]
            report[f"{name}, {'held out' if held_out else 'training'}"] = {
                "songs": len(nll),
                "nll per codebook": [round(v, 3) for v in torch.stack(nll).mean(0).tolist()],
                "entries used of " + str(CARDINALITY): used,
                "perplexity of usage": perplexity(torch.cat(seen, 1)[None]),
            }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
