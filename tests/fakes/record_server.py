"""A small real HTTP server that keeps the append and files contract of `docs/api/native.md`, in memory.

For tests of the training side without the product's server: cursors, receipts, gaps, and the faults a
network and a server can have. `faults` is a queue of actions, one per append request.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kiseki.record.codec import Decoder, decompress, frames_of
from kiseki.record.frame import Frame
from kiseki.record.types import Kind, Open, Record

KEY = "ksk_testtest_0123456789abcdef0123456789abcdef"


class RecordServer:
    """Streams of frames by id, served at `url`. Use as a context manager."""

    def __init__(self, port: int = 0, key: str = KEY) -> None:
        self.key = key
        self.streams: dict[str, list[Frame]] = {}
        self.blobs: dict[str, bytes] = {}
        self.puts: list[str] = []  # digest of each content that came whole
        self.file_faults: deque[str] = deque()  # one per content that is sent
        self.bodies: list[tuple[str, int]] = []  # (stream, bytes) of each accepted append
        self.requests = 0
        self.faults: deque[str] = deque()
        self.always = ""  # a fault for every request
        self.refuse: Callable[[Frame], str] = lambda frame: ""  # reason to refuse a record's body
        self.set_aside: Callable[[Frame], str] = lambda frame: ""  # reason to take a record aside
        self.stop = False
        self.lock = threading.Lock()
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._http.owner = self
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> RecordServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening; open connections are closed too."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def records(self, role: str = "writer") -> list[Record]:
        """Return the decoded records of all streams of a role, stream after stream."""
        found: list[Any] = []
        for frames in list(self.streams.values()):
            decoder = Decoder()
            decoder.learn(frames)
            records = [decoder.decode(frame) for frame in frames]
            opened = next((r for r in records if isinstance(r, Open)), None)
            if opened is not None and opened.role == role:
                found += [record for record in records if record is not None]
        return found

    def payloads(self, stream: str, kind: int = Kind.ROW) -> list[bytes]:
        """Return the payloads of one kind in one stream, in order."""
        return [frame.payload for frame in self.streams.get(stream, []) if frame.kind == kind]

    def append(self, stream: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Store a body; return status and answer."""
        with self.lock:
            frames = list(frames_of(decompress(body))) if body else []
            known = self.streams.setdefault(stream, [])
            if frames:
                reason = next(filter(None, map(self.refuse, frames)), "")
                if reason:
                    return 400, {"code": "invalid", "detail": reason}
                if frames[0].seq > len(known):
                    return 409, {"code": "gap", "next": len(known), "detail": "gap"}
                if [f.seq for f in frames] != list(range(frames[0].seq, frames[-1].seq + 1)):
                    return 400, {"code": "invalid", "detail": "not contiguous"}
                known += [frame for frame in frames if frame.seq >= len(known)]
                self.bodies.append((stream, len(body)))
            answer: dict[str, Any] = {
                "receipt": "kiseki",
                "next": len(known),
                "stop": self.stop,
                "rejected": [
                    {"seq": frame.seq, "reason": reason}
                    for frame in frames
                    if (reason := self.set_aside(frame))
                ],
            }
            if any(frame.kind == Kind.OPEN for frame in frames):
                answer["run"] = {
                    "entity": "ada", "project": "p", "id": "r1", "name": "quiet-river-1",
                    "url": f"{self.url}/r1",
                }  # fmt: skip
            return 200, answer

    def take_blobs(self, body: bytes) -> list[str]:
        """Keep several contents; return their digests."""
        found: list[str] = []
        at = 0
        while at < len(body):
            end = at + 4 + int.from_bytes(body[at : at + 4], "little")
            data, at = body[at + 4 : end], end
            found.append(hashlib.sha256(data).hexdigest())
            with self.lock:
                self.blobs[found[-1]] = data
                self.puts.append(found[-1])
        return found


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    owner: RecordServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        owner = self.server.owner
        if self.path == "/api/v1/viewer":
            self._answer(200, {"user": "ada", "entity": "ada"})
            return
        stream = self.path.split("/")[4]
        self._answer(200, {"next": len(owner.streams.get(stream, []))})

    def do_POST(self) -> None:
        owner = self.server.owner
        owner.requests += 1
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = owner.always or (owner.faults.popleft() if owner.faults else "")
        if fault.startswith("sleep:"):
            time.sleep(float(fault[6:]))
        elif fault == "reset":
            self.close_connection = True
            return
        elif fault == "html":
            self._send(200, b"<html>please sign in to the network</html>", "text/html")
            return
        elif fault == "empty":
            self._send(200, b"", "application/json")
            return
        elif fault.isdigit():
            self._answer(int(fault), {"detail": "injected", "code": "injected"})
            return
        if self.headers.get("Authorization") != f"Bearer {owner.key}":
            self._answer(401, {"code": "key", "detail": "unknown key"})
            return
        if self.path.endswith("/blobs/missing"):
            asked = json.loads(body)["sha256"]
            self._answer(200, {"missing": [one for one in asked if one not in owner.blobs]})
            return
        if self.path.endswith("/blobs"):
            self._answer(200, {"sha256": owner.take_blobs(body)})
            return
        status, answer = owner.append(self.path.split("/")[4], body)
        if fault == "commit-then-reset":
            self.close_connection = True
            return
        if fault == "cut":
            self._send(status, json.dumps(answer).encode(), "application/json", cut=5)
            return
        self._answer(status, answer)

    def do_PUT(self) -> None:
        """Take content: `…/blobs/SHA256`."""
        owner = self.server.owner
        fault = owner.file_faults.popleft() if owner.file_faults else ""
        size, digest = int(self.headers["Content-Length"]), self.path.rpartition("/")[2]
        if fault == "reset":  # in the middle of it
            self.rfile.read(size // 2)
            self.close_connection = True
            return
        data = self.rfile.read(size)
        if fault:
            self._answer(int(fault), {"detail": "injected", "code": "injected"})
            return
        if hashlib.sha256(data).hexdigest() != digest:
            self._answer(400, {"code": "digest", "detail": "another content"})
            return
        with owner.lock:
            owner.blobs[digest] = data
            owner.puts.append(digest)
        self._answer(201, {"sha256": digest, "size": size})

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        kind = "application/json" if status < 300 else "application/problem+json"
        self._send(status, json.dumps({**answer, "status": status}).encode(), kind)

    def _send(self, status: int, data: bytes, kind: str, cut: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if status == 429:
            self.send_header("Retry-After", "0.1")
        self.end_headers()
        self.wfile.write(data[: len(data) - cut] if cut else data)
        if cut:
            self.close_connection = True
