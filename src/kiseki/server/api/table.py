"""What lists and panels are made of: runs, the fields to filter and sort by, metrics."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from kiseki.core.projects import Project
from kiseki.record import keypath
from kiseki.server.api.routing import Call, Routes, not_modified
from kiseki.server.api.runs import RunAnswer, to_answer

routes = Routes()

PROJECT = "/api/v1/projects/{entity}/{project}"


class RunsQuery(msgspec.Struct):
    """`filter` and `sort` are written as `docs/api/native.md` says; without `sort` the youngest is first."""

    filter: str = ""
    sort: str = ""
    offset: int = 0
    limit: int = 200


class RunsAnswer(msgspec.Struct):
    """A page of the runs: `matching` of `total` match the filter."""

    total: int
    matching: int
    runs: list[RunAnswer]


@routes.get(f"{PROJECT}/runs", query=RunsQuery, answer=RunsAnswer)
def list_runs(call: Call) -> RunsAnswer | Response:
    """Return the runs that match a filter, sorted."""
    asked: RunsQuery = call.query
    project = _find(call)
    queries = call.core.queries
    tag = queries.list_tag(project, asked.filter)
    if call.unchanged(f"{tag}-{call.who.user.number}"):  # `user:me` is another for everybody
        return not_modified(call)
    page = queries.list_runs(
        project,
        filter=asked.filter,
        sort=asked.sort,
        offset=asked.offset,
        limit=asked.limit,
        user=call.who.user.name,
    )
    return RunsAnswer(page.total, page.matching, [to_answer(run) for run in page.runs])


class FieldAnswer(msgspec.Struct):
    """A config or summary key that runs can be filtered, sorted and shown by."""

    path: str
    kind: str
    runs: int


class FieldsAnswer(msgspec.Struct):
    fields: list[FieldAnswer]


@routes.get(f"{PROJECT}/fields", answer=FieldsAnswer)
def list_fields(call: Call) -> FieldsAnswer | Response:
    """Return the config and summary keys of a project's runs."""
    project = _find(call)
    listed = call.core.queries.fields(project)
    if call.unchanged(f"{project.number}-{listed.epoch}"):
        return not_modified(call)
    return FieldsAnswer([FieldAnswer(item.path, item.kind, item.runs) for item in listed.items])


class MetricAnswer(msgspec.Struct):
    """Something logged over time. `path` is what series are asked by, `label` what people read."""

    path: str
    label: str
    space: str
    kind: str
    runs: int
    first_us: int
    hidden: bool
    step_metric: str | None
    goal: str | None


class MetricsAnswer(msgspec.Struct):
    metrics: list[MetricAnswer]


@routes.get(f"{PROJECT}/metrics", answer=MetricsAnswer)
def list_metrics(call: Call) -> MetricsAnswer | Response:
    """Return the metrics of a project's runs, in the order in which they were first logged."""
    project = _find(call)
    listed = call.core.queries.metrics(project)
    if call.unchanged(f"{project.number}-{listed.epoch}"):
        return not_modified(call)
    return MetricsAnswer(
        [
            MetricAnswer(
                item.path,
                ".".join(keypath.split(item.path)),
                item.space,
                item.kind,
                item.runs,
                item.first_us,
                item.hidden,
                item.step_metric,
                item.goal,
            )
            for item in listed.items
        ]
    )


def _find(call: Call) -> Project:
    return call.core.projects.find(call.who, call.path["entity"], call.path["project"])
