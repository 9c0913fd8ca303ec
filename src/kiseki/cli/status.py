"""`kiseki status`: which server, as whom, and what is not uploaded yet."""

from __future__ import annotations

from typing import Any

import click

from kiseki.cli.output import DONE, clean, json_option, leave, print_json

TIMEOUT_S = 5.0


@click.command("status")
@json_option
def command(as_json: bool) -> None:
    """Show server, user and runs that are not uploaded."""
    from kiseki.cli.settings_file import read_settings
    from kiseki.client import registry
    from kiseki.client.credentials import resolve
    from kiseki.client.folders import config_dir, data_dir

    target = resolve()
    said: dict[str, Any] = {
        "server": _ask(target.base_url, target.key),
        "unsynced": [entry._asdict() for entry in registry.entries()],
        "settings": read_settings(),
        "config_dir": str(config_dir()),
        "data_dir": str(data_dir()),
    }
    if as_json:
        print_json(said)
    else:
        click.echo(_page(said))
    leave(DONE)


def _ask(base_url: str, key: str) -> dict[str, Any]:
    """Return address, whether the server answers, and who the key belongs to."""
    from kiseki.client.http import Client
    from kiseki.errors import AuthenticationError, CommError

    said: dict[str, Any] = {
        "base_url": base_url, "reachable": False, "version": None, "has_key": bool(key),
        "user": None, "entity": None, "trouble": None,
    }  # fmt: skip
    try:
        with Client(base_url, key, TIMEOUT_S) as client:
            client.get_json("/-/health")
            said["reachable"] = True
            viewer = client.get_json("/api/v1/viewer")
    except AuthenticationError as error:
        said["trouble"] = str(error) if key else None
    except CommError as error:
        said["trouble"] = str(error)
    else:
        said["user"], said["entity"] = viewer["user"], viewer["entity"]
        said["version"] = viewer.get("server", {}).get("version")
    return said


def _page(said: dict[str, Any]) -> str:
    server = said["server"]
    if not server["reachable"]:
        state = click.style("does not answer", fg="red")
    elif server["user"]:
        state = click.style("answers", fg="green")
        state += clean(f", signed in as {server['user']} (entity {server['entity']})")
    else:
        state = click.style("answers", fg="green")
        state += click.style(", not signed in", fg="yellow")
    lines = [f"server    {server['base_url']} {state}"]
    if server["trouble"]:
        lines.append(f"          {clean(server['trouble'])}")
    if server["version"]:
        lines.append(f"version   {clean(str(server['version']))}")
    waiting = said["unsynced"]
    lines.append(f"unsynced  {len(waiting)} run{'s' * (len(waiting) != 1)}")
    lines += [f"          {entry['folder']}" for entry in waiting]
    folder = ", ".join(f"{name} = {value}" for name, value in said["settings"].items())
    lines.append(f"folder    {folder or 'no settings of its own'}")
    lines += [f"config    {said['config_dir']}", f"data      {said['data_dir']}"]
    return "\n".join(lines)
