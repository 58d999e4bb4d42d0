"""Every command and code block in README.md, CONTRIBUTING.md and docs/ runs, with less data.

What needs weights, a GPU or a cluster is composed and checked instead. What is neither stands in a table here, to the
letter: a new block can't slip by.
"""

from functools import partial
from pathlib import Path

import pytest
from documents import PAGES, ROOT, blocks, environment, home, run_page
from running import quick_command

SETUP = "sets the environment up that these tests run in; CI does so in every job"
TESTS = "runs all tests, this one among them"
MUTANTS = "hours, with packages that aren't locked"
LAUNCHED = "the launchers' own programs; tests/test_processes.py and tests/launchers have slow tests of what they start"

# commands that aren't run, as shlex.join writes them
NOT_RUN: dict[str, dict[str, str]] = {
    "README.md": {
        "python3 -m venv .venv": SETUP,
        ".venv/bin/pip install --no-deps --require-hashes -r requirements.lock": SETUP,
        ".venv/bin/pip install --no-deps --no-build-isolation -e .": SETUP,
    },
    "CONTRIBUTING.md": {".ci/run": TESTS},
    "docs/mutants.md": {
        "pip install --target /tmp/cosmic-ray --no-deps cosmic-ray parso stevedore": MUTANTS,
        "PYTHONPATH=.:/tmp/cosmic-ray .venv/bin/python recipes/mutants.py": MUTANTS,
        "PYTHONPATH=.:/tmp/cosmic-ray .venv/bin/python recipes/mutants.py shape --fraction 0.2": MUTANTS,
        ".venv/bin/coverage run -m pytest -m 'not slow'": TESTS,
        ".venv/bin/coverage combine '&&' .venv/bin/coverage report -m --sort=cover": TESTS,
    },
    "docs/scaling.md": {
        "ray start --head": LAUNCHED,
        "torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint HOST:29500 -m noiseprobe"
        " model=musicgen_large trainer=ddp trainer.devices=4 trainer.num_nodes=2": LAUNCHED,
    },
    "docs/wandb.md": {
        "pip install 'noiseprobe[workspaces]'": SETUP,
        "python -m noiseprobe.dashboard my-team/noiseprobe": "needs an account on a server",
    },
    "docs/start.md": {". .venv/bin/activate": SETUP, "pip install .": SETUP},
}
# blocks that hold no code, by their first lines
SHOWN = {
    "README.md": [
        "noise            clips  songs  clean nll  corrupted           delta            peak    assimilation          "
        "offset        recovery",
        "step         0  1  2  3  4  5  6  7  8",
        "conf/ -> cli, api -> cell -> data (clip -> noise -> pair) -> NoiseProbe.test_step -> models (encode, nll)",
    ],
    "docs/python.md": ["logits = self.llama(F.pad(tokens, (1, 0), value=self.start)[:, :-1]).logits.float()"],
    "docs/scaling.md": [  # what progress looks like
        "cell 2/6    ━━━━━━━━━━━╸━━━━━━━━━━━━━━━━━━━━━━━━━━━━               0:03:10 left",
        "cell 2/6: 12/24 clips, 0.52 clips/s, 0:00:23 left, sweep 0:03:12 left",
    ],
    "docs/claims.md": ["amnesia = 1 - (f - b) / (c - e)          0: all of it survives the noise, 1: nothing does"],
    "docs/findings.md": [next(b.first for b in blocks("docs/findings.md"))],  # signatures, written with the page
}
ELSEWHERE = {"docs/extending.md": "tests/test_extending.py"}
QUICK = ["CONTRIBUTING.md", "docs/mutants.md", "docs/scaling.md"]  # of those with commands


def quick(page: str) -> bool:
    """Seconds at most; others run cells."""
    return page in QUICK or not any(b.kind in ["sh", "python"] for b in blocks(page))


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with music in it; one cache for all pages, since they score the same clips."""
    return home(tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize(
    "page", [pytest.param(p, marks=[] if quick(p) else pytest.mark.slow) for p in PAGES if p not in ELSEWHERE]
)
def test_a_page_runs(page: str, user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.setenv("XDG_CACHE_HOME", str(user / ".cache"))
    run = partial(quick_command, **environment(user))
    not_run = NOT_RUN.get(page, {})
    assert run_page(page, tmp_path, run, not_run) == set(not_run)


@pytest.mark.parametrize("page", PAGES)
def test_what_is_no_code_is_listed(page: str) -> None:
    assert [b.first for b in blocks(page) if b.kind not in ["sh", "python", "yaml", "overrides"]] == SHOWN.get(page, [])


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150
