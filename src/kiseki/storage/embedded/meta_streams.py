"""Streams, the runs and attempts they begin, and the folds saved of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy import func as sql

from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.database import Database, inserted
from kiseki.storage.embedded.meta_projects import advance
from kiseki.storage.embedded.meta_runs import RUNS, parts_of, run_of
from kiseki.storage.embedded.meta_save import PathNumbers, save_folds, slices
from kiseki.storage.interface import (
    Fold,
    NewStream,
    Run,
    Stream,
)


class EmbeddedStreams(Database):
    """The streams of a data folder, and what their records amount to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._saving = threading.Lock()  # of `_paths`, over the commit
        self._paths = PathNumbers()

    def stream(self, id: str) -> Stream | None:
        with self._read() as c:
            row = c.execute(select(t.stream).where(t.stream.c.id == id)).first()
        return None if row is None else Stream(**row._mapping)

    def streams_of(self, attempt: int) -> list[Stream]:
        query = select(t.stream).where(t.stream.c.attempt == attempt)
        with self._read() as c:
            # The writers first: what an uploader says about the end depends on what the writer said.
            rows = c.execute(query.order_by(t.stream.c.role.desc(), t.stream.c.opened_us))
            return [Stream(**row._mapping) for row in rows]

    def open_streams(self) -> list[Stream]:
        query = select(t.stream).where(t.stream.c.is_open).order_by(t.stream.c.opened_us)
        with self._read() as c:
            return [Stream(**row._mapping) for row in c.execute(query)]

    def cursors(self) -> dict[int, dict[str, int]]:
        s = t.stream.c
        found: dict[int, dict[str, int]] = {}
        with self._read() as c:
            for project, id, applied in c.execute(select(s.project, s.id, s.applied)):
                found.setdefault(project, {})[id] = applied
        return found

    def add_stream(self, new: NewStream) -> tuple[Run, Stream]:
        query = select(t.stream).where(t.stream.c.id == new.id)
        with self._numbering(), self._write() as c:
            found = c.execute(query).first()
            if found is None:
                _create_stream(c, new)
                found = c.execute(query).one()
                if new.seed is not None:
                    save_folds(c, [replace(new.seed, attempt=found.attempt)], self._paths)
                c.execute(advance().where(t.project.c.number == new.project))
            row = c.execute(RUNS.where(t.run.c.number == found.run)).one()
            return run_of(row, parts_of(c, [row.attempt])), Stream(**found._mapping)

    @contextmanager
    def _numbering(self) -> Iterator[None]:
        """Believe the numbers of paths that were found within, once their transaction is committed."""
        with self._saving:
            try:
                yield
            except BaseException:
                self._paths.rolled_back()
                raise
            self._paths.committed()

    def reopen(self, streams: Sequence[str]) -> None:
        with self._write() as c:
            for some in slices(streams):
                c.execute(t.stream.update().where(t.stream.c.id.in_(some)).values(is_open=True))

    def save(self, folds: Sequence[Fold]) -> None:
        if not folds:
            return
        with self._numbering(), self._write() as c:
            projects = save_folds(c, folds, self._paths)
            for some in slices(sorted(projects)):
                c.execute(advance().where(t.project.c.number.in_(some)))


def _create_stream(c: Connection, new: NewStream) -> None:
    run, attempt = new.run, new.attempt
    is_new_run = run is None
    if run is None:
        run = _create_run(c, new)
    if attempt is None:
        attempt = _create_attempt(c, new, run, is_new_run)
    space = "history" if new.role == "writer" else "system"
    column = t.attempt.c.history if space == "history" else t.attempt.c.system
    segment = c.scalar(select(column).where(t.attempt.c.number == attempt))
    c.execute(
        t.stream.insert().values(
            id=new.id,
            project=new.project,
            run=run,
            attempt=attempt,
            segment=segment,
            role=new.role,
            applied=0,
            is_open=True,
            opened_us=new.now_us,
        )
    )


def _create_run(c: Connection, new: NewStream) -> int:
    p = t.project.c
    color = c.scalar(select(p.color_next).where(p.number == new.project)) or 0
    c.execute(t.project.update().where(p.number == new.project).values(color_next=color + 1))
    blank = {
        name: ""
        for name in ("cause", "name", "notes", "group", "job_type", "host", "program", "sweep")
    }
    zero = {
        name: 0
        for name in (
            "attempt",
            "ordinal",
            "history",
            "system",
            "pid",
            "runtime_us",
            "rows",
            "next_step",
        )
    }
    return inserted(
        c.execute(
            t.run.insert().values(
                project=new.project,
                id=new.run_id,
                user=new.user,
                color=color,
                state="running",
                created_us=new.now_us,
                started_us=new.now_us,
                heartbeat_us=new.now_us,
                tags="[]",
                **blank,
                **zero,
            )
        )
    )


def _create_attempt(c: Connection, new: NewStream, run: int, is_new_run: bool) -> int:
    of_run = t.attempt.c.run == run
    ordinal = (c.scalar(select(sql.max(t.attempt.c.ordinal)).where(of_run)) or 0) + 1
    attempt = inserted(
        c.execute(
            t.attempt.insert().values(
                run=run,
                ordinal=ordinal,
                history=0,
                system=0,
                stream=new.id,
                state="running",
                started_us=new.now_us,
                rows=0,
            )
        )
    )
    parent, step = new.parent or (None, None)
    heads = {
        "history": inserted(
            c.execute(
                t.segment.insert().values(
                    attempt=attempt, space="history", parent=parent, parent_step=step
                )
            )
        ),
        "system": inserted(c.execute(t.segment.insert().values(attempt=attempt, space="system"))),
    }
    c.execute(t.attempt.update().where(t.attempt.c.number == attempt).values(**heads))
    columns: dict[str, Any] = {"attempt": attempt, "ordinal": ordinal, **heads}
    if not is_new_run:
        columns |= {
            "state": "running",
            "cause": "",
            "exit_code": None,
            "finished_us": None,
            "stop_us": None,
            "heartbeat_us": new.now_us,
            "started_us": new.now_us,
            "last_us": None,
            "runtime_us": 0,
            "rows": 0,
            "next_step": 0,
        }
        c.execute(t.run_cell.delete().where(t.run_cell.c.run == run))
    c.execute(t.run.update().where(t.run.c.number == run).values(**columns))
    return attempt
