"""The runs list as SQL: a filter tree and sort keys over `run`, `run_cell` and `run_tag`.

A condition on a config or summary key is a sub-select on `run_cell` by (path, run); a sort by one is an outer
join. Every condition is true or false, never null, so that `not` means what it says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    not_,
    or_,
    select,
)

from kiseki.record import keypath
from kiseki.storage.embedded import tables
from kiseki.storage.filters import (
    ATTRIBUTES,
    And,
    Compare,
    Filter,
    Key,
    Not,
    Or,
    SortKey,
    Word,
    duration_us,
    moment_us,
    number_of,
)

Condition = ColumnElement[bool]

_run = tables.run.c
_NAN = "NaN"  # how a cell spells it
_ABSENT = -1  # the path number of a key that no run has


def find_numbers(
    connection: Connection,
    project: int,
    where: Filter | None = None,
    order: Sequence[SortKey] = (),
    *,
    user: str = "",
    now_us: int = 0,
    offset: int = 0,
    limit: int | None = 200,
) -> tuple[int, int, list[int]]:
    """Return (all runs, matching runs, the numbers of one page of the matching), in order.

    The rules are those of `MetaStore.find_runs`.
    """
    query = RunsQuery(connection, project, user, now_us, where, order)
    listed = and_(_run.project == project, _run.deleted_us.is_(None))
    total = connection.scalar(select(func.count()).select_from(tables.run).where(listed)) or 0
    found = query.ordered(select(_run.number), order).where(listed)
    if where is None:
        page = fetched(connection, found.offset(offset).limit(limit))
        return total, total, [number for (number,) in page]
    # Going over all runs twice, to count them and for a page, takes longer than to read all numbers.
    numbers = [number for (number,) in fetched(connection, found.where(query.condition(where)))]
    return total, len(numbers), numbers[offset:][:limit]


def find_columns(
    connection: Connection,
    project: int,
    columns: Mapping[str, ColumnElement[Any]],
    where: Filter | None = None,
    order: Sequence[SortKey] = (),
    *,
    user: str = "",
    now_us: int = 0,
    whole: Collection[str] = (),
) -> tuple[int, dict[str, Any]]:
    """Return (all runs, columns of all that match, in order, by name), as arrays.

    `number` is one of them. `whole`: which of the others are whole numbers, never null; those that are not
    are arrays of objects.
    """
    query = RunsQuery(connection, project, user, now_us, where, order)
    query.has_user |= "user" in columns
    listed = and_(_run.project == project, _run.deleted_us.is_(None))
    wanted = {"number": _run.number, **columns}
    rows = select(*(column.label(None) for column in wanted.values()))
    rows = query.ordered(rows, order).where(listed)
    if where is not None:
        rows = rows.where(query.condition(where))
    kinds = [(name, "i8" if name == "number" or name in whole else "O") for name in wanted]
    array = arrayed(connection, rows, kinds)
    held = {name: array[name] for name in wanted}
    total = len(held["number"])
    if where is not None:
        count = select(func.count()).select_from(tables.run).where(listed)
        total = connection.scalar(count) or 0
    return total, held


def arrayed(
    connection: Connection, query: Select[Any], columns: list[tuple[str, str]]
) -> npt.NDArray[Any]:
    """Return the columns of an array, with no more than a row of it as a tuple at a time."""
    cursor = cast(Iterator[Any], connection.execute(query).cursor)
    return np.fromiter(cursor, np.dtype(columns))


def listed(items: Sequence[Any]) -> Select[Any]:
    """Return texts or numbers as one parameter: one for each of thousands takes longer than the look-up."""
    return select(func.json_each(json.dumps(items)).table_valued("value").c.value)


def fetched(connection: Connection, query: Select[Any]) -> list[tuple[Any, ...]]:
    """Return plain tuples: making rows of them takes longer than reading them."""
    cursor = connection.execute(query).cursor
    assert cursor is not None
    return cast(list[tuple[Any, ...]], cursor.fetchall())


_COLUMNS: dict[str, ColumnElement[Any]] = {
    "attempt": _run.ordinal,
    "cause": _run.cause,
    "created": _run.created_us,
    "exit_code": _run.exit_code,
    "finished": _run.finished_us,
    "group": _run.group,
    "heartbeat": _run.heartbeat_us,
    "host": _run.host,
    "id": _run.id,
    "job_type": _run.job_type,
    "name": _run.name,
    "notes": _run.notes,
    "program": _run.program,
    "rows": _run.rows,
    "runtime": _run.runtime_us,
    "started": _run.started_us,
    "state": _run.state,
    "step": _run.next_step - 1,
    "sweep": _run.sweep,
    "tags": _run.tags,
    "updated": _run.last_us,
    "user": tables.user.c.name,
}


def column_of(attribute: str) -> ColumnElement[Any]:
    """Return where an attribute of a run is; `user` needs the table joined."""
    return _COLUMNS[attribute]


def keys_of(where: Filter | None, order: Sequence[SortKey]) -> Iterator[Key]:
    """Yield every key that a filter and a sort speak of."""
    for item in order:
        yield item.key
    waiting = [where] if where is not None else []
    while waiting:
        item_ = waiting.pop()
        if isinstance(item_, Compare):
            yield item_.key
        elif isinstance(item_, Not):
            waiting.append(item_.item)
        elif isinstance(item_, (And, Or)):
            waiting.extend(item_.items)


class RunsQuery:
    """What the text of one filter means in one project at one moment."""

    def __init__(
        self,
        connection: Connection,
        project: int,
        user: str,
        now_us: int,
        where: Filter | None,
        order: Sequence[SortKey],
    ) -> None:
        self.user = user
        self.now_us = now_us
        keys = set(keys_of(where, order))
        self.has_user = Key("run", "user") in keys
        self.paths = path_numbers(connection, project, keys)

    def source(self) -> FromClause:
        if self.has_user:
            return tables.run.join(tables.user, tables.user.c.number == _run.user)
        return tables.run

    def ordered(self, query: Select[Any], order: Sequence[SortKey]) -> Select[Any]:
        source = self.source()
        by: list[ColumnElement[Any]] = []
        for item in order:
            if item.key.space == "run":
                by += _sorted([_COLUMNS[item.key.path]], item.descending)
                continue
            cell = tables.run_cell.alias()
            source = source.outerjoin(
                cell, and_(cell.c.run == _run.number, cell.c.path == self.paths[item.key])
            )
            text = func.nullif(cell.c.text, _NAN)
            by += _sorted([cell.c.num, text], item.descending)
        return query.select_from(source).order_by(*by, _run.created_us.desc(), _run.number.desc())

    def condition(self, tree: Filter) -> Condition:
        if isinstance(tree, And):
            return and_(*(self.condition(item) for item in tree.items))
        if isinstance(tree, Or):
            return or_(*(self.condition(item) for item in tree.items))
        if isinstance(tree, Not):
            return not_(self.condition(tree.item))
        if isinstance(tree, Word):
            return _word(tree.text)
        if tree.operator == "!:":
            return not_(self.condition(Compare(tree.key, ":", tree.value, tree.quoted)))
        if tree.key.space != "run":
            return self.cell(tree)
        if tree.key.path == "tags":
            return _tags(tree)
        kind = ATTRIBUTES[tree.key.path]
        column = _COLUMNS[tree.key.path]
        if kind == "text":
            return self.text(tree, column)
        if tree.value == "*" and tree.operator == ":":
            return column.is_not(None)
        return and_(column.is_not(None), self.number(tree, kind, column))

    def text(self, tree: Compare, column: ColumnElement[Any]) -> Condition:
        if tree.key.path == "user" and tree.value == "me" and not tree.quoted:
            return column == self.user
        if tree.key.path == "sweep" and tree.value:  # as the index of those that have one says it
            return and_(column != "", _matches(tree, column))
        return _matches(tree, column)

    def number(self, tree: Compare, kind: str, column: ColumnElement[Any]) -> Condition:
        if kind == "time":
            moment = moment_us(tree.value, self.now_us)
            if moment is None:
                return false()
            start, end = moment
            if tree.operator == ":":
                return and_(column >= start, column < end)
            # Behind a day means behind its end.
            return {
                ">": column >= end, ">=": column >= start, "<": column < start, "<=": column < end,
            }[tree.operator]  # fmt: skip
        value = duration_us(tree.value) if kind == "duration" else number_of(tree.value)
        return false() if value is None else _COMPARE[tree.operator](column, value)

    def cell(self, tree: Compare) -> Condition:
        cells = tables.run_cell.c
        number = number_of(tree.value)
        if tree.operator == "~" or (tree.operator == ":" and (tree.quoted or number is None)):
            value = cells.text
            held = _matches(tree, value)
            if tree.operator == ":" and tree.value == "*" and not tree.quoted:
                held = or_(cells.num.is_not(None), value.is_not(None))
        elif number is None:
            held = false()
        else:
            held = _COMPARE[tree.operator](cells.num, number)
            if tree.operator == ":":
                held = or_(held, cells.text == tree.value)
        mine = cells.path == self.paths[tree.key]
        found = _run.number.in_(select(cells.run).where(mine, held))
        if tree.operator == ":" and tree.value == "null" and not tree.quoted:
            # A null has no cell: it is no value, as one that is not there.
            return or_(found, _run.number.not_in(select(cells.run).where(mine)))
        return found


_COMPARE: Mapping[str, Callable[[ColumnElement[Any], float], Condition]] = {
    ":": lambda column, value: column == value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
}


def path_numbers(connection: Connection, project: int, keys: Iterable[Key]) -> dict[Key, int]:
    """Return the number of the path that each config or summary key means."""
    wanted = {key: _names(key) for key in keys if key.space != "run"}
    names = {name for options in wanted.values() for name in options}
    if not names:
        return {}
    path, cells = tables.path.c, tables.run_cell.c
    used = exists().where(cells.path == path.number)
    rows = connection.execute(
        select(path.name, path.number).where(path.project == project, path.name.in_(names), used)
    )
    known = {row.name: row.number for row in rows}
    return {
        key: next((known[name] for name in options if name in known), _ABSENT)
        for key, options in wanted.items()
    }


def _names(key: Key) -> list[str]:
    """Return the paths a key may mean, the likeliest first: as a path, or as one literal key."""
    if key.space == "metric":
        what, _, path = key.path.partition(".")
        return [f"metric.{what}.{spelling}" for spelling in _spellings(path)]
    spaces = [key.space] if key.space else ["config", "summary"]
    spellings = _spellings(key.path)
    return [f"{space}.{spelling}" for space in spaces for spelling in spellings]


def _spellings(path: str) -> list[str]:
    return list(dict.fromkeys((path, keypath.escape(path))))


def _sorted(columns: Sequence[ColumnElement[Any]], descending: bool) -> list[ColumnElement[Any]]:
    """Return the order of a value that is in one of the columns; in none of them is last."""
    place = case(
        *((column.is_not(None), rank) for rank, column in enumerate(columns)), else_=len(columns)
    )
    return [place, *(column.desc() if descending else column.asc() for column in columns)]


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def contains(column: ColumnElement[Any], text: str) -> Condition:
    return column.ilike(f"%{_like(text)}%", escape="\\")


def _matches(tree: Compare, column: ColumnElement[Any]) -> Condition:
    """Return the condition of `:` and `~` on a text that may be null inside a sub-select only."""
    if tree.operator == "~":
        return contains(column, tree.value)
    if "*" in tree.value and not tree.quoted:
        return column.ilike(_like(tree.value).replace("*", "%"), escape="\\")
    return column == tree.value


def _tags(tree: Compare) -> Condition:
    tag = tables.run_tag.c
    if tree.value == "" and tree.operator == ":":
        return _run.number.not_in(select(tag.run))
    return _run.number.in_(select(tag.run).where(_matches(tree, tag.tag)))


def _word(text: str) -> Condition:
    tag = tables.run_tag.c
    return or_(
        *(contains(column, text) for column in (_run.name, _run.id, _run.notes)),
        _run.number.in_(select(tag.run).where(contains(tag.tag, text))),
    )
