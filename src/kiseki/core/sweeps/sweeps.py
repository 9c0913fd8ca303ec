"""Sweeps of a project: made, found, looked at, paused, stopped, cancelled. Agents are in `agents.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import yaml

from kiseki.base import ids
from kiseki.base.clock import wall_us
from kiseki.core.edits import Chosen, Edits
from kiseki.core.live import Live
from kiseki.core.projects import Project, Projects
from kiseki.core.rights import Principal, Verb
from kiseki.core.runs import Runs
from kiseki.core.sweeps import config as configs
from kiseki.core.sweeps.agents import Agents
from kiseki.core.sweeps.config import SweepConfig, read_text
from kiseki.core.sweeps.results import Results
from kiseki.errors import Conflict, Invalid, NotFound
from kiseki.record.fold import ALIVE
from kiseki.storage.interface import MetaStore, Run, SeriesStore
from kiseki.storage.sweeps import ENDED, Agent, NewSweep, State, Trial
from kiseki.storage.sweeps import Sweep as Sweep

SWEEPS_MAX = 10_000  # of one project
PAGE_MAX = 100
AGENTS_SHOWN = 200
STOPPED_MAX = 10_000  # runs that a cancelled sweep stops
NAME_CHARS_MAX = 512
TEXT_CHARS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Overview:
    """A sweep as lists show it.

    Attributes:
        runs: how many there are, by state.
        best: the best run and its value.
        expected: how many runs there will be; None: nobody knows.
        early_stops: runs that were given up early.
    """

    sweep: Sweep
    config: SweepConfig
    runs: Mapping[str, int]
    best: tuple[Run, float] | None
    early_stops: int

    @property
    def expected(self) -> int | None:
        return self.config.expected

    @property
    def remaining(self) -> int | None:
        """How many trials are still to be handed out."""
        if self.sweep.state in ENDED:
            return 0
        return None if self.expected is None else max(0, self.expected - self.sweep.trials)


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent, and what it runs now."""

    agent: Agent
    state: Literal["running", "idle", "gone", "finished"]
    runs: Sequence[Trial]


class Sweeps:
    """Answers which sweeps there are, and changes them. Thread-safe."""

    def __init__(
        self,
        meta: MetaStore,
        series: SeriesStore,
        projects: Projects,
        runs: Runs,
        edits: Edits,
        live: Live,
        now_us: Callable[[], int] = wall_us,
    ) -> None:
        self._meta = meta
        self._projects = projects
        self._edits = edits
        self._live = live
        self._now_us = now_us
        self.results = Results(meta, series, runs)
        self.agents = Agents(meta, projects, edits, live, self.results, now_us)

    # ── making and finding ──

    def add(
        self,
        who: Principal,
        entity: str,
        project: str,
        text: str,
        *,
        name: str | None = None,
        description: str | None = None,
    ) -> tuple[Sweep, SweepConfig]:
        """Make a sweep, and its project if needed.

        Raises:
            Invalid, TooLarge: the config, which names the parameter that is wrong.
            NotFound, Forbidden: as for a run.
            Conflict: code `sweeps`: there are too many.
        """
        config = read_text(text)
        name = config.name if name is None else name
        description = config.description if description is None else description
        _check_texts(name, description)
        owner = self._projects.make(who, entity, project)
        new = partial(
            NewSweep, owner.number, user=who.user.number, name=name, description=description,
            method=config.method, config=text, now_us=self._now_us(),
        )  # fmt: skip
        made = self._meta.add_sweep(new(id=ids.run_id()), SWEEPS_MAX)
        self._live.publish_sweep(owner.number, made.id)
        return made, config

    def find(
        self, who: Principal, entity: str, project: str, id: str, verb: Verb = "read"
    ) -> tuple[Project, Sweep]:
        """Return a sweep and its project. Raises NotFound, Forbidden."""
        owner = self._projects.find(who, entity, project, verb)
        sweep = self._meta.sweep(owner.number, id)
        if sweep is None:
            raise NotFound(f"sweep {entity}/{project}/{id[:100]} does not exist", code="absent")
        return owner, sweep

    def listed(self, project: Project, offset: int, limit: int) -> tuple[int, list[Overview]]:
        """Return how many sweeps a project has, and a page of them, the youngest first."""
        total, sweeps = self._meta.sweeps(project.number, offset, max(1, min(limit, PAGE_MAX)))
        runs = self._meta.sweep_runs(project.number, [sweep.id for sweep in sweeps])
        stops = self._meta.early_stops([sweep.number for sweep in sweeps])
        return total, [
            self._overview(sweep, runs.get(sweep.id, {}), stops.get(sweep.number, 0))
            for sweep in sweeps
        ]

    def look(self, sweep: Sweep) -> Overview:
        """Return a sweep as lists show it."""
        runs = self._meta.sweep_runs(sweep.project, [sweep.id]).get(sweep.id, {})
        return self._overview(
            sweep, runs, self._meta.early_stops([sweep.number]).get(sweep.number, 0)
        )

    def _overview(self, sweep: Sweep, runs: Mapping[str, int], stops: int) -> Overview:
        config = read_text(sweep.config)
        best = self.results.best(sweep, config.metric) if runs else None
        return Overview(sweep, config, runs, best, stops)

    def agents_of(self, sweep: Sweep, limit: int = AGENTS_SHOWN) -> list[AgentView]:
        """Return the agents of a sweep, the youngest first, with what each runs."""
        agents = self._meta.agents(sweep.number, limit)
        if not agents:
            return []
        open_ones: dict[int, list[Trial]] = {}
        numbers = [agent.number for agent in agents]
        for trial in self._meta.trials(sweep.number, 5 * limit, agents=numbers):
            if trial.run_state in ALIVE or (not trial.run_state and trial.lost_us is None):
                open_ones.setdefault(trial.agent, []).append(trial)
        return [self._agent_view(agent, open_ones.get(agent.number, [])) for agent in agents]

    def agent_view(self, agent: Agent) -> AgentView:
        """Return one agent with what it runs."""
        trials = self._meta.trials(agent.sweep, 5, agents=[agent.number])
        return self._agent_view(agent, [one for one in trials if one.run_state in ALIVE])

    def _agent_view(self, agent: Agent, trials: Sequence[Trial]) -> AgentView:
        if agent.ended_us is not None:
            return AgentView(agent, "finished", ())
        if self.agents.is_gone(agent):
            return AgentView(agent, "gone", ())
        return AgentView(agent, "running" if trials else "idle", trials)

    # ── changing ──

    def edit(
        self,
        sweep: Sweep,
        *,
        state: str | None = None,
        name: str | None = None,
        description: str | None = None,
        config: str | None = None,
    ) -> Sweep:
        """Change a sweep that may be written to.

        Raises:
            Invalid: the config, a state that is none.
            Conflict: code `ended`: it cannot go on; code `begun`: its config is in use.
        """
        _check_texts(name or "", description or "")
        changes: dict[str, Any] = {}
        if name is not None:
            changes["name"] = name
        if description is not None:
            changes["description"] = description
        if config is not None and config != sweep.config:
            self._reconfigure(sweep, config)
        if state is not None and state != sweep.state:
            changes["state"] = self._checked_state(sweep, state)
        if changes:
            self._meta.edit_sweep(sweep.number, changes | {"updated_us": self._now_us()})
        if changes.get("state") == "CANCELED":
            self._stop_runs(sweep)
        self._live.publish_sweep(sweep.project, sweep.id)
        found = self._meta.sweep_by_number(sweep.number)
        assert found is not None
        return found

    def _reconfigure(self, sweep: Sweep, text: str) -> None:
        config = read_text(text)
        columns = {
            "config": text, "method": config.method, "cursor": 0, "updated_us": self._now_us(),
        }  # fmt: skip
        if not self._meta.edit_sweep(sweep.number, columns, untried=True):
            raise Conflict(
                f"runs of sweep {sweep.id} have begun, so what it searches stays as it is: make a new sweep "
                "from the changed config",
                code="begun",
            )

    def _checked_state(self, sweep: Sweep, state: str) -> State:
        if state not in get_args(State):
            raise Invalid(
                f"{state[:40]!r} is no state of a sweep; those are {', '.join(get_args(State))}",
                code="state",
            )
        if sweep.state == "CANCELED":
            raise Conflict(f"sweep {sweep.id} was cancelled: it does not go on", code="ended")
        if sweep.state == "FINISHED" and state == "PAUSED":
            raise Conflict(f"sweep {sweep.id} has finished: nothing is to be paused", code="ended")
        if sweep.state == "FINISHED" and state == "RUNNING":
            reason = self.agents.why_ended(sweep, read_text(sweep.config))
            if reason is not None and not self._meta.unbegun(sweep.number):
                raise Conflict(f"sweep {sweep.id} cannot go on: {reason}", code="ended")
        return state  # type: ignore[return-value]

    def _stop_runs(self, sweep: Sweep) -> None:
        found = self._meta.project(sweep.entity, sweep.project_name)
        numbers = [
            run.number for run in self.results.runs(sweep, STOPPED_MAX) if run.state in ALIVE
        ]
        if found is not None and numbers:
            self._edits.stop_many(Chosen(found, numbers, f"runs of sweep {sweep.id}"))


def to_text(config: Any) -> str:
    """Return a config given as plain data as YAML text. Raises Invalid, TooLarge."""
    return str(yaml.safe_dump(configs.plain(config), sort_keys=False, allow_unicode=True))


def _check_texts(name: str, description: str) -> None:
    if len(name) > NAME_CHARS_MAX:
        raise Invalid(f"a sweep's name has at most {NAME_CHARS_MAX} characters", code="name")
    if len(description) > TEXT_CHARS_MAX:
        raise Invalid(
            f"a sweep's description has at most {TEXT_CHARS_MAX:,} characters", code="description"
        )
