"""The values that runs have under one key, the most frequent first: what a filter can be completed with.

The database counts; nothing is read but the page. Among runs that all match, the cells of the key's path are
counted along their index without looking at a single run.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, and_, cast, func, or_, select
from sqlalchemy import types as sql_types

from kiseki.storage.embedded import tables
from kiseki.storage.embedded.runs_query import RunsQuery, column_of, contains
from kiseki.storage.filters import Filter, Key, SortKey
from kiseki.storage.interface import RunValues

_run = tables.run.c
_cell = tables.run_cell.c


def find_frequent(
    connection: Connection,
    project: int,
    key: Key,
    where: Filter | None = None,
    *,
    search: str = "",
    user: str = "",
    now_us: int = 0,
    limit: int = 50,
) -> RunValues:
    """Return values with how many runs have them. The rules are those of `MetaStore.frequent_values`."""
    query = RunsQuery(connection, project, user, now_us, where, [SortKey(key)])
    listed = and_(_run.project == project, _run.deleted_us.is_(None))
    if where is not None:
        listed = and_(listed, query.condition(where))
    runs = select(_run.number).select_from(query.source()).where(listed)
    count = func.count().label("runs")
    if key.space == "run" and key.path == "tags":
        tag = tables.run_tag.c.tag
        held = select(tag.label("text"), count).where(tables.run_tag.c.run.in_(runs))
        columns: list[Any] = [tag]
    elif key.space == "run":
        column = column_of(key.path)
        held = select(column.label("text"), count).select_from(query.source()).where(
            listed, column.is_not(None), column != ""
        )  # fmt: skip
        columns = [column]
    else:
        held = select(_cell.num.label("num"), _cell.text.label("text"), count).where(
            _cell.path == query.paths[key], or_(_cell.num.is_not(None), _cell.text != "")
        )
        if where is not None or _has_deleted(connection, project):
            held = held.where(_cell.run.in_(runs))
        columns = [_cell.num, _cell.text]
    if search:
        held = held.where(
            or_(*(contains(cast(column, sql_types.Text), search) for column in columns))
        )
    # How many values there are comes with the first ones: counting twice takes twice as long.
    held = held.add_columns(func.count().over().label("distinct_values"))
    page = held.group_by(*columns).order_by(count.desc(), *columns).limit(limit)
    rows = connection.execute(page).all()
    total = int(rows[0].distinct_values) if rows else 0
    return RunValues(total, tuple((_value(row), int(row.runs)) for row in rows))


def _has_deleted(connection: Connection, project: int) -> bool:
    gone = select(_run.number).where(_run.project == project, _run.deleted_us.is_not(None))
    return connection.scalar(gone.limit(1)) is not None


def _value(row: Any) -> bool | float | str:
    num = getattr(row, "num", None)
    if num is None:
        return row.text if isinstance(row.text, str) else float(row.text)
    if row.text is not None:
        return bool(num)
    if num in (float("inf"), float("-inf")):
        return "Infinity" if num > 0 else "-Infinity"
    return float(num)
