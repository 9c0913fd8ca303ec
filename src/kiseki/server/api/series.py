"""Bucketed series for charts."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import msgspec
from starlette.responses import Response

from kiseki.core.query.chart_queries import GroupsWanted
from kiseki.core.query.grouping import Band, Line, Look
from kiseki.core.query.series_request import ELAPSED, SeriesRequest
from kiseki.core.query.smoothing import Kind, Smoothing
from kiseki.core.query.wire import MEDIA_TYPE
from kiseki.server.api.encoding import binary
from kiseki.server.routing import Call, Routes, not_modified

routes = Routes()


class GroupsQuestion(msgspec.Struct):
    """Which runs are drawn as one line each: those with equal values under the keys `by`.

    `values` names the groups, null: the first `limit` of them; `exclude` are ids of runs that are left out.
    """

    by: list[str]
    filter: str = ""
    sort: str = ""
    values: list[list[bool | float | str | None]] | None = None
    exclude: list[str] = []
    line: Line = "mean"
    band: Band = "none"
    stop_at_shortest: bool = False
    limit: int = 100


class SmoothingQuestion(msgspec.Struct):
    """How the runs of groups are smoothed; `span` is the width of the visible x range."""

    kind: Kind = "none"
    weight: float = 0.0
    sigma: float = 0.0
    percent: bool = False
    points: int = 0
    span: float | None = None
    log: bool = False


class SeriesQuestion(msgspec.Struct):
    """Which series to draw. `x` is `_step`, `_runtime` (s), `_elapsed` (s), `_timestamp` (Unix s) or a
    metric's path.

    `attempt`: an earlier attempt of each run instead of the latest. `smoothing` is that of groups.
    """

    metrics: list[str]
    runs: list[str] = []
    groups: GroupsQuestion | None = None
    smoothing: SmoothingQuestion | None = None
    space: Literal["history", "system"] = "history"
    x: str = "_step"
    x_min: float | None = None
    x_max: float | None = None
    buckets: int = 400
    log_x: bool = False
    attempt: int | None = None


@routes.post("/api/v1/projects/{entity}/{project}/series", body=SeriesQuestion, answer=MEDIA_TYPE)
def read_series(call: Call) -> Response:
    """Return every metric of runs in buckets of x, and of groups of runs as lines with bands."""
    asked: SeriesQuestion = call.body
    project = call.core.projects.find(call.who, call.path["entity"], call.path["project"])
    queries = call.core.queries
    groups = None
    if asked.groups is not None:
        groups = queries.chart_groups(
            project, _wanted(asked.groups, asked.smoothing), asked.space, asked.attempt,
            call.who.user.name,
        )  # fmt: skip
    runs = queries.chains(project, asked.runs, asked.space, asked.attempt)
    if asked.x == ELAPSED:  # what a run inherited happened before it was started
        runs = queries.own_rows(runs)
        if groups is not None:
            groups = replace(groups, chains=queries.own_rows(groups.chains))
    ids = [*runs, *(groups.chains if groups else ())]
    request = SeriesRequest(
        metrics=asked.metrics,
        runs=runs,
        x=asked.x,
        x_min=asked.x_min,
        x_max=asked.x_max,
        buckets=asked.buckets,
        log_x=asked.log_x,
        groups=groups,
        inherited=queries.inherited(runs),
        origins=queries.origins(project, ids) if asked.x == ELAPSED else {},
        constants=queries.constants(project, asked.metrics, ids),
    )
    if call.unchanged(queries.chart_tag(project, request)):
        return not_modified(call)
    return binary(call, queries.chart(project, request), MEDIA_TYPE)


def _wanted(asked: GroupsQuestion, smoothing: SmoothingQuestion | None) -> GroupsWanted:
    return GroupsWanted(
        asked.by, asked.filter, asked.sort, asked.values, asked.exclude, asked.limit,
        Look(asked.line, asked.band, asked.stop_at_shortest),
        Smoothing(**msgspec.structs.asdict(smoothing)) if smoothing is not None else Smoothing(),
    )  # fmt: skip
