"""Search across projects, and alerts of one's own runs."""

from __future__ import annotations

import msgspec

from kiseki.core import search
from kiseki.server.api.projects import ProjectAnswer, to_projects
from kiseki.server.routing import Call, Routes

routes = Routes()


class SearchQuestion(msgspec.Struct):
    """`q`: words that all have to be found."""

    q: str = ""
    limit: int = 20


class FoundRunAnswer(msgspec.Struct):
    """A run as search shows it."""

    entity: str
    project: str
    id: str
    name: str
    state: str
    user: str
    color: int
    tags: list[str]
    created_us: int


class SearchAnswer(msgspec.Struct):
    """`complete` is false where more matches, or may match, than is told."""

    projects: list[ProjectAnswer]
    runs: list[FoundRunAnswer]
    complete: bool


class AlertsQuestion(msgspec.Struct):
    """How many alerts at most."""

    limit: int = 20


class OwnAlertAnswer(msgspec.Struct):
    """An alert of one of one's own runs."""

    entity: str
    project: str
    run: str
    name: str
    title: str
    text: str
    level: str
    time_us: int
    step: int | None


class OwnAlertsAnswer(msgspec.Struct):
    alerts: list[OwnAlertAnswer]


@routes.get("/api/v1/search", query=SearchQuestion, answer=SearchAnswer)
def find(call: Call) -> SearchAnswer:
    """Return projects and runs that one may see and whose names hold every word."""
    core = call.core
    found = search.find(
        core.meta, core.projects, call.who, call.query.q, call.query.limit, call.who.user.name
    )
    return SearchAnswer(
        to_projects(core, found.projects),
        [
            FoundRunAnswer(
                run.entity, run.project_name, run.id, run.name, run.state, run.user, run.color,
                list(run.tags), run.created_us,
            )
            for run in found.runs
        ],
        found.is_complete,
    )  # fmt: skip


@routes.get("/api/v1/alerts", query=AlertsQuestion, answer=OwnAlertsAnswer)
def list_alerts(call: Call) -> OwnAlertsAnswer:
    """Return the latest alerts of one's own runs."""
    core = call.core
    found = search.alerts(core.meta, core.projects, call.who, call.query.limit)
    return OwnAlertsAnswer(
        [
            OwnAlertAnswer(
                item.entity, item.project, item.run, item.run_name, item.title, item.text,
                item.level, item.time_us, item.step,
            )
            for item in found
        ]
    )  # fmt: skip
