"""`PeopleStore` in `meta.db`: users, teams, keys, sessions, invites, the audit log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select
from sqlalchemy import func as sql
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import IntegrityError

from kiseki.errors import Conflict, NotFound
from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.database import Database, inserted
from kiseki.storage.people import (
    AuditEntry,
    Invite,
    Key,
    Member,
    Purpose,
    Session,
    Team,
    User,
    UserKind,
)

RANK = {"viewer": 0, "member": 1, "admin": 2, "owner": 3}


class EmbeddedPeople(Database):
    """The people of a data folder."""

    # ── users ──

    def add_user(
        self,
        name: str,
        *,
        is_admin: bool,
        now_us: int,
        kind: UserKind = "person",
        display_name: str = "",
        email: str = "",
        password: str | None = None,
        invite: bytes | None = None,
        team: str | None = None,
    ) -> User:
        with self._write() as c:
            own = _add_entity(c, name, "user" if team is None else "service", now_us)
            home = own if team is None else _entity(c, team)
            number = inserted(
                c.execute(
                    t.user.insert().values(
                        name=name,
                        entity=home,
                        is_admin=is_admin,
                        created_us=now_us,
                        kind=kind,
                        display_name=display_name,
                        email=email,
                        password=password,
                    )
                )
            )
            _join(c, home, number, "owner" if team is None else "member", now_us)
            if invite is not None and _take_invite(c, invite, number, name, now_us) is None:
                raise NotFound("this invite is unknown, was used or has expired", code="invite")
            return _user(c.execute(_USERS.where(t.user.c.number == number)).one())

    def user(self, name: str) -> User | None:
        with self._read() as c:
            return next(map(_user, c.execute(_USERS.where(t.user.c.name == name))), None)

    def user_by_number(self, number: int) -> User | None:
        with self._read() as c:
            return next(map(_user, c.execute(_USERS.where(t.user.c.number == number))), None)

    def users(self) -> list[User]:
        with self._read() as c:
            return [_user(row) for row in c.execute(_USERS.order_by(t.user.c.number))]

    def edit_user(self, number: int, columns: Mapping[str, Any]) -> None:
        values = dict(columns)
        with self._write() as c:
            if "entity" in values:
                values["entity"] = _entity(c, values["entity"])
            if "settings" in values:
                values["settings"] = json.dumps(values["settings"])
            c.execute(t.user.update().where(t.user.c.number == number).values(**values))
            if values.get("is_admin") is False or values.get("disabled_us") is not None:
                admins = select(sql.count()).where(
                    t.user.c.is_admin, t.user.c.disabled_us.is_(None)
                )
                if not c.scalar(admins):
                    raise Conflict(
                        "the server needs an admin; name another first", code="last-admin"
                    )
                _withdraw_invites(c, number)

    def password(self, user: int) -> str | None:
        with self._read() as c:
            return c.scalar(select(t.user.c.password).where(t.user.c.number == user))

    def memberships(self, user: int) -> dict[str, str]:
        query = select(t.entity.c.name, t.member.c.role).join_from(t.member, t.entity)
        with self._read() as c:
            return {row.name: row.role for row in c.execute(query.where(t.member.c.user == user))}

    def has_entity(self, name: str) -> bool:
        with self._read() as c:
            return c.scalar(select(t.entity.c.number).where(t.entity.c.name == name)) is not None

    # ── teams ──

    def add_team(self, name: str, admin: int, now_us: int) -> None:
        with self._write() as c:
            _join(c, _add_entity(c, name, "team", now_us), admin, "admin", now_us)

    def team(self, name: str, user: int) -> Team | None:
        with self._read() as c:
            query = _teams(user).where(t.entity.c.name == name)
            return next((Team(**row._mapping) for row in c.execute(query)), None)

    def teams(self, user: int | None) -> list[Team]:
        query = _teams(0 if user is None else user).order_by(t.entity.c.name)
        if user is not None:
            query = query.where(t.member.c.role.is_not(None))
        with self._read() as c:
            return [Team(**row._mapping) for row in c.execute(query)]

    def drop_team(self, name: str) -> None:
        with self._write() as c:
            team = _entity(c, name)
            if c.scalar(select(sql.count()).where(t.project.c.entity == team)):
                raise Conflict(f"{name} owns projects, so it stays", code="not-empty")
            services = list(
                c.execute(
                    select(t.user.c.number, t.user.c.name).where(
                        t.user.c.entity == team, t.user.c.kind == "service"
                    )
                )
            )
            c.execute(t.invite.delete().where(t.invite.c.entity == team))
            c.execute(t.member.delete().where(t.member.c.entity == team))
            for service in services:
                _forget_secrets(c, service.number)
                c.execute(t.user.delete().where(t.user.c.number == service.number))
                c.execute(t.entity.delete().where(t.entity.c.name == service.name))
            _default_to_own(c, t.user.c.entity == team)
            c.execute(t.entity.delete().where(t.entity.c.number == team))

    def members(self, team: str) -> list[Member]:
        query = (
            _USERS.add_columns(t.member.c.role, t.member.c.joined_us)
            .join(t.member, t.member.c.user == t.user.c.number)
            .order_by(t.member.c.joined_us, t.user.c.number)
        )
        with self._read() as c:
            of_team = select(t.entity.c.number).where(t.entity.c.name == team).scalar_subquery()
            rows = c.execute(query.where(t.member.c.entity == of_team))
            return [Member(_user(row), row.role, row.joined_us) for row in rows]

    def set_member(self, entity: str, user: int, role: str, now_us: int) -> None:
        with self._write() as c:
            number = _entity(c, entity)
            _join(c, number, user, role, now_us)
            _check_admin(c, number, entity)
            _withdraw_invites(c, user)

    def drop_member(self, entity: str, user: int) -> bool:
        with self._write() as c:
            number = _entity(c, entity)
            found = c.execute(
                t.member.delete().where(t.member.c.entity == number, t.member.c.user == user)
            )
            _check_admin(c, number, entity)
            _default_to_own(c, and_(t.user.c.number == user, t.user.c.entity == number))
            _withdraw_invites(c, user)
            return found.rowcount > 0

    # ── keys ──

    def add_key(self, key: Key) -> None:
        with self._write() as c:
            try:
                c.execute(t.api_key.insert().values(asdict(key)))
            except IntegrityError as error:
                raise Conflict(f"a key {key.prefix} exists already", code="key") from error

    def key(self, prefix: str) -> Key | None:
        with self._read() as c:
            row = c.execute(select(t.api_key).where(t.api_key.c.prefix == prefix)).first()
        return None if row is None else Key(**row._mapping)

    def keys(self, user: int) -> list[Key]:
        query = select(t.api_key).where(t.api_key.c.user == user).order_by(t.api_key.c.created_us)
        with self._read() as c:
            return [Key(**row._mapping) for row in c.execute(query)]

    def key_used(self, prefix: str, now_us: int) -> None:
        with self._write() as c:
            c.execute(t.api_key.update().where(t.api_key.c.prefix == prefix).values(used_us=now_us))

    def drop_key(self, prefix: str) -> bool:
        with self._write() as c:
            c.execute(t.session.delete().where(t.session.c.via == f"key {prefix}"))
            return c.execute(t.api_key.delete().where(t.api_key.c.prefix == prefix)).rowcount > 0

    # ── sessions and tokens ──

    def add_session(self, session: Session) -> None:
        with self._write() as c:
            c.execute(t.session.insert().values(asdict(session)))

    def session(self, digest: bytes) -> Session | None:
        with self._read() as c:
            row = c.execute(select(t.session).where(t.session.c.digest == digest)).first()
        return None if row is None else Session(**row._mapping)

    def session_used(self, digest: bytes, now_us: int, expires_us: int) -> None:
        update = t.session.update().where(t.session.c.digest == digest)
        with self._write() as c:
            c.execute(update.values(used_us=now_us, expires_us=expires_us))

    def drop_session(self, digest: bytes) -> None:
        with self._write() as c:
            c.execute(t.session.delete().where(t.session.c.digest == digest))

    def drop_sessions(self, user: int, but: bytes = b"") -> None:
        links = t.login_token.c
        with self._write() as c:
            c.execute(t.session.delete().where(t.session.c.user == user, t.session.c.digest != but))
            c.execute(t.login_token.delete().where(links.user == user, links.purpose == "sign-in"))

    def add_token(
        self, digest: bytes, user: int, expires_us: int, purpose: Purpose = "sign-in"
    ) -> None:
        values = {"digest": digest, "user": user, "expires_us": expires_us, "purpose": purpose}
        with self._write() as c:
            c.execute(t.login_token.insert().values(values))

    def token(self, digest: bytes, now_us: int, purpose: Purpose) -> int | None:
        with self._read() as c:
            return _token(c, digest, now_us, purpose)

    def take_token(self, digest: bytes, now_us: int) -> int | None:
        with self._write() as c:
            user = _token(c, digest, now_us, "sign-in")
            links = t.login_token.c
            c.execute(
                t.login_token.delete().where(links.digest == digest, links.purpose == "sign-in")
            )
            return user

    def claim(self, digest: bytes, by: int, now_us: int) -> str | None:
        with self._write() as c:
            anonymous = _token(c, digest, now_us, "claim")
            if anonymous is None:
                return None
            found = c.execute(_USERS.where(t.user.c.number == anonymous)).one()
            _join(c, found.entity, by, "owner", now_us)
            c.execute(
                t.member.delete().where(
                    t.member.c.entity == found.entity, t.member.c.user == anonymous
                )
            )
            _forget_secrets(c, anonymous)
            of_user = t.user.c.number == anonymous
            c.execute(t.user.update().where(of_user).values(disabled_us=now_us))
            return str(found.entity_name)

    # ── invites ──

    def add_invite(self, digest: bytes, invite: Invite) -> Invite:
        values = asdict(invite)
        del values["number"]
        team = values.pop("team")
        with self._write() as c:
            values["entity"] = None if team is None else _entity(c, team)
            number = inserted(c.execute(t.invite.insert().values(digest=digest, **values)))
            return _invite(c.execute(_INVITES.where(t.invite.c.number == number)).one())

    def invite(self, digest: bytes, now_us: int) -> Invite | None:
        with self._read() as c:
            return next(map(_invite, c.execute(_INVITES.where(*_usable(digest, now_us)))), None)

    def invite_by_number(self, number: int) -> Invite | None:
        with self._read() as c:
            return next(map(_invite, c.execute(_INVITES.where(t.invite.c.number == number))), None)

    def invites(self, team: str | None) -> list[Invite]:
        of_team = t.invite.c.entity.is_(None) if team is None else t.entity.c.name == team
        with self._read() as c:
            rows = c.execute(_INVITES.where(of_team).order_by(t.invite.c.number.desc()))
            return [_invite(row) for row in rows]

    def take_invite(self, digest: bytes, user: int, now_us: int) -> Invite | None:
        with self._write() as c:
            name = c.scalar(select(t.user.c.name).where(t.user.c.number == user))
            return _take_invite(c, digest, user, str(name), now_us)

    def drop_invite(self, number: int) -> bool:
        with self._write() as c:
            return c.execute(t.invite.delete().where(t.invite.c.number == number)).rowcount > 0

    def drop_expired(self, now_us: int) -> int:
        with self._write() as c:
            return sum(
                c.execute(table.delete().where(table.c.expires_us <= now_us)).rowcount
                for table in (t.session, t.login_token)
            )

    # ── audit ──

    def add_audit(self, *entries: AuditEntry) -> None:
        rows = [asdict(entry) for entry in entries]
        for row in rows:
            del row["number"]
        with self._write() as c:
            c.execute(t.audit.insert(), rows)

    def audit(self, before: int | None, limit: int) -> list[AuditEntry]:
        query = select(t.audit).order_by(t.audit.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(t.audit.c.number < before)
        with self._read() as c:
            return [AuditEntry(**row._mapping) for row in c.execute(query)]


def _add_entity(c: Connection, name: str, kind: str, now_us: int) -> int:
    values = {"name": name, "kind": kind, "created_us": now_us}
    same = sql.lower(t.entity.c.name) == name.lower()  # `Ada` beside `ada` would be taken for her
    if c.scalar(select(t.entity.c.number).where(same)) is not None:
        raise Conflict(f"{name!r} is taken by a user or a team", code="taken")
    return inserted(c.execute(t.entity.insert().values(values)))


def _entity(c: Connection, name: str) -> int:
    number = c.scalar(select(t.entity.c.number).where(t.entity.c.name == name))
    if number is None:
        raise NotFound(f"{name} does not exist", code="entity")
    return int(number)


def _join(c: Connection, entity: int, user: int, role: str, now_us: int) -> None:
    new = upsert(t.member).values(entity=entity, user=user, role=role, joined_us=now_us)
    c.execute(new.on_conflict_do_update(["user", "entity"], set_={"role": role}))


def _check_admin(c: Connection, entity: int, name: str) -> None:
    """Raise Conflict if nobody may administer a team any more: a service cannot sign in to do it."""
    query = (
        select(sql.count())
        .select_from(t.member)
        .join(t.user, t.user.c.number == t.member.c.user)
        .where(
            t.member.c.entity == entity,
            t.member.c.role.in_(("admin", "owner")),
            t.user.c.kind == "person",
            t.user.c.disabled_us.is_(None),
        )
    )
    if not c.scalar(query):
        raise Conflict(f"{name} needs an admin; make somebody else one first", code="last-admin")


def _default_to_own(c: Connection, where: Any) -> None:
    own = select(t.entity.c.number).where(t.entity.c.name == t.user.c.name).scalar_subquery()
    c.execute(t.user.update().where(where).values(entity=own))


def _forget_secrets(c: Connection, user: int) -> None:
    for table in (t.api_key, t.session, t.login_token):
        c.execute(table.delete().where(table.c.user == user))


def _token(c: Connection, digest: bytes, now_us: int, purpose: Purpose) -> int | None:
    of_token = (t.login_token.c.digest == digest, t.login_token.c.purpose == purpose)
    row = c.execute(select(t.login_token).where(*of_token)).first()
    return None if row is None or row.expires_us <= now_us else int(row.user)


def _usable(digest: bytes, now_us: int) -> tuple[Any, ...]:
    i = t.invite.c
    return (i.digest == digest, i.used_by.is_(None), i.expires_us > now_us)


def _take_invite(c: Connection, digest: bytes, user: int, name: str, now_us: int) -> Invite | None:
    found = c.execute(_INVITES.where(*_usable(digest, now_us))).first()
    if found is None:
        return None
    c.execute(t.invite.update().where(t.invite.c.number == found.number).values(used_by=name))
    if found.entity is not None:
        m = t.member.c
        held = c.scalar(select(m.role).where(m.entity == found.entity, m.user == user))
        if held is None or RANK[held] < RANK[found.role]:
            _join(c, found.entity, user, found.role, now_us)
    return _invite(found)


def _withdraw_invites(c: Connection, user: int) -> None:
    """Delete the unused invites of a user that may not make them any more: a way back in."""
    maker = c.execute(select(t.user).where(t.user.c.number == user)).one()
    i = t.invite.c
    own = and_(i.by == maker.name, i.used_by.is_(None))
    if maker.disabled_us is None:
        if maker.is_admin:
            return
        m = t.member.c
        administered = select(m.entity).where(m.user == user, m.role.in_(("admin", "owner")))
        own = and_(own, or_(i.entity.is_(None), i.entity.not_in(administered)))
    c.execute(t.invite.delete().where(own))


_USERS = select(t.user, t.entity.c.name.label("entity_name")).join_from(
    t.user, t.entity, t.entity.c.number == t.user.c.entity
)

_INVITES = select(t.invite, t.entity.c.name.label("team")).join_from(
    t.invite, t.entity, t.entity.c.number == t.invite.c.entity, isouter=True
)


def _teams(user: int) -> Any:
    """Return the query of all teams, with the role of a user in each."""
    e = t.entity.c
    others = t.member.alias()
    members = select(sql.count()).select_from(others).where(others.c.entity == e.number)
    projects = select(sql.count()).select_from(t.project).where(t.project.c.entity == e.number)
    of_user = and_(t.member.c.entity == e.number, t.member.c.user == user)
    return (
        select(
            e.name,
            sql.coalesce(t.member.c.role, "").label("role"),
            members.scalar_subquery().label("members"),
            projects.scalar_subquery().label("projects"),
            e.created_us,
        )
        .join_from(t.entity, t.member, of_user, isouter=True)
        .where(e.kind == "team")
    )


def _user(row: Row[Any]) -> User:
    return User(
        row.number,
        row.name,
        row.entity_name,
        row.is_admin,
        row.created_us,
        row.kind,
        row.display_name,
        row.email,
        row.password is not None,
        json.loads(row.settings),
        row.disabled_us,
    )


def _invite(row: Row[Any]) -> Invite:
    return Invite(
        row.number,
        row.team,
        row.role,
        row.by,
        row.created_us,
        row.expires_us,
        row.used_by,
    )
