"""What changed, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from kiseki.core.rights import Principal, can
from kiseki.core.service import Core
from kiseki.errors import Invalid
from kiseki.server.routing import Call, Routes

routes = Routes()

HEARTBEAT_S = 5
STREAM_S = 3600  # then the page connects again, and is asked again who it is
CHECK_S = 5  # what they may see is looked up this often at most, as of all other requests
PING = b"event: ping\ndata: {}\n\n"  # no comment: a page cannot see those, and would think us live
EVENT_STREAM = "text/event-stream"


class EventsQuery(msgspec.Struct):
    """`project` is `entity/project`; without it only the names of changed projects are told."""

    project: str = ""


@routes.get("/api/v1/events", query=EventsQuery, answer=EVENT_STREAM)
async def watch(call: Call) -> Response:
    """Tell what changed, at most twice a second. After `hello`, and after a gap, look at everything once."""
    number: int | None = None
    if call.query.project:
        entity, slash, name = call.query.project.partition("/")
        if not slash:
            raise Invalid("`project` is written entity/project", code="project")
        project = await run_in_threadpool(call.core.projects.find, call.who, entity, name)
        number = project.number
    if call.request.method == "HEAD":
        return Response(media_type=EVENT_STREAM)
    call.core.live.check_room()
    return StreamingResponse(
        messages(call.core, number, call.who),
        media_type=EVENT_STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def messages(core: Core, number: int | None, who: Principal) -> AsyncIterator[bytes]:
    """Yield the events of a project (None: of the list of projects) until `who` may not see them any more."""
    live, access = core.live, core.access
    rights, clock = access.changes, asyncio.get_running_loop().time
    # Here and not in the endpoint: an iterator that is never begun leaves nothing behind.
    subscriber = live.subscribe(number, partial(can, who, "read"), who.user.number)
    checked = began = clock()
    try:
        while clock() < began + STREAM_S:
            message = await subscriber.next(HEARTBEAT_S)
            # Whose rights may have changed connects again, and is asked again who it is.
            if message is None or access.changes != rights:
                return
            if clock() >= checked + CHECK_S:
                if not await run_in_threadpool(access.is_current, who):
                    return
                checked = clock()
            yield message or PING
    finally:
        live.unsubscribe(number, subscriber)
