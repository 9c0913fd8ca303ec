"""Agents and what they are told to do: run this, stop that, exit.

    join ─► beat, every some seconds ─► run ─► its run begins, and ends ─► beat ─► run … ─► exit
              └─ nothing: it is paused, or others may leave something over

An agent that is told to run something and never says so again is gone: what it had is offered to another one,
under a new id, unless its run began. Nobody decides twice: one search at a time per sweep, and the store
refuses a point that was handed out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from kiseki.base import ids
from kiseki.base.clock import wall_us
from kiseki.core.edits import Edits
from kiseki.core.live import Live
from kiseki.core.projects import Projects
from kiseki.core.rights import Principal
from kiseki.core.sweeps import bayes, search
from kiseki.core.sweeps.bayes import Seen
from kiseki.core.sweeps.config import RUNS_MAX, SweepConfig, read_text
from kiseki.core.sweeps.results import Results
from kiseki.errors import Conflict, NotFound
from kiseki.record.fold import ALIVE
from kiseki.storage.interface import MetaStore
from kiseki.storage.sweeps import ENDED, Agent, NewTrial, Sweep, Trial

GONE_US = 30 * 1_000_000  # without a word an agent is gone; they beat every 5 s
OFFERS_MAX = 3  # of one trial that no run begins of
AGENTS_MAX = 1_000  # of one sweep at once
HOST_CHARS_MAX = 512
RUNNING_MAX = 1_000  # runs that one agent says it has
SEEN_MAX = 5_000  # trials that a search is told of
BLOCK = 200
LOCKS = 64

_ENTIRE = "there is nothing left to try"


@dataclass(frozen=True, slots=True)
class Command:
    """What an agent is to do."""

    type: Literal["run", "stop", "exit"]
    run: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    program: str = ""


class Agents:
    """Hands out trials. Thread-safe."""

    def __init__(
        self,
        meta: MetaStore,
        projects: Projects,
        edits: Edits,
        live: Live,
        results: Results,
        now_us: Callable[[], int] = wall_us,
    ) -> None:
        self._meta = meta
        self._projects = projects
        self._edits = edits
        self._live = live
        self._results = results
        self._now_us = now_us
        self._started_us = now_us()
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def join(self, who: Principal, sweep: Sweep, host: str) -> Agent:
        """Return a new agent of a sweep that may be written to. Raises Conflict."""
        if sweep.state in ENDED:
            raise Conflict(
                f"sweep {sweep.id} is {sweep.state.lower()}: it takes no more agents", code="ended"
            )
        now = self._now_us()
        agent = self._meta.add_agent(
            sweep.number, ids.stream_id(), who.user.number, host[:HOST_CHARS_MAX], now,
            seen_us=now - GONE_US, limit=AGENTS_MAX,
        )  # fmt: skip
        self._live.publish_sweep(sweep.project, sweep.id)
        return agent

    def is_gone(self, agent: Agent) -> bool:
        """Return whether an agent ended, or was not heard of for too long."""
        return agent.ended_us is not None or agent.heartbeat_us < self._now_us() - GONE_US

    def beat(self, who: Principal, id: str, running: Sequence[str]) -> list[Command]:
        """Take a sign of life, with the ids of the runs that go on there; return what to do.

        Raises:
            NotFound: there is no such agent, or its project is gone.
            Forbidden
        """
        agent = self._meta.agent(id)
        sweep = None if agent is None else self._meta.sweep_by_number(agent.sweep)
        if agent is None or sweep is None:
            raise NotFound(f"agent {id[:100]!r} does not exist", code="absent")
        self._projects.find(who, sweep.entity, sweep.project_name, "write")
        config = read_text(sweep.config)
        self.give_up(sweep, config)
        commands = self._commands(sweep, config, agent, list(running)[:RUNNING_MAX])
        ends = any(command.type == "exit" for command in commands)
        now = self._now_us()
        self._meta.edit_agent(agent.number, now, now if ends else None)
        if commands:
            self._live.publish_sweep(sweep.project, sweep.id)
        return commands

    def _commands(
        self, sweep: Sweep, config: SweepConfig, agent: Agent, running: list[str]
    ) -> list[Command]:
        if running:
            if sweep.state == "CANCELED":
                return [Command("stop", run) for run in running]
            stopped = {
                run.id
                for run in self._meta.runs(sweep.project, running)
                if run.stop_us is not None and run.state in ALIVE
            }
            return [Command("stop", run) for run in running if run in stopped]
        if sweep.state in ENDED:
            return [Command("exit")]
        if sweep.state == "PAUSED":
            return []
        with self._locks[sweep.number % LOCKS]:
            found = self._next(sweep.number, agent)
        if isinstance(found, Trial):
            return [Command("run", found.run, found.params, config.program)]
        if found == "wait":
            return []
        self.settle(sweep)
        return [Command("exit")]

    # ── what comes next ──

    def _next(self, number: int, agent: Agent) -> Trial | Literal["wait", "exit"]:
        """Return a trial for an agent that has none; "wait" while others may leave theirs over."""
        sweep = self._meta.sweep_by_number(number)
        if sweep is None or sweep.state in ENDED:
            return "exit"
        if sweep.state != "RUNNING":
            return "wait"
        again, others_wait = self._left_over(sweep, agent)
        if again is not None:
            return again
        config = read_text(sweep.config)
        if self.why_ended(sweep, config) is None:
            for new in self._fresh(sweep, config, agent):
                trial = self._meta.add_trial(new)
                if trial is not None:
                    return trial
                now = self._meta.sweep_by_number(number)
                if now is None or now.state != "RUNNING":  # changed at this moment
                    return "wait"
            if config.method != "grid":
                return "wait"
        return "wait" if others_wait else "exit"

    def _left_over(self, sweep: Sweep, agent: Agent) -> tuple[Trial | None, bool]:
        """Return a trial that nobody began, if there is one; and whether others have such."""
        waiting = self._meta.unbegun(sweep.number)
        if not waiting:
            return None, False
        known = {one.number: one for one in self._meta.agents(sweep.number, 10 * AGENTS_MAX)}
        now, others = self._now_us(), False
        for trial in waiting:
            is_own = trial.agent == agent.number
            holder = known.get(trial.agent)
            if not is_own and holder is not None and not self._may_take(holder):
                others = True
                continue
            if trial.offers >= OFFERS_MAX:
                self._meta.give_up(trial.number, lost_us=now)
                continue
            # The same agent may not have heard of it; another one gets it under an id of its own.
            run = trial.run if is_own else ids.run_id()
            again = self._meta.offer_again(trial, agent.number, run, now)
            if again is not None:
                return again, others
        return None, others

    def _may_take(self, holder: Agent) -> bool:
        # After a pause of the server everybody gets the time to be heard again.
        return self.is_gone(holder) and (
            holder.ended_us is not None or self._now_us() - self._started_us > GONE_US
        )

    def _fresh(self, sweep: Sweep, config: SweepConfig, agent: Agent) -> Iterator[NewTrial]:
        """Yield what may be handed out next: the free points of a grid, else one draw."""
        now = self._now_us()
        if config.method == "grid":
            source = search.grid(config, sweep.cursor)
            while block := list(islice(source, BLOCK)):
                points = [search.fingerprint(params) for _, params in block]
                taken = self._meta.taken(sweep.number, points)
                for (index, params), point in zip(block, points, strict=True):
                    if point not in taken:
                        yield NewTrial(
                            sweep.number, agent.number, ids.run_id(), point, params, index + 1, now
                        )
            self._meta.edit_sweep(sweep.number, {"cursor": config.combinations})
            return
        ordinal = sweep.trials + 1
        seed = f"{sweep.id}/{ordinal}"
        if config.method == "bayes":
            params = bayes.suggest(config, seed, self._seen(sweep, config))
        else:
            params = search.draw(config, seed)
        yield NewTrial(
            sweep.number, agent.number, ids.run_id(), f"#{ordinal}", params, 0, now
        )  # fmt: skip

    def _seen(self, sweep: Sweep, config: SweepConfig) -> list[Seen]:
        trials = self._meta.trials(sweep.number, SEEN_MAX)
        assert config.metric is not None
        values = self._results.values(sweep, config.metric, [trial.run for trial in trials])
        return [
            Seen(
                trial.params,
                values.get(trial.run),
                trial.lost_us is not None or trial.run_state not in ("", *ALIVE),
            )
            for trial in trials
        ]

    def why_ended(self, sweep: Sweep, config: SweepConfig) -> str | None:
        """Return why no other trial is begun; None if one is."""
        if config.run_cap is not None and sweep.trials >= config.run_cap:
            return f"{_ENTIRE}: `run_cap` is {config.run_cap:,}"
        if sweep.trials >= RUNS_MAX:
            return f"{_ENTIRE}: a sweep has at most {RUNS_MAX:,} runs"
        if config.combinations is not None and sweep.cursor >= config.combinations:
            return f"{_ENTIRE}: all {config.combinations:,} combinations were handed out"
        metric = config.metric
        if metric is not None and metric.target is not None:
            best = self._results.best(sweep, metric)
            if best is not None and metric.is_reached(best[1]):
                return f"run {best[0].id} reached the target: {metric.name} is {best[1]:.6g}"
        return None

    # ── ends ──

    def give_up(self, sweep: Sweep, config: SweepConfig) -> None:
        """Stop the runs that are not worth going on with."""
        if sweep.state == "CANCELED":
            return
        for run in self._results.to_give_up(sweep, config):
            trial = self._meta.trial_of(sweep.number, run.id)
            if trial is not None:
                self._meta.give_up(trial.number, stopped_us=self._now_us())
            self._edits.stop(run)
            self._live.publish_sweep(sweep.project, sweep.id)

    def settle(self, sweep: Sweep) -> bool:
        """End a sweep of which nothing is left, and nothing goes on; return whether it did."""
        with self._locks[sweep.number % LOCKS]:
            now = self._meta.sweep_by_number(sweep.number)
            if now is None or now.state != "RUNNING":
                return False
            if self.why_ended(now, read_text(now.config)) is None:
                return False
            if self._meta.unbegun(now.number) or self._results.any_alive(
                self._meta.going_on(now.number)
            ):
                return False
            self._meta.edit_sweep(now.number, {"state": "FINISHED", "updated_us": self._now_us()})
        self._live.publish_sweep(now.project, now.id)
        return True

    def tend(self) -> None:
        """Look after the sweeps whose agents may all be gone."""
        for sweep in self._meta.open_sweeps():
            if sweep.state == "RUNNING" and sweep.trials:
                self.give_up(sweep, read_text(sweep.config))
                self.settle(sweep)
