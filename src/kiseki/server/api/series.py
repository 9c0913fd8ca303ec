"""Bucketed series for charts."""

from __future__ import annotations

from typing import Literal

import msgspec
from starlette.responses import Response

from kiseki.core.query.series import SeriesRequest
from kiseki.core.query.wire import MEDIA_TYPE
from kiseki.server.api.encoding import binary
from kiseki.server.api.routing import Call, Routes, not_modified

routes = Routes()


class SeriesQuestion(msgspec.Struct):
    """Which series to draw. `x` is `_step`, `_runtime` (s), `_timestamp` (Unix s) or a metric's path.

    `attempt`: an earlier attempt of each run instead of the latest.
    """

    metrics: list[str]
    runs: list[str]
    space: Literal["history", "system"] = "history"
    x: str = "_step"
    x_min: float | None = None
    x_max: float | None = None
    buckets: int = 400
    log_x: bool = False
    attempt: int | None = None


@routes.post("/api/v1/projects/{entity}/{project}/series", body=SeriesQuestion, answer=MEDIA_TYPE)
def read_series(call: Call) -> Response:
    """Return every (metric, run) in buckets of x: first, min, max, last, mean, count, NaN and ±Inf."""
    asked: SeriesQuestion = call.body
    project = call.core.projects.find(call.who, call.path["entity"], call.path["project"])
    request = SeriesRequest(
        metrics=asked.metrics,
        runs=call.core.queries.chains(project, asked.runs, asked.space, asked.attempt),
        x=asked.x,
        x_min=asked.x_min,
        x_max=asked.x_max,
        buckets=asked.buckets,
        log_x=asked.log_x,
    )
    if call.unchanged(call.core.queries.chart_tag(project, request)):
        return not_modified(call)
    return binary(call, call.core.queries.chart(project, request), MEDIA_TYPE)
