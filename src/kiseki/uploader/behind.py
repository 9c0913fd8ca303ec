"""Uploading a run that was resumed where nobody knew where it stood (`docs/decisions/0010-…`).

Its automatic steps count from 0. When it is uploaded they are put behind the last step that the server has;
where that was is kept in the folder, so that repeating it sends nothing twice. Rows from the first step on
that the script gave itself stay where they are.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import msgspec

from kiseki.client.credentials import Target
from kiseki.client.http import Client
from kiseki.errors import CorruptRecord, ServerError
from kiseki.journal.reader import read_journal
from kiseki.record.codec import Decoder
from kiseki.record.frame import Frame, pack, scan
from kiseki.record.types import OWN_STEPS, Kind, Note, Open

BASE_FILE = "behind.json"
_ROWS = (Kind.ROW, Kind.ROW_PART)


class Mover:
    """Moves the steps of a writer's rows on their way to the server.

    Args:
        path: the journal; it is read for the first step that the script gave itself.
        base: what is added to every step before.
    """

    def __init__(self, path: Path, base: int) -> None:
        self._base = base
        self._mark = _first_own_step(path)

    def moved(self, data: bytes) -> bytes:
        """Return intact frames with their rows moved; every value keeps its bytes."""
        parts = []
        for _, frame in scan(data):
            assert isinstance(frame, Frame)
            payload = frame.payload
            if frame.kind in _ROWS and (self._mark is None or frame.seq < self._mark):
                payload = _row_at(payload, self._base)
            parts.append(pack(frame.kind, frame.seq, payload))
        return b"".join(parts)


def base_step(folder: Path, opened: Open, target: Target) -> int:
    """Return the step that the rows of a folder are put at on a server: the same at every repetition.

    Raises:
        CommError: the server does not say where the run stands.
        OSError: the folder cannot be written.
    """
    path = folder / BASE_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["base_url"] == target.base_url and found["run"] == opened.run:
            return int(found["step"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # they never were
    step = _next_step(opened, target)
    told = {"base_url": target.base_url, "run": opened.run, "step": step}
    path.write_text(json.dumps(told) + "\n", encoding="utf-8")
    return step


def _next_step(opened: Open, target: Target) -> int:
    with Client(target.base_url, target.key) as client:
        entity = opened.entity or client.get_json("/api/v1/viewer")["entity"]
        names = [quote(part, safe="") for part in (entity, opened.project, opened.run)]
        try:
            return int(
                client.get_json("/api/v1/projects/{}/{}/runs/{}".format(*names))["next_step"]
            )
        except ServerError as error:
            if error.status == 404:
                return 0
            raise


def _first_own_step(path: Path) -> int | None:
    """Return the sequence of the note that says so, None without one."""
    decoder = Decoder()
    with read_journal(path) as frames:
        for frame in frames:
            if frame.kind != Kind.NOTE:
                continue
            try:
                record = decoder.decode(frame)
            except CorruptRecord:
                continue
            if isinstance(record, Note) and record.code == OWN_STEPS:
                return frame.seq
    return None


def _row_at(payload: bytes, base: int) -> bytes:
    """Return a row `[shape, step, …]` with its step moved."""
    parts = msgspec.msgpack.decode(payload, type=list[msgspec.Raw])
    step = msgspec.msgpack.decode(parts[1], type=int) + base
    parts[1] = msgspec.Raw(msgspec.msgpack.encode(step))
    return msgspec.msgpack.encode(parts)
