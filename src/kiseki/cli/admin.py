"""`kiseki admin`: what an operator does without a browser, on the data folder, also while it is served."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from kiseki.cli.output import (
    ABSENT,
    DONE,
    OTHER,
    USAGE,
    Failure,
    json_option,
    leave,
    print_json,
    tell,
)

if TYPE_CHECKING:
    from kiseki.core.people.people import People
    from kiseki.core.rights import Principal
    from kiseki.storage.interface import MetaStore

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Office(NamedTuple):
    """What the commands work with."""

    meta: MetaStore
    people: People
    who: Principal
    url: str | None  # how people reach the server, if one ever ran


@click.group("admin")
def command() -> None:
    """Administer a server's data folder. Whoever may write to it may do everything."""


def _data_option(function: _Command) -> _Command:
    return click.option(
        "--data",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Data folder of the server; it may be running. Default: `server` in the user's data folder.",
    )(function)


def _url_option(function: _Command) -> _Command:
    return click.option(
        "--url", metavar="URL", help="How people reach the server. Default: as it was started."
    )(function)


def _office(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command an open office in place of its `data`, and end it well."""

    @wraps(function)
    def run(data: Path | None, **options: Any) -> None:
        from kiseki.errors import PublicError

        with _opened(data) as office:
            try:
                function(office, **options)
            except PublicError as error:
                code = ABSENT if error.status == 404 else OTHER
                raise Failure(str(error), code, status=USAGE) from error
        leave(DONE)

    return run


@contextmanager
def _opened(data: Path | None) -> Iterator[Office]:
    from kiseki.client.folders import data_dir
    from kiseki.core.access import Access
    from kiseki.core.people.accounts import Policy
    from kiseki.core.people.people import open_people
    from kiseki.core.rights import operator
    from kiseki.storage.open import open_meta, read_url

    folder = data if data is not None else data_dir() / "server"
    if not (folder / "meta.db").exists():
        raise Failure(
            f"{folder} is no data folder of a server",
            ABSENT,
            todo=f"to make one: kiseki server --data {folder}",
            status=USAGE,
        )
    meta = open_meta(folder)
    try:
        people = open_people(meta, Access(meta), Policy())
        yield Office(meta, people, operator(_os_user()), read_url(folder))
    finally:
        meta.close()


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "operator"


def _link(office: Office, url: str | None, page: str, token: str) -> str:
    from kiseki.client.credentials import resolve

    return f"{resolve(url or office.url).base_url}/{page}#token={token}"


@command.command("create-key")
@_data_option
@click.option("--user", metavar="NAME", help="Whose key. Default: the first user.")
@click.option(
    "--name", default="command line", show_default=True, help="What it is for, shown in lists."
)
@click.option("--days", type=click.IntRange(1), metavar="N", help="Until it ends. Default: never.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(("read", "write", "admin")),
    help="What it may, several times. Default: everything its user may.",
)  # fmt: skip
@click.option("--project", metavar="ENTITY/PROJECT", default="", help="The only one it may touch.")
@json_option
@_office
def create_key(
    office: Office,
    user: str | None,
    name: str,
    days: int | None,
    scopes: tuple[str, ...],
    project: str,
    as_json: bool,
) -> None:
    """Make an API key and print it: the only time that it can be seen."""
    from kiseki.core.rights import SCOPES

    users = office.meta.users()
    wanted = [one for one in users if user is None or one.name == user]
    if not wanted:
        names = ", ".join(one.name for one in users) or "none"
        raise Failure(f"no user {user!r} is here; there are: {names}", ABSENT, status=USAGE)
    secret = office.people.keys.make_for(
        office.who, wanted[0], name, scopes=scopes or SCOPES, days=days, project=project
    )[0]
    if as_json:
        print_json({"user": wanted[0].name, "key": secret})
    else:
        tell(f"a key of {wanted[0].name}, shown only now; to use it: kiseki login KEY")
        click.echo(secret)


@command.command("users")
@_data_option
@json_option
@_office
def list_users(office: Office, as_json: bool) -> None:
    """List everybody who has an account."""
    from kiseki.cli.draw import table

    users = office.people.accounts.everybody(office.who)
    if as_json:
        print_json(
            {
                "users": [
                    {
                        "user": user.name,
                        "kind": user.kind,
                        "admin": user.is_admin,
                        "disabled": user.disabled_us is not None,
                        "has_password": user.has_password,
                        "entities": office.meta.memberships(user.number),
                    }
                    for user in users
                ]
            }
        )
        return
    rows = [
        [
            user.name,
            user.kind,
            "admin" if user.is_admin else "",
            "disabled" if user.disabled_us is not None else "",
            ", ".join(
                f"{entity} ({role})"
                for entity, role in sorted(office.meta.memberships(user.number).items())
                if role != "owner"
            ),
        ]
        for user in users
    ]
    click.echo(table(("user", "kind", "server", "state", "teams"), rows))


@command.command("teams")
@_data_option
@json_option
@_office
def list_teams(office: Office, as_json: bool) -> None:
    """List the teams with their members."""
    teams = {
        team.name: {item.user.name: item.role for item in office.people.teams.members(team)}
        for team in office.people.teams.all(office.who)
    }
    if as_json:
        print_json({"teams": [{"team": name, "members": teams[name]} for name in teams]})
        return
    for name, members in teams.items():
        people = ", ".join(f"{user} ({role})" for user, role in members.items())
        click.echo(f"{name}: {people}")


@command.command("add-user")
@click.argument("name")
@_data_option
@click.option("--admin", is_flag=True, help="Make them an admin of the server.")
@_url_option
@json_option
@_office
def add_user(office: Office, name: str, admin: bool, url: str | None, as_json: bool) -> None:
    """Make an account and print a link that signs its person in, once, within the hour.

    They set a password themselves, on the page that opens.
    """
    office.people.accounts.make(office.who, name, admin=admin)
    _print_link(office, name, url, as_json)


@command.command("link")
@click.argument("name")
@_data_option
@_url_option
@json_option
@_office
def make_link(office: Office, name: str, url: str | None, as_json: bool) -> None:
    """Print a link that signs somebody in once, within the hour: for who forgot the password."""
    _print_link(office, name, url, as_json)


def _print_link(office: Office, name: str, url: str | None, as_json: bool) -> None:
    link = _link(office, url, "login", office.people.accounts.link(office.who, name))
    if as_json:
        print_json({"user": name, "url": link})
    else:
        tell(f"signs {name} in; works once, for an hour:")
        click.echo(link)


@command.command("invite")
@_data_option
@click.option("--team", metavar="NAME", help="Into this team. Default: onto the server only.")
@click.option(
    "--role", default="member", show_default=True, type=click.Choice(("viewer", "member", "admin")),
    help="Role in the team.",
)  # fmt: skip
@click.option(
    "--days", default=7, show_default=True, type=click.IntRange(1, 90), help="Until it ends."
)
@_url_option
@json_option
@_office
def invite(
    office: Office, team: str | None, role: str, days: int, url: str | None, as_json: bool
) -> None:
    """Print a link that lets one person make an account and join a team."""
    token, made = office.people.invites.make(office.who, team, role, days)
    link = _link(office, url, "invite", token)
    if as_json:
        print_json({"number": made.number, "team": team, "role": role, "url": link})
    else:
        tell(f"an invite into {team or 'the server'}; works once, for {days} days:")
        click.echo(link)


@command.command("disable")
@click.argument("name")
@_data_option
@click.option("--undo", is_flag=True, help="Let them in again.")
@json_option
@_office
def disable(office: Office, name: str, undo: bool, as_json: bool) -> None:
    """Let somebody in no more: sessions and keys end. Their runs stay."""
    user = office.people.accounts.administer(office.who, name, disabled=not undo)
    is_disabled = user.disabled_us is not None
    if as_json:
        print_json({"user": name, "disabled": is_disabled})
    else:
        tell(
            f"{name} is {'disabled' if is_disabled else 'enabled'}; a running server hears it in 5 s"
        )


@command.command("audit")
@_data_option
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="Entries."
)
@json_option
@_office
def audit(office: Office, limit: int, as_json: bool) -> None:
    """Show who let whom in, changed rights or deleted something, the youngest first."""
    from kiseki.cli.draw import moment, table

    entries = office.people.audit.entries(limit=limit)
    if as_json:
        names = ("number", "time_us", "user", "action", "object", "via")
        print_json({"entries": [{name: getattr(e, name) for name in names} for e in entries]})
        return
    rows = [[moment(e.time_us), e.user, e.action, e.object, e.via] for e in entries]
    click.echo(table(("time", "user", "action", "object", "via"), rows))
