"""Downloads from a small hub on loopback that can misbehave; each client is a process of its own, as a user's is."""

import json
import os
import pty
import random
import re
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import CONFIG, INDEX, NEW, OLD, REPO, WEIGHTS, Hub, git_hash, sha256

from noiseprobe.errors import NoiseprobeError
from noiseprobe.models.hub import verify

pytestmark = pytest.mark.slow  # processes, most of which import huggingface_hub

CHUNK = 10 * 2**20  # what huggingface_hub writes at once

CLIENT = """
import json, logging, sys
from noiseprobe.errors import NoiseprobeError
from noiseprobe.models.hub import cached, download

logging.basicConfig(level=logging.INFO)

def wanted(names, read):
    files = ["config.json", "model.safetensors"]
    if "model.safetensors.index.json" in names:
        index = json.loads(read("model.safetensors.index.json").read_text())
        files = ["config.json", "model.safetensors.index.json", *sorted(set(index["weight_map"].values()))]
    elif "config.json" in names:
        json.loads(read("config.json").read_text())
    return files if set(files) <= set(names) else None

call, repo, revision = sys.argv[1:]
try:
    got = {"cached": cached, "download": download}[call](repo, revision or None, wanted)
    print(json.dumps({"folder": got and str(got.folder), "commit": got and got.commit}))
except NoiseprobeError as error:
    print(json.dumps({"error": str(error)}))
assert "torch" not in sys.modules
"""


class Client:
    def __init__(self, hub: Hub, home: Path) -> None:
        self.home = home
        # what the machine sets for the real hub stays out
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and not k.lower().endswith("_proxy")}
        self.env |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_TOKEN": "secret"}

    def start(
        self, call: str, repo: str = REPO, revision: str | None = "main", stderr: int = subprocess.PIPE, **env: str
    ) -> "subprocess.Popen[str]":
        arguments = [sys.executable, "-c", CLIENT, call, repo, revision or ""]
        return subprocess.Popen(arguments, env={**self.env, **env}, stdout=subprocess.PIPE, stderr=stderr, text=True)

    def run(self, call: str, repo: str = REPO, revision: str | None = "main", **env: str) -> dict[str, str]:
        return self.result(self.start(call, repo, revision, subprocess.PIPE, **env))

    def result(self, process: "subprocess.Popen[str]") -> dict[str, str]:
        out, self.stderr = process.communicate(timeout=60)
        assert process.returncode == 0, self.stderr
        return json.loads(out)

    def error(self, call: str, repo: str = REPO, revision: str | None = "main", **env: str) -> str:
        got = self.run(call, repo, revision, **env)
        assert "error" in got, got
        assert len(got["error"].splitlines()) == 1
        return got["error"]

    @property
    def folder(self) -> Path:
        return self.home / "hub/models--owner--music"

    def part(self, content: bytes) -> int | None:
        """How much of a large file is there."""
        path = self.folder / f"blobs/{sha256(content)}.incomplete"
        return path.stat().st_size if path.exists() else None


@pytest.fixture
def hub() -> Iterator[Hub]:
    served = Hub()
    yield served
    served.stop()


@pytest.fixture
def client(hub: Hub, tmp_path: Path) -> Client:
    (tmp_path / "disk").mkdir()
    (tmp_path / "hf").symlink_to("disk")  # as many a home is
    return Client(hub, tmp_path / "hf")


def assert_snapshot(got: dict[str, str], hub: Hub, commit: str, names: list[str]) -> None:
    assert got["commit"] == commit
    folder = Path(got["folder"])
    assert folder.parts[-2:] == ("snapshots", commit)
    assert sorted(p.name for p in folder.iterdir()) == sorted(names)
    for name in names:
        assert (folder / name).read_bytes() == hub.commits[commit][name]


@pytest.mark.parametrize("revision", ["main", None, NEW])
def test_a_download_is_whole_from_one_commit_and_not_repeated(hub: Hub, client: Client, revision: str | None) -> None:
    commit = NEW if revision == NEW else OLD
    got = client.run("download", revision=revision)
    assert_snapshot(got, hub, commit, [CONFIG, WEIGHTS])  # nothing that isn't wanted
    assert "HTTP Request" not in client.stderr
    assert client.run("cached", revision=revision) == got
    before = len(hub.requests)
    assert client.run("download", revision=revision) == got
    assert [path for _, path, _ in hub.requests[before:] if "/api/" not in path] == []
    assert list(client.home.rglob("*.incomplete")) == []


def test_a_terminal_shows_the_progress(client: Client) -> None:
    terminal, other_end = pty.openpty()
    termios.tcsetwinsize(other_end, (24, 120))
    with client.start("download", stderr=other_end) as process:
        assert process.wait(60) == 0
    shown = os.read(terminal, 10**6).decode()
    os.close(terminal)
    os.close(other_end)
    assert re.search(rf"{WEIGHTS}: 100%.*100k/100k", shown)


def test_the_token_goes_to_the_hub_and_not_to_where_it_redirects(hub: Hub, client: Client) -> None:
    client.run("download")
    assert [h.get("authorization") for h in hub.gets("/resolve/")] == ["Bearer secret"] * 2
    assert [h.get("authorization") for h in hub.gets("/cdn/")] == [None]


def test_a_branch_that_moves_meanwhile_changes_nothing(hub: Hub, client: Client) -> None:
    hub.on_file = lambda: setattr(hub, "main", NEW)
    assert_snapshot(client.run("download"), hub, OLD, [CONFIG, WEIGHTS])
    assert hub.main == NEW
    assert client.run("cached")["commit"] == OLD
    assert_snapshot(client.run("download"), hub, NEW, [CONFIG, WEIGHTS])
    assert client.run("cached")["commit"] == NEW


def test_shards_are_those_that_the_index_names(hub: Hub, client: Client) -> None:
    shards = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    index = json.dumps({"weight_map": {"a": shards[0], "b": shards[1], "c": shards[0]}}).encode()
    hub.commits[OLD] |= {INDEX: index, shards[0]: b"0" * 1000, shards[1]: b"1" * 1000}
    got = client.run("download")
    assert_snapshot(got, hub, OLD, [CONFIG, INDEX, *shards])
    (Path(got["folder"]) / shards[1]).resolve().unlink()
    assert client.run("cached") == {"folder": None, "commit": None}
    assert_snapshot(client.run("download"), hub, OLD, [CONFIG, INDEX, *shards])
    assert len(hub.gets(f"/cdn/{OLD}/{shards[1]}")) == 2
    assert len(hub.gets(f"/cdn/{OLD}/{shards[0]}")) == 1


def test_a_broken_download_is_continued(hub: Hub, client: Client) -> None:
    content = hub.commits[OLD][WEIGHTS] = random.Random(1).randbytes(25 * 2**20)
    hub.cut = CHUNK + 100_000
    assert f"{REPO}, which is neither in the hub's cache nor reachable (" in client.error("download")
    assert client.part(content) == CHUNK
    assert client.run("cached") == {"folder": None, "commit": None}
    hub.cut = None
    before = len(hub.requests)
    assert_snapshot(client.run("download"), hub, OLD, [CONFIG, WEIGHTS])
    ranges = [headers.get("range") for method, path, headers in hub.requests[before:] if "/cdn/" in path]
    assert ranges == [f"bytes={CHUNK}-"]
    assert list(client.home.rglob("*.incomplete")) == []


def test_a_killed_download_is_continued(hub: Hub, client: Client) -> None:
    content = hub.commits[OLD][WEIGHTS] = random.Random(1).randbytes(25 * 2**20)
    hub.hold = threading.Event()
    process = client.start("download")
    deadline = time.monotonic() + 20
    while client.part(content) != CHUNK and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    hub.hold.set()
    hub.hold = None
    assert_snapshot(client.run("download"), hub, OLD, [CONFIG, WEIGHTS])
    assert [headers.get("range") for headers in hub.gets("/cdn/")] == [None, f"bytes={CHUNK}-"]


def test_what_another_try_left_too_long_starts_anew(hub: Hub, client: Client) -> None:
    (client.folder / "blobs").mkdir(parents=True)
    (client.folder / "blobs" / f"{sha256(hub.commits[OLD][WEIGHTS])}.incomplete").write_bytes(b"x" * 200_000)
    assert_snapshot(client.run("download"), hub, OLD, [CONFIG, WEIGHTS])


def test_two_processes_fetch_once(hub: Hub, client: Client) -> None:
    hub.hold = threading.Event()
    processes = [client.start("download") for _ in range(2)]
    deadline = time.monotonic() + 20
    while len(hub.gets("/api/models/")) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)  # the second comes to the file that the first is at
    hub.hold.set()
    for process in processes:
        assert_snapshot(client.result(process), hub, OLD, [CONFIG, WEIGHTS])
    assert len(hub.gets("/cdn/")) == 1
    assert list(client.home.rglob("*.incomplete")) == []


@pytest.mark.parametrize(("name", "kind"), [(WEIGHTS, "sha256"), (CONFIG, "git hash")])
def test_wrong_bytes_are_refused_and_not_kept(hub: Hub, client: Client, name: str, kind: str) -> None:
    hub.flip = {name}
    content = hub.commits[OLD][name]
    hashed = sha256 if name == WEIGHTS else git_hash
    wrong, right = hashed(bytes([content[0] ^ 1]) + content[1:]), hashed(content)
    for _ in range(2):  # the second isn't taken from the cache
        error = client.error("download")
        assert f"{name} of {REPO} came with the {kind} {wrong}, expected {right}" in error
        assert client.run("cached") == {"folder": None, "commit": None}
        assert not (client.folder / "snapshots" / OLD / name).is_symlink()
    hub.flip = set()
    assert_snapshot(client.run("download"), hub, OLD, [CONFIG, WEIGHTS])


def test_a_blob_that_rotted_is_refused_and_fetched_anew(hub: Hub, client: Client) -> None:
    got = client.run("download")
    path = Path(got["folder"]) / WEIGHTS
    verify(path, sha256(path.read_bytes()))
    path.resolve().write_bytes(b"\0" + path.read_bytes()[1:])
    with pytest.raises(NoiseprobeError) as caught:
        verify(path, sha256(path.read_bytes()))
    message, blob = str(caught.value), path.resolve()
    assert len(message.splitlines()) == 1
    for part in [str(path), f"sha256 {sha256(path.read_bytes())}", f"expected {blob.name}", f"delete {blob} and run"]:
        assert part in message
    assert "it was removed" in client.error("download")
    assert_snapshot(client.run("download"), hub, OLD, [CONFIG, WEIGHTS])


def test_verify_knows_what_the_hub_states_by_the_first_link_alone(tmp_path: Path) -> None:
    stated, other = "1" * 64, "2" * 64
    (tmp_path / other).write_bytes(b"")  # a store that repositories share, by other hashes
    (tmp_path / stated).symlink_to(other)
    (tmp_path / WEIGHTS).symlink_to(stated)
    (tmp_path / CONFIG).symlink_to("3" * 40)
    verify(tmp_path / WEIGHTS, stated)
    verify(tmp_path / CONFIG, other)  # a git hash
    verify(tmp_path / other, stated)  # no link, as in a folder of one's own
    with pytest.raises(NoiseprobeError, match=f"sha256 {other}, expected {stated}"):
        verify(tmp_path / WEIGHTS, other)


def test_a_warm_cache_needs_no_network(hub: Hub, client: Client) -> None:
    got = client.run("download")
    hub.stop()
    assert client.run("cached") == got
    assert client.run("cached", HF_HUB_OFFLINE="1") == got
    assert client.run("cached", revision=None) == got
    assert client.run("cached", revision=OLD) == got
    assert client.run("cached", revision=NEW) == {"folder": None, "commit": None}
    assert "not reachable" not in client.stderr


def test_what_hf_download_left_is_taken(hub: Hub, client: Client) -> None:
    script = f"import huggingface_hub as h; h.snapshot_download({REPO!r}, allow_patterns=[{CONFIG!r}, {WEIGHTS!r}])"
    subprocess.run([sys.executable, "-c", script], env=client.env, capture_output=True, check=True)
    assert_snapshot(client.run("cached"), hub, OLD, [CONFIG, WEIGHTS])  # though README.md isn't there
    client.run("download")
    assert len(hub.gets("/cdn/")) == 1


def test_a_cache_without_links_is_taken(hub: Hub, client: Client) -> None:
    got = client.run("download")
    path = Path(got["folder"]) / WEIGHTS
    path.resolve().rename(client.home / "moved")
    (client.home / "moved").replace(path)
    assert not path.is_symlink()
    assert client.run("cached") == client.run("download") == got
    assert len(hub.gets("/cdn/")) == 1


def test_parts_of_a_snapshot_are_none(hub: Hub, client: Client) -> None:
    assert client.run("cached") == {"folder": None, "commit": None}
    folder = client.folder / "snapshots" / OLD
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text("{}")
    assert client.run("cached", revision=OLD) == {"folder": None, "commit": None}
    (folder / WEIGHTS).symlink_to("../../blobs/gone")
    assert client.run("cached", revision=OLD) == {"folder": None, "commit": None}
    assert hub.requests == []


@pytest.mark.parametrize(
    ("refuse", "says"),
    [
        ((404, "RepoNotFound"), rf"model\.hub: got {REPO}, and the hub has no such model.*hf auth login"),
        (
            (401, "RepoNotFound"),
            rf"model\.hub: got {REPO}, and the hub has no such model, or a private one.*auth login",
        ),
        ((401, ""), rf"model\.hub: got {REPO}, which the hub doesn't give.*hf auth login"),
        ((403, "GatedRepo"), rf"model\.hub: got {REPO}, which the hub doesn't give.*ask for access.*hf auth login"),
        ((403, ""), rf"model\.hub: got {REPO}, which the hub doesn't give.*hf auth login"),
        ((404, "RevisionNotFound"), rf"model\.revision: got main, and {REPO} has no such, expected a branch"),
        ((500, ""), r"nor reachable \(.*500.*model\.path=DIR"),
    ],
)
def test_refusals_say_what_to_do(hub: Hub, client: Client, refuse: tuple[int, str], says: str) -> None:
    hub.refuse = refuse
    assert re.search(says, client.error("download"))


@pytest.mark.parametrize("refuse", [(401, "GatedRepo"), (403, "")])
def test_a_gate_before_the_files_alone_is_named_as_well(hub: Hub, client: Client, refuse: tuple[int, str]) -> None:
    hub.on_file = lambda: setattr(hub, "refuse", refuse)
    hub.commits[OLD][INDEX] = b'{"weight_map": {"a": "model.safetensors"}}'
    assert "which the hub doesn't give to you" in client.error("download")


def test_other_failures_say_what_to_do(hub: Hub, client: Client) -> None:
    assert "model.hub: got a/b/c, expected owner/name (" in client.error("download", "a/b/c")
    assert "model.hub: got a/b/c, expected owner/name (" in client.error("cached", "a/b/c")
    assert "got nowhere, and owner/music has no such" in client.error("download", revision="nowhere")
    hub.states_hashes = False
    assert f"(it states no hash of {CONFIG})" in client.error("download")
    hub.states_hashes = True
    hub.big = 10**18
    error = client.error("download")
    assert f"can't be written to the hub's cache, {client.home}/hub (1000000000.0 GB to come and no space" in error
    assert error.endswith("make room there, or set HF_HUB_CACHE to another folder")
    del hub.commits[OLD][WEIGHTS]
    assert f"{REPO} has README.md, config.json (at aaaaaaaa), expected all files" in client.error("download")


def test_a_silent_hub_is_given_up(hub: Hub, client: Client) -> None:
    hub.silent = True
    start = time.monotonic()
    assert re.search(r"nor reachable \(.*timed out.*\); download it where.*model\.path=DIR", client.error("download"))
    assert time.monotonic() - start < 12  # 3 s, as many where huggingface_hub asks something of its own, and imports


def test_without_network_and_cache_it_says_so(hub: Hub, client: Client) -> None:
    assert f"{REPO}, which is neither in the hub's cache nor reachable (HF_HUB_OFFLINE is set); download it where" in (
        client.error("download", HF_HUB_OFFLINE="1")
    )
    assert hub.requests == []
    hub.stop()
    assert re.search(r"nor reachable \(.*Connection refused.*\); download it where", client.error("download"))
