"""Runs and rows of metrics to take away: CSV, JSON, JSON lines, written while they are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Literal

import msgspec
from starlette.responses import Response

from kiseki.core.projects import Project
from kiseki.errors import Invalid
from kiseki.server import content
from kiseki.server.api.runs import to_answer
from kiseki.server.routing import Call, Routes, to_json

routes = Routes()

EXPORT = "/api/v1/projects/{entity}/{project}/export"
CSV = "text/csv"
TYPES = {
    "csv": f"{CSV}; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
}
METRICS_MAX = 100
LINES = 200  # written at once


class RunsExport(msgspec.Struct):
    """`columns` are written as in a sort; without them JSON has whole runs, CSV all that any run has."""

    format: Literal["csv", "json", "jsonl"] = "csv"
    filter: str = ""
    sort: str = ""
    columns: str = ""


class SeriesExport(msgspec.Struct):
    """`metric` and `runs` may be repeated; without `runs` those that `filter` finds."""

    metric: list[str] = []
    runs: list[str] = []
    filter: str = ""
    sort: str = ""
    space: Literal["history", "system"] = "history"
    format: Literal["csv", "jsonl"] = "csv"


@routes.get(f"{EXPORT}/runs", query=RunsExport, answer=CSV)
def export_runs(call: Call) -> Response:
    """Return all runs that match a filter, with exact values."""
    asked: RunsExport = call.query
    project, exports = _project(call), call.core.exports
    numbers = exports.choose(project, filter=asked.filter, sort=asked.sort, user=call.who.user.name)
    if asked.format != "csv" and not asked.columns.strip():
        items: Iterable[Any] = map(to_answer, exports.runs(numbers))
        return _answer(call, project, "runs", asked.format, _objects(items, asked.format))
    columns = exports.columns(project, asked.columns)
    names = [column.name for column in columns]
    table = exports.table(project, numbers, columns)
    if asked.format == "csv":
        return _answer(call, project, "runs", "csv", _csv(names, table))
    items = (dict(zip(names, values, strict=True)) for values in table)
    return _answer(call, project, "runs", asked.format, _objects(items, asked.format))


@routes.get(f"{EXPORT}/series", query=SeriesExport, answer=CSV)
def export_series(call: Call) -> Response:
    """Return every value that runs logged of some metrics, exactly, run by run in the order of steps."""
    asked: SeriesExport = call.query
    if not 1 <= len(asked.metric) <= METRICS_MAX:
        raise Invalid(f"name 1 to {METRICS_MAX} metrics: metric=…&metric=…", code="metric")
    project, exports = _project(call), call.core.exports
    numbers = exports.choose(
        project, ids=asked.runs, filter=asked.filter, sort=asked.sort, user=call.who.user.name
    )
    names = ["run", "step", "time", "metric", "value"]
    rows = exports.rows(numbers, asked.metric, asked.space)
    if asked.format == "csv":
        return _answer(call, project, "series", "csv", _csv(names, rows))
    items = (dict(zip(names, values, strict=True)) for values in rows)
    return _answer(call, project, "series", "jsonl", _objects(items, "jsonl"))


def _project(call: Call) -> Project:
    return call.core.projects.find(call.who, call.path["entity"], call.path["project"])


def _answer(
    call: Call, project: Project, what: str, format: str, pieces: Iterator[bytes]
) -> Response:
    call.headers |= {
        "Content-Type": TYPES[format],
        "Content-Disposition": content.attachment(f"{project.name}-{what}.{format}"),
        "Cache-Control": "private, no-store",
    }
    if call.request.method == "HEAD":
        return Response(None, headers=call.headers)
    return content.stream(pieces, call.headers)


def _csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    lines = chain([names], ([_cell(value) for value in row] for row in rows))
    while some := list(islice(lines, LINES)):
        writer.writerows(some)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()


def _cell(value: Any) -> Any:
    """Return what a cell holds of a value: text as it is, the rest as JSON spells it, which is exact."""
    if value is None or isinstance(value, str):
        return value
    return to_json(value).decode().strip('"')


def _objects(items: Iterable[Any], format: str) -> Iterator[bytes]:
    """Yield a JSON array of one item a line, or JSON lines."""
    is_array = format == "json"
    waiting = iter(items)
    lead = b"[\n" if is_array else b""
    while some := list(islice(waiting, LINES)):
        yield lead + (b",\n" if is_array else b"\n").join(map(to_json, some))
        lead = b",\n" if is_array else b"\n"
    if not is_array:
        yield b"\n" if lead else b""
    else:
        yield b"[]\n" if lead == b"[\n" else b"\n]\n"
