"""A whole core on a real meta store, with streams that write to it as an uploader would."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kiseki.base.clock import wall_us
from kiseki.core.access import create_user
from kiseki.core.edits import Edits
from kiseki.core.files import Files
from kiseki.core.folds import Folds
from kiseki.core.ingest import Ingest, Receipt
from kiseki.core.live import Live
from kiseki.core.people.audit import Audit
from kiseki.core.projects import Projects
from kiseki.core.query.queries import Queries
from kiseki.core.rights import SCOPES, Principal
from kiseki.core.runs import Runs
from kiseki.core.trash import Trash
from kiseki.record import codec, frame
from kiseki.record.types import Kind, Open, Record, Shape
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.interface import SeriesStore
from kiseki.storage.memory.blobs import MemoryBlobs
from kiseki.storage.memory.series import MemorySeries


class Listening:
    """Keeps what was published."""

    def __init__(self) -> None:
        self.changes: list[Any] = []

    def publish(self, changes: Iterable[Any]) -> None:
        self.changes += changes

    def take(self) -> list[Any]:
        changes, self.changes = self.changes, []
        return changes


class Kit:
    """The parts of a core over one folder; `again()` is what a new process would have."""

    def __init__(
        self, folder: Path, series: SeriesStore | None = None, blobs: MemoryBlobs | None = None
    ) -> None:
        self.folder = folder
        self.meta = EmbeddedMeta(folder / "meta.db")
        self.series: SeriesStore = series or MemorySeries()
        self.live = Listening()
        self.now_us = wall_us()
        self.projects = Projects(self.meta)
        self.folds = Folds(self.meta, self.series, self.live, self.clock)
        self.folds.recover()
        self.runs = Runs(self.meta, self.projects, self.folds)
        self.blobs = blobs or MemoryBlobs()
        self.files = Files(self.meta, self.blobs, self.projects, self.runs, self.folds)
        self.trash = Trash(
            self.meta, self.series, self.folds, self.files, Audit(self.meta), self.clock
        )
        self.ingest = Ingest(
            self.meta, self.series, self.projects, self.folds, self.live, self.clock
        )
        self.edits = Edits(
            self.meta, self.folds, Live(), self.trash, Audit(self.meta),
            Queries(self.meta, self.series, self.runs), self.clock,
        )  # fmt: skip
        self.ada = self.principal("ada")

    def clock(self) -> int:
        return self.now_us

    def principal(self, name: str, *scopes: str) -> Principal:
        user = self.meta.user(name) or create_user(self.meta, name)
        return Principal(user, self.meta.memberships(user.number), frozenset(scopes or SCOPES))

    def post(self, stream: str, body: bytes, who: Principal | None = None) -> Receipt:
        return self.ingest.submit(stream, body, who or self.ada).result(10)

    def close(self, *, save: bool = True) -> None:
        """End, by default as after SIGTERM; without saving, as after a kill."""
        self.ingest.close()
        if save:
            self.folds.save_all(close=True)
        self.meta.close()

    def again(self) -> Kit:
        """Return what the next process finds, after a kill of this one."""
        self.close(save=False)
        return Kit(self.folder, self.series, self.blobs)


class Writer:
    """A stream: numbers its records as a journal does."""

    def __init__(self, kit: Kit, run: str = "r1", **options: Any) -> None:
        self.kit = kit
        self.id = uuid.uuid4().hex
        self.next = 0
        values: dict[str, Any] = {
            "project": "digits", "started_us": kit.now_us, "host": "lab", "pid": 7, **options
        }  # fmt: skip
        self.open = Open(stream=self.id, run=run, **values)

    def records(self, *records: Record) -> bytes:
        """Return the frames of records, numbered on."""
        parts = []
        for record in records:
            parts.append(frame.pack(int(record.kind), self.next, codec.encode(record)))
            self.next += 1
        return b"".join(parts)

    def rows(self, steps: Iterable[int], *values: Any, shape: int = 0) -> bytes:
        """Return the frames of rows; the values default to the step itself."""
        parts = []
        for step in steps:
            payload = codec.encode_row(
                shape, step, self.open.started_us + step, step, values or [float(step)]
            )
            parts.append(frame.pack(int(Kind.ROW), self.next, payload))
            self.next += 1
        return b"".join(parts)

    def start(self, *paths: str) -> bytes:
        """Return the first records of every stream: `Open`, and a shape 0 of the paths."""
        return self.records(self.open, Shape(shape=0, paths=list(paths or ["loss"])))

    def send(self, frames: bytes, who: Principal | None = None) -> Receipt:
        return self.kit.post(self.id, codec.compress(frames) if frames else b"", who)
