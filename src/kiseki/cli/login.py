"""`kiseki login`: store the key for a server, after the server has accepted it."""

from __future__ import annotations

import sys

import click

from kiseki.cli.output import DONE, Failure, json_option, leave, print_json, tell

KEY_CHARS_MIN = 40


@click.command("login")
@click.argument("key", required=False)
@click.option(
    "--host", metavar="URL", help="Server. Default: KISEKI_BASE_URL, else this machine's."
)
@click.option("--relogin", is_flag=True, help="Ask for a key although one is stored.")
@click.option(
    "--verify/--no-verify",
    default=True,
    show_default=True,
    help="Ask the server who the key belongs to before storing it.",
)
@json_option
def command(key: str | None, host: str | None, relogin: bool, verify: bool, as_json: bool) -> None:
    """Store the key for a server.

    KEY may be left out: it is then asked for without being shown, or read from standard input.
    """
    from kiseki.client.credentials import credentials_path, resolve, shown_key, write_key

    target = resolve(host, key)
    is_stored = bool(target.key) and key is None and not relogin
    if not is_stored:
        secret = key or _ask_for_key(target.base_url)
        if len(secret) < KEY_CHARS_MIN or not secret.isprintable() or " " in secret:
            from kiseki.uploader.messages import KEY

            raise Failure(
                f"this is no API key: keys have {KEY_CHARS_MIN} characters or more, this one "
                f"{len(secret)}",
                KEY,
                kept="nothing was stored.",
                todo=f"to get one: {target.base_url}/authorize",
            )
    else:
        secret = target.key
    who = _who(target.base_url, secret) if verify else None
    if not is_stored:
        write_key(target.base_url, secret)
    if as_json:
        print_json(
            {
                "base_url": target.base_url,
                "user": who["user"] if who else None,
                "entity": who["entity"] if who else None,
                "verified": verify,
                "stored": not is_stored,
            }
        )
    else:
        name = f"signed in as {who['user']}" if who else f"key {shown_key(secret)} is not verified"
        kept = "the key was there already" if is_stored else f"stored in {credentials_path()}"
        tell(f"{name} at {target.base_url}; {kept}")
    leave(DONE)


def _ask_for_key(base_url: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    tell(f"to get a key, open {base_url}/authorize in a browser")
    tell("paste it here; it is not shown while you do")
    answer: str = click.prompt("API key", hide_input=True, err=True)
    return answer.strip()


def _who(base_url: str, key: str) -> dict[str, str]:
    from kiseki.client.http import Client

    with Client(base_url, key) as client:
        answer: dict[str, str] = client.get_json("/api/v1/viewer")
    return answer
