"""Statements about runs in the trash, and about what is left of those that are gone for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, exists, select
from sqlalchemy import func as sql
from sqlalchemy.dialects.sqlite import insert as upsert

from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.meta_save import slices
from kiseki.storage.interface import Loose

_run = t.run.c
_IN_TRASH = and_(_run.deleted_us.is_not(None), _run.purged_us.is_(None))
_ADD_UNNAMED = upsert(t.unnamed).on_conflict_do_nothing()


def in_trash(project: int) -> Any:
    """Return what is true of the runs of a project that can be restored."""
    return and_(_run.project == project, _IN_TRASH)


def expired(before_us: int) -> Any:
    """Return what is true of the runs that are to be purged."""
    return and_(_IN_TRASH, _run.deleted_us <= before_us)


def throw_away(c: Connection, numbers: Sequence[int], by: str, now_us: int) -> list[int]:
    """Put runs into the trash; return those that were not there."""
    return _change(c, numbers, _run.deleted_us.is_(None), {"deleted_us": now_us, "deleted_by": by})


def restore(c: Connection, numbers: Sequence[int], since_us: int) -> list[int]:
    """Take runs out of the trash that were put there after `since_us`; return them."""
    is_young = and_(_IN_TRASH, _run.deleted_us > since_us)
    return _change(c, numbers, is_young, {"deleted_us": None, "deleted_by": ""})


def _change(c: Connection, numbers: Sequence[int], where: Any, values: dict[str, Any]) -> list[int]:
    changed: list[int] = []
    for some in slices(numbers):
        found = list(c.scalars(select(_run.number).where(_run.number.in_(some), where)))
        c.execute(t.run.update().where(_run.number.in_(found)).values(values))
        changed += found
    return changed


def purge(c: Connection, run: int, before_us: int, now_us: int, files: Mapping[int, bytes]) -> bool:
    """Leave nothing of a run but its id, its attempts with `files`, and their segments.

    Returns whether the run was still to be purged.
    """
    still = and_(_run.number == run, expired(before_us))
    if c.scalar(select(_run.number).where(still)) is None:
        return False
    blank: dict[str, Any] = dict.fromkeys(
        ("cause", "notes", "group", "job_type", "host", "program"), ""
    )
    blank |= {"name": _run.id, "tags": "[]", "pid": 0, "exit_code": None, "rows": 0}
    c.execute(t.run.update().where(_run.number == run).values(blank | {"purged_us": now_us}))
    attempts = select(t.attempt.c.number).where(t.attempt.c.run == run)
    c.execute(t.run_cell.delete().where(t.run_cell.c.run == run))
    c.execute(t.run_tag.delete().where(t.run_tag.c.run == run))
    c.execute(t.alert.delete().where(t.alert.c.run == run))
    c.execute(t.attempt_metric.delete().where(t.attempt_metric.c.attempt.in_(attempts)))
    c.execute(t.attempt_part.delete().where(t.attempt_part.c.attempt.in_(attempts)))
    if files:
        parts = [{"attempt": n, "name": "files", "data": data} for n, data in files.items()]
        c.execute(t.attempt_part.insert(), parts)
    c.execute(t.stream.update().where(t.stream.c.run == run).values(is_open=False))
    return True


def loose(c: Connection, limit: int) -> list[Loose]:
    """Return segments of purged runs that nothing hangs on."""
    hanging = t.segment.alias()
    query = (
        select(t.segment.c.number, t.segment.c.attempt, _run.project)
        .join(t.attempt, t.attempt.c.number == t.segment.c.attempt)
        .join(t.run, _run.number == t.attempt.c.run)
        .where(
            _run.deleted_us.is_not(None),
            _run.purged_us.is_not(None),
            ~exists().where(hanging.c.parent == t.segment.c.number),
        )
        .limit(limit)
    )
    rows = c.execute(query).all()
    streams: dict[int, list[str]] = {row.number: [] for row in rows}
    of_these = t.stream.c.segment.in_(list(streams))
    for id, segment in c.execute(select(t.stream.c.id, t.stream.c.segment).where(of_these)):
        streams[segment].append(id)
    return [Loose(row.project, row.number, row.attempt, streams[row.number]) for row in rows]


def drop_segment(c: Connection, gone: Loose) -> None:
    """Forget a segment with its streams, and its attempt with its last segment."""
    c.execute(t.stream.delete().where(t.stream.c.segment == gone.segment))
    c.execute(t.segment.delete().where(t.segment.c.number == gone.segment))
    left = select(sql.count()).select_from(t.segment).where(t.segment.c.attempt == gone.attempt)
    if not c.scalar(left):
        c.execute(t.attempt_part.delete().where(t.attempt_part.c.attempt == gone.attempt))
        c.execute(t.attempt.delete().where(t.attempt.c.number == gone.attempt))


def hung_on(c: Connection, run: int) -> dict[int, int]:
    """Return by attempt of a run the last step at which something hangs below it."""
    above = t.segment.alias()
    query = (
        select(above.c.attempt, sql.max(t.segment.c.parent_step).label("step"))
        .join(t.attempt, t.attempt.c.number == above.c.attempt)
        .join(t.segment, t.segment.c.parent == above.c.number)
        .where(t.attempt.c.run == run)
        .group_by(above.c.attempt)
    )
    return {row.attempt: row.step for row in c.execute(query)}


def note_unnamed(c: Connection, project: int, digests: Sequence[str]) -> None:
    """Have contents looked at: maybe no run names them any more."""
    rows = [{"project": project, "digest": bytes.fromhex(digest)} for digest in digests]
    if rows:
        c.execute(_ADD_UNNAMED, rows)


def unnamed(c: Connection) -> dict[int, list[str]]:
    """Return the contents to be looked at, by project."""
    found: dict[int, list[str]] = {}
    for project, digest in c.execute(select(t.unnamed.c.project, t.unnamed.c.digest)):
        found.setdefault(project, []).append(digest.hex())
    return found


def drop_blobs(c: Connection, project: int, digests: Sequence[str], before_us: int) -> list[str]:
    """Take contents from a project that nobody was told of since `before_us`; return those it has no more."""
    b = t.blob.c
    gone: list[str] = []
    for some in slices(digests):
        these = and_(b.project == project, b.digest.in_(list(map(bytes.fromhex, some))))
        c.execute(t.blob.delete().where(these, b.created_us <= before_us))
        kept = {digest.hex() for digest in c.scalars(select(b.digest).where(these))}
        gone += [digest for digest in some if digest not in kept]
    return gone


def settle(c: Connection, project: int, digests: Sequence[str]) -> None:
    """Note that contents were looked at."""
    u = t.unnamed.c
    for some in slices(digests):
        wanted = list(map(bytes.fromhex, some))
        c.execute(t.unnamed.delete().where(u.project == project, u.digest.in_(wanted)))
