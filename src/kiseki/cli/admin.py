"""`kiseki admin`: what only the owner of a server's data folder may do."""

from __future__ import annotations

from pathlib import Path

import click

from kiseki.cli.output import ABSENT, DONE, USAGE, Failure, json_option, leave, print_json, tell


@click.group("admin")
def command() -> None:
    """Administer a server's data folder. Whoever may write to it may do everything."""


@command.command("create-key")
@click.option(
    "--data",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Data folder of the server; it may be running.",
)
@click.option("--user", metavar="NAME", help="Whose key. Default: the first user.")
@click.option("--name", default="", help="What the key is for, shown in lists.")
@json_option
def create_key(data: Path, user: str | None, name: str, as_json: bool) -> None:
    """Make an API key and print it: the only time that it can be seen."""
    from kiseki.core.access import create_key as make
    from kiseki.storage.open import open_meta

    if not (data / "meta.db").exists():
        raise Failure(
            f"{data} is no data folder of a server",
            ABSENT,
            todo=f"to make one: kiseki server --data {data}",
            status=USAGE,
        )
    meta = open_meta(data)
    try:
        users = meta.users()
        wanted = [one for one in users if user is None or one.name == user]
        if not wanted:
            names = ", ".join(one.name for one in users) or "none"
            raise Failure(
                f"no user {user!r} is in {data}; there are: {names}", ABSENT, status=USAGE
            )
        secret = make(meta, wanted[0], name=name)
    finally:
        meta.close()
    if as_json:
        print_json({"user": wanted[0].name, "key": secret})
    else:
        tell(f"a key of {wanted[0].name}, shown only now; to use it: kiseki login KEY")
        click.echo(secret)
    leave(DONE)
