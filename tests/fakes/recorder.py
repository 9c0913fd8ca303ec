"""Sends records to a server by hand, as an uploader does: for tests of what can be asked afterwards."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from kiseki.base.ids import stream_id
from kiseki.record import keypath
from kiseki.record.codec import compress, encode, encode_row
from kiseki.record.frame import pack
from kiseki.record.types import Kind, Open, Record, Shape

START_US = 1_700_000_000_000_000


class Recorder:
    """One stream of one run; `send` appends what was recorded since and waits until it is committed."""

    def __init__(
        self, url: str, key: str, run: str, project: str = "digits", **opened: Any
    ) -> None:
        self.url, self.key = url, key
        self.stream = stream_id()
        self.next = 0
        self.frames: list[bytes] = []
        self.shapes: dict[tuple[str, ...], int] = {}
        opened = {"started_us": START_US, **opened}
        self.record(Open(stream=self.stream, run=run, project=project, **opened))

    def record(self, record: Record) -> Recorder:
        self._put(record.kind, encode(record))
        return self

    def row(self, values: Mapping[str, Any], step: int, kind: Kind = Kind.ROW) -> Recorder:
        """Record a row at a step; a step takes a second."""
        flat = dict(keypath.flatten(values))
        paths = tuple(flat)
        if paths not in self.shapes:
            self.shapes[paths] = len(self.shapes)
            self.record(Shape(shape=self.shapes[paths], paths=list(paths)))
        at = step * 1_000_000
        self._put(
            kind, encode_row(self.shapes[paths], step, START_US + at, at, list(flat.values()))
        )
        return self

    def rows(self, key: str, values: Sequence[Any]) -> Recorder:
        for step, value in enumerate(values):
            self.row({key: value}, step)
        return self

    def _put(self, kind: int, payload: bytes) -> None:
        self.frames.append(pack(kind, self.next, payload))
        self.next += 1

    def send(self) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/api/v1/streams/{self.stream}/records",
            data=compress(b"".join(self.frames)),
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/x-kiseki-records",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            body: dict[str, Any] = json.load(answer)
        assert body["next"] == self.next and not body["rejected"], body
        self.frames.clear()
        return body
