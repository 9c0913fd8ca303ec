"""Signing up; and what a server's admin sees and does: users, the audit log."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from kiseki.core.people.accounts import User
from kiseki.core.rights import check_server_admin
from kiseki.server.api.session import in_session
from kiseki.server.api.urls import token_url
from kiseki.server.api.viewer import Viewer
from kiseki.server.routing import Call, Routes

routes = Routes()


class SignUp(msgspec.Struct, forbid_unknown_fields=True):
    """A new account; `invite` is the token of an invite's link."""

    user: str
    password: str
    display_name: str = ""
    email: str = ""
    invite: str | None = None


class UserAnswer(msgspec.Struct):
    """A user as the server's admin sees it."""

    user: str
    kind: str
    display_name: str
    email: str
    admin: bool
    disabled: bool
    has_password: bool
    created_us: int


class UsersAnswer(msgspec.Struct):
    users: list[UserAnswer]


class UserEdit(msgspec.Struct, forbid_unknown_fields=True):
    """What to change; absent fields stay."""

    admin: bool | None = None
    disabled: bool | None = None


class LinkAnswer(msgspec.Struct):
    """A link that signs somebody in once, within the hour."""

    url: str


class AuditQuery(msgspec.Struct):
    """`after`: go on behind the entry of this number."""

    after: int | None = None
    limit: int = 100


class AuditAnswer(msgspec.Struct):
    number: int
    time_us: int
    user: str
    action: str
    object: str
    via: str


class AuditPage(msgspec.Struct):
    """Entries, youngest first; `next` is `after` of the next page, null on the last one."""

    entries: list[AuditAnswer]
    next: int | None


@routes.post("/api/v1/users", body=SignUp, answer=Viewer, is_public=True, status=201)
def sign_up(call: Call) -> Response:
    """Make an account, and start a browser session."""
    given: SignUp = call.body
    found = call.core.people.accounts.sign_up(
        given.user,
        given.password,
        display_name=given.display_name,
        email=given.email,
        invite=given.invite,
        address=call.address,
    )
    return in_session(call, *found, status=201)


@routes.get("/api/v1/users", answer=UsersAnswer)
def list_users(call: Call) -> UsersAnswer:
    """Return everybody, to an admin of the server."""
    return UsersAnswer([_answer(user) for user in call.core.people.accounts.everybody(call.who)])


@routes.add("PATCH", "/api/v1/users/{user}", body=UserEdit, answer=UserAnswer)
def edit_user(call: Call) -> UserAnswer:
    """Make somebody an admin of the server or not, disable or enable them."""
    given: UserEdit = call.body
    accounts = call.core.people.accounts
    return _answer(
        accounts.administer(call.who, call.path["user"], admin=given.admin, disabled=given.disabled)
    )


@routes.post("/api/v1/users/{user}/link", answer=LinkAnswer, status=201)
def make_link(call: Call) -> LinkAnswer:
    """Make a one-time sign-in link for somebody who forgot the password."""
    token = call.core.people.accounts.link(call.who, call.path["user"])
    return LinkAnswer(token_url(call.core.url, "login", token))


@routes.get("/api/v1/audit", query=AuditQuery, answer=AuditPage)
def show_audit(call: Call) -> AuditPage:
    """Return the audit log, youngest entries first, to an admin of the server."""
    check_server_admin(call.who)
    query: AuditQuery = call.query
    found = call.core.people.audit.entries(query.after, query.limit)
    entries = [
        AuditAnswer(item.number, item.time_us, item.user, item.action, item.object, item.via)
        for item in found
    ]
    more = entries[-1].number if entries and entries[-1].number > 1 else None
    return AuditPage(entries, more)


def _answer(user: User) -> UserAnswer:
    return UserAnswer(
        user.name,
        user.kind,
        user.display_name,
        user.email,
        user.is_admin,
        user.disabled_us is not None,
        user.has_password,
        user.created_us,
    )
