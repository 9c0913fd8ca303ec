"""The addresses of this door. Bodies are read here; everything else happens in worker threads."""

from __future__ import annotations

import asyncio
import logging
import zlib
from concurrent.futures import TimeoutError as WaitTimeout
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from kiseki.base.clock import wall_us
from kiseki.core.decode import BODY_BYTES_MAX
from kiseki.core.ingest import Receipt
from kiseki.core.runs import Run
from kiseki.core.service import Core
from kiseki.errors import Busy, Invalid, PublicError, TooLarge
from kiseki.record.types import Note
from kiseki.server.routing import Call, Routes, read_body
from kiseki.server.wandb import artifact_files, execution, translation, uploads
from kiseki.server.wandb.context import Context, Door
from kiseki.server.wandb.execution import Answer, Documents
from kiseki.server.wandb.signing import Signer
from kiseki.server.wandb.writers import LINE_SKIPPED, Writers, ending_of

log = logging.getLogger(__name__)

JSON = "application/json"
BYTES = "application/octet-stream"
GRAPHQL_BYTES_MAX = 16 * 1024 * 1024
CLIENT_HEADER = "x-wandb-async-client-id"
CLIENT_CHARS_MAX = 200
FLOW_BYTES_MAX = 64 * 1024  # read in the event loop: a millisecond
INFLATED_BYTES_MAX = 256 * 1024 * 1024


def open_door(core: Core, secret: bytes) -> Routes:
    """Return the endpoints over one core.

    Args:
        secret: with which addresses are signed.
    """
    door = Door(core, Writers(core), Signer(secret))
    documents = Documents()
    routes = Routes()

    @routes.post("/graphql", body=JSON, answer=JSON)
    async def answer_graphql(call: Call) -> Response:
        """Execute an operation of the official wandb client."""
        body = await read_body(call.request, GRAPHQL_BYTES_MAX)
        context = _context(door, call)
        answer = await run_in_threadpool(_execute, context, documents, body)
        return Response(answer.body, answer.status, media_type=JSON)

    @routes.post("/files/{entity}/{project}/{run}/file_stream", body=JSON, answer=JSON)
    async def append_lines(call: Call) -> Response:
        """Take lines of a run from the official wandb client."""
        body = await read_body(call.request, BODY_BYTES_MAX)
        if len(body) <= FLOW_BYTES_MAX and (answer := await _append_in_flow(door, call, body)):
            return answer
        return await run_in_threadpool(_append, door, call, body)

    @routes.add("PUT", f"{uploads.SIGNED}/{{token}}", body=BYTES, answer=None, is_public=True)
    async def put_signed(call: Call) -> Response:
        """Take a file that an address was given for."""
        return await uploads.put_signed(door, call)

    @routes.get(f"{uploads.SIGNED}/{{token}}", answer=BYTES, is_public=True)
    def get_signed(call: Call) -> Response:
        """Return a file that an address was given for."""
        return uploads.get_signed(door, call)

    artifact_files.add_routes(door, routes)
    return routes


def _context(door: Door, call: Call) -> Context:
    request = call.request
    # As the client reaches this server: it may do so under another name than people do.
    url = f"{request.url.scheme}://{request.headers.get('host', '')}{request.scope.get('kiseki.root', '')}"
    if call.core.url.startswith("https:"):
        url = call.core.url
    return Context(door, call.who, url, dict(request.headers.items()))


def _execute(context: Context, documents: Documents, body: bytes) -> Answer:
    try:
        request = translation.parse(body)
    except (ValueError, RecursionError):
        return execution.failure("the body is not JSON", 400)
    return execution.execute(context, documents, request)


async def _append_in_flow(door: Door, call: Call, body: bytes) -> Response | None:
    """Answer a request of a run in full flow; None if it is not, or there is anything odd about it."""
    headers, path = call.request.headers, call.path
    if CLIENT_HEADER in headers or headers.get("content-encoding", "identity") != "identity":
        return None
    try:
        request = _object(body)
    except (ValueError, RecursionError):
        return None
    files = request.get("files")
    place = (path["entity"], path["project"], path["run"])
    try:
        receipt = await door.writers.put_in_flow(
            place,
            call.who,
            files if isinstance(files, dict) else {},
            ending_of(request, wall_us()),
        )
    except (asyncio.TimeoutError, WaitTimeout) as error:
        raise _late() from error
    return None if receipt is None else _told(receipt)


def _told(receipt: Receipt) -> Response:
    return Response(b'{"stopped":true}' if receipt.stop else b"{}", media_type=JSON)


def _late() -> Busy:
    return Busy("the records are not stored yet; send them again", retry_after=2)


def _append(door: Door, call: Call, body: bytes) -> Response:
    """Put lines where they belong. What the client would stop for is told with 200 and set aside."""
    path, core = call.path, call.core
    place = (path["entity"], path["project"], path["run"])
    # Of a deleted run, too: refused once, the client gives up for good, and a restored run would lack rows.
    _, run = core.runs.find(call.who, *place, "write", in_trash=True)
    try:
        request = _object(_inflated(body, call.request.headers.get("content-encoding", "")))
    except (ValueError, RecursionError, zlib.error) as error:
        _set_aside(door, call, run, f"a request was set aside: {error}")
        return Response(b"{}", media_type=JSON)
    files = request.get("files")
    try:
        receipt = door.writers.put(
            run,
            call.who,
            files if isinstance(files, dict) else {},
            ending_of(request, wall_us()),
            call.request.headers.get(CLIENT_HEADER, "")[:CLIENT_CHARS_MAX],
            peer=":".join(map(str, call.request.client)) if call.request.client else "",
        )
    except WaitTimeout as error:
        raise _late() from error
    return _told(receipt)


def _object(body: bytes) -> dict[str, Any]:
    found = translation.parse(body) if body else {}
    if not isinstance(found, dict):
        raise ValueError("it is not an object")
    return found


def _inflated(body: bytes, encoding: str) -> bytes:
    """Return a body as it was before it was compressed. Raises zlib.error, ValueError, TooLarge."""
    if encoding.lower() in ("", "identity"):
        return body
    if encoding.lower() != "gzip":
        raise Invalid(f"content encoding {encoding[:40]!r} is not taken", code="encoding")
    inflating = zlib.decompressobj(31)
    found = inflating.decompress(body, INFLATED_BYTES_MAX)
    if inflating.unconsumed_tail:
        raise TooLarge(f"the body inflates to more than {INFLATED_BYTES_MAX:,} bytes")
    if not inflating.eof:
        raise ValueError("it ends too soon")
    return found


def _set_aside(door: Door, call: Call, run: Run, text: str) -> None:
    try:
        door.writers.say(run, call.who, [Note(code=LINE_SKIPPED, text=text, time_us=wall_us())])
    except PublicError as error:
        log.warning("run %s: %s (%s)", run.id, text, error)
