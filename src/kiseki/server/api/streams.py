"""Records in: the one way data gets into the server."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import msgspec

from kiseki.core.decode import BODY_BYTES_MAX
from kiseki.core.ingest import Opened, Receipt
from kiseki.core.people.accounts import settings_of
from kiseki.errors import Invalid
from kiseki.server.api.urls import project_url, run_url
from kiseki.server.routing import Call, Routes, read_body

routes = Routes()

MEDIA_TYPE = "application/x-kiseki-records"
UNDECLARED_BYTES = 8 * 1024 * 1024  # what a body that does not tell its length counts as


class RejectedRecord(msgspec.Struct):
    """A record that was set aside, and why."""

    seq: int
    reason: str


class OpenedRun(msgspec.Struct):
    """The run a stream belongs to.

    `resumed`: it goes on (resumed, rewound, joined). Rows go on at `next_step` and with `runtime_us`.
    `defaults`: the settings of the user (I-70). The fields from `config` on stand only where something was
    taken over, by a fork too.
    """

    entity: str
    project: str
    id: str
    name: str
    url: str
    project_url: str
    resumed: bool
    next_step: int
    runtime_us: int
    attempt: int
    defaults: dict[str, Any]
    config: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    summary: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    tags: list[str] | msgspec.UnsetType = msgspec.UNSET
    notes: str | msgspec.UnsetType = msgspec.UNSET
    group: str | msgspec.UnsetType = msgspec.UNSET
    job_type: str | msgspec.UnsetType = msgspec.UNSET
    started_us: int | msgspec.UnsetType = msgspec.UNSET
    rows: int | msgspec.UnsetType = msgspec.UNSET
    definitions: list[dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET
    aggregates: dict[str, dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET


class RecordsAnswer(msgspec.Struct):
    """Everything before `next` is committed. `stop`: somebody asked the run to stop."""

    receipt: Literal["kiseki"]
    next: int
    stop: bool
    rejected: list[RejectedRecord]
    run: OpenedRun | msgspec.UnsetType = msgspec.UNSET


class StreamAnswer(msgspec.Struct):
    next: int


@routes.post("/api/v1/streams/{stream}/records", body=MEDIA_TYPE, answer=RecordsAnswer)
async def append_records(call: Call) -> RecordsAnswer:
    """Append consecutive records of a stream; answered after they are committed."""
    encoding = call.request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", ""):
        raise Invalid(f"content encoding {encoding!r} is not taken: the body is zstd itself")
    declared = call.request.headers.get("content-length", "")
    expected = min(int(declared), BODY_BYTES_MAX) if declared.isdecimal() else UNDECLARED_BYTES
    with call.core.ingest.reading(expected):
        body = await read_body(call.request, BODY_BYTES_MAX)
    waiting = call.core.ingest.submit(call.path["stream"], body, call.who)
    receipt = await asyncio.wrap_future(waiting)
    return _answer(call, receipt)


@routes.get("/api/v1/streams/{stream}", answer=StreamAnswer)
def show_stream(call: Call) -> StreamAnswer:
    """Return the sequence expected next of a stream, 0 for an unknown one."""
    return StreamAnswer(call.core.ingest.next(call.path["stream"], call.who))


def _answer(call: Call, receipt: Receipt) -> RecordsAnswer:
    answer = RecordsAnswer(
        "kiseki",
        receipt.next,
        receipt.stop,
        [RejectedRecord(item.seq, item.reason) for item in receipt.rejected],
    )
    if receipt.opened is not None:
        answer.run = _opened(call, receipt.opened)
    return answer


def _opened(call: Call, opened: Opened) -> OpenedRun:
    before = opened.before
    url = call.core.url
    run = OpenedRun(
        opened.entity,
        opened.project,
        opened.id,
        opened.name,
        run_url(url, opened.entity, opened.project, opened.id),
        project_url(url, opened.entity, opened.project),
        opened.is_resumed,
        before.next_step,
        before.runtime_us,
        opened.attempt,
        settings_of(call.who.user),
    )
    if opened.has_before:
        run.config, run.summary, run.tags = before.config, before.summary, before.tags
        run.notes, run.group, run.job_type = before.notes, before.group, before.job_type
        run.started_us = before.started_us or msgspec.UNSET
        run.rows = before.rows
        # With these the writer's own summary goes on as the server's does (D-01, D-04).
        run.definitions = [msgspec.to_builtins(item) for item in before.definitions.values()]
        run.aggregates = {
            path: msgspec.to_builtins(tracked)
            for path, tracked in before.tracked.items()
            if tracked.rules
        }
    return run
