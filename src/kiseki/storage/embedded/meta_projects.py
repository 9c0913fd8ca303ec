"""Projects, and what lists show of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, case, select
from sqlalchemy import func as sql
from sqlalchemy.dialects.sqlite import insert as upsert

from kiseki.errors import NotFound
from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.database import Database
from kiseki.storage.embedded.meta_save import slices
from kiseki.storage.interface import (
    ListedProject,
    Project,
)


class EmbeddedProjects(Database):
    """The projects of a data folder."""

    def project(self, entity: str, name: str) -> Project | None:
        where = (t.entity.c.name == entity, t.project.c.name == name)
        with self._read() as c:
            return next((_project(row) for row in c.execute(_PROJECTS.where(*where))), None)

    def projects(self, entities: Sequence[str]) -> list[ListedProject]:
        found: list[ListedProject] = []
        with self._read() as c:
            for some in slices(entities):
                rows = c.execute(_counted().where(t.entity.c.name.in_(some)))
                found += map(_listed_project, rows)
        return sorted(found, key=lambda project: -(project.last_us or project.created_us))

    def counted(self, project: Project) -> ListedProject:
        query = _counted(t.run.c.project == project.number)
        with self._read() as c:
            row = c.execute(query.where(t.project.c.number == project.number)).one()
        return _listed_project(row)

    def make_project(self, entity: str, name: str, now_us: int) -> Project:
        with self._write() as c:
            owner = c.scalar(select(t.entity.c.number).where(t.entity.c.name == entity))
            if owner is None:
                raise NotFound(f"entity {entity!r} does not exist", code="entity")
            c.execute(
                upsert(t.project)
                .values(entity=owner, name=name, epoch=1, color_next=0, created_us=now_us)
                .on_conflict_do_nothing()
            )
        project = self.project(entity, name)
        assert project is not None
        return project


def advance() -> Any:
    return t.project.update().values(epoch=t.project.c.epoch + 1)


def moved(c: Connection, numbers: list[int]) -> list[int]:
    """Let lists see that runs went into the trash or came out of it."""
    for some in slices(numbers):
        projects = select(t.run.c.project).where(t.run.c.number.in_(some))
        c.execute(advance().where(t.project.c.number.in_(projects)))
    return numbers


_PROJECTS: Select[Any] = select(t.project, t.entity.c.name.label("entity_name")).join(
    t.entity, t.entity.c.number == t.project.c.entity
)


def _counted(*of_runs: ColumnElement[bool]) -> Select[Any]:
    """Return projects with what they hold of runs."""
    r = t.run.c
    counts = (
        select(
            r.project,
            sql.count().label("runs"),
            sql.sum(case((r.state.in_(("running", "preempting")), 1), else_=0)).label("running"),
            sql.max(sql.coalesce(r.last_us, r.created_us)).label("last_us"),
        )
        .where(r.deleted_us.is_(None), *of_runs)
        .group_by(r.project)
        .subquery()
    )
    return _PROJECTS.add_columns(counts).outerjoin(counts, counts.c.project == t.project.c.number)


def _project(row: Row[Any]) -> Project:
    return Project(row.number, row.entity_name, row.name, row.epoch, row.created_us)


def _listed_project(row: Row[Any]) -> ListedProject:
    return ListedProject(
        row.number, row.entity_name, row.name, row.epoch, row.created_us,
        row.last_us, row.runs or 0, row.running or 0,
    )  # fmt: skip
