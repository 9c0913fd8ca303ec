"""The composition root: storage, use cases, routes, gate, server.

`serve` runs until it is told to end (SIGTERM, SIGINT): it then answers what is running, commits what is
waiting, saves the folds and closes the files. Ended in any other way nothing that was acknowledged is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import getpass
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import msgspec
import uvicorn
from starlette.responses import Response
from starlette.routing import Route, Router

from kiseki.core import access
from kiseki.core.access import FirstUser
from kiseki.core.people.accounts import Policy
from kiseki.core.people.tries import Rate
from kiseki.core.service import Core, open_core
from kiseki.errors import UsageError
from kiseki.server import openapi
from kiseki.server.api import (
    artifacts,
    bulk,
    events,
    exports,
    files,
    health,
    history,
    invites,
    keys,
    projects,
    runs,
    search,
    series,
    session,
    streams,
    sweeps,
    table,
    teams,
    trash,
    users,
    viewer,
    views,
)
from kiseki.server.gate import Gate, is_loopback
from kiseki.server.routing import Endpoint, Routes, to_route
from kiseki.server.static import Static
from kiseki.server.wandb import routes as wandb
from kiseki.storage.interface import Storage
from kiseki.storage.open import is_new, open_storage, write_url

log = logging.getLogger(__name__)

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7500
GRACE_S = 1  # for running requests at the end
CONNECTIONS_MAX = 4_000  # each client that writes a run keeps one
OPEN_FILES = CONNECTIONS_MAX + 2_000  # …and the stores have theirs
HEADER_BYTES_MAX = 32 * 1024
KEEP_ALIVE_S = 75
REQUESTS_PER_MINUTE = 6_000  # of one key; a loop over runs at full speed makes 2,000

MODULES: tuple[Routes, ...] = (
    health.routes,
    session.routes,
    viewer.routes,
    users.routes,
    keys.routes,
    teams.routes,
    invites.routes,
    streams.routes,
    projects.routes,
    table.routes,
    bulk.routes,
    exports.routes,
    runs.routes,
    search.routes,
    trash.routes,
    views.routes,
    sweeps.routes,
    series.routes,
    history.routes,
    files.routes,
    artifacts.routes,
    events.routes,
)
"""Where the endpoints are declared. A path with a fixed part comes before one that would match it."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What `serve` tells once it answers.

    Attributes:
        url: where people and clients reach it, without a slash at the end.
        sign_in_url: signs a browser in as the first user; works once, for an hour.
        first: the first user, with its key in clear if it was just made.
        storage: the open stores, for work that needs no second process (making another key).
    """

    url: str
    sign_in_url: str
    first: FirstUser
    data: Path
    storage: Storage


def endpoints() -> list[Endpoint]:
    """Return every declared endpoint of the native door."""
    return [endpoint for routes in MODULES for endpoint in routes.endpoints]


def build(
    core: Core,
    *,
    hosts: Sequence[str] = (),
    root_path: str = "",
    rate: Rate | None = None,
    secret: bytes = b"",
) -> Gate:
    """Return the whole application behind its gate. `secret`: with which addresses are signed."""
    declared = endpoints()
    second = wandb.open_door(core, secret or secrets.token_bytes(32))

    @cache  # made when first asked for: the start does not wait for it
    def document() -> bytes:
        return msgspec.json.encode(openapi.document(declared))

    async def show_openapi(_request: object) -> Response:
        return Response(document(), media_type="application/json")

    router = Router(
        [
            Route("/-/openapi.json", show_openapi, methods=["GET"]),
            # They are tried in this order: first the few that are asked a thousand times a second.
            *(to_route(endpoint, core) for endpoint in (*second.endpoints, *declared)),
        ],
        redirect_slashes=False,
        default=Static(root_path=root_path),
    )
    return Gate(router, core.access, hosts, root_path, core.url.startswith("https:"), rate)


def serve(
    data: Path,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    public_url: str | None = None,
    root_path: str = "",
    on_ready: Callable[[Ready], None] | None = None,
    policy: Policy | None = None,
    requests_per_minute: int = REQUESTS_PER_MINUTE,
) -> None:
    """Serve a data folder until SIGTERM or SIGINT.

    Args:
        data: the data folder, made if needed.
        host: address to listen at. Any but a loopback one needs `KISEKI_FIRST_KEY`.
        port: 0 picks a free one.
        public_url: how people reach the server through a proxy: its host is answered to, and links begin
            with it. Default: `http://HOST:PORT` with the root path.
        root_path: prefix of every path, as in `/kiseki`.
        on_ready: called in the main thread once the socket answers.
        policy: who may make an account.
        requests_per_minute: of one key, besides what it sends of runs; 0: no limit.

    Raises:
        UsageError: the folder is in use, the port is taken, or the host may not be used yet.
        UnsupportedVersion: a newer Kiseki wrote the folder.
    """
    root_path = "/" + root_path.strip("/") if root_path.strip("/") else ""
    first_key = os.environ.get("KISEKI_FIRST_KEY") or None
    if first_key is not None:
        access.check_first_key(first_key)
    if is_new(data):  # what is refused leaves no folder behind
        _check_exposure(host, first_key, is_known=False)
    storage, lock = open_storage(data)
    try:
        _check_exposure(host, first_key, is_known=bool(storage.meta.users()))
        with _listen(host, port) as listener:
            first = access.ensure_first_user(
                storage.meta, os.environ.get("KISEKI_FIRST_USER") or _os_user(), key=first_key
            )
            bound = listener.getsockname()[1]
            url = (public_url or f"http://{_in_url(host)}:{bound}{root_path}").rstrip("/")
            write_url(data, url)  # for the links that `kiseki admin` makes
            core = open_core(storage, url, policy)
            try:
                core.jobs.start()
                token = access.make_token(storage.meta, first.user)
                ready = Ready(url, f"{url}/login#token={token}", first, data, storage)
                _calm_collector()
                _allow_open_files()
                rate = Rate(requests_per_minute, 60)
                app = build(
                    core, hosts=_hosts(host, public_url), root_path=root_path, rate=rate,
                    secret=storage.secret,
                )  # fmt: skip
                _run(app, core, listener, lambda: on_ready(ready) if on_ready else None)
            finally:
                core.close()
    finally:
        storage.close()
        lock.release()


def _calm_collector() -> None:
    """Have Python look for reference cycles less often.

    A batch is tens of thousands of rows that all die together; at the default, after every 700 new objects,
    looking through them is half the time of ingest.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def _allow_open_files() -> None:
    """Take as many open files as connections may need: many systems give a process 1,024 until it asks."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this user id, as in some containers
        return "user"


def _check_exposure(host: str, first_key: str | None, *, is_known: bool) -> None:
    if is_loopback(host) or first_key is not None or is_known:
        return
    raise UsageError(
        f"--host {host} lets other machines reach this server, and nobody can sign in to it yet. Start it "
        "once without --host to make the first user, or set KISEKI_FIRST_KEY to a random key of 40 "
        "characters or more"
    )


def _hosts(host: str, public_url: str | None) -> list[str]:
    """Return the names that requests may be addressed to, besides the loopback ones."""
    names = [host, socket.gethostname()] if host not in ("0.0.0.0", "::") else []
    if host in ("0.0.0.0", "::"):
        names = [socket.gethostname(), *_own_addresses()]
    if public_url:
        names.append(urlsplit(public_url).hostname or "")
    return [name for name in names if name]


def _own_addresses() -> list[str]:
    import psutil

    found = [item.address for items in psutil.net_if_addrs().values() for item in items]
    return [address.partition("%")[0] for address in found]


def _in_url(host: str) -> str:
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only where the protocol is named does asyncio turn off Nagle's algorithm (40 ms an answer).
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Without it a restart within a minute would find the port taken by connections that are gone.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"cannot listen at {host}:{port}: {error.strerror}. Choose another port with --port"
        ) from error
    return listener


class _Server(uvicorn.Server):
    """Ends with exit code 0 when asked to end: uvicorn's own would raise the signal again."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def end(number: int, frame: FrameType | None) -> None:
            self.handle_exit(number, frame)

        before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _run(app: Gate, core: Core, listener: socket.socket, ready: Callable[[], None]) -> None:
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        limit_concurrency=CONNECTIONS_MAX,
        h11_max_incomplete_event_size=HEADER_BYTES_MAX,
        backlog=1024,
    )
    server = _Server(config)

    async def main() -> None:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.005)
        if server.started:
            ready()
        await asyncio.wait([serving, asyncio.create_task(_end_streams(server, core))],
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        await serving

    asyncio.run(main())


async def _end_streams(server: uvicorn.Server, core: Core) -> None:
    """Close the event streams as soon as the end is asked for: they would use up the whole grace."""
    while not server.should_exit:
        await asyncio.sleep(0.1)
    core.live.close()
