"""Statements about versions whose time is over, and about content that no version lists any more."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, and_, exists, or_, select

from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.meta_save import slices
from kiseki.storage.embedded.trash import note_unnamed

_a, _c, _m = t.artifact.c, t.collection.c, t.artifact_member.c
_content, _manifest = t.artifact_content.c, t.artifact_manifest.c


def expired(c: Connection, now_us: int, limit: int) -> list[int]:
    """Return versions whose time to live has passed; what is linked somewhere has none."""
    portfolio = t.collection.alias()
    is_linked = exists().where(
        _m.artifact == _a.number,
        portfolio.c.number == _m.collection,
        portfolio.c.kind == "portfolio",
    )
    query = select(_a.number).where(
        _a.state == "committed",
        _a.ttl_s > 0,
        _a.created_us + _a.ttl_s * 1_000_000 <= now_us,
        ~is_linked,
    )
    return list(c.scalars(query.order_by(_a.number).limit(limit)))


def abandoned(c: Connection, before_us: int, limit: int) -> list[int]:
    """Return versions that were begun so long ago that nobody will commit them."""
    query = select(_a.number).where(_a.state == "pending", _a.created_us <= before_us)
    return list(c.scalars(query.order_by(_a.number).limit(limit)))


def unswept(c: Connection, before_us: int) -> dict[int, list[int]]:
    """Return by project the versions that were deleted before a moment and not blanked."""
    query = (
        select(_c.project, _a.number)
        .join(t.collection, _c.number == _a.collection)
        .where(_a.state == "deleted", _a.updated_us <= before_us)
        .order_by(_a.number)
    )
    found: dict[int, list[int]] = {}
    for project, number in c.execute(query):
        found.setdefault(project, []).append(number)
    return found


def listings(c: Connection, project: int, before_us: int) -> list[str]:
    """Return the manifests of versions that hold their content: all but those deleted before a moment."""
    holds = or_(
        _a.state.in_(("pending", "committed")),
        and_(_a.state == "deleted", _a.updated_us > before_us),
    )
    base = (
        select(_manifest.sha256)
        .join(t.artifact, _a.number == _manifest.artifact)
        .join(t.collection, _c.number == _a.collection)
        .where(_c.project == project, _manifest.sha256 != "", holds)
    )
    own = (
        select(_a.manifest)
        .join(t.collection, _c.number == _a.collection)
        .where(_c.project == project, _a.manifest != "", holds)
    )
    return sorted({*c.scalars(base), *c.scalars(own)})


def untold(c: Connection, project: int, before_us: int, after: bytes, limit: int) -> list[bytes]:
    """Return MD5s, in order, of contents that nobody was told of since a moment."""
    query = select(_content.digest).where(
        _content.project == project, _content.told_us <= before_us, _content.digest > after
    )
    return list(c.scalars(query.order_by(_content.digest).limit(limit)))


def forget(c: Connection, project: int, digests: Sequence[bytes], before_us: int) -> None:
    """Take contents from a project's artifacts that nobody was told of since; and have them looked at."""
    for some in slices(list(digests)):
        these = and_(
            _content.project == project,
            _content.digest.in_(some),
            _content.told_us <= before_us,
        )
        gone = [digest.hex() for digest in c.scalars(select(_content.sha256).where(these))]
        c.execute(t.artifact_content.delete().where(these))
        note_unnamed(c, project, gone)


def blank(c: Connection, project: int, numbers: Sequence[int]) -> None:
    """Leave nothing of deleted versions but their numbers; have their lists of files looked at."""
    for some in slices(list(numbers)):
        mine = _manifest.artifact.in_(some)
        held = select(_manifest.sha256).where(mine, _manifest.sha256 != "")
        note_unnamed(c, project, sorted(set(c.scalars(held))))
        c.execute(t.artifact_manifest.delete().where(mine))
        c.execute(t.artifact_run.delete().where(t.artifact_run.c.artifact.in_(some)))
        c.execute(t.artifact_client.delete().where(t.artifact_client.c.artifact.in_(some)))
        values = {
            "state": "purged",
            "manifest": "",
            "metadata": "",
            "description": "",
            "tags": "[]",
        }
        c.execute(
            t.artifact.update().where(_a.number.in_(some), _a.state == "deleted").values(values)
        )
