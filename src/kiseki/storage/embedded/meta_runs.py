"""Runs and their attempts, read: one by one, in lists, in groups, by what they hold under keys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, case, exists, or_, select
from sqlalchemy import func as sql

from kiseki.record.codec import decode_value
from kiseki.storage.embedded import lineage
from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.database import Database
from kiseki.storage.embedded.groups_query import find_groups, find_values
from kiseki.storage.embedded.meta_save import slices
from kiseki.storage.embedded.runs_query import fetched, find_numbers, listed
from kiseki.storage.embedded.values_query import find_frequent
from kiseki.storage.filters import Filter, Key, SortKey
from kiseki.storage.interface import (
    LISTED,
    LISTED_BYTES_MAX,
    Attempt,
    FieldStat,
    Fork,
    GroupValue,
    Metric,
    MetricStat,
    Piece,
    Run,
    RunGroups,
    RunValues,
    Segment,
    Space,
)


class EmbeddedRuns(Database):
    """The runs of a data folder, for who reads them."""

    def run(self, project: int, id: str) -> Run | None:
        return self._one_run(t.run.c.project == project, t.run.c.id == id)

    def run_by_number(self, number: int) -> Run | None:
        return self._one_run(t.run.c.number == number)

    def _one_run(self, *where: Any) -> Run | None:
        with self._read() as c:
            rows = c.execute(RUNS.where(*where)).all()
            parts = parts_of(c, [row.attempt for row in rows])
        return next((run_of(row, parts) for row in rows), None)

    def runs(self, project: int, ids: Sequence[str], *, deleted: bool = False) -> list[Run]:
        found: dict[str, Run] = {}
        alive = [t.run.c.project == project]
        if not deleted:
            alive.append(t.run.c.deleted_us.is_(None))
        with self._read() as c:
            for some in slices(ids):
                rows = c.execute(RUNS.where(*alive, t.run.c.id.in_(some)))
                found.update((row.id, run_of(row, {})) for row in rows)
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
                rows = c.execute(RUNS.where(t.run.c.number.in_(some))).all()
                parts = _listed_parts(c, [row.attempt for row in rows])
                found.update((row.number, run_of(row, parts)) for row in rows)
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
                rows = c.execute(RUNS.where(t.run.c.number.in_(some), *alive)).all()
                parts = parts_of(c, [row.attempt for row in rows]) if whole else {}
                found.update((row.number, run_of(row, parts)) for row in rows)
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

    def part_of_many(self, attempts: Sequence[int], name: str) -> dict[int, bytes]:
        p = t.attempt_part.c
        found: dict[int, bytes] = {}
        with self._read() as c:
            for some in slices(attempts):
                query = select(p.attempt, p.data).where(p.attempt.in_(some), p.name == name)
                found.update((row.attempt, row.data) for row in c.execute(query))
        return found

    def runs_without(self, part: str, after: int, limit: int) -> list[Run]:
        p, run = t.attempt_part.c, t.run.c
        saved = exists().where(p.attempt == run.attempt, p.name == part)
        where = (run.number > after, run.rows > 0, run.purged_us.is_(None), ~saved)
        with self._read() as c:
            rows = c.execute(RUNS.where(*where).order_by(run.number).limit(limit))
            return [run_of(row, {}) for row in rows]

    def silent_runs(self, before_us: int) -> list[Run]:
        where = (
            t.run.c.state.in_(("running", "preempting")),
            sql.coalesce(t.run.c.heartbeat_us, t.run.c.created_us) < before_us,
            t.run.c.deleted_us.is_(None),
        )
        with self._read() as c:
            return [run_of(row, {}) for row in c.execute(RUNS.where(*where))]


RUNS: Select[Any] = (
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


_RUN_COLUMNS = [column.name for column in RUNS.selected_columns]


def run_of(row: Row[Any], parts: Mapping[tuple[int, str], bytes]) -> Run:
    values = dict(zip(_RUN_COLUMNS, row, strict=True))
    values["tags"] = tuple(json.loads(values["tags"]))
    for name in ("config", "summary"):
        data = parts.get((values["attempt"], name))
        if data is not None:
            values[name] = decode_value(data)
    return Run(**values)


def parts_of(c: Connection, attempts: Sequence[int]) -> dict[tuple[int, str], bytes]:
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
    return {**parts_of(c, unlisted), **found} if unlisted else found
