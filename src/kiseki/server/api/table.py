"""What lists and panels are made of: runs, the fields to filter and sort by, metrics."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec
from starlette.responses import Response

from kiseki.core.projects import Project
from kiseki.core.query.run_lists import RunGroup, Spread
from kiseki.record import keypath
from kiseki.server.api.encoding import binary
from kiseki.server.api.runs import RunAnswer, to_answer
from kiseki.server.routing import Call, Routes, not_modified, to_json

routes = Routes()

PROJECT = "/api/v1/projects/{entity}/{project}"


class RunsQuery(msgspec.Struct):
    """`filter` and `sort` are written as `docs/api/native.md` says; without `sort` the youngest is first.

    `columns`: up to 100 keys of config, summary and metrics whose values each run is given.
    """

    filter: str = ""
    sort: str = ""
    columns: str = ""
    offset: int = 0
    limit: int = 200


class UnknownKeyAnswer(msgspec.Struct):
    """A key of the filter that no run has, and the key that was meant, if one is near."""

    key: str
    like: str


class RunsAnswer(msgspec.Struct):
    """A page of the runs: `matching` of `total` match the filter; where none does, `unknown` may say why."""

    total: int
    matching: int
    runs: list[RunAnswer]
    unknown: list[UnknownKeyAnswer] = []


@routes.get(f"{PROJECT}/runs", query=RunsQuery, answer=RunsAnswer)
def list_runs(call: Call) -> Response:
    """Return the runs that match a filter, sorted."""
    asked: RunsQuery = call.query
    project = _find(call)
    queries = call.core.queries

    def answer() -> RunsAnswer:
        page = queries.list_runs(
            project,
            filter=asked.filter,
            sort=asked.sort,
            columns=asked.columns,
            offset=asked.offset,
            limit=asked.limit,
            user=call.who.user.name,
        )
        runs = [to_answer(run) for run in page.runs]
        if page.columns:
            for run, values in zip(runs, page.values, strict=True):
                run.values = dict(zip(page.columns, values, strict=True))
        unknown = [UnknownKeyAnswer(*one) for one in page.unknown]
        return RunsAnswer(page.total, page.matching, runs, unknown)

    return _listed(call, queries.list_tag(project, asked.filter), answer)


class GroupsQuery(msgspec.Struct):
    """`by` names one to three keys, `columns` those whose numbers are summed up; both as in a sort."""

    by: str
    columns: str = ""
    filter: str = ""
    sort: str = ""
    offset: int = 0
    limit: int = 200
    members: int = 0


class SpreadAnswer(msgspec.Struct):
    """Of `n` finite numbers; `std` is that of the sample, null for one number."""

    n: int
    mean: float
    std: float | None
    min: float
    max: float


class GroupAnswer(msgspec.Struct):
    """Runs with the same values; `members` are the ids of the first of them, `color` is the oldest one's."""

    values: list[bool | float | str | None]
    runs: int
    states: dict[str, int]
    color: int
    members: list[str]
    columns: dict[str, SpreadAnswer | None]


class GroupsAnswer(msgspec.Struct):
    """A page of the `count` groups of the `matching` of all `total` runs."""

    total: int
    matching: int
    count: int
    groups: list[GroupAnswer]


@routes.get(f"{PROJECT}/groups", query=GroupsQuery, answer=GroupsAnswer)
def list_groups(call: Call) -> Response:
    """Return the groups of all runs that match a filter, in the order of their first runs."""
    asked: GroupsQuery = call.query
    project = _find(call)
    queries = call.core.queries

    def answer() -> GroupsAnswer:
        columns, page = queries.list_groups(
            project,
            by=asked.by,
            columns=asked.columns,
            filter=asked.filter,
            sort=asked.sort,
            offset=asked.offset,
            limit=asked.limit,
            members=asked.members,
            user=call.who.user.name,
        )
        groups = [_group(one, columns) for one in page.groups]
        return GroupsAnswer(page.total, page.matching, page.count, groups)

    return _listed(call, queries.list_tag(project, asked.filter), answer)


def _group(group: RunGroup, columns: Sequence[str]) -> GroupAnswer:
    return GroupAnswer(
        list(group.values),
        group.runs,
        dict(group.states),
        group.color,
        list(group.members),
        dict(zip(columns, map(_spread, group.spreads), strict=True)),
    )


def _spread(spread: Spread | None) -> SpreadAnswer | None:
    if spread is None:
        return None
    return SpreadAnswer(spread.n, spread.mean, spread.deviation, spread.min, spread.max)


class ValuesQuery(msgspec.Struct):
    """`key` as in a sort; `search`: only values whose text contains it."""

    key: str
    filter: str = ""
    search: str = ""
    limit: int = 50


class ValueAnswer(msgspec.Struct):
    """A value, and how many of the matching runs have it."""

    value: bool | float | str
    runs: int


class ValuesAnswer(msgspec.Struct):
    """The most frequent of `count` values."""

    count: int
    values: list[ValueAnswer]


@routes.get(f"{PROJECT}/values", query=ValuesQuery, answer=ValuesAnswer)
def list_values(call: Call) -> Response:
    """Return the values that the matching runs have under a key, the most frequent first."""
    asked: ValuesQuery = call.query
    project = _find(call)
    queries = call.core.queries

    def answer() -> ValuesAnswer:
        found = queries.values(
            project,
            key=asked.key,
            filter=asked.filter,
            search=asked.search,
            limit=asked.limit,
            user=call.who.user.name,
        )
        return ValuesAnswer(found.count, [ValueAnswer(value, runs) for value, runs in found.values])

    return _listed(call, queries.list_tag(project, asked.filter), answer)


class FieldAnswer(msgspec.Struct):
    """A config or summary key that runs can be filtered, sorted and shown by."""

    path: str
    kind: str
    runs: int


class FieldsAnswer(msgspec.Struct):
    fields: list[FieldAnswer]


@routes.get(f"{PROJECT}/fields", answer=FieldsAnswer)
def list_fields(call: Call) -> Response:
    """Return the config and summary keys of a project's runs."""
    project = _find(call)
    listed = call.core.queries.fields(project)
    if call.unchanged(f"{project.number}-{listed.tag}"):
        return not_modified(call)
    fields = [FieldAnswer(item.path, item.kind, item.runs) for item in listed.items]
    return names(call, FieldsAnswer(fields))


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
def list_metrics(call: Call) -> Response:
    """Return the metrics of a project's runs, in the order in which they were first logged."""
    project = _find(call)
    listed = call.core.queries.metrics(project)
    if call.unchanged(f"{project.number}-{listed.tag}"):
        return not_modified(call)
    metrics = [
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
    return names(call, MetricsAnswer(metrics))


def _listed(call: Call, state: str, answer: Callable[[], msgspec.Struct]) -> Response:
    """Return a list whose tag is made of what it says: in a live project most lists stay as they are.

    Args:
        state: of the project; as long as it stays, an answer given once is not made again.
    """
    # `user:me` is another for everybody.
    asked = (call.request.url.path, call.query, state, call.who.user.number)
    key = hashlib.blake2b(repr(asked).encode(), digest_size=16).digest()
    body = call.core.queries.pages.get(key)
    if body is None:
        body = to_json(answer())
        call.core.queries.pages.put(key, body, len(body))
    if call.unchanged(hashlib.blake2b(body, digest_size=12).hexdigest()):
        return not_modified(call)
    return Response(body, media_type="application/json", headers=call.headers)


def names(call: Call, answer: msgspec.Struct) -> Response:
    """Return a list of names, of which there may be very many; it holds no numbers that JSON cannot."""
    return binary(call, msgspec.json.encode(answer), "application/json")


def _find(call: Call) -> Project:
    return call.core.projects.find(call.who, call.path["entity"], call.path["project"])
