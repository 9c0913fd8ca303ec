"""Sends requests straight into the ASGI app: the real app, no socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from kiseki.core.people.accounts import Policy
from kiseki.core.people.passwords import Passwords
from kiseki.core.service import Core, open_core
from kiseki.server.app import build
from kiseki.storage.interface import Storage

HOST = "127.0.0.1:7500"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Door:
    """An application on a storage, asked one request at a time."""

    def __init__(
        self,
        storage: Storage,
        *,
        url: str = f"http://{HOST}",
        policy: Policy | None = None,
        **options: Any,
    ) -> None:
        self.core: Core = open_core(storage, url, policy, Passwords(memory_kib=64, passes=1))
        self.app = build(self.core, **options)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        host: str = HOST,
    ) -> Answer:
        return ask(self.app, method, path, body, {"host": host, **(headers or {})})


def ask(
    app: Any, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Answer:
    """Send one request into an ASGI app."""
    return asyncio.run(_ask(app, method, path, body, headers or {}))


async def _ask(
    app: Any, method: str, target: str, body: bytes, headers: Mapping[str, str]
) -> Answer:
    raw, _, query = target.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": unquote(raw), "raw_path": raw.encode(),
        "query_string": query.encode(), "root_path": "", "client": ("127.0.0.1", 5), "server": None,
        "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
    }  # fmt: skip
    sent: list[Any] = []
    done = asyncio.Event()
    given = False

    async def receive() -> Any:
        nonlocal given
        if given:
            await done.wait()
            return {"type": "http.disconnect"}
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            done.set()
        # An event stream never ends by itself: its first bytes are enough here.
        if len(sent) > 1 and (b"text/event-stream" in dict(sent[0]["headers"]).values()):
            done.set()

    running = asyncio.ensure_future(app(scope, receive, send))
    await asyncio.wait([running], timeout=10)
    if running.done():
        running.result()
    else:
        running.cancel()
    fields = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
    return Answer(
        sent[0]["status"],
        {name.lower(): value for name, value in fields},
        b"".join(message.get("body", b"") for message in sent[1:]),
        tuple(value for name, value in fields if name.lower() == "set-cookie"),
    )
