"""Sweeps: listed, shown with their agents, made, paused, stopped, cancelled."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from kiseki.core.sweeps.parameters import Parameter
from kiseki.core.sweeps.sweeps import AgentView, Overview, to_text
from kiseki.errors import Invalid
from kiseki.server.routing import Call, Routes

routes = Routes()

SWEEPS = "/api/v1/projects/{entity}/{project}/sweeps"
SWEEP = SWEEPS + "/{sweep}"
BRACKETS_SHOWN = 8
COUNT_MAX = 2**53  # more runs than a browser can count

SweepState = Literal["RUNNING", "PAUSED", "FINISHED", "CANCELED"]


class SweepMetricAnswer(msgspec.Struct):
    """What a sweep is for; `target`: once a run reaches it, no other is begun."""

    name: str
    goal: Literal["minimize", "maximize"]
    target: float | None


class BestRunAnswer(msgspec.Struct):
    """The best run and its value of the metric."""

    run: str
    name: str
    value: float


class SweepAnswer(msgspec.Struct, kw_only=True):
    """A sweep as lists show it.

    `runs` counts by state; `trials` were handed out; `expected` and `remaining` are null where nobody knows.
    """

    id: str
    name: str
    description: str
    state: SweepState
    method: Literal["grid", "random", "bayes"]
    metric: SweepMetricAnswer | None
    user: str
    created_us: int
    updated_us: int
    runs: dict[str, int]
    best: BestRunAnswer | None
    trials: int
    expected: int | None
    remaining: int | None
    early_stops: int


class SweepsAnswer(msgspec.Struct):
    """A page of a project's sweeps, the youngest first, and how many there are."""

    total: int
    sweeps: list[SweepAnswer]


class SweepParameterAnswer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What values a parameter may have; nested ones have dots in their names. `count`: null, any number."""

    name: str
    distribution: str
    count: int | None
    values: list[Any] | msgspec.UnsetType = msgspec.UNSET
    probabilities: list[float] | msgspec.UnsetType = msgspec.UNSET
    min: float | msgspec.UnsetType = msgspec.UNSET
    max: float | msgspec.UnsetType = msgspec.UNSET
    mu: float | msgspec.UnsetType = msgspec.UNSET
    sigma: float | msgspec.UnsetType = msgspec.UNSET
    a: float | msgspec.UnsetType = msgspec.UNSET
    b: float | msgspec.UnsetType = msgspec.UNSET
    q: float | msgspec.UnsetType = msgspec.UNSET


class HyperbandAnswer(msgspec.Struct):
    """After how many values of the metric runs are compared (the first brackets); 1 of `eta` goes on."""

    brackets: list[int]
    eta: float
    strict: bool


class AgentTrialAnswer(msgspec.Struct):
    """What an agent runs now; `state` is empty before the run begins."""

    run: str
    trial: int
    state: str
    offered_us: int


class SweepAgentAnswer(msgspec.Struct, kw_only=True):
    """An agent. `gone`: not heard of for 30 s; `finished`: it was told to exit."""

    id: str
    host: str
    user: str
    state: Literal["running", "idle", "gone", "finished"]
    created_us: int
    heartbeat_us: int
    trials: int
    runs: list[AgentTrialAnswer]


class OpenedSweepAnswer(SweepAnswer, kw_only=True):
    """A sweep with its config, YAML as it came, and its youngest agents. `editable`: the config still is."""

    config: str
    editable: bool
    warnings: list[str]
    parameters: list[SweepParameterAnswer]
    early_terminate: HyperbandAnswer | None
    run_cap: int | None
    program: str
    command: list[str]
    agents: list[SweepAgentAnswer]


class NewAgent(msgspec.Struct, forbid_unknown_fields=True):
    host: str = ""


class AgentIdAnswer(msgspec.Struct):
    id: str


class Beat(msgspec.Struct, forbid_unknown_fields=True):
    """`running`: ids of the runs that go on at the agent."""

    running: list[str] = []


class CommandAnswer(msgspec.Struct):
    """What an agent is to do: begin the run of this id with these parameters, stop one, or exit."""

    type: Literal["run", "stop", "exit"]
    run: str
    params: dict[str, Any]


class CommandsAnswer(msgspec.Struct):
    """None: ask again in some seconds."""

    commands: list[CommandAnswer]


class SweepsQuery(msgspec.Struct):
    offset: int = 0
    limit: int = 50


class NewSweep(msgspec.Struct, forbid_unknown_fields=True):
    """`config`: YAML text, or the same as JSON."""

    config: str | dict[str, Any]
    name: str | None = None
    description: str | None = None


class SweepEdit(msgspec.Struct, forbid_unknown_fields=True):
    """What to change; absent fields stay. `config` only while no trial was handed out."""

    state: SweepState | None = None
    name: str | None = None
    description: str | None = None
    config: str | dict[str, Any] | None = None


def _fields(found: Overview) -> dict[str, Any]:
    sweep, metric = found.sweep, found.config.metric
    best = found.best
    return {
        "id": sweep.id,
        "name": sweep.name,
        "description": sweep.description,
        "state": sweep.state,
        "method": found.config.method,
        "metric": None
        if metric is None
        else SweepMetricAnswer(metric.name, metric.goal, metric.target),
        "user": sweep.user,
        "created_us": sweep.created_us,
        "updated_us": sweep.updated_us,
        "runs": dict(found.runs),
        "best": None if best is None else BestRunAnswer(best[0].id, best[0].name, best[1]),
        "trials": sweep.trials,
        "expected": _countable(found.expected),
        "remaining": _countable(found.remaining),
        "early_stops": found.early_stops,
    }


def _countable(count: int | None) -> int | None:
    return count if count is None else min(count, COUNT_MAX)


def _opened(call: Call, found: Overview) -> OpenedSweepAnswer:
    config = found.config
    stop = config.early_stop
    return OpenedSweepAnswer(
        **_fields(found),
        config=found.sweep.config,
        editable=found.sweep.trials == 0,
        warnings=list(config.warnings),
        parameters=[_parameter(one) for one in config.parameters],
        early_terminate=None
        if stop is None
        else HyperbandAnswer(list(stop.brackets[:BRACKETS_SHOWN]), stop.eta, stop.strict),
        run_cap=config.run_cap,
        program=config.program,
        command=list(config.command),
        agents=[_agent(view) for view in call.core.sweeps.agents_of(found.sweep)],
    )


def _parameter(one: Parameter) -> SweepParameterAnswer:
    given = dict(one.given)
    given.pop("value", None)
    if one.values:
        given["values"] = list(one.values)
    return SweepParameterAnswer(
        name=one.name, distribution=one.distribution, count=_countable(one.count), **given
    )


def _agent(view: AgentView) -> SweepAgentAnswer:
    agent = view.agent
    return SweepAgentAnswer(
        id=agent.id,
        host=agent.host,
        user=agent.user,
        state=view.state,
        created_us=agent.created_us,
        heartbeat_us=agent.heartbeat_us,
        trials=agent.trials,
        runs=[
            AgentTrialAnswer(one.run, one.ordinal, one.run_state, one.offered_us)
            for one in view.runs
        ],
    )


def _text(config: str | dict[str, Any]) -> str:
    return config if isinstance(config, str) else to_text(config)


@routes.get(SWEEPS, query=SweepsQuery, answer=SweepsAnswer)
def list_sweeps(call: Call) -> SweepsAnswer:
    """Return a page of a project's sweeps, the youngest first."""
    asked: SweepsQuery = call.query
    if asked.offset < 0 or not 1 <= asked.limit <= 100:
        raise Invalid("`offset` is not negative and `limit` is a number from 1 to 100", code="page")
    project = call.core.projects.find(call.who, call.path["entity"], call.path["project"])
    total, found = call.core.sweeps.listed(project, asked.offset, asked.limit)
    return SweepsAnswer(total, [SweepAnswer(**_fields(one)) for one in found])


@routes.post(SWEEPS, body=NewSweep, answer=OpenedSweepAnswer, status=201)
def add_sweep(call: Call) -> OpenedSweepAnswer:
    """Make a sweep, and its project if needed; 400 names the `parameter` that is wrong."""
    new: NewSweep = call.body
    made, _ = call.core.sweeps.add(
        call.who, call.path["entity"], call.path["project"], _text(new.config),
        name=new.name, description=new.description,
    )  # fmt: skip
    return _opened(call, call.core.sweeps.look(made))


@routes.get(SWEEP, answer=OpenedSweepAnswer)
def show_sweep(call: Call) -> OpenedSweepAnswer:
    """Return a sweep with its config, parameters and agents; its runs are listed by `sweep:ID`."""
    path = call.path
    _, sweep = call.core.sweeps.find(call.who, path["entity"], path["project"], path["sweep"])
    return _opened(call, call.core.sweeps.look(sweep))


@routes.add("PATCH", SWEEP, body=SweepEdit, answer=OpenedSweepAnswer)
def edit_sweep(call: Call) -> OpenedSweepAnswer:
    """Pause a sweep, go on with it, stop it (its runs end by themselves), cancel it; rename it."""
    path, edit = call.path, call.body
    _, sweep = call.core.sweeps.find(
        call.who, path["entity"], path["project"], path["sweep"], "write"
    )
    config = None if edit.config is None else _text(edit.config)
    changed = call.core.sweeps.edit(
        sweep, state=edit.state, name=edit.name, description=edit.description, config=config
    )
    return _opened(call, call.core.sweeps.look(changed))


@routes.post(f"{SWEEP}/agents", body=NewAgent, answer=AgentIdAnswer, status=201)
def add_agent(call: Call) -> AgentIdAnswer:
    """Make an agent, which is to ask every 5 seconds what to do."""
    path = call.path
    _, sweep = call.core.sweeps.find(
        call.who, path["entity"], path["project"], path["sweep"], "write"
    )
    return AgentIdAnswer(call.core.sweeps.agents.join(call.who, sweep, call.body.host).id)


@routes.post(f"{SWEEP}/agents/{{agent}}", body=Beat, answer=CommandsAnswer)
def beat(call: Call) -> CommandsAnswer:
    """Take a sign of life of an agent; return what it is to do. 404: it is to end."""
    found = call.core.sweeps.agents.beat(call.who, call.path["agent"], call.body.running)
    return CommandsAnswer([CommandAnswer(one.type, one.run, dict(one.params)) for one in found])
