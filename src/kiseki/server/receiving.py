"""Content on its way in: from the connection to the disk.

Pieces of a mebibyte, the next of which arrives while one is being written, so that a file of any size costs
the memory of two or three.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from kiseki.core.files import Reception
from kiseki.errors import Invalid, PublicError
from kiseki.server.routing import Call

PIECE_BYTES = 1024 * 1024
# A refusal is read only by who has sent everything, so what is still on its way is taken and thrown away.
DRAIN_BYTES_MAX = 64 * 1024 * 1024


async def begin(call: Call) -> Reception:
    """Begin to take the body of a request. Raises TooLarge, Busy, StorageFull."""
    declared = call.request.headers.get("content-length", "")
    size = int(declared) if declared.isdecimal() else 0
    try:
        return await run_in_threadpool(call.core.files.receive, size)
    except PublicError:
        if size <= DRAIN_BYTES_MAX:
            await _drain(call)
        raise


class Taker(Protocol):
    """What takes the pieces."""

    def write(self, data: bytes) -> None: ...


async def take(call: Call, reception: Taker) -> None:
    """Write the body to where it is received; the next piece arrives while one is being written."""
    writing: asyncio.Future[None] | None = None
    piece = bytearray()
    try:
        async for part in call.request.stream():
            piece += part
            if len(piece) >= PIECE_BYTES:
                if writing is not None:
                    await writing
                writing = asyncio.ensure_future(run_in_threadpool(reception.write, bytes(piece)))
                piece.clear()
        if writing is not None:
            await writing
            writing = None
        if piece:
            await run_in_threadpool(reception.write, bytes(piece))
    except ClientDisconnect as error:
        raise Invalid("the connection ended before the whole file had come", code="body") from error
    except PublicError:
        await _drain(call)
        raise
    finally:
        if writing is not None:  # a thread must not write to what is being closed
            await asyncio.wait([writing])


async def _drain(call: Call) -> None:
    """Take what is still on its way, within limits, and throw it away."""
    size = 0
    try:
        async for part in call.request.stream():
            size += len(part)
            if size > DRAIN_BYTES_MAX:
                return
    except (ClientDisconnect, RuntimeError):  # gone, or taken already
        return
