"""Many runs without history into a meta store at once.

Opening a run is some twenty statements in a transaction of its own, so that 100,000 of them take hours. What
a run holds is still what the server's fold makes of its records; only the rows that an opening inserts (run,
attempt, segments, stream) are written here, a thousand runs a transaction. A test compares both ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from _projects import START_US, Plan, make
from sqlalchemy import func, select

from kiseki.base.clock import wall_us
from kiseki.core.attempt import LiveAttempt, LiveStream, Pending, fold_item
from kiseki.record import codec
from kiseki.record.fold import RunState
from kiseki.record.types import Open, Row, Shape, System
from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.embedded.meta_save import slices
from kiseki.storage.interface import Attempt, Fold, Project, Run, Stream


def folded(plan: Plan, number: int, entity: str) -> tuple[str, Fold]:
    """Return the id of a run and its fold, as the server would save it, of an attempt without a number."""
    made = make(plan, number)
    decoder = codec.Decoder()
    records = [
        decoder.decode(item)
        for body in made.bodies
        for item in codec.frames_of(codec.decompress(body))
    ]
    opening = records[0]
    assert isinstance(opening, Open)
    attempt = Attempt(0, 0, 1, 0, 0, made.stream, "running", START_US, 0)
    run = Run(0, 0, entity, plan.project, opening.run, "", 0, START_US, 0, 1, 0, 0)
    live = LiveAttempt(attempt, run, RunState())
    live.heartbeat_us = START_US
    stream = LiveStream(Stream(made.stream, 0, 0, 0, 0, "writer", 0, True, START_US), live)
    live.streams[stream.id] = stream
    for record in records:
        assert not isinstance(record, (Row, System, Shape)), "a run with history"
        if record is not None:
            fold_item(live, record, stream.id)
    stream.next = len(records)
    return opening.run, Pending(live, close=True).fold


def store(meta: EmbeddedMeta, project: Project, user: int, runs: Sequence[tuple[str, Fold]]) -> int:
    """Add those of the runs that the project does not have; return how many there were to add."""
    fresh = _unknown(meta, project, runs)
    if not fresh:
        return 0
    now_us = wall_us()
    with meta._write() as c:
        run, attempt, segment = (
            (c.scalar(select(func.max(table.c.number))) or 0) + 1
            for table in (t.run, t.attempt, t.segment)
        )
        of_project = t.project.c.number == project.number
        color = c.scalar(select(t.project.c.color_next).where(of_project)) or 0
        numbered = [
            _Numbers(run + at, attempt + at, segment + 2 * at, color + at, now_us + at)
            for at in range(len(fresh))
        ]
        rows: dict[Any, list[dict[str, Any]]] = {}
        for one, (id, fold) in zip(numbered, fresh, strict=True):
            for table, row in one.rows(project.number, user, id, fold).items():
                rows.setdefault(table, []).append(row)
            rows[t.segment].append(one.segment_row("system", one.segment + 1))
        for table in (t.run, t.attempt, t.segment, t.stream):
            c.execute(table.insert(), rows[table])
        c.execute(t.project.update().where(of_project).values(color_next=color + len(fresh)))
    meta.save(
        [replace(fold, attempt=one.attempt) for one, (_, fold) in zip(numbered, fresh, strict=True)]
    )
    return len(fresh)


def _unknown(
    meta: EmbeddedMeta, project: Project, runs: Sequence[tuple[str, Fold]]
) -> list[tuple[str, Fold]]:
    r = t.run.c
    with meta._read() as c:
        known = {
            id
            for some in slices([id for id, _ in runs])
            for id in c.scalars(select(r.id).where(r.project == project.number, r.id.in_(some)))
        }
    return [(id, fold) for id, fold in runs if id not in known]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What an opening gives a new run."""

    run: int
    attempt: int
    segment: int  # of its rows; the one behind it is of the machine's samples
    color: int
    now_us: int

    def rows(self, project: int, user: int, id: str, fold: Fold) -> dict[Any, dict[str, Any]]:
        heads = {"history": self.segment, "system": self.segment + 1}
        [stream] = fold.cursors
        texts = ("cause", "name", "notes", "group", "job_type", "host", "program")
        zeros = ("pid", "runtime_us", "rows", "next_step")
        return {
            t.run: {
                "number": self.run, "project": project, "id": id, "user": user, "color": self.color,
                "created_us": self.now_us, "attempt": self.attempt, "ordinal": 1, "state": "running",
                "tags": "[]", "started_us": self.now_us, **heads,
                **dict.fromkeys(texts, ""), **dict.fromkeys(zeros, 0),
            },
            t.attempt: {
                "number": self.attempt, "run": self.run, "ordinal": 1, "stream": stream, "state": "running",
                "started_us": self.now_us, "rows": 0, **heads,
            },
            t.segment: self.segment_row("history", self.segment),
            t.stream: {
                "id": stream, "project": project, "run": self.run, "attempt": self.attempt,
                "segment": self.segment, "role": "writer", "applied": 0, "is_open": True,
                "opened_us": self.now_us,
            },
        }  # fmt: skip

    def segment_row(self, space: str, number: int) -> dict[str, Any]:
        return {"number": number, "attempt": self.attempt, "space": space}
