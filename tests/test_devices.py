"""What is said of the machine's GPU without torch is what torch says."""

import subprocess
import sys

import torch

from noiseprobe.devices import has_cuda


def test_the_driver_and_torch_agree() -> None:
    assert has_cuda() == torch.cuda.is_available()


def test_a_hidden_gpu_is_none() -> None:
    code = "from noiseprobe.devices import has_cuda; import sys; print(has_cuda()); assert 'torch' not in sys.modules"
    run = subprocess.run(
        [sys.executable, "-c", code], env={"CUDA_VISIBLE_DEVICES": ""}, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"
