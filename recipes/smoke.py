"""Try an installed noiseprobe from outside, as CI and the release do: `PYTHON -P recipes/smoke.py`.

PYTHON is the interpreter of the environment in which the wheel was installed, with nothing else of this checkout on its
path. Commands run in a folder of their own, with a cache and a home of their own, and without a way to the hub.
"""

import importlib.metadata
import os
import subprocess
import sys
import sysconfig
import tempfile
from importlib.util import find_spec
from pathlib import Path

SHORT = ["data.limit=2", "data.duration=4", "noise.onset=2"]
CHECKOUT = Path(__file__).resolve().parents[1]


def expect(holds: bool, what: str) -> None:
    """Say what holds.

    Raises:
        SystemExit: if it doesn't.
    """
    print("ok      " if holds else "FAILED  ", what, flush=True)
    if not holds:
        sys.exit(1)


def installed() -> str:
    """What lies in the environment; the version."""
    package = Path(str(find_spec("noiseprobe").origin)).parent  # type: ignore[union-attr]
    expect(not package.is_relative_to(CHECKOUT), f"noiseprobe is an installed one ({package.parent})")
    expect((package / "py.typed").is_file(), "py.typed is there")
    expect((package / "conf/config.yaml").is_file(), "the configuration lies inside the package")
    expect((package / "assets/tiny/model.safetensors").is_file(), "the embedded model is there")
    files = importlib.metadata.files("noiseprobe") or []
    tops = {file.parts[0] for file in files if file.parts[0] != ".."}  # the console script lies elsewhere
    expect({top.split("-")[0] for top in tops} == {"noiseprobe"}, f"nothing else is at the top level: {sorted(tops)}")
    return importlib.metadata.version("noiseprobe")


def main() -> None:
    version = installed()
    module = [sys.executable, "-P", "-m", "noiseprobe"]
    script = [str(Path(sysconfig.get_path("scripts"), "noiseprobe"))]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
        env |= {"HOME": name, "XDG_CACHE_HOME": f"{name}/cache", "HF_HUB_OFFLINE": "1", "COLUMNS": "250"}

        def run(*command: str) -> str:
            done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
            if done.returncode:
                print(done.stdout, done.stderr, sep="\n")
            expect(done.returncode == 0, " ".join([Path(command[0]).name, *command[1:]]))
            return done.stdout

        for command in (script, module):
            expect("Knobs" in run(*command, "--help"), "help names the knobs")
        own = "import noiseprobe; print(noiseprobe.__version__)"
        expect(run(sys.executable, "-P", "-c", own).strip() == version, f"the version is {version} in both places")
        shown = run(*script, *SHORT, "noise.length=0.5", "paths.results=one")
        expect("white@2.0s+0.5s" in shown, "the demo's table is there")
        expect("is finished already" in run(*module, *SHORT, "noise.length=0.5", "paths.results=one"), "once is enough")
        run(*module, *SHORT, "noise.length=0.2,0.5", "paths.results=sweep", "-m")
        expect((folder / "sweep/report.html").stat().st_size > 100_000, "a sweep leaves its report")
        expect(len(list(folder.glob("sweep/*/DONE"))) == 2, "and two finished cells")
        own = "import noiseprobe; print(sorted(noiseprobe.load_results('sweep').cells['length_s']))"
        expect(run(sys.executable, "-P", "-c", own).strip() == "[0.2, 0.5]", "which are read back")
    print(f"noiseprobe {version} works with Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
