"""Who somebody is and what they may do: `can` is the one function that decides.

Knows of no store and lets nobody in: that is `access.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kiseki.errors import Forbidden, NotFound
from kiseki.storage.people import Session, User

Verb = Literal["read", "write", "admin"]
Role = Literal["owner", "admin", "member", "viewer"]
Via = Literal["key", "session", "command line", "nobody"]

SCOPES = ("read", "write", "admin")
VERBS_OF: Mapping[str, tuple[Verb, ...]] = {
    "owner": ("read", "write", "admin"),
    "admin": ("read", "write", "admin"),
    "member": ("read", "write"),
    "viewer": ("read",),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a user, through a key or a session, with what they belong to.

    Attributes:
        entities: entity → role.
        project: `entity/project`, the only one that the key may touch; "" for all.
        prefix: public part of the key.
        session: the session, if it is one.
    """

    user: User
    entities: Mapping[str, str] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset(SCOPES)
    via: Via = "key"
    prefix: str = ""
    project: str = ""
    session: Session | None = None

    @property
    def way(self) -> str:
        """How they were let in, for the audit log."""
        return f"key {self.prefix}" if self.via == "key" else self.via


NOBODY = Principal(User(0, "", "", False, 0), {}, frozenset(), "nobody")


def operator(name: str) -> Principal:
    """Return whoever may write to the data folder and so do everything; `name` is for the audit log."""
    return Principal(User(0, name, "", True, 0), {}, frozenset(SCOPES), "command line")


def can(who: Principal, verb: Verb, entity: str, project: str = "") -> bool:
    """Return whether somebody may read, write or administer a project, or all that an entity owns."""
    if verb not in who.scopes or not _is_within(who, entity, project):
        return False
    return who.user.is_admin or verb in VERBS_OF.get(who.entities.get(entity, ""), ())


def _is_within(who: Principal, entity: str, project: str) -> bool:
    return not who.project or who.project == f"{entity}/{project}"


def check_can(who: Principal, verb: Verb, entity: str, what: str, project: str = "") -> None:
    """Raise NotFound if somebody may not even see `what`, which an entity owns; Forbidden if only not so.

    The key that may read but not write is told so; nobody learns of things that are not theirs.
    """
    if can(who, verb, entity, project):
        return
    is_seen = who.user.is_admin or entity in who.entities
    if not is_seen or not _is_within(who, entity, project):
        raise NotFound(f"{what} does not exist", code="absent")
    if verb not in who.scopes:
        raise Forbidden(f"{who.user.name} may not {verb} {what} with this key", code="scope")
    raise Forbidden(
        f"{who.user.name} is {who.entities[entity]} of {entity}, and may not {verb} {what}",
        code="role",
    )


def can_delete(who: Principal, entity: str, project: str, maker: str) -> bool:
    """Return whether somebody made a run themselves, and may write, or administers its owner."""
    is_own = maker == who.user.name and can(who, "write", entity, project)
    return is_own or can(who, "admin", entity, project)


def check_can_delete(who: Principal, entity: str, project: str, maker: str, what: str) -> None:
    """Raise Forbidden unless somebody may delete, and restore, `what` that `maker` made."""
    if not can_delete(who, entity, project, maker):
        check_can(who, "admin", entity, what, project)


def check_account(who: Principal) -> None:
    """Raise Forbidden if somebody may not change accounts, teams and keys the way they are let in."""
    if "admin" not in who.scopes or who.project:
        raise Forbidden(
            "this key may not change accounts, teams or keys: sign in, or use a key with the scope admin",
            code="scope",
        )


def check_server_admin(who: Principal) -> None:
    """Raise NotFound, as if there was nothing, unless a server's admin asks."""
    if not who.user.is_admin:
        raise NotFound("not found", code="absent")
    check_account(who)
