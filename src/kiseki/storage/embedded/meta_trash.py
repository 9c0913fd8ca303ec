"""Deleted runs, and what is left of them until nothing hangs on it. The statements are in `trash.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func as sql
from sqlalchemy import select

from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded import trash
from kiseki.storage.embedded.database import Database
from kiseki.storage.embedded.meta_projects import moved
from kiseki.storage.embedded.meta_runs import RUNS, run_of
from kiseki.storage.interface import (
    Loose,
    Run,
)


class EmbeddedTrash(Database):
    """The trash of every project."""

    def trash(self, project: int, offset: int, limit: int) -> tuple[int, list[Run]]:
        here = trash.in_trash(project)
        order = (t.run.c.deleted_us.desc(), t.run.c.number.desc())
        page = RUNS.where(here).order_by(*order).offset(offset).limit(limit)
        with self._read() as c:
            total = c.scalar(select(sql.count()).select_from(t.run).where(here)) or 0
            return total, [run_of(row, {}) for row in c.execute(page)]

    def throw_away(self, numbers: Sequence[int], by: str, now_us: int) -> list[int]:
        with self._write() as c:
            return moved(c, trash.throw_away(c, numbers, by, now_us))

    def restore(self, numbers: Sequence[int], since_us: int) -> list[int]:
        with self._write() as c:
            return moved(c, trash.restore(c, numbers, since_us))

    def expired(self, before_us: int, limit: int) -> list[Run]:
        with self._read() as c:
            rows = c.execute(RUNS.where(trash.expired(before_us)).limit(limit))
            return [run_of(row, {}) for row in rows]

    def hung_on(self, run: int) -> dict[int, int]:
        with self._read() as c:
            return trash.hung_on(c, run)

    def purge(
        self,
        run: Run,
        before_us: int,
        now_us: int,
        files: Mapping[int, bytes],
        digests: Sequence[str],
    ) -> bool:
        with self._write() as c:
            if not trash.purge(c, run.number, before_us, now_us, files):
                return False
            trash.note_unnamed(c, run.project, digests)
            return True

    def loose_segments(self, limit: int) -> list[Loose]:
        with self._read() as c:
            return trash.loose(c, limit)

    def drop_segment(self, gone: Loose, digests: Sequence[str]) -> None:
        with self._write() as c:
            trash.drop_segment(c, gone)
            trash.note_unnamed(c, gone.project, digests)

    def unnamed(self) -> dict[int, list[str]]:
        with self._read() as c:
            return trash.unnamed(c)

    def files_parts(self, project: int, after: int, limit: int) -> list[tuple[int, bytes]]:
        p = t.attempt_part.c
        query = (
            select(p.attempt, p.data)
            .join(t.attempt, t.attempt.c.number == p.attempt)
            .join(t.run, t.run.c.number == t.attempt.c.run)
            .where(t.run.c.project == project, p.attempt > after, p.name == "files")
            .order_by(p.attempt)
            .limit(limit)
        )
        with self._read() as c:
            return [(row.attempt, row.data) for row in c.execute(query)]

    def drop_blobs(self, project: int, digests: Sequence[str], before_us: int) -> list[str]:
        with self._write() as c:
            return trash.drop_blobs(c, project, digests, before_us)

    def settle(self, project: int, digests: Sequence[str]) -> None:
        with self._write() as c:
            trash.settle(c, project, digests)
