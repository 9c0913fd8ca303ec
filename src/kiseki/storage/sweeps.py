"""What `core` may ask of the store about sweeps: what is searched, the agents that run it, their trials.

A *trial* is one set of values that was handed out: its run has the id that the trial names, and has begun
when there is a run of that id. Each call is one transaction, so that nothing is handed out twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

State = Literal["RUNNING", "PAUSED", "FINISHED", "CANCELED"]
ENDED = ("FINISHED", "CANCELED")


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep of a project. `trials`: how many were handed out; `cursor`: of a grid, what comes next."""

    number: int
    project: int
    entity: str
    project_name: str
    id: str
    user: str
    name: str
    description: str
    state: State
    method: str
    config: str  # YAML as it came
    trials: int
    cursor: int
    created_us: int
    updated_us: int


@dataclass(frozen=True, slots=True)
class Agent:
    """A process somewhere that asks for trials and runs them. `ended_us`: it was told to exit."""

    number: int
    id: str
    sweep: int
    user: str
    host: str
    created_us: int
    heartbeat_us: int
    ended_us: int | None
    trials: int


@dataclass(frozen=True, slots=True)
class Trial:
    """Values that were handed out.

    Attributes:
        ordinal: 1, 2, … within its sweep.
        agent: the one that has it now.
        offers: how often it was handed out: again, if no run began.
        run: the id of its run; `run_state` is that run's, "" before it begins, `deleted` if it was.
        stopped_us: when it was given up early.
        lost_us: when it was given up because no run ever began.
    """

    number: int
    ordinal: int
    agent: int
    offers: int
    run: str
    run_state: str
    params: Mapping[str, Any]
    offered_us: int
    stopped_us: int | None
    lost_us: int | None


@dataclass(frozen=True, slots=True)
class NewSweep:
    """What `add_sweep` makes."""

    project: int
    id: str
    user: int
    name: str
    description: str
    method: str
    config: str
    now_us: int


@dataclass(frozen=True, slots=True)
class NewTrial:
    """What `add_trial` makes. `point` names the values where they may come only once."""

    sweep: int
    agent: int
    run: str
    point: str
    params: Mapping[str, Any]
    cursor: int
    now_us: int


class SweepStore(Protocol):
    """Sweeps, agents and trials. Thread-safe; durable when a call returns."""

    def add_sweep(self, new: NewSweep, limit: int) -> Sweep:
        """Make a sweep.

        Raises:
            Conflict: code `sweeps`: the project has `limit` of them; code `taken`: the id is.
        """
        ...

    def sweep(self, project: int, id: str) -> Sweep | None: ...

    def sweep_by_number(self, number: int) -> Sweep | None: ...

    def sweeps(self, project: int, offset: int, limit: int) -> tuple[int, list[Sweep]]:
        """Return how many sweeps a project has, and a page of them, the youngest first."""
        ...

    def open_sweeps(self) -> list[Sweep]:
        """Return the sweeps of all projects that did not end."""
        ...

    def edit_sweep(self, number: int, columns: Mapping[str, Any], *, untried: bool = False) -> bool:
        """Change `name`, `description`, `state`, `method`, `config`, `cursor` or `updated_us`.

        `untried`: only if no trial was handed out. Returns whether it was done.
        """
        ...

    def sweep_runs(self, project: int, ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """Return by sweep, and by state, how many runs there are that are not deleted."""
        ...

    def early_stops(self, sweeps: Sequence[int]) -> dict[int, int]:
        """Return by sweep how many trials were stopped early; those without any are left out."""
        ...

    def add_agent(
        self, sweep: int, id: str, user: int, host: str, now_us: int, *, seen_us: int, limit: int
    ) -> Agent:
        """Make an agent.

        Raises:
            Conflict: code `agents`: `limit` of them did not end and were heard of since `seen_us`.
        """
        ...

    def agent(self, id: str) -> Agent | None: ...

    def agents(self, sweep: int, limit: int) -> list[Agent]:
        """Return the agents of a sweep, the youngest first."""
        ...

    def edit_agent(self, number: int, heartbeat_us: int, ended_us: int | None) -> None: ...

    def trials(self, sweep: int, limit: int, *, agents: Sequence[int] = ()) -> list[Trial]:
        """Return trials in their order, the last `limit` of them; `agents`: only theirs."""
        ...

    def trial_of(self, sweep: int, run: str) -> Trial | None: ...

    def unbegun(self, sweep: int) -> list[Trial]:
        """Return the trials that no run began of, and that were not given up, in their order."""
        ...

    def going_on(self, sweep: int) -> list[int]:
        """Return the numbers of the trials' runs that are alive, and were not asked to stop."""
        ...

    def taken(self, sweep: int, points: Sequence[str]) -> set[str]:
        """Return those of the points that were handed out."""
        ...

    def add_trial(self, new: NewTrial) -> Trial | None:
        """Hand out values; None if the sweep does not run, or the point was handed out."""
        ...

    def offer_again(self, trial: Trial, agent: int, run: str, now_us: int) -> Trial | None:
        """Hand out a trial once more; None if its run began meanwhile, or somebody else has it."""
        ...

    def give_up(
        self, trial: int, *, stopped_us: int | None = None, lost_us: int | None = None
    ) -> None:
        """Note that a trial was stopped early, or that no run will begin of it."""
        ...
