"""Statements that follow histories: upwards from a segment, and down to the runs that hang on one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CTE, ColumnElement, Connection, select

from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.runs_query import fetched, listed
from kiseki.storage.interface import Attempt, Fork, Piece, Segment


def attempts(c: Connection, where: ColumnElement[bool]) -> list[Attempt]:
    """Return attempts and where they hang, in their order."""
    own, above, parent = t.segment.alias(), t.segment.alias(), t.attempt.alias()
    query = (
        select(t.attempt, own.c.parent_step, parent.c.run.label("parent_run"))
        .join(own, own.c.number == t.attempt.c.history)
        .outerjoin(above, above.c.number == own.c.parent)
        .outerjoin(parent, parent.c.number == above.c.attempt)
        .where(where)
        .order_by(t.attempt.c.ordinal)
    )
    return [Attempt(**row._mapping) for row in c.execute(query)]


def _upwards(numbers: Sequence[int]) -> CTE:
    """Return the segments and all their ancestors."""
    start: Any = select(t.segment).where(t.segment.c.number.in_(listed(numbers)))
    found: CTE = start.cte("upwards", recursive=True)
    return found.union(select(t.segment).join(found, t.segment.c.number == found.c.parent))


def segments(c: Connection, numbers: Sequence[int]) -> dict[int, Segment]:
    """Return these segments and all their ancestors."""
    rows = fetched(c, select(_upwards(sorted(set(numbers)))))
    return {number: Segment(number, *rest) for number, *rest in rows}


def pieces(c: Connection, head: int) -> list[Piece]:
    """Return what the history that ends in a segment is made of, oldest first."""
    above = _upwards([head])
    query = (
        select(above, t.attempt.c.ordinal, t.run.c.id, t.run.c.name)
        .join(t.attempt, t.attempt.c.number == above.c.attempt)
        .join(t.run, t.run.c.number == t.attempt.c.run)
    )
    rows = {row.number: row for row in c.execute(query)}
    found: list[Piece] = []
    number: int | None = head
    while number is not None:
        row = rows[number]
        found.append(Piece(number, row.parent_step, row.ordinal, row.id, row.name))
        number = row.parent
    return found[::-1]


def forks(c: Connection, run: int) -> list[Fork]:
    """Return the other runs whose latest history begins with rows of a run, oldest first.

    What hangs at the run need not be their latest attempt: that may be a rewind of it.
    """
    above, made = t.segment.alias(), t.attempt.alias()
    query = (
        select(
            t.run.c.id, t.run.c.name, t.run.c.history, t.segment.c.number, t.segment.c.parent_step
        )
        .select_from(t.attempt)
        .join(above, above.c.attempt == t.attempt.c.number)
        .join(t.segment, t.segment.c.parent == above.c.number)
        .join(made, made.c.number == t.segment.c.attempt)
        .join(t.run, t.run.c.number == made.c.run)
        .where(t.attempt.c.run == run, t.run.c.number != run, t.run.c.deleted_us.is_(None))
        .order_by(t.run.c.number, t.segment.c.number)
    )
    rows = c.execute(query).all()
    known = segments(c, [row.history for row in rows])
    return [
        Fork(row.id, row.name, row.parent_step)
        for row in rows
        if row.number in _path(known, row.history)
    ]


def _path(known: Mapping[int, Segment], head: int) -> set[int]:
    """Return a segment and its ancestors."""
    found: set[int] = set()
    number: int | None = head
    while number is not None:
        found.add(number)
        number = known[number].parent
    return found
