"""`kiseki logout`: forget the key for a server."""

from __future__ import annotations

import click

from kiseki.cli.output import DONE, json_option, leave, print_json, tell


@click.command("logout")
@click.option(
    "--host", metavar="URL", help="Server. Default: KISEKI_BASE_URL, else this machine's."
)
@json_option
def command(host: str | None, as_json: bool) -> None:
    """Forget the key for a server. The server keeps it: revoke it in the settings of the web app."""
    from kiseki.client.credentials import delete_key, resolve, write_anonymous

    base_url = resolve(host).base_url
    was_stored = delete_key(base_url)
    write_anonymous(base_url, None)
    is_left = bool(resolve(host).key)  # in the environment or in .netrc
    if as_json:
        print_json({"base_url": base_url, "forgotten": was_stored, "has_key": is_left})
    else:
        tell(
            f"the key for {base_url} is forgotten"
            if was_stored
            else f"no key for {base_url} was stored"
        )
        if is_left:
            tell("another one is in KISEKI_API_KEY or .netrc")
    leave(DONE)
