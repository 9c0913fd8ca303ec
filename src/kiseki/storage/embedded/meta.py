"""`MetaStore` in one SQLite file: projects, runs and their folds. People are in `meta_people.py`, views in
`meta_views.py`, artifacts in `meta_artifacts.py`, sweeps in `meta_sweeps.py`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, case, exists, or_, select
from sqlalchemy import func as sql
from sqlalchemy.dialects.sqlite import insert as upsert

from kiseki.errors import NotFound
from kiseki.record.codec import decode_value
from kiseki.storage.embedded import lineage, trash
from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.database import inserted
from kiseki.storage.embedded.groups_query import find_groups, find_values
from kiseki.storage.embedded.meta_artifacts import EmbeddedArtifacts
from kiseki.storage.embedded.meta_people import EmbeddedPeople
from kiseki.storage.embedded.meta_save import PathNumbers, edit_runs, save_folds, slices
from kiseki.storage.embedded.meta_sweeps import EmbeddedSweeps
from kiseki.storage.embedded.meta_views import EmbeddedViews
from kiseki.storage.embedded.runs_query import fetched, find_numbers, listed
from kiseki.storage.embedded.schema import prepare
from kiseki.storage.embedded.values_query import find_frequent
from kiseki.storage.filters import Filter, Key, SortKey
from kiseki.storage.interface import (
    ALERTS_LOOKED_AT,
    LISTED,
    LISTED_BYTES_MAX,
    AlertEntry,
    Attempt,
    EditedRun,
    FieldStat,
    Fold,
    Fork,
    GroupValue,
    ListedProject,
    Loose,
    Metric,
    MetricStat,
    NewStream,
    Piece,
    Project,
    Run,
    RunGroups,
    RunValues,
    Segment,
    Space,
    Stream,
)


class EmbeddedMeta(EmbeddedPeople, EmbeddedViews, EmbeddedArtifacts, EmbeddedSweeps):
    """The meta store of a data folder."""

    def __init__(self, path: Path) -> None:
        prepare(path)
        super().__init__(path)
        self._saving = threading.Lock()  # of `_paths`, over the commit
        self._paths = PathNumbers()

    # ── projects ──

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

    # ── runs ──

    def run(self, project: int, id: str) -> Run | None:
        return self._one_run(t.run.c.project == project, t.run.c.id == id)

    def run_by_number(self, number: int) -> Run | None:
        return self._one_run(t.run.c.number == number)

    def _one_run(self, *where: Any) -> Run | None:
        with self._read() as c:
            rows = c.execute(_RUNS.where(*where)).all()
            parts = _parts(c, [row.attempt for row in rows])
        return next((_run(row, parts) for row in rows), None)

    def runs(self, project: int, ids: Sequence[str], *, deleted: bool = False) -> list[Run]:
        found: dict[str, Run] = {}
        alive = [t.run.c.project == project]
        if not deleted:
            alive.append(t.run.c.deleted_us.is_(None))
        with self._read() as c:
            for some in slices(ids):
                rows = c.execute(_RUNS.where(*alive, t.run.c.id.in_(some)))
                found.update((row.id, _run(row, {})) for row in rows)
        return [found[id] for id in ids if id in found]

    def heads(self, project: int, ids: Sequence[str], space: Space) -> dict[str, int]:
        r = t.run.c
        query = select(r.id, r.history if space == "history" else r.system).where(
            r.project == project, r.deleted_us.is_(None), r.id.in_(listed(ids))
        )
        with self._read() as c:
            found = dict(fetched(c, query))
        return {id: found[id] for id in ids if id in found}

    def find_runs(
        self,
        project: int,
        where: Filter | None = None,
        order: Sequence[SortKey] = (),
        *,
        user: str = "",
        now_us: int = 0,
        offset: int = 0,
        limit: int = 200,
    ) -> tuple[int, int, list[Run]]:
        found: dict[int, Run] = {}
        with self._read() as c:
            total, matching, numbers = find_numbers(
                c, project, where, order, user=user, now_us=now_us, offset=offset, limit=limit
            )
            for some in slices(numbers):
                rows = c.execute(_RUNS.where(t.run.c.number.in_(some))).all()
                parts = _listed_parts(c, [row.attempt for row in rows])
                found.update((row.number, _run(row, parts)) for row in rows)
        return total, matching, [found[number] for number in numbers]

    def match_runs(
        self,
        project: int,
        where: Filter | None = None,
        order: Sequence[SortKey] = (),
        *,
        user: str = "",
        now_us: int = 0,
        limit: int,
    ) -> list[int]:
        with self._read() as c:
            return find_numbers(
                c, project, where, order, user=user, now_us=now_us, limit=limit
            )[2]  # fmt: skip

    def runs_by_number(
        self, numbers: Sequence[int], *, whole: bool = False, deleted: bool = False
    ) -> list[Run]:
        found: dict[int, Run] = {}
        alive = () if deleted else (t.run.c.deleted_us.is_(None),)
        with self._read() as c:
            for some in slices(numbers):
                rows = c.execute(_RUNS.where(t.run.c.number.in_(some), *alive)).all()
                parts = _parts(c, [row.attempt for row in rows]) if whole else {}
                found.update((row.number, _run(row, parts)) for row in rows)
        return [found[number] for number in numbers if number in found]

    def group_runs(
        self,
        project: int,
        by: Sequence[Key],
        columns: Sequence[Key] = (),
        where: Filter | None = None,
        order: Sequence[SortKey] = (),
        *,
        user: str = "",
        now_us: int = 0,
        offset: int = 0,
        limit: int = 200,
        members: int = 0,
    ) -> RunGroups:
        with self._read() as c:
            return find_groups(
                c, project, by, columns, where, order,
                user=user, now_us=now_us, offset=offset, limit=limit, members=members,
            )  # fmt: skip

    def values(
        self, project: int, runs: Sequence[int], keys: Sequence[Key]
    ) -> list[tuple[GroupValue, ...]]:
        with self._read() as c:
            return find_values(c, project, runs, keys)

    def frequent_values(
        self,
        project: int,
        key: Key,
        where: Filter | None = None,
        *,
        search: str = "",
        user: str = "",
        now_us: int = 0,
        limit: int = 50,
    ) -> RunValues:
        with self._read() as c:
            return find_frequent(
                c, project, key, where, search=search, user=user, now_us=now_us, limit=limit
            )

    def fields(self, project: int) -> list[FieldStat]:
        cell, run, path = t.run_cell.c, t.run.c, t.path.c
        # Counted path by path along the key, deleted runs too, which are few and taken off again: joining the
        # run of every cell takes more than twice as long.
        of_path = cell.path == path.number
        counts = select(
            path.number,
            path.name,
            select(sql.count(cell.num)).where(of_path).scalar_subquery().label("numbers"),
            select(sql.count())
            .select_from(t.run_cell)
            .where(of_path)
            .scalar_subquery()
            .label("runs"),
        ).where(path.project == project, path.name.not_like("metric.%"))
        deleted = select(run.number).where(run.project == project, run.deleted_us.is_not(None))
        gone = (
            select(cell.path, sql.count(cell.num).label("numbers"), sql.count().label("runs"))
            .where(cell.run.in_(deleted))
            .group_by(cell.path)
        )
        with self._read() as c:
            less = {row.path: (row.numbers, row.runs) for row in c.execute(gone)}
            found: list[FieldStat] = []
            for row in c.execute(counts.order_by(path.name)):
                numbers, runs = less.get(row.number, (0, 0))
                numbers, runs = row.numbers - numbers, row.runs - runs
                if runs:
                    kind = "number" if numbers * 2 >= runs else "text"
                    found.append(FieldStat(row.name, kind, runs))
            return found

    def metrics(self, project: int) -> list[MetricStat]:
        a = t.attempt_metric.c
        first_us = sql.min(a.first_us)
        query = (
            select(
                t.path.c.name,
                a.space,
                # 'number' < 'other' < 'text': anything but numbers shows
                sql.max(a.kind).label("kind"),
                sql.count().label("runs"),
                first_us.label("first_us"),
                sql.max(a.hidden).label("hidden"),
                sql.max(a.step_metric).label("step_metric"),
                sql.max(a.goal).label("goal"),
            )
            .select_from(t.attempt_metric)
            .join(t.path, t.path.c.number == a.path)
            .join(t.run, t.run.c.attempt == a.attempt)
            .where(t.path.c.project == project, t.run.c.deleted_us.is_(None))
            .group_by(a.space, a.path)
            .order_by(first_us, t.path.c.name)
        )
        with self._read() as c:
            return [
                MetricStat(
                    row.name,
                    row.space,
                    row.kind,
                    row.runs,
                    row.first_us,
                    bool(row.hidden),
                    row.step_metric,
                    row.goal,
                )
                for row in c.execute(query)
            ]

    def run_metrics(self, attempt: int) -> list[Metric]:
        a = t.attempt_metric.c
        query = (
            select(t.attempt_metric, t.path.c.name)
            .join(t.path, t.path.c.number == a.path)
            .where(a.attempt == attempt)
            .order_by(a.first_us, t.path.c.name)
        )
        with self._read() as c:
            return [
                Metric(
                    row.name,
                    row.space,
                    row.kind,
                    row.first_us,
                    row.hidden,
                    row.step_metric,
                    row.goal,
                )
                for row in c.execute(query)
            ]

    def attempts(self, run: int) -> list[Attempt]:
        with self._read() as c:
            return lineage.attempts(c, t.attempt.c.run == run)

    def attempt(self, number: int) -> Attempt | None:
        with self._read() as c:
            return next(iter(lineage.attempts(c, t.attempt.c.number == number)), None)

    def segments(self, numbers: Sequence[int]) -> dict[int, Segment]:
        with self._read() as c:
            return lineage.segments(c, numbers)

    def lineage(self, segment: int) -> list[Piece]:
        with self._read() as c:
            return lineage.pieces(c, segment)

    def forks(self, run: int) -> list[Fork]:
        with self._read() as c:
            return lineage.forks(c, run)

    def parts(self, attempt: int, names: Sequence[str]) -> dict[str, bytes]:
        p = t.attempt_part.c
        query = select(p.name, p.data).where(p.attempt == attempt, p.name.in_(names))
        with self._read() as c:
            return {row.name: row.data for row in c.execute(query)}

    def runs_without(self, part: str, after: int, limit: int) -> list[Run]:
        p, run = t.attempt_part.c, t.run.c
        saved = exists().where(p.attempt == run.attempt, p.name == part)
        where = (run.number > after, run.rows > 0, run.purged_us.is_(None), ~saved)
        with self._read() as c:
            rows = c.execute(_RUNS.where(*where).order_by(run.number).limit(limit))
            return [_run(row, {}) for row in rows]

    def silent_runs(self, before_us: int) -> list[Run]:
        where = (
            t.run.c.state.in_(("running", "preempting")),
            sql.coalesce(t.run.c.heartbeat_us, t.run.c.created_us) < before_us,
            t.run.c.deleted_us.is_(None),
        )
        with self._read() as c:
            return [_run(row, {}) for row in c.execute(_RUNS.where(*where))]

    def part_of_many(self, attempts: Sequence[int], name: str) -> dict[int, bytes]:
        p = t.attempt_part.c
        found: dict[int, bytes] = {}
        with self._read() as c:
            for some in slices(attempts):
                query = select(p.attempt, p.data).where(p.attempt.in_(some), p.name == name)
                found.update((row.attempt, row.data) for row in c.execute(query))
        return found

    def edit_runs(self, runs: Sequence[EditedRun]) -> None:
        with self._write() as c:
            edit_runs(c, runs)
            _moved(c, [run.number for run in runs])

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

    def edit_run(self, number: int, columns: Mapping[str, Any]) -> None:
        of_run = t.run.c.number == number
        with self._write() as c:
            c.execute(t.run.update().where(of_run).values(**columns))
            project = select(t.run.c.project).where(of_run).scalar_subquery()
            c.execute(_advance().where(t.project.c.number == project))

    # ── trash ──

    def trash(self, project: int, offset: int, limit: int) -> tuple[int, list[Run]]:
        here = trash.in_trash(project)
        order = (t.run.c.deleted_us.desc(), t.run.c.number.desc())
        page = _RUNS.where(here).order_by(*order).offset(offset).limit(limit)
        with self._read() as c:
            total = c.scalar(select(sql.count()).select_from(t.run).where(here)) or 0
            return total, [_run(row, {}) for row in c.execute(page)]

    def throw_away(self, numbers: Sequence[int], by: str, now_us: int) -> list[int]:
        with self._write() as c:
            return _moved(c, trash.throw_away(c, numbers, by, now_us))

    def restore(self, numbers: Sequence[int], since_us: int) -> list[int]:
        with self._write() as c:
            return _moved(c, trash.restore(c, numbers, since_us))

    def expired(self, before_us: int, limit: int) -> list[Run]:
        with self._read() as c:
            rows = c.execute(_RUNS.where(trash.expired(before_us)).limit(limit))
            return [_run(row, {}) for row in rows]

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

    # ── streams and folds ──

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
                c.execute(_advance().where(t.project.c.number == new.project))
            row = c.execute(_RUNS.where(t.run.c.number == found.run)).one()
            return _run(row, _parts(c, [row.attempt])), Stream(**found._mapping)

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
                c.execute(_advance().where(t.project.c.number.in_(some)))

    # ── files ──

    def add_blobs(self, project: int, sizes: Mapping[str, int], now_us: int) -> int:
        rows = [
            {
                "project": project,
                "digest": bytes.fromhex(digest),
                "size": size,
                "created_us": now_us,
            }
            for digest, size in sizes.items()
        ]
        if not rows:
            return 0
        with self._write() as c:
            added = sum(c.execute(_ADD_BLOB, row).rowcount for row in rows)
            if added < len(rows):
                _touch_blobs(c, project, list(sizes), now_us, now_us)
            return added

    def promise(self, project: int, digests: Sequence[str], now_us: int, since_us: int) -> None:
        with self._write() as c:
            _touch_blobs(c, project, digests, now_us, since_us)

    def blob_bytes(self, projects: Sequence[int]) -> dict[int, int]:
        b = t.blob.c
        found: dict[int, int] = {}
        with self._read() as c:
            for some in slices(projects):
                query = select(b.project, sql.sum(b.size).label("bytes"))
                rows = c.execute(query.where(b.project.in_(some)).group_by(b.project))
                found.update((row.project, row.bytes) for row in rows)
        return found

    def has_blob(self, digest: str) -> bool:
        query = select(t.blob.c.size).where(t.blob.c.digest == bytes.fromhex(digest)).limit(1)
        with self._read() as c:
            return c.scalar(query) is not None

    def blobs(self, project: int, digests: Sequence[str]) -> dict[str, int]:
        b = t.blob.c
        found: dict[str, int] = {}
        with self._read() as c:
            for some in slices(digests):
                wanted = list(map(bytes.fromhex, some))
                query = select(b.digest, b.size).where(b.project == project, b.digest.in_(wanted))
                found.update((row.digest.hex(), row.size) for row in c.execute(query))
        return found


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


def _moved(c: Connection, numbers: list[int]) -> list[int]:
    """Let lists see that runs went into the trash or came out of it."""
    for some in slices(numbers):
        projects = select(t.run.c.project).where(t.run.c.number.in_(some))
        c.execute(_advance().where(t.project.c.number.in_(projects)))
    return numbers


def _touch_blobs(
    c: Connection, project: int, digests: Sequence[str], now_us: int, since_us: int
) -> None:
    b = t.blob.c
    for some in slices(digests):
        wanted = b.digest.in_(list(map(bytes.fromhex, some)))
        old = (b.project == project, wanted, b.created_us < since_us)
        c.execute(t.blob.update().where(*old).values(created_us=now_us))


def _advance() -> Any:
    return t.project.update().values(epoch=t.project.c.epoch + 1)


_ADD_BLOB = upsert(t.blob).on_conflict_do_nothing()

_RUNS: Select[Any] = (
    select(
        *(column for column in t.run.c if column.name != "user"),
        t.project.c.name.label("project_name"),
        t.entity.c.name.label("entity"),
        t.user.c.name.label("user"),
    )
    .select_from(t.run)
    .join(t.project, t.project.c.number == t.run.c.project)
    .join(t.entity, t.entity.c.number == t.project.c.entity)
    .join(t.user, t.user.c.number == t.run.c.user)
)


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


_RUN_COLUMNS = [column.name for column in _RUNS.selected_columns]


def _run(row: Row[Any], parts: Mapping[tuple[int, str], bytes]) -> Run:
    values = dict(zip(_RUN_COLUMNS, row, strict=True))
    values["tags"] = tuple(json.loads(values["tags"]))
    for name in ("config", "summary"):
        data = parts.get((values["attempt"], name))
        if data is not None:
            values[name] = decode_value(data)
    return Run(**values)


def _parts(c: Connection, attempts: Sequence[int]) -> dict[tuple[int, str], bytes]:
    """Return the config and summary of attempts (as many as one `IN` takes)."""
    p = t.attempt_part.c
    query = select(p.attempt, p.name, p.data).where(
        p.attempt.in_(attempts), p.name.in_(("config", "summary"))
    )
    return {(row.attempt, row.name): row.data for row in c.execute(query)}


def _listed_parts(c: Connection, attempts: Sequence[int]) -> dict[tuple[int, str], bytes]:
    """Return the config and summary of attempts as lists show them, without reading the long ones."""
    p = t.attempt_part.c
    is_short = or_(p.name.in_(LISTED.values()), sql.length(p.data) <= LISTED_BYTES_MAX)
    query = select(p.attempt, p.name, case((is_short, p.data)).label("data")).where(
        p.attempt.in_(attempts), p.name.in_((*LISTED, *LISTED.values()))
    )
    stored = {(row.attempt, row.name): row.data for row in c.execute(query)}
    found: dict[tuple[int, str], bytes] = {}
    unlisted: list[int] = []  # saved by a version that did not shorten
    for (attempt, name), data in stored.items():
        if name in LISTED:
            shown = data if data is not None else stored.get((attempt, LISTED[name]))
            if shown is None:
                unlisted.append(attempt)
            else:
                found[attempt, name] = shown
    return {**_parts(c, unlisted), **found} if unlisted else found
