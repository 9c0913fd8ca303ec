"""Sweeps as the official client makes, reads and runs them.

upsertSweep ─► createAgent ─► agentHeartbeat, every 5 s ─► commands: run, stop, exit
                                   └─ the run begins: upsertBucket(sweep: …), as any other
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from kiseki.core.projects import Project
from kiseki.core.query.filters import And, Compare, Key, Or
from kiseki.core.sweeps.agents import Command
from kiseki.core.sweeps.sweeps import AgentView, Overview, Sweep
from kiseki.errors import Invalid, NotFound
from kiseki.server.wandb import listing, mongo, translation
from kiseki.server.wandb.context import Context, connection, iso, offset_of, page, project_name
from kiseki.server.wandb.ids import names_of, storage_id
from kiseki.server.wandb.nodes import ProjectNode, RunNode, UserNode
from kiseki.server.wandb.translation import unparse

SWEEPS_MAX = 100
COUNT_MAX = 2**31 - 1  # what the client's Int holds
AGENTS_MAX = 200

_AGENT_STATES = {"running": "RUNNING", "idle": "RUNNING", "gone": "CRASHED", "finished": "FINISHED"}


class SweepNode:
    """A sweep. What costs something is computed where it is asked for."""

    def __init__(
        self, context: Context, project: Project, sweep: Sweep, overview: Overview | None = None
    ) -> None:
        self._context = context
        self._project = project
        self.sweep = sweep
        self._known = overview
        self.id = storage_id("Sweep", sweep.entity, sweep.project_name, sweep.id)
        self.name = sweep.id
        self.displayName = sweep.name or None
        self.description = sweep.description or None
        self.method = sweep.method
        self.state = sweep.state
        self.config = sweep.config
        self.createdAt = iso(sweep.created_us)
        self.updatedAt = iso(sweep.updated_us)
        self.earlyStopJobRunning = False
        self.controller = self.scheduler = self.priorRunsFilters = None
        self.templateVariableValues = None

    @cached_property
    def _overview(self) -> Overview:
        return self._known or self._context.core.sweeps.look(self.sweep)

    @property
    def bestLoss(self) -> float | None:
        best = self._overview.best
        return None if best is None else best[1]

    @property
    def runCount(self) -> int:
        return sum(self._overview.runs.values())

    @property
    def runCountExpected(self) -> int | None:
        expected = self._overview.expected
        return None if expected is None else min(expected, COUNT_MAX)

    @cached_property
    def _agents(self) -> list[AgentView]:
        return self._context.core.sweeps.agents_of(self.sweep, AGENTS_MAX)

    @property
    def heartbeatAt(self) -> str | None:
        beats = [view.agent.heartbeat_us for view in self._agents]
        return iso(max(beats, default=self.sweep.updated_us))

    @property
    def project(self) -> ProjectNode:
        return ProjectNode(self._context, self._project)

    @property
    def user(self) -> UserNode:
        found = self._context.core.meta.user(self.sweep.user)
        return UserNode(found or self._context.who.user)

    def runs(
        self,
        _info: Any,
        filters: str | None = None,
        after: str | None = None,
        first: int | None = None,
        order: str | None = None,
    ) -> dict[str, Any]:
        of_sweep = Compare(Key("run", "sweep"), ":", self.sweep.id, True)
        return _runs(self._context, self._project, of_sweep, filters, after, first, order)

    def agents(
        self, _info: Any, after: str | None = None, first: int | None = None
    ) -> dict[str, Any]:
        chosen, cursors, more = page(self._agents, after, first, AGENTS_MAX)
        made = connection([AgentNode(self, view) for view in chosen], cursors, more)
        return made | {"totalCount": len(self._agents)}

    def agent(
        self,
        _info: Any,
        agentID: str | None = None,
        agentId: str | None = None,
        id: str | None = None,
        agentName: str | None = None,
    ) -> AgentNode | None:
        wanted = agentID or agentId or id or agentName or ""
        found = self._context.core.meta.agent(_agent_name(wanted))
        if found is None or found.sweep != self.sweep.number:
            return None
        return AgentNode(self, self._context.core.sweeps.agent_view(found))


class AgentNode:
    """An agent of a sweep."""

    def __init__(self, sweep: SweepNode, view: AgentView) -> None:
        self.sweep = sweep
        self._view = view
        agent = view.agent
        self.id = storage_id("Agent", agent.id)
        self.name = agent.id
        self.host = agent.host
        self.state = _AGENT_STATES[view.state]
        self.totalRuns = agent.trials
        self.createdAt = iso(agent.created_us)
        self.heartbeatAt = iso(agent.heartbeat_us)

    @property
    def user(self) -> UserNode:
        found = self.sweep._context.core.meta.user(self._view.agent.user)
        return UserNode(found or self.sweep._context.who.user)

    def runs(
        self,
        _info: Any,
        filters: str | None = None,
        after: str | None = None,
        first: int | None = None,
        order: str | None = None,
    ) -> dict[str, Any]:
        context, agent = self.sweep._context, self._view.agent
        trials = context.core.meta.trials(agent.sweep, listing.RUNS_MAX, agents=[agent.number])
        begun = [Compare(Key("run", "id"), ":", one.run, True) for one in trials if one.run_state]
        mine = mongo.NOTHING if not begun else begun[0] if len(begun) == 1 else Or(tuple(begun))
        return _runs(context, self.sweep._project, mine, filters, after, first, order)


def _runs(
    context: Context,
    project: Project,
    own: Any,
    filters: str | None,
    after: str | None,
    first: int | None,
    order: str | None,
) -> dict[str, Any]:
    """Return a page of the runs of a sweep, or of an agent; without `first` as many as there may be."""
    begin = offset_of(after)
    limit = max(1, min(listing.RUNS_MAX, listing.RUNS_MAX if first is None else first))
    asked = mongo.parse(filters)
    matching, found = context.core.queries.find_runs(
        project,
        own if asked is None else And((own, asked)),
        mongo.parse_order(order),
        offset=begin,
        limit=limit,
        user=context.who.user.name,
    )
    nodes = [RunNode(context, project, run) for run in found]
    cursors = [str(begin + index + 1) for index in range(len(nodes))]
    return connection(nodes, cursors, begin + len(nodes) < matching) | {"totalCount": matching}


# ── reading ──


def sweep(source: ProjectNode, info: Any, sweepName: str) -> SweepNode | None:
    context: Context = info.context
    project = source.project
    found = context.core.meta.sweep(project.number, sweepName)
    return None if found is None else SweepNode(context, project, found)


def sweeps(
    source: ProjectNode,
    info: Any,
    filters: str | None = None,
    after: str | None = None,
    first: int | None = None,
) -> dict[str, Any]:
    context: Context = info.context
    begin, limit = offset_of(after), max(1, min(SWEEPS_MAX, 50 if first is None else first))
    total, found = context.core.sweeps.listed(source.project, begin, limit)
    nodes = [SweepNode(context, source.project, one.sweep, one) for one in found]
    cursors = [str(begin + index + 1) for index in range(len(nodes))]
    return connection(nodes, cursors, begin + len(nodes) < total) | {"totalCount": total}


def total_sweeps(source: ProjectNode, info: Any) -> int:
    context: Context = info.context
    return context.core.meta.sweeps(source.project.number, 0, 1)[0]


def agent(_root: Any, info: Any, id: str) -> AgentNode | None:
    context: Context = info.context
    found = context.core.meta.agent(_agent_name(id))
    of = None if found is None else context.core.meta.sweep_by_number(found.sweep)
    if found is None or of is None:
        return None
    try:
        project = context.core.projects.find(context.who, of.entity, of.project_name)
    except NotFound:
        return None
    return AgentNode(SweepNode(context, project, of), context.core.sweeps.agent_view(found))


def _agent_name(id: str) -> str:
    """Return the plain name of an agent, given so or as an id of this wire."""
    try:
        return names_of("Agent", id, 1)[0]
    except NotFound:
        return id


# ── making and running ──


def upsert_sweep(_root: Any, info: Any, input: Mapping[str, Any]) -> dict[str, Any]:
    context: Context = info.context
    if input.get("id"):
        return _edited(context, input)
    text = input.get("config")
    if not text:
        raise Invalid("a sweep needs a `config`", code="config")
    made, config = context.core.sweeps.add(
        context.who,
        context.entity(input.get("entityName")),
        project_name(input.get("projectName")),
        text,
        name=input.get("displayName"),
        description=input.get("description"),
    )
    warnings = [*config.warnings, *_unsupported(input)]
    return {"sweep": _node(context, made), "configValidationWarnings": warnings}


def _unsupported(input: Mapping[str, Any]) -> list[str]:
    said = {
        "priorRunsFilters": "runs from before the sweep are not looked at",
        "launchScheduler": "there is no launch here: start agents yourself",
        "scheduler": "there is no scheduler here: start agents yourself",
    }
    return [text for key, text in said.items() if input.get(key) not in (None, "", "null", "{}")]


def _edited(context: Context, input: Mapping[str, Any]) -> dict[str, Any]:
    try:
        entity, project, id = names_of("Sweep", input["id"], 3)
    except NotFound:  # its name
        entity = context.entity(input.get("entityName"))
        project, id = project_name(input.get("projectName")), input["id"]
    _, found = context.core.sweeps.find(context.who, entity, project, id, "write")
    changed = context.core.sweeps.edit(
        found,
        state=(input.get("state") or "").upper() or None,
        name=input.get("displayName"),
        description=input.get("description"),
        config=input.get("config") or None,
    )
    node = _node(context, changed)
    warnings = node._overview.config.warnings if input.get("config") else ()
    return {"sweep": node, "configValidationWarnings": list(warnings)}


def _node(context: Context, made: Sweep) -> SweepNode:
    project = context.core.projects.find(context.who, made.entity, made.project_name)
    return SweepNode(context, project, made)


def create_agent(_root: Any, info: Any, input: Mapping[str, Any]) -> dict[str, Any]:
    context: Context = info.context
    project, found = context.core.sweeps.find(
        context.who,
        context.entity(input.get("entityName")),
        project_name(input.get("projectName")),
        input["sweep"],
        "write",
    )
    made = context.core.sweeps.agents.join(context.who, found, input["host"])
    view = context.core.sweeps.agent_view(made)
    return {"agent": AgentNode(SweepNode(context, project, found), view)}


def agent_heartbeat(_root: Any, info: Any, input: Mapping[str, Any]) -> dict[str, Any]:
    context: Context = info.context
    name = _agent_name(input["id"])
    try:
        commands = context.core.sweeps.agents.beat(context.who, name, _running(input))
    except NotFound as error:  # told as such, so that the agent ends
        raise NotFound(str(error), code="agent") from error
    told = unparse([_command(one) for one in commands])
    return {"agent": agent(None, info, input["id"]), "commands": told}


def _running(input: Mapping[str, Any]) -> list[str]:
    """Return the ids of the runs that go on at an agent."""
    try:
        found = translation.parse(input.get("runState") or "{}")
    except (ValueError, RecursionError):
        found = {}
    return [run for run, goes_on in found.items() if goes_on] if isinstance(found, dict) else []


def _command(command: Command) -> dict[str, Any]:
    if command.type != "run":
        return {"type": command.type} | ({"run_id": command.run} if command.run else {})
    told: dict[str, Any] = {
        "type": "run",
        "run_id": command.run,
        "args": {name: {"value": value} for name, value in command.params.items()},
    }
    return told | ({"program": command.program} if command.program else {})


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.agent": agent,
    "Project.sweep": sweep,
    "Project.sweeps": sweeps,
    "Project.totalSweeps": total_sweeps,
    "Mutation.upsertSweep": upsert_sweep,
    "Mutation.createAgent": create_agent,
    "Mutation.agentHeartbeat": agent_heartbeat,
}
