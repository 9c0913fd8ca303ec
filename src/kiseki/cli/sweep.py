"""`kiseki sweep`: make a sweep; pause, resume, stop, cancel it; change its config (K-06)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from kiseki.cli.output import DONE, USAGE, WRONG_USAGE, Failure, json_option, leave, print_json

STATES = {"pause": "PAUSED", "resume": "RUNNING", "stop": "FINISHED", "cancel": "CANCELED"}


@click.command("sweep")
@click.argument("what", metavar="CONFIG.yaml|ENTITY/PROJECT/SWEEP")
@click.option("--project", help="Project of a new sweep. Default: as the config or settings say.")
@click.option("--entity", help="Owner of a new sweep. Default: you.")
@click.option("--pause", "action", flag_value="pause", help="Begin no other run.")
@click.option("--resume", "action", flag_value="resume", help="Go on.")
@click.option("--stop", "action", flag_value="stop", help="Begin no other run, and end.")
@click.option("--cancel", "action", flag_value="cancel", help="Stop its runs, too; for good.")
@click.option("--update", metavar="CONFIG.yaml", help="Change the config, before the first run.")
@json_option
def command(
    what: str,
    project: str | None,
    entity: str | None,
    action: str | None,
    update: str | None,
    as_json: bool,
) -> None:
    """Make a sweep from a config; or change one that is there.

    Prints the address of its page and how to start an agent.
    """
    from kiseki.sdk.sweeping import make, read_config

    if action is None and update is None:
        made = make(read_config(what), entity, project)
    else:
        change: dict[str, Any] = {} if action is None else {"state": STATES[action]}
        if update is not None:
            change["config"] = read_config(update)
        made = _change(what, change)
    if as_json:
        print_json(made)
    else:
        click.echo(f"sweep {made['path']}: {made['state'].lower()}, {made['url']}")
        if made["state"] == "RUNNING":
            click.echo(f"to run it: kiseki agent {made['path']}")
    leave(DONE)


def _change(what: str, change: dict[str, Any]) -> dict[str, Any]:
    from kiseki.sdk.api import Api

    parts = what.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise Failure(f"{what} is not of the form ENTITY/PROJECT/SWEEP", WRONG_USAGE, status=USAGE)
    with Api() as api:
        entity, project, id = [api.default_entity, *parts][-3:]
        names = [quote(one, safe="") for one in (entity, project, id)]
        url = f"/api/v1/projects/{names[0]}/{names[1]}/sweeps/{names[2]}"
        answer = api._client.post_json(url, change, "PATCH")
        page = f"{api.base_url}/{names[0]}/{names[1]}/sweeps/{names[2]}"
        return {"id": id, "path": f"{entity}/{project}/{id}", "state": answer["state"], "url": page}
