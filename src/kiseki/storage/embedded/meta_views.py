"""`ViewStore` in `meta.db`: views, their versions and documents, drafts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, or_, select
from sqlalchemy import func as sql
from sqlalchemy.dialects.sqlite import insert as upsert

from kiseki.errors import Conflict, NotFound
from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.database import Database, inserted
from kiseki.storage.embedded.meta_save import slices
from kiseki.storage.views import MINE, Doc, View, ViewVersion

DAY_US = 24 * 3600 * 1_000_000

_view, _version, _doc, _draft = t.view.c, t.view_version.c, t.view_doc.c, t.draft.c
_VIEWS = select(t.view, t.user.c.name.label("owner_name")).join(
    t.user, t.user.c.number == _view.owner
)
_ADD_DOC = upsert(t.view_doc).on_conflict_do_nothing()
_insert_draft = upsert(t.draft)
_PUT_DRAFT = _insert_draft.on_conflict_do_update(
    set_={
        "user": _insert_draft.excluded.user,
        "until_us": sql.max(_draft.until_us, _insert_draft.excluded.until_us),
    }
)


class EmbeddedViews(Database):
    """The views of a data folder."""

    def views(self, project: int, user: int) -> list[View]:
        query = (
            _VIEWS.where(
                _view.project == project,
                _view.deleted_us.is_(None),
                or_(_view.is_shared, _view.owner == user),
            )
        ).order_by(_view.name, _view.number)
        with self._read() as c:
            return list(map(_to_view, c.execute(query)))

    def view(self, project: int, slug: str, user: int) -> View | None:
        with self._read() as c:
            return _find(c, project, slug, user)

    def view_doc(self, view: int, version: int) -> bytes | None:
        query = (
            select(_doc.data)
            .join(t.view, _view.project == _doc.project)
            .join(
                t.view_version,
                and_(_version.view == _view.number, _version.digest == _doc.digest),
            )
            .where(_version.view == view, _version.version == version)
        )
        with self._read() as c:
            return c.scalar(query)

    def view_versions(self, view: int) -> list[ViewVersion]:
        query = (
            select(_version.version, _version.time_us, _version.by, _doc.size)
            .join(t.view, _view.number == _version.view)
            .join(
                t.view_doc,
                and_(_doc.project == _view.project, _doc.digest == _version.digest),
            )
            .where(_version.view == view)
            .order_by(_version.version.desc())
        )
        with self._read() as c:
            return [ViewVersion(**row._mapping) for row in c.execute(query)]

    def add_view(
        self,
        project: int,
        slug: str,
        name: str,
        owner: int,
        doc: Doc,
        now_us: int,
        *,
        is_shared: bool,
        limit: int,
    ) -> View:
        mine = and_(_view.is_shared.is_(False), _view.owner == owner)
        these = and_(_view.project == project, _view.is_shared if is_shared else mine)
        taken = select(_view.slug).where(_view.project == project, _view.keeper == 0)
        with self._write() as c:
            if (c.scalar(select(sql.count()).select_from(t.view).where(these)) or 0) >= limit:
                raise Conflict(
                    f"there are {limit:,} views already, with the deleted ones: delete some, which takes a "
                    "week, or save over one of them",
                    code="views",
                )
            used = set(c.scalars(taken))
            number = 1
            free = slug
            while free in used:
                number += 1
                free = f"{slug}-{number}"
            _add(c, project, 0, free, name, owner, doc, now_us, is_shared=is_shared)
            return _get(c, project, free, owner)

    def save_view(
        self,
        project: int,
        slug: str,
        user: int,
        base_version: int,
        doc: Doc,
        now_us: int,
        *,
        by: str,
        keep: int,
    ) -> View:
        with self._write() as c:
            known = _find(c, project, slug, user)
            if known is None or (known.deleted_us is not None and slug != MINE):
                if slug != MINE:
                    raise NotFound(f"view {slug!r} does not exist", code="absent")
                if base_version:
                    raise _edited(slug, 0)
                _add(c, project, user, MINE, "", user, doc, now_us, is_shared=False)
                return _get(c, project, slug, user)
            of_view = _view.number == known.number
            latest = select(_version.digest).where(
                _version.view == known.number, _version.version == known.version
            )
            if known.deleted_us is None and c.scalar(latest) == doc.digest:
                return known
            if base_version != known.version and not (known.deleted_us and base_version == 0):
                raise _edited(slug, known.version)
            number = known.version + 1
            changes = {"version": number, "edited_us": now_us, "edited_by": by, "deleted_us": None}
            c.execute(t.view.update().where(of_view).values(changes))
            _add_version(c, project, known.number, number, doc, now_us, by)
            _thin(c, project, known.number, number - keep)
            return _get(c, project, slug, user)

    def edit_view(self, number: int, columns: Mapping[str, Any]) -> None:
        this = _view.number == number
        with self._write() as c:
            c.execute(t.view.update().where(this).values(**columns))
            view = c.execute(select(t.view).where(this)).first()
            if view is not None and columns.get("is_default"):
                whose = _view.is_shared if view.is_shared else and_(
                    _view.is_shared.is_(False), _view.owner == view.owner
                )  # fmt: skip
                others = (_view.project == view.project, whose, _view.number != number)
                c.execute(t.view.update().where(*others).values(is_default=False))

    def add_draft(self, project: int, doc: Doc, user: int, until_us: int, *, keep: int) -> None:
        row = {"project": project, "digest": doc.digest, "user": user, "until_us": until_us}
        of_user = (_draft.project == project, _draft.user == user)
        order = (_draft.until_us.desc(), _draft.digest)
        with self._write() as c:
            _put_doc(c, project, doc)
            c.execute(_PUT_DRAFT, row)
            beyond = select(_draft.digest).where(*of_user).order_by(*order).offset(keep).limit(-1)
            old = list(c.scalars(beyond))
            for some in slices(old):
                c.execute(t.draft.delete().where(*of_user, _draft.digest.in_(some)))
            _drop_docs(c, project, old)

    def draft(self, project: int, digest: bytes, now_us: int) -> bytes | None:
        query = (
            select(_doc.data)
            .join(t.draft, and_(_draft.project == _doc.project, _draft.digest == _doc.digest))
            .where(_doc.project == project, _doc.digest == digest, _draft.until_us > now_us)
        )
        with self._read() as c:
            return c.scalar(query)

    def drop_old_views(self, deleted_before_us: int, now_us: int) -> int:
        with self._write() as c:
            drafts = c.execute(
                select(_draft.project, _draft.digest).where(_draft.until_us <= now_us)
            ).all()
            c.execute(t.draft.delete().where(_draft.until_us <= now_us))
            is_old = _view.deleted_us < deleted_before_us
            of_old = _version.view.in_(select(_view.number).where(is_old))
            versions = c.execute(
                select(_view.project, _version.digest)
                .join(t.view_version, _version.view == _view.number)
                .where(is_old)
            ).all()
            c.execute(t.view_version.delete().where(of_old))
            gone = c.execute(t.view.delete().where(is_old)).rowcount
            loose: dict[int, set[bytes]] = {}
            for project, digest in (*drafts, *versions):
                loose.setdefault(project, set()).add(digest)
            for project, digests in loose.items():
                _drop_docs(c, project, digests)
            return len(drafts) + gone


def _to_view(row: Row[Any]) -> View:
    values = dict(row._mapping)
    del values["keeper"]
    return View(**values)


def _find(c: Connection, project: int, slug: str, user: int) -> View | None:
    keeper = user if slug == MINE else 0
    where = (_view.project == project, _view.keeper == keeper, _view.slug == slug)
    return next(map(_to_view, c.execute(_VIEWS.where(*where))), None)


def _get(c: Connection, project: int, slug: str, user: int) -> View:
    found = _find(c, project, slug, user)
    assert found is not None
    return found


def _edited(slug: str, version: int) -> Conflict:
    return Conflict(
        f"view {slug!r} was changed meanwhile: it is at version {version}",
        code="edited", version=version,
    )  # fmt: skip


def _add(
    c: Connection,
    project: int,
    keeper: int,
    slug: str,
    name: str,
    owner: int,
    doc: Doc,
    now_us: int,
    *,
    is_shared: bool,
) -> None:
    by = c.scalar(select(t.user.c.name).where(t.user.c.number == owner)) or ""
    values = {
        "project": project, "keeper": keeper, "slug": slug, "name": name, "owner": owner,
        "is_shared": is_shared, "is_default": False, "version": 1, "created_us": now_us,
        "edited_us": now_us, "edited_by": by,
    }  # fmt: skip
    number = inserted(c.execute(t.view.insert().values(values)))
    _add_version(c, project, number, 1, doc, now_us, by)


def _add_version(
    c: Connection, project: int, view: int, version: int, doc: Doc, now_us: int, by: str
) -> None:
    _put_doc(c, project, doc)
    values = {"view": view, "version": version, "digest": doc.digest, "time_us": now_us, "by": by}
    c.execute(t.view_version.insert().values(values))


def _put_doc(c: Connection, project: int, doc: Doc) -> None:
    row = {"project": project, "digest": doc.digest, "data": doc.data, "size": doc.size}
    c.execute(_ADD_DOC, row)


def _thin(c: Connection, project: int, view: int, upto: int) -> None:
    """Leave of the versions up to one only the last of each day."""
    query = (
        select(_version.version, _version.digest, _version.time_us)
        .where(_version.view == view, _version.version <= upto)
        .order_by(_version.version)
    )
    rows = c.execute(query).all()
    surplus = [
        row for row, after in pairwise(rows) if row.time_us // DAY_US == after.time_us // DAY_US
    ]
    for some in slices([row.version for row in surplus]):
        c.execute(t.view_version.delete().where(_version.view == view, _version.version.in_(some)))
    _drop_docs(c, project, {row.digest for row in surplus})


def _drop_docs(c: Connection, project: int, digests: Iterable[bytes]) -> None:
    """Drop those documents of a project that nothing holds any more."""
    held = exists().where(
        _version.digest == _doc.digest, _version.view == _view.number, _view.project == project
    )
    drafted = exists().where(_draft.project == project, _draft.digest == _doc.digest)
    for some in slices(list(digests)):
        these = (_doc.project == project, _doc.digest.in_(some))
        c.execute(t.view_doc.delete().where(*these, ~held, ~drafted))
