"""`ArtifactStore` in `meta.db`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, select
from sqlalchemy import func as sql
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import IntegrityError

from kiseki.errors import Conflict, NotFound
from kiseki.storage.artifacts import (
    LATEST,
    Artifact,
    ArtifactType,
    Collection,
    Content,
    Kind,
    Listed,
    Manifest,
    Member,
    NewArtifact,
    Part,
    Role,
)
from kiseki.storage.embedded import artifact_sweep
from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.database import Database, inserted
from kiseki.storage.embedded.meta_blobs import add_blobs
from kiseki.storage.embedded.meta_save import slices

_c, _a, _m, _alias = t.collection.c, t.artifact.c, t.artifact_member.c, t.artifact_alias.c
_content, _run, _manifest = t.artifact_content.c, t.artifact_run.c, t.artifact_manifest.c
_GONE = "/"  # begins the name of a deleted collection: no name that somebody gives holds it
_VERSION = re.compile(r"v(\d{1,15})")

_COLLECTIONS = (
    select(t.collection, t.entity.c.name.label("entity_name"), t.project.c.name.label("in_project"))
    .join(t.project, t.project.c.number == _c.project)
    .join(t.entity, t.entity.c.number == t.project.c.entity)
)
_IS_SHOWN = and_(_c.next_version > 0, _c.name.not_like(f"{_GONE}%"))


class EmbeddedArtifacts(Database):
    """The artifacts of a data folder."""

    # ── collections ──

    def collection(self, project: int, name: str) -> Collection | None:
        with self._read() as c:
            return _one_collection(c, _c.project == project, _c.name == name, _IS_SHOWN)

    def collection_by_number(self, number: int) -> Collection | None:
        with self._read() as c:
            return _one_collection(c, _c.number == number, _IS_SHOWN)

    def collections(self, project: int, type: str | None = None) -> list[Collection]:
        query = _COLLECTIONS.where(_c.project == project, _IS_SHOWN).order_by(_c.name)
        if type is not None:
            query = query.where(_c.type == type)
        with self._read() as c:
            return list(map(_to_collection, c.execute(query)))

    def artifact_types(self, project: int) -> list[ArtifactType]:
        query = (
            select(_c.type, sql.count(_c.number.distinct()), sql.count(_m.number))
            .outerjoin(t.artifact_member, _m.collection == _c.number)
            .where(_c.project == project, _IS_SHOWN)
            .group_by(_c.type)
            .order_by(_c.type)
        )
        with self._read() as c:
            return [ArtifactType(*row) for row in c.execute(query)]

    def list_collections(
        self, project: int, type: str, search: str, offset: int, limit: int
    ) -> tuple[int, list[Listed]]:
        wanted = [_c.project == project, _IS_SHOWN]
        if type:
            wanted.append(_c.type == type)
        if search:
            wanted.append(_c.name.icontains(search, autoescape=True))
        with self._read() as c:
            total = c.scalar(select(sql.count()).select_from(t.collection).where(*wanted)) or 0
            query = _COLLECTIONS.where(*wanted).order_by(_c.updated_us.desc(), _c.number.desc())
            rows = c.execute(query.offset(offset).limit(limit))
            return total, _listed(c, list(map(_to_collection, rows)))

    def edit_collection(self, number: int, columns: Mapping[str, Any], now_us: int) -> None:
        values = _packed(columns) | {"updated_us": now_us}
        try:
            with self._write() as c:
                c.execute(t.collection.update().where(_c.number == number).values(values))
        except IntegrityError as error:
            raise Conflict(
                f"there is a collection {columns.get('name')!r} already", code="name"
            ) from error

    def delete_collection(self, number: int, now_us: int) -> None:
        of_it = _m.collection == number
        with self._write() as c:
            own = list(c.scalars(select(_a.number).where(_a.collection == number)))
            for some in slices(own):
                _drop_members(c, _m.artifact.in_(some))
                gone = t.artifact.update().where(_a.number.in_(some))
                c.execute(gone.values(state="deleted", updated_us=now_us))
            _drop_members(c, of_it)
            name = f"{_GONE}{number}"
            c.execute(t.collection.update().where(_c.number == number).values(name=name))

    # ── versions ──

    def begin_artifact(self, new: NewArtifact) -> tuple[Artifact, Artifact | None]:
        with self._write() as c:
            owner = _make_collection(
                c, new.project, new.collection, "sequence", new.type, new.now_us
            )
            latest = _latest(c, owner)
            found = _same(c, owner, new)
            if found is None:
                found = _add_artifact(c, owner, new)
            if new.run is not None:
                _note_run(c, new.run, "made", found, new.now_us)
            for id, artifact in ((new.client, found), (new.sequence, None)):
                if id:
                    row = {"id": id, "collection": owner, "artifact": artifact}
                    c.execute(upsert(t.artifact_client).values(row).on_conflict_do_nothing())
            return _get(c, found), None if latest is None else _get(c, latest)

    def artifact(self, number: int) -> Artifact | None:
        with self._read() as c:
            return next(iter(_artifacts(c, select(t.artifact).where(_a.number == number))), None)

    def commit_artifact(
        self, number: int, manifest: str, digest: str, size: int, files: int, now_us: int
    ) -> Artifact:
        with self._write() as c:
            row = c.execute(select(t.artifact).where(_a.number == number)).first()
            if row is None or row.state in ("deleted", "purged"):
                raise NotFound("this version was deleted", code="absent")
            if row.state == "committed":
                return _get(c, number)
            member = _add_member(c, row.collection, number, now_us)
            version = c.scalar(select(_m.version).where(_m.number == member))
            values = {
                "state": "committed", "version": version, "manifest": manifest, "digest": digest,
                "size": size, "files": files, "waiting": "[]", "updated_us": now_us,
            }  # fmt: skip
            c.execute(t.artifact.update().where(_a.number == number).values(values))
            _point(c, row.collection, member, [LATEST, *json.loads(row.waiting)])
            return _get(c, number)

    def edit_artifact(self, number: int, columns: Mapping[str, Any], now_us: int) -> None:
        values = _packed(columns) | {"updated_us": now_us}
        with self._write() as c:
            c.execute(t.artifact.update().where(_a.number == number).values(values))

    def delete_artifact(self, number: int, now_us: int) -> None:
        with self._write() as c:
            _drop_members(c, _m.artifact == number)
            gone = t.artifact.update().where(_a.number == number)
            c.execute(gone.values(state="deleted", waiting="[]", updated_us=now_us))

    # ── manifests ──

    def add_manifest(
        self, artifact: int, part: Part, base: int | None, digest: str, now_us: int
    ) -> Manifest:
        row = {
            "artifact": artifact, "part": part, "base": base, "digest": digest, "sha256": "",
            "created_us": now_us,
        }  # fmt: skip
        with self._write() as c:
            number = inserted(c.execute(t.artifact_manifest.insert().values(row)))
        return Manifest(number, artifact, part, base, digest, "")

    def manifest(self, number: int) -> Manifest | None:
        query = select(t.artifact_manifest).where(_manifest.number == number)
        with self._read() as c:
            return next(map(_to_manifest, c.execute(query)), None)

    def manifests(self, artifact: int) -> list[Manifest]:
        query = select(t.artifact_manifest).where(_manifest.artifact == artifact)
        with self._read() as c:
            return list(map(_to_manifest, c.execute(query.order_by(_manifest.number))))

    def edit_manifest(self, number: int, columns: Mapping[str, Any]) -> None:
        edit = t.artifact_manifest.update().where(_manifest.number == number)
        with self._write() as c:
            c.execute(edit.values(dict(columns)))

    # ── content ──

    def contents(self, project: int, digests: Sequence[bytes]) -> dict[bytes, Content]:
        with self._read() as c:
            return _contents(c, project, digests)

    def tell_contents(
        self, project: int, digests: Sequence[bytes], now_us: int, since_us: int
    ) -> dict[bytes, Content]:
        with self._write() as c:
            for some in slices(list(digests)):
                old = t.artifact_content.update().where(
                    _content.project == project,
                    _content.digest.in_(some),
                    _content.told_us <= since_us,
                )
                c.execute(old.values(told_us=now_us))
            return _contents(c, project, digests)

    def add_contents(self, project: int, contents: Mapping[bytes, Content], now_us: int) -> None:
        with self._write() as c:
            _add_contents(c, project, contents, now_us)

    def hold_contents(self, projects: Mapping[int, Mapping[bytes, Content]], now_us: int) -> None:
        with self._write() as c:
            for project, contents in projects.items():
                add_blobs(c, project, {one.sha256: one.size for one in contents.values()}, now_us)
                _add_contents(c, project, contents, now_us)

    def artifact_blobs(self, project: int, digests: Sequence[str]) -> set[str]:
        found: set[str] = set()
        with self._read() as c:
            for some in slices(list(digests)):
                held = select(_content.sha256).where(
                    _content.project == project,
                    _content.sha256.in_([bytes.fromhex(digest) for digest in some]),
                )
                found |= {digest.hex() for digest in c.scalars(held)}
                found |= set(c.scalars(select(_manifest.sha256).where(_manifest.sha256.in_(some))))
        return found

    # ── what goes for good ──

    def expired_artifacts(self, now_us: int, limit: int) -> list[int]:
        with self._read() as c:
            return artifact_sweep.expired(c, now_us, limit)

    def abandoned_artifacts(self, before_us: int, limit: int) -> list[int]:
        with self._read() as c:
            return artifact_sweep.abandoned(c, before_us, limit)

    def unswept_artifacts(self, before_us: int) -> dict[int, list[int]]:
        with self._read() as c:
            return artifact_sweep.unswept(c, before_us)

    def artifact_listings(self, project: int, before_us: int) -> list[str]:
        with self._read() as c:
            return artifact_sweep.listings(c, project, before_us)

    def untold_contents(
        self, project: int, before_us: int, after: bytes, limit: int
    ) -> list[bytes]:
        with self._read() as c:
            return artifact_sweep.untold(c, project, before_us, after, limit)

    def forget_contents(self, project: int, digests: Sequence[bytes], before_us: int) -> None:
        with self._write() as c:
            artifact_sweep.forget(c, project, digests, before_us)

    def blank_artifacts(self, project: int, numbers: Sequence[int]) -> None:
        with self._write() as c:
            artifact_sweep.blank(c, project, numbers)

    # ── members and aliases ──

    def member(self, collection: int, alias: str) -> Member | None:
        base = select(t.artifact_member).where(_m.collection == collection)
        named = base.join(t.artifact_alias, _alias.member == _m.number).where(_alias.alias == alias)
        queries = [named]
        if version := _VERSION.fullmatch(alias):
            queries.append(base.where(_m.version == int(version[1])))
        queries.append(
            base.join(t.artifact, _a.number == _m.artifact)
            .where(_a.digest == alias)
            .order_by(_m.version.desc())
        )
        with self._read() as c:
            for query in queries:
                if found := _members(c, query.limit(1)):
                    return found[0]
        return None

    def versions_in(
        self, collection: int, offset: int = 0, limit: int | None = None
    ) -> list[Member]:
        query = select(t.artifact_member).where(_m.collection == collection)
        query = query.order_by(_m.version.desc()).offset(offset)
        with self._read() as c:
            return _members(c, query if limit is None else query.limit(limit))

    def sum_of_versions(self, collection: int) -> tuple[int, int]:
        query = (
            select(sql.count(), sql.coalesce(sql.sum(_a.size), 0))
            .join(t.artifact, _a.number == _m.artifact)
            .where(_m.collection == collection)
        )
        with self._read() as c:
            count, size = c.execute(query).one()
            return count, size

    def members_of(self, artifact: int) -> list[Member]:
        query = (
            select(t.artifact_member)
            .join(t.collection, _c.number == _m.collection)
            .where(_m.artifact == artifact)
            .order_by(_c.kind.desc(), _m.number)  # a sequence before portfolios
        )
        with self._read() as c:
            return _members(c, query)

    def point(self, collection: int, artifact: int, aliases: Sequence[str]) -> None:
        with self._write() as c:
            member = _member_number(c, collection, artifact)
            if member is not None:
                _point(c, collection, member, aliases)

    def unpoint(self, collection: int, artifact: int, aliases: Sequence[str]) -> None:
        with self._write() as c:
            member = _member_number(c, collection, artifact)
            these = (_alias.member == member, _alias.alias.in_(aliases))
            c.execute(t.artifact_alias.delete().where(*these))

    def link(
        self, artifact: int, project: int, name: str, aliases: Sequence[str], now_us: int
    ) -> Member:
        with self._write() as c:
            source = _get(c, artifact)
            type = source.collection.type
            owner = _make_collection(c, project, name, "portfolio", type, now_us)
            member = _member_number(c, owner, artifact)
            if member is None:
                member = _add_member(c, owner, artifact, now_us)
                aliases = [LATEST, *aliases]
            _point(c, owner, member, aliases)
            return _members(c, select(t.artifact_member).where(_m.number == member))[0]

    def unlink(self, artifact: int, collection: int) -> None:
        with self._write() as c:
            _drop_members(c, and_(_m.artifact == artifact, _m.collection == collection))

    # ── who made and used what ──

    def client_artifact(self, client: str) -> int | None:
        found = t.artifact_client.c
        query = (
            select(_a.number)
            .join(t.artifact_client, found.artifact == _a.number)
            .where(found.id == client, _a.state.in_(("pending", "committed")))
        )
        with self._read() as c:
            return c.scalar(query)

    def note_use(self, run: int, artifact: int, now_us: int) -> None:
        with self._write() as c:
            _note_run(c, run, "used", artifact, now_us)

    def artifacts_of(self, run: int, role: Role) -> list[Artifact]:
        query = (
            select(t.artifact)
            .join(t.artifact_run, _run.artifact == _a.number)
            .where(_run.run == run, _run.role == role, _a.state == "committed")
            .order_by(_run.time_us, _a.number)
        )
        with self._read() as c:
            return _artifacts(c, query)

    def users_of(self, artifact: int) -> list[int]:
        query = (
            select(_run.run)
            .join(t.run, t.run.c.number == _run.run)
            .where(_run.artifact == artifact, _run.role == "used", t.run.c.deleted_us.is_(None))
            .order_by(_run.time_us, _run.run)
        )
        with self._read() as c:
            return list(c.scalars(query))


# ── reading ──


def _one_collection(c: Connection, *where: Any) -> Collection | None:
    return next(map(_to_collection, c.execute(_COLLECTIONS.where(*where))), None)


def _to_collection(row: Row[Any]) -> Collection:
    return Collection(
        row.number, row.project, row.entity_name, row.in_project, row.name, row.kind, row.type,
        row.description, tuple(json.loads(row.tags)), row.created_us, row.updated_us,
    )  # fmt: skip


def _listed(c: Connection, found: Sequence[Collection]) -> list[Listed]:
    numbers = [one.number for one in found]
    sums: dict[int, tuple[int, int]] = {}
    latest: dict[int, Member] = {}
    for some in slices(numbers):
        counted = (
            select(_m.collection, sql.count(), sql.sum(_a.size))
            .join(t.artifact, _a.number == _m.artifact)
            .where(_m.collection.in_(some))
            .group_by(_m.collection)
        )
        sums |= {owner: (count, size) for owner, count, size in c.execute(counted)}
        newest = select(sql.max(_m.number)).where(_m.collection.in_(some)).group_by(_m.collection)
        members = _members(c, select(t.artifact_member).where(_m.number.in_(newest)))
        latest |= {one.collection.number: one for one in members}
    return [Listed(one, *sums.get(one.number, (0, 0)), latest.get(one.number)) for one in found]


_add = upsert(t.artifact_content)
_ADD_CONTENT = _add.on_conflict_do_update(set_={"told_us": _add.excluded.told_us})


def _add_contents(
    c: Connection, project: int, contents: Mapping[bytes, Content], now_us: int
) -> None:
    rows = [
        {
            "project": project, "digest": digest, "sha256": bytes.fromhex(one.sha256),
            "size": one.size, "artifact": one.artifact, "told_us": now_us,
        }
        for digest, one in contents.items()
    ]  # fmt: skip
    if rows:
        c.execute(_ADD_CONTENT, rows)


def _contents(c: Connection, project: int, digests: Sequence[bytes]) -> dict[bytes, Content]:
    found: dict[bytes, Content] = {}
    for some in slices(list(digests)):
        query = select(t.artifact_content).where(
            _content.project == project, _content.digest.in_(some)
        )
        for row in c.execute(query):
            found[row.digest] = Content(row.sha256.hex(), row.size, row.artifact)
    return found


def _to_manifest(row: Row[Any]) -> Manifest:
    return Manifest(row.number, row.artifact, row.part, row.base, row.digest, row.sha256)


def _collections_of(c: Connection, numbers: Iterable[int]) -> dict[int, Collection]:
    found: dict[int, Collection] = {}
    for some in slices(list(set(numbers))):
        rows = c.execute(_COLLECTIONS.where(_c.number.in_(some)))
        found |= {row.number: _to_collection(row) for row in rows}
    return found


def _artifacts(c: Connection, query: Select[Any]) -> list[Artifact]:
    rows = c.execute(query).all()
    owners = _collections_of(c, (row.collection for row in rows))
    return [
        Artifact(
            row.number, owners[row.collection], row.run, row.user, row.state, row.version, row.digest,
            row.description, row.metadata, row.ttl_s, row.size, row.files, row.step,
            tuple(json.loads(row.tags)), row.manifest, row.created_us, row.updated_us,
        )
        for row in rows
    ]  # fmt: skip


def _get(c: Connection, number: int) -> Artifact:
    return _artifacts(c, select(t.artifact).where(_a.number == number))[0]


def _members(c: Connection, query: Select[Any]) -> list[Member]:
    rows = c.execute(query).all()
    owners = _collections_of(c, (row.collection for row in rows))
    artifacts: dict[int, Artifact] = {}
    aliases: dict[int, list[str]] = {}
    for some in slices([row.artifact for row in rows]):
        these = _artifacts(c, select(t.artifact).where(_a.number.in_(some)))
        artifacts |= {one.number: one for one in these}
    for some in slices([row.number for row in rows]):
        pointing = select(_alias.member, _alias.alias).where(_alias.member.in_(some))
        for member, alias in c.execute(pointing.order_by(_alias.alias)):
            aliases.setdefault(member, []).append(alias)
    return [
        Member(
            row.number, owners[row.collection], artifacts[row.artifact], row.version,
            tuple(aliases.get(row.number, ())), row.created_us,
        )
        for row in rows
    ]  # fmt: skip


# ── writing ──


def _packed(columns: Mapping[str, Any]) -> dict[str, Any]:
    tags = {"tags": json.dumps(list(columns["tags"]))} if "tags" in columns else {}
    return dict(columns) | tags


def _make_collection(
    c: Connection, project: int, name: str, kind: Kind, type: str, now_us: int
) -> int:
    """Return the number of a collection, made if needed. What nothing was committed to may change."""
    row = c.execute(select(t.collection).where(_c.project == project, _c.name == name)).first()
    if row is None:
        values = {
            "project": project, "name": name, "kind": kind, "type": type, "description": "",
            "tags": "[]", "next_version": 0, "created_us": now_us, "updated_us": now_us,
        }  # fmt: skip
        return inserted(c.execute(t.collection.insert().values(values)))
    if row.next_version == 0:
        made = t.collection.update().where(_c.number == row.number)
        c.execute(made.values(kind=kind, type=type))
        return int(row.number)
    if row.kind != kind:
        what = "holds links alone" if row.kind == "portfolio" else "holds versions of its own"
        raise Conflict(f"{name!r} {what}; take another name", code="kind")
    if row.type != type:
        raise Conflict(f"{name!r} is of type {row.type!r}, not {type!r}", code="type")
    return int(row.number)


def _latest(c: Connection, collection: int) -> int | None:
    query = select(_m.artifact).join(t.artifact_alias, _alias.member == _m.number)
    return c.scalar(query.where(_alias.collection == collection, _alias.alias == LATEST))


def _same(c: Connection, collection: int, new: NewArtifact) -> int | None:
    """Return a version that is there already, if the new one would be the same."""
    if new.shared:
        together = select(_a.number).where(
            _a.collection == collection, _a.shared == new.shared, _a.state == "pending"
        )
        return c.scalar(together.limit(1))
    if not new.is_deduplicated or not new.digest:
        return None
    equal = (_a.collection == collection, _a.digest == new.digest, _a.state == "committed")
    found = c.scalar(select(_a.number).where(*equal).order_by(_a.version.desc()).limit(1))
    if found is not None:
        member = _member_number(c, collection, found)
        if member is not None:
            _point(c, collection, member, new.aliases)
    return found


def _add_artifact(c: Connection, collection: int, new: NewArtifact) -> int:
    values = {
        "collection": collection, "run": new.run, "user": new.user, "state": "pending", "version": None,
        "digest": new.digest, "description": new.description, "metadata": new.metadata,
        "ttl_s": new.ttl_s, "size": 0, "files": 0, "step": new.step, "tags": json.dumps(new.tags),
        "waiting": json.dumps(new.aliases), "shared": new.shared, "manifest": "",
        "created_us": new.now_us, "updated_us": new.now_us,
    }  # fmt: skip
    return inserted(c.execute(t.artifact.insert().values(values)))


def _add_member(c: Connection, collection: int, artifact: int, now_us: int) -> int:
    """Give a version the next number of a collection."""
    version = c.scalar(select(_c.next_version).where(_c.number == collection))
    assert version is not None
    next_one = {"next_version": version + 1, "updated_us": now_us}
    c.execute(t.collection.update().where(_c.number == collection).values(next_one))
    row = {"collection": collection, "artifact": artifact, "version": version, "created_us": now_us}
    return inserted(c.execute(t.artifact_member.insert().values(row)))


def _member_number(c: Connection, collection: int, artifact: int) -> int | None:
    query = select(_m.number).where(_m.collection == collection, _m.artifact == artifact)
    return c.scalar(query)


def _point(c: Connection, collection: int, member: int, aliases: Sequence[str]) -> None:
    for alias in dict.fromkeys(aliases):
        insert = upsert(t.artifact_alias).values(collection=collection, alias=alias, member=member)
        moved = {"member": insert.excluded.member}
        c.execute(insert.on_conflict_do_update(set_=moved))


def _drop_members(c: Connection, where: Any) -> None:
    """Take members out of their collections; `latest` goes to the newest one that is left."""
    rows = c.execute(select(_m.number, _m.collection).where(where)).all()
    for some in slices([row.number for row in rows]):
        c.execute(t.artifact_alias.delete().where(_alias.member.in_(some)))
        c.execute(t.artifact_member.delete().where(_m.number.in_(some)))
    for collection in {row.collection for row in rows}:
        if _latest(c, collection) is None:
            newest = select(sql.max(_m.version)).where(_m.collection == collection)
            left = select(_m.number).where(
                _m.collection == collection, _m.version == newest.scalar_subquery()
            )
            member = c.scalar(left)
            if member is not None:
                _point(c, collection, member, [LATEST])


def _note_run(c: Connection, run: int, role: Role, artifact: int, now_us: int) -> None:
    row = {"run": run, "role": role, "artifact": artifact, "time_us": now_us}
    c.execute(upsert(t.artifact_run).values(row).on_conflict_do_nothing())
