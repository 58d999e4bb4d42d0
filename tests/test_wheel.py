"""The wheel: the configuration inside the package, never a top-level `conf`, and an entry that finds it there."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # builds and unpacks

CHECKOUT = Path(__file__).parents[1]


def test_a_wheel_runs_from_anywhere(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(CHECKOUT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("noiseprobe-*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(site)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"noiseprobe"}
    configs = {p.relative_to(CHECKOUT / "conf").as_posix() for p in (CHECKOUT / "conf").rglob("*.yaml")}
    assert {n.removeprefix("noiseprobe/conf/") for n in names if n.startswith("noiseprobe/conf/")} == configs
    assets = {p.relative_to(CHECKOUT).as_posix() for p in (CHECKOUT / "noiseprobe/assets").rglob("*") if p.is_file()}
    assert assets <= set(names)
    pages = {p.relative_to(CHECKOUT).as_posix() for p in (CHECKOUT / "noiseprobe/report/page").iterdir()}
    assert len(pages) > 4
    assert pages <= set(names)
    for needed in ["py.typed", "assets/tiny/model.safetensors", "assets/tiny/README.md", "assets/demo/manifest.csv"]:
        assert f"noiseprobe/{needed}" in names

    # -P: not from the folder it is started in
    run = [sys.executable, "-P", "-m", "noiseprobe"]
    short = ["data.limit=1", "data.duration=4", "noise.onset=2", "noise.length=0.2"]
    env = {**os.environ, "PYTHONPATH": str(site)}
    for data in ["data=midi", "data=demo"]:
        done = subprocess.run([*run, *short, data], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert f"loading {site}/noiseprobe/assets/tiny" in done.stdout
