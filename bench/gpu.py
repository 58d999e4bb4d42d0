"""Released sizes with random weights on a GPU: time and memory of a clip, what bf16 changes, a whole run's speed.

    python bench/gpu.py FOLDER [small medium large] [--backends transformers audiocraft] [--workers 0 4]

FOLDER is for checkpoints (made by bench/released.py; small 3 GB, medium 11 GB, large 22 GB for both layouts) and
results. First the halves of a clip, 15 s clean and in the paper's six lengths of noise, encoded as one batch and scored
with one prefix, as noiseprobe does on a GPU: medians of seven after two, and the most memory that torch had handed out.
The heads, zero in the files, are made random, so that precisions can be compared. Then whole runs in bf16 on the
demo's 24 clips twice over, between the first tenth and the last: the time of a clip, and how often nvidia-smi saw a
kernel run.
"""

import argparse
import itertools
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from noiseprobe.config import PACKAGE, ModelConfig
from noiseprobe.models.loading import load_model
from noiseprobe.models.weights import Weights, locate
from noiseprobe.surroundings import full_float32

GIB = 2**30
DEMO, RELEASED = PACKAGE / "assets/demo", Path(__file__).with_name("released.py")
PAPER_FRAMES = [5, 10, 50, 100, 150, 200]
SMI = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-i", "0", "-lms", "100"]


T = TypeVar("T")


def timed(f: Callable[[], T]) -> tuple[T, float, float]:
    """Result, seconds, peak of memory."""
    seconds = []
    for _ in range(9):
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        result = f()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return result, statistics.median(seconds[2:]), torch.cuda.max_memory_allocated() / GIB


@torch.inference_mode()
def halves(name: str, weights: Weights, precision: str) -> Tensor:
    """Prints a row of the first table; returns the nll of the same codes for both precisions."""
    start = time.perf_counter()
    model = load_model(weights, precision).to("cuda")
    torch.cuda.synchronize()
    load, held = time.perf_counter() - start, torch.cuda.memory_allocated() / GIB
    random = torch.Generator("cuda").manual_seed(0)
    for head in model.decoder.lm_heads if weights.backend == "transformers" else model.lm.linears:
        head.weight = torch.nn.Parameter(head.weight.float().normal_(std=0.02, generator=random).to(head.weight), False)
    clean = torch.randn(1, 15 * model.sample_rate, generator=random, device="cuda") * 0.1
    noise = torch.randn(clean.shape, generator=random, device="cuda") * 0.1
    corrupted = [clean.clone() for _ in PAPER_FRAMES]
    for audio, frames in zip(corrupted, PAPER_FRAMES, strict=True):
        span = slice(5 * model.sample_rate, 5 * model.sample_rate + frames * model.hop)
        audio[:, span] = noise[:, span]
    (encoded, codes), encode, encode_peak = timed(lambda: model.encode_all(clean, corrupted))
    (first, others), score, score_peak = timed(lambda: model.nll_all(encoded.codes, codes))
    print(f"| {name} | {precision} | {load:.1f} s | {held:.2f} GiB | {encode_peak:.2f} GiB | {score_peak:.2f} GiB |"
          f" {encode * 1e3:.0f} ms | {score * 1e3:.0f} ms | {1 / (encode + score):.1f} |", flush=True)  # fmt: skip
    return torch.stack([first, *others]).double()


def whole(name: str, results: Path, workers: int, *overrides: str) -> None:
    """A row of the third table."""
    command = [sys.executable, "-m", "noiseprobe", f"paths.results={results}", "precision=bf16", "trainer=gpu"]
    command += [f"data.num_workers={workers}", "force=true", "logger=none", "cache=off", *overrides]
    begin, busy = time.perf_counter(), list[tuple[float, int]]()
    watch = subprocess.Popen(SMI, stdout=subprocess.PIPE, text=True)
    watcher = threading.Thread(target=lambda: busy.extend((time.perf_counter(), int(x)) for x in watch.stdout or []))
    watcher.start()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = [(time.perf_counter(), line) for line in child.stdout or []]
    wall = time.perf_counter() - begin
    watch.terminate()
    watcher.join()
    if child.wait():
        raise SystemExit("".join(line for _, line in output))
    clips = [(at, int(m[1])) for at, line in output if (m := re.match(r"(\d+)/\d+ clips", line))]
    (first, one), (last, count) = clips[0], clips[-1]
    rate, percent = (count - one) / (last - first), [x for at, x in busy if first <= at <= last] or [0]
    print(f"| {name} | {workers} | {1e3 / rate:.0f} ms | {rate:.1f} | {statistics.mean(percent):.0f} % |"
          f" {wall:.0f} s |", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("sizes", nargs="*", default=["small"])
    parser.add_argument("--backends", nargs="+", default=["transformers"])
    parser.add_argument("--workers", nargs="*", type=int, default=[0, 4])  # none: without the third table
    args = parser.parse_args()
    full_float32()  # as in a run
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}\n")
    print("| model | precision | load | weights | peak, encode | peak, nll | encode | nll | clips/s |")
    print("|---" * 9 + "|", flush=True)
    lines, models = [], {"embedded": ["model=tiny"]}
    for size, backend in itertools.product(args.sizes, args.backends):
        name, folder = f"{size}, {backend}", args.folder / f"{size}-{backend}"
        models[name] = [f"model=musicgen_{size}", f"model.path={folder}", f"model.backend={backend}"]
        if not folder.exists():
            subprocess.run([sys.executable, RELEASED, folder, size, backend], check=True, capture_output=True)
        weights = locate(ModelConfig(size, backend, folder))
        fp32, bf16 = (halves(name, weights, precision) for precision in ["fp32", "bf16"])
        rms, off = (bf16 - fp32).square().mean().sqrt(), (bf16 - fp32).mean()
        lines.append(f"| {name} | {fp32.mean():.4f} | {fp32.std():.3f} | {rms:.4f} | {off:+.5f} |")
    print("\n| model | nll | its sd | bf16 off, rms | mean |", "|---" * 5 + "|", *lines, sep="\n")
    (music := args.folder / "music").mkdir(exist_ok=True)
    for i, file in itertools.product(range(2), DEMO.rglob("*.ogg")):
        shutil.copy(file, music / f"{i}-{file.name}")
    print("\n| model | workers | a clip | clips/s | GPU busy | wall |", "|---" * 6 + "|", sep="\n", flush=True)
    for workers, (name, model) in itertools.product(args.workers, models.items()):
        whole(name, args.folder / "results", workers, "data=folder", f"data.root={music}", *model)


if __name__ == "__main__":
    main()
