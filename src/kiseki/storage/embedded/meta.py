"""`MetaStore` in one SQLite file: what people change of runs, and the rest from the other rooms `meta_*.py`:
people, views, artifacts, sweeps, projects, runs, streams and their folds, the trash, the content of files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, or_, select

from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.meta_artifacts import EmbeddedArtifacts
from kiseki.storage.embedded.meta_blobs import EmbeddedGiven
from kiseki.storage.embedded.meta_people import EmbeddedPeople
from kiseki.storage.embedded.meta_projects import EmbeddedProjects, advance, moved
from kiseki.storage.embedded.meta_runs import EmbeddedRuns
from kiseki.storage.embedded.meta_save import edit_runs
from kiseki.storage.embedded.meta_streams import EmbeddedStreams
from kiseki.storage.embedded.meta_sweeps import EmbeddedSweeps
from kiseki.storage.embedded.meta_trash import EmbeddedTrash
from kiseki.storage.embedded.meta_views import EmbeddedViews
from kiseki.storage.embedded.schema import prepare
from kiseki.storage.interface import (
    ALERTS_LOOKED_AT,
    AlertEntry,
    EditedRun,
)


class EmbeddedMeta(
    EmbeddedPeople,
    EmbeddedViews,
    EmbeddedArtifacts,
    EmbeddedSweeps,
    EmbeddedProjects,
    EmbeddedRuns,
    EmbeddedStreams,
    EmbeddedTrash,
    EmbeddedGiven,
):
    """The meta store of a data folder."""

    def __init__(self, path: Path) -> None:
        prepare(path)
        super().__init__(path)

    def edit_runs(self, runs: Sequence[EditedRun]) -> None:
        with self._write() as c:
            edit_runs(c, runs)
            moved(c, [run.number for run in runs])

    def edit_run(self, number: int, columns: Mapping[str, Any]) -> None:
        of_run = t.run.c.number == number
        with self._write() as c:
            c.execute(t.run.update().where(of_run).values(**columns))
            project = select(t.run.c.project).where(of_run).scalar_subquery()
            c.execute(advance().where(t.project.c.number == project))

    def add_undo(
        self,
        id: str,
        project: int,
        user: int,
        data: bytes,
        *,
        now_us: int,
        until_us: int,
        keep: int,
    ) -> None:
        u = t.undo.c
        old = select(u.id).where(u.user == user).order_by(u.until_us.desc()).offset(keep).limit(-1)
        values = {"id": id, "project": project, "user": user, "data": data, "until_us": until_us}
        with self._write() as c:
            c.execute(t.undo.insert().values(values))
            surplus = list(c.scalars(old))
            c.execute(t.undo.delete().where(or_(u.id.in_(surplus), u.until_us <= now_us)))

    def undo(self, id: str, project: int, user: int, now_us: int) -> bytes | None:
        u = t.undo.c
        where = (u.id == id, u.project == project, u.user == user, u.until_us > now_us)
        with self._read() as c:
            return c.scalar(select(u.data).where(*where))

    def drop_undo(self, id: str) -> None:
        with self._write() as c:
            c.execute(t.undo.delete().where(t.undo.c.id == id))

    def alerts(
        self, projects: Sequence[int], *, user: str | None = None, limit: int = 50
    ) -> list[AlertEntry]:
        of_project = t.alert.c.project == bindparam("of_project")
        latest = select(t.alert).where(of_project).order_by(t.alert.c.number.desc())
        looked = latest.limit(ALERTS_LOOKED_AT).subquery()
        a = looked.c
        query = (
            select(
                a.number, t.entity.c.name.label("entity"), t.project.c.name.label("project"),
                t.run.c.id.label("run"), t.run.c.name.label("run_name"), a.title, a.text, a.level,
                a.time_us, a.step,
            )
            .join(t.run, t.run.c.number == a.run)
            .join(t.project, t.project.c.number == a.project)
            .join(t.entity, t.entity.c.number == t.project.c.entity)
            .where(t.run.c.deleted_us.is_(None))
            .order_by(a.number.desc())
            .limit(limit)
        )  # fmt: skip
        if user is not None:
            query = query.join(t.user, t.user.c.number == t.run.c.user)
            query = query.where(t.user.c.name == user)
        found: list[AlertEntry] = []
        with self._read() as c:
            # Each project along its index: the youngest of all of them would have to be sorted.
            for project in projects:
                rows = c.execute(query, {"of_project": project})
                found += [AlertEntry(**row._mapping) for row in rows]
        return sorted(found, key=lambda entry: -entry.number)[:limit]
