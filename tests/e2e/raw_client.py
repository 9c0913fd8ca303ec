"""A stream over plain HTTP, with nothing of the SDK: what the server alone promises."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from kiseki.record import codec, frame
from kiseki.record.types import Kind, Open, Record, Shape


class Connection:
    """Asks a server as the first user; connects again where it has to."""

    def __init__(self, url: str, key: str) -> None:
        self.address = urlsplit(url)
        self.headers = {"Authorization": f"Bearer {key}"}
        self._http: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
        """Return status and JSON of one request; raises OSError or HTTPException without an answer."""
        if self._http is None:
            self._http = http.client.HTTPConnection(self.address.netloc, timeout=20)
        try:
            self._http.request(method, path, body, self.headers)
            answer = self._http.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        return answer.status, json.loads(data) if data else None

    def close(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None


class RawStream:
    """One writer; remembers every frame, so that it can send any of them again."""

    def __init__(self, connection: Connection, run: str, **options: Any) -> None:
        self.connection = connection
        self.id = uuid.uuid4().hex
        self.frames: list[bytes] = []
        self.acknowledged = 0
        self.run = run
        values = {"project": "digits", "started_us": time.time_ns() // 1000, **options}
        self.add(Open(stream=self.id, run=run, **values), Shape(shape=0, paths=["n", "half"]))

    def add(self, *records: Record) -> None:
        for record in records:
            self._add(int(record.kind), codec.encode(record))

    def add_rows(self, steps: Iterable[int]) -> None:
        for step in steps:
            self._add(int(Kind.ROW), codec.encode_row(0, step, step, step, [step, step / 2]))

    def _add(self, kind: int, payload: bytes) -> None:
        self.frames.append(frame.pack(kind, len(self.frames), payload))

    def post(self, first: int, end: int) -> tuple[int, Any]:
        body = codec.compress(b"".join(self.frames[first:end]))
        return self.connection.ask("POST", f"/api/v1/streams/{self.id}/records", body)

    def send_all(self, dice: random.Random, until: threading.Event | None = None) -> None:
        """Send everything, through failures, in pieces that overlap now and then."""
        deadline = time.monotonic() + 120
        while self.acknowledged < len(self.frames) and not (until and until.is_set()):
            assert time.monotonic() < deadline, "the server never took it all"
            first = max(0, self.acknowledged - dice.choice((0, 0, 0, 1, 30)))
            end = min(len(self.frames), self.acknowledged + dice.randint(1, 120))
            try:
                status, answer = self.post(first, end)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
                continue
            if status == 200:
                assert answer["next"] >= self.acknowledged
                self.acknowledged = answer["next"]
            else:
                assert status in (409, 429, 503), answer
                assert answer.get("code") != "gap", "something acknowledged is gone"
                time.sleep(0.02)
