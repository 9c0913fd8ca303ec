"""`kiseki server`: the server with its web app, and taking in what was recorded before it started."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from kiseki.base.version import __version__
from kiseki.cli.output import DONE, json_option, leave, print_json, tell

if TYPE_CHECKING:
    from kiseki.core.people.accounts import SignUp
    from kiseki.server.app import Ready

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
KEY_NAME = "SDK of this machine"


@click.command("server")
@click.option(
    "--data",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data folder, made if needed. Default: `server` in the user's data folder.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", default=7500, show_default=True, type=click.IntRange(0, 65535),
    help="Port; 0 picks a free one.",
)  # fmt: skip
@click.option("--public-url", metavar="URL", help="How people reach the server through a proxy.")
@click.option("--root-path", default="", metavar="PREFIX", help="Prefix of every path: /kiseki.")
@click.option(
    "--signup",
    default="invite",
    show_default=True,
    envvar="KISEKI_SIGNUP",
    show_envvar=True,
    type=click.Choice(("closed", "invite", "open")),
    help="Who may make an account.",
)
@click.option(
    "--anonymous/--no-anonymous",
    default=None,
    help="Take runs without an account, to be claimed within 30 days. Default: no, unless "
    "KISEKI_ANONYMOUS=1.",
)
@click.option(
    "--api-rate", default=6_000, show_default=True, envvar="KISEKI_API_RATE", show_envvar=True,
    type=click.IntRange(0), metavar="N",
    help="Requests a minute of one key, uploads of runs not counted; 0: no limit.",
)  # fmt: skip
@click.option(
    "--log-level",
    default="warning",
    show_default=True,
    envvar="KISEKI_LOG_LEVEL",
    show_envvar=True,
    type=click.Choice(LOG_LEVELS),
    help="Detail.",
)
@json_option
def command(
    data: Path | None,
    host: str,
    port: int,
    public_url: str | None,
    root_path: str,
    signup: SignUp,
    anonymous: bool | None,
    api_rate: int,
    log_level: str,
    as_json: bool,
) -> None:
    """Start the server with its web app.

    Prints the address and a link that signs a browser in once. The first start makes the data folder, a
    first user named after the user of this machine, and a key for the SDK. Runs that were recorded while
    no server was there are taken in. Ctrl-C ends it.
    """
    import logging

    from kiseki.client.folders import data_dir
    from kiseki.core.people.accounts import Policy
    from kiseki.server.app import serve

    logging.basicConfig(level=log_level.upper(), format=LOG_FORMAT, stream=sys.stderr)
    adopting = _Adopting()

    def on_ready(ready: Ready) -> None:
        local_url = _local_url(ready.url, public_url, host, port, root_path)
        is_signed_in = _sign_in_sdk(ready, {local_url, ready.url})
        if as_json:
            print_json(_document(ready))
        else:
            _say_ready(ready, is_signed_in)
        sys.stdout.flush()
        adopting.start(local_url)

    try:
        serve(
            data if data is not None else data_dir() / "server",
            host, port, public_url=public_url, root_path=root_path, on_ready=on_ready,
            policy=Policy(signup, _is_anonymous() if anonymous is None else anonymous),
            requests_per_minute=api_rate,
        )  # fmt: skip
    finally:
        adopting.stop()
    leave(DONE)


def _is_anonymous() -> bool:
    """`allow`, `must` and `never` in the same variable are for runs, and say nothing to a server."""
    return os.environ.get("KISEKI_ANONYMOUS", "").lower() in ("1", "true", "yes", "on")


def _local_url(url: str, public_url: str | None, host: str, port: int, root_path: str) -> str:
    """Return the address for processes of this machine."""
    if public_url is None or port == 0:
        return url
    prefix = f"/{root_path.strip('/')}" if root_path.strip("/") else ""
    shown = "127.0.0.1" if host == "0.0.0.0" else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}{prefix}"


def _sign_in_sdk(ready: Ready, urls: set[str]) -> bool:
    """Give this machine's SDK a key, if it has none that works; return whether it has one now.

    Whoever starts the server owns its data folder and could make keys anyway.
    """
    from kiseki.client.credentials import normalised, read_credentials, write_key
    from kiseki.core.access import create_key_at_start, find_key

    meta = ready.storage.meta
    known = read_credentials()
    missing = []
    for url in map(normalised, urls):
        key = known.get(url)
        if key is None or find_key(meta, key) is None:
            missing.append(url)
    if not missing:
        return True
    secret = ready.first.key or os.environ.get("KISEKI_FIRST_KEY")
    if not secret:
        secret = create_key_at_start(meta, ready.first.user, KEY_NAME)
    try:
        for url in missing:
            write_key(url, secret)
    except OSError as error:
        tell(f"the SDK's key could not be stored: {error}")
        return False
    return True


def _document(ready: Ready) -> dict[str, Any]:
    return {
        "url": ready.url,
        "sign_in_url": ready.sign_in_url,
        "data": str(ready.data),
        "user": ready.first.user.name,
        "is_new": ready.first.is_new,
        "pid": os.getpid(),
    }


def _say_ready(ready: Ready, is_signed_in: bool) -> None:
    click.echo(f"kiseki {__version__} serves {ready.data} at {click.style(ready.url, bold=True)}")
    if ready.first.is_new:
        click.echo(f"first user: {ready.first.user.name}")
    click.echo("sign in (this link works once, for an hour):")
    click.echo(f"  {click.style(ready.sign_in_url, fg='cyan')}")
    if is_signed_in and urlsplit(ready.url).port == 7500:
        click.echo("scripts of this user log to it by themselves")
    elif is_signed_in:
        click.echo(f"for scripts of this user: export KISEKI_BASE_URL={ready.url}")
    if not ready.url.startswith("https:") and not _is_loopback(ready.url):
        click.echo(
            "others reach it over plain http: passwords and keys can be read on the way; put TLS in front "
            "and give --public-url https://…"
        )
    click.echo("Ctrl-C ends the server")


def _is_loopback(url: str) -> bool:
    from kiseki.client.credentials import is_loopback

    return is_loopback(url)


class _Adopting:
    """The process that sends what waits in this user's registry to the server that just started."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, url: str) -> None:
        command = [sys.executable, "-m", "kiseki.uploader", "--adopt", url]
        try:
            # A session of its own: Ctrl-C is for the server, which then ends this too.
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True
            )
        except OSError as error:
            tell(f"runs that wait for a server are not taken in: {error}")
            return
        self._process = process
        threading.Thread(target=process.wait, name="adopting", daemon=True).start()

    def stop(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            process.wait()
