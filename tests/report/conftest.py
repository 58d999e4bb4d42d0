from pathlib import Path

import pytest
import soundfile as sf
from pagereading import HOSTILE
from running import run_cell

from noiseprobe.config import PACKAGE


@pytest.fixture(scope="session")
def two_scorings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips of the demo in two lengths, in both scorings, with the audio of two."""
    path = tmp_path_factory.mktemp("results")
    for scoring in ["delay", "parallel"]:
        run_cell(path, f"scoring={scoring}", "keep_audio=2")
    return path


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cell whose names are meant to break a page, with a file that is rejected; without nll.parquet."""
    path = tmp_path_factory.mktemp("hostile")
    audio, rate = sf.read(sorted((PACKAGE / "assets/demo").glob("*/*.ogg"))[0])
    folder = path / "music"
    folder.mkdir()
    sf.write(folder / HOSTILE["file"], audio[: 4 * rate], rate)
    (folder / "<i>empty.wav").write_bytes(b"")
    quoted = {k: '"' + v.replace('"', '""') + '"' for k, v in HOSTILE.items()}
    rows = ["path,song,group", f"{quoted['file']},{quoted['song']},{quoted['group']}", "<i>empty.wav,s,g"]
    (path / "clips.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    data = ["data=folder", f"data.root={folder}", f"data.manifest={path}/clips.csv", "data.name='<b>data</b>'"]
    return run_cell(path / "results", *data, "keep_nll=false")
