"""A small hub on loopback that can misbehave."""

import hashlib
import json
import random
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

REPO = "owner/music"
OLD, NEW = "a" * 40, "b" * 40
CONFIG, INDEX, WEIGHTS = "config.json", "model.safetensors.index.json", "model.safetensors"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Hub:
    """Serves `commits` as the hub does: small files itself, large ones by a redirect to another origin.

    Attributes:
        requests: all that came, as (method, path, headers).
        flip: names of files that come with one wrong byte.
        cut: the connection ends after so many bytes of a large file; 0 also refuses it at once (503).
        refuse: status and X-Error-Code of every answer.
        big: the size that is stated for large files, whatever theirs is.
        hold: large files stop half-way, and the API says nothing, until it is set.
    """

    def __init__(self) -> None:
        self.commits = {
            commit: {CONFIG: b"[%d]" % i, "README.md": b"x", WEIGHTS: random.Random(i).randbytes(100_000)}
            for i, commit in enumerate([OLD, NEW])
        }
        self.main = OLD
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.flip: set[str] = set()
        self.cut: int | None = None
        self.refuse: tuple[int, str] | None = None
        self.big: int | None = None
        self.states_hashes = True
        self.silent = False
        self.hold: threading.Event | None = None
        self.on_file: Callable[[], None] = lambda: None
        handler = type("Bound", (Handler,), {"hub": self})
        self.servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
        self.url, self.cdn = (f"http://127.0.0.1:{server.server_port}" for server in self.servers)
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()

    def stop(self) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def gets(self, part: str) -> list[dict[str, str]]:
        """The headers of each GET whose path has this in it."""
        return [headers for method, path, headers in self.requests if method == "GET" and part in path]


class Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, {k.lower(): v for k, v in self.headers.items()}))
        if self.hub.silent:
            time.sleep(20)
        elif path.startswith("/cdn/"):
            self.large(path.split("/", 2)[2])
        elif self.hub.refuse and "agent-harnesses" not in path:
            self.answer(self.hub.refuse[0], b"", {"X-Error-Code": self.hub.refuse[1]})
        elif found := re.fullmatch(f"/api/models/{REPO}(?:/revision/(.*))?", path):
            self.info(found[1] or "main")
        elif found := re.fullmatch(f"/{REPO}/resolve/([^/]+)/(.*)", path):
            self.file(found[1], found[2])
        elif found := re.fullmatch(f"/api/models/{REPO}/tree/([^/]+)", path):
            self.tree(found[1])
        else:
            self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def info(self, revision: str) -> None:
        commit = {"main": self.hub.main}.get(revision, revision)
        if commit not in self.hub.commits:
            return self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        siblings = []
        for name, content in self.hub.commits[commit].items():
            size = self.hub.big or len(content)
            siblings.append({"rfilename": name, "size": len(content), "blobId": git_hash(content)})
            if name.endswith((".safetensors", ".bin")):
                siblings[-1]["lfs"] = {"sha256": sha256(content), "size": size, "pointerSize": 130}
        if not self.hub.states_hashes:
            siblings = [{"rfilename": s["rfilename"]} for s in siblings]
        return self.answer(200, json.dumps({"id": REPO, "sha": commit, "siblings": siblings}).encode())

    def tree(self, commit: str) -> None:
        entries = []
        for name, content in self.hub.commits[commit].items():
            entries.append({"type": "file", "path": name, "size": len(content), "oid": git_hash(content)})
            if name.endswith((".safetensors", ".bin")):
                entries[-1]["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 130}
        self.answer(200, json.dumps(entries).encode())

    def file(self, revision: str, name: str) -> None:
        self.hub.on_file()
        if self.hub.refuse:
            return self.answer(self.hub.refuse[0], b"", {"X-Error-Code": self.hub.refuse[1]})
        commit = {"main": self.hub.main}.get(revision, revision)
        content = self.hub.commits[commit][name]
        headers = {"X-Repo-Commit": commit, "ETag": f'"{git_hash(content)}"'}
        if name.endswith((".safetensors", ".bin")):
            linked = {"X-Linked-Etag": f'"{sha256(content)}"', "X-Linked-Size": str(len(content))}
            return self.answer(302, b"", {**headers, **linked, "Location": f"{self.hub.cdn}/cdn/{commit}/{name}"})
        return self.answer(200, self.bent(name, content), headers)

    def large(self, path: str) -> None:
        commit, name = path.split("/")
        content = self.bent(name, self.hub.commits[commit][name])
        start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").split("-")[0])
        if self.hub.cut == 0:
            return self.answer(503, b"")
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.hub.cut:
            end, self.hub.cut = start + self.hub.cut, 0
            self.wfile.write(content[start:end])
        elif self.hub.hold:
            half = len(content) // 2
            self.wfile.write(content[start:half])
            self.hub.hold.wait(20)
            self.wfile.write(content[half:])
        else:
            self.wfile.write(content[start:])
        return None

    def bent(self, name: str, content: bytes) -> bytes:
        return bytes([content[0] ^ 1]) + content[1:] if name in self.hub.flip else content

    def log_message(self, format: str, *args: object) -> None:
        pass
