"""Rows and console lines of one run."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from starlette.responses import Response

from kiseki.core.runs import Run
from kiseki.errors import Invalid
from kiseki.record.codec import encode_value
from kiseki.server.api.encoding import MSGPACK, binary
from kiseki.server.api.runs import RUN
from kiseki.server.routing import Call, Routes, to_json

routes = Routes()


class HistoryQuery(msgspec.Struct):
    """`keys` may be repeated; `after` is the `next` of the page before."""

    keys: list[str] = []
    min_step: int | None = None
    max_step: int | None = None
    after: str = ""
    limit: int = 10_000
    mode: Literal["merged", "exact"] = "merged"
    space: Literal["history", "system"] = "history"
    attempt: int | None = None


@routes.get(f"{RUN}/history", query=HistoryQuery, answer=MSGPACK)
def read_history(call: Call) -> Response:
    """Return rows exactly as they were logged, in the order of their steps; as JSON if that is accepted."""
    asked: HistoryQuery = call.query
    page = call.core.queries.history(
        _find(call),
        space=asked.space,
        attempt=asked.attempt,
        keys=asked.keys,
        min_step=asked.min_step,
        max_step=asked.max_step,
        after=asked.after,
        limit=asked.limit,
        is_exact=asked.mode == "exact",
    )
    answer = {"rows": page.rows, "next": page.next}
    accepted = call.request.headers.get("accept", "")
    if "json" in accepted and "msgpack" not in accepted:
        return binary(call, to_json(answer), "application/json")
    return binary(call, encode_value(answer), MSGPACK)


class ConsoleQuery(msgspec.Struct):
    """Which lines: of an index `after` and `before`, printed until `until_us`, of one writer (`label`).

    `tail`: the last so many of them (`true`: the last `limit`).
    """

    after: int = -1
    before: int | None = None
    until_us: int | None = None
    limit: int = 1_000
    tail: str = ""
    stream: str = ""
    label: str | None = None
    search: str = ""
    attempt: int | None = None


class LineAnswer(msgspec.Struct):
    """A console line. A later text of the line (a progress bar) takes its place: the index stays.

    `number` counts the lines of one session of a writer; `label` names it among those of a shared run;
    `updates`: how many texts this one replaced.
    """

    index: int
    stream: str
    number: int
    time_us: int
    text: str
    label: str
    updates: int


class ConsoleAnswer(msgspec.Struct):
    """`total` lines match `stream`, `label` and `search`."""

    total: int
    lines: list[LineAnswer]


@routes.get(f"{RUN}/console", query=ConsoleQuery, answer=ConsoleAnswer)
def read_console(call: Call) -> ConsoleAnswer:
    """Return console lines in the order in which they first appeared."""
    asked: ConsoleQuery = call.query
    limit, is_tail = _tail(asked)
    total, lines = call.core.queries.console(
        _find(call),
        attempt=asked.attempt,
        stream=asked.stream or None,
        label=asked.label,
        after=asked.after,
        before=asked.before,
        until_us=asked.until_us,
        limit=limit,
        tail=is_tail,
        search=asked.search or None,
    )
    return ConsoleAnswer(
        total,
        [
            LineAnswer(
                index,
                line.stream,
                line.number,
                line.time_us,
                line.text,
                line.label,
                line.updates,
            )
            for index, line in lines
        ],
    )


class UpdatesQuery(msgspec.Struct):
    """Which attempt; absent: the latest."""

    attempt: int | None = None


class UpdateAnswer(msgspec.Struct):
    time_us: int
    text: str


class UpdatesAnswer(msgspec.Struct):
    updates: list[UpdateAnswer]


@routes.get(f"{RUN}/console/{{index}}/updates", query=UpdatesQuery, answer=UpdatesAnswer)
def read_updates(call: Call) -> UpdatesAnswer:
    """Return what a redrawn line (a progress bar) said before its last text, oldest first."""
    index = call.path["index"]
    if not index.isdecimal() or len(index) > 15:
        raise Invalid(f"a line's index is a number, not {index[:40]!r}", code="index")
    found = call.core.queries.updates(_find(call), int(index), call.query.attempt)
    return UpdatesAnswer([UpdateAnswer(time_us, text) for time_us, text in found])


def _tail(asked: ConsoleQuery) -> tuple[int, bool]:
    text = asked.tail.lower()
    if text in ("", "0", "false"):
        return asked.limit, False
    if text == "true":
        return asked.limit, True
    if not text.isdecimal():
        raise Invalid(f"`tail` is a number of lines, not {asked.tail!r}", code="tail")
    return int(text), True


def _find(call: Call) -> Run:
    path: Any = call.path
    return call.core.runs.find(call.who, path["entity"], path["project"], path["run"])[1]
