"""`kiseki init`: which project, entity and server the runs of this folder have (K-01)."""

from __future__ import annotations

import sys

import click

from kiseki.cli.output import (
    DONE,
    USAGE,
    WRONG_USAGE,
    Failure,
    json_option,
    leave,
    print_json,
    tell,
)
from kiseki.cli.settings_file import change_settings, read_settings, settings_path


@click.command("init")
@click.option("-p", "--project", metavar="NAME", help="Project of runs that name none.")
@click.option("-e", "--entity", metavar="NAME", help="User or team that owns them.")
@click.option("--host", metavar="URL", help="Server they go to.")
@click.option("--reset", is_flag=True, help="Forget the settings of this folder first.")
@json_option
def command(
    project: str | None, entity: str | None, host: str | None, reset: bool, as_json: bool
) -> None:
    """Set project, entity and server of the runs that scripts in this folder start.

    Without an option it asks, at a terminal. Arguments of `init` and the environment win over it.
    """
    from kiseki.client.credentials import normalised
    from kiseki.core.names import check_entity, check_project
    from kiseki.errors import Invalid

    if not (project or entity or host or reset):
        if not sys.stdin.isatty():
            raise Failure(
                "nothing to set",
                WRONG_USAGE,
                todo="for example: kiseki init --project digits",
                status=USAGE,
            )
        known = read_settings()
        project = click.prompt("project", default=known.get("project", ""), err=True) or None
        entity = click.prompt("entity", default=known.get("entity", ""), err=True) or None
    try:
        if project:
            check_project(project)
        if entity:
            check_entity(entity)
    except Invalid as error:
        raise Failure(str(error), WRONG_USAGE, status=USAGE) from error
    given = {"project": project, "entity": entity, "base_url": normalised(host) if host else None}
    forgotten = dict.fromkeys(read_settings()) if reset else {}
    change_settings({**forgotten, **{name: value for name, value in given.items() if value}})
    said = read_settings()
    if as_json:
        print_json({"settings": str(settings_path()), **said})
    else:
        tell(
            f"{settings_path()}: " + (", ".join(f"{k} = {v}" for k, v in said.items()) or "nothing")
        )
    leave(DONE)
