"""`SweepStore` in `meta.db`: sweeps, their agents, and what was handed out to them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, select
from sqlalchemy import func as sql
from sqlalchemy.exc import IntegrityError

from kiseki.errors import Conflict
from kiseki.record.fold import ALIVE
from kiseki.storage.embedded import tables as t
from kiseki.storage.embedded.database import Database, inserted
from kiseki.storage.embedded.meta_save import slices
from kiseki.storage.sweeps import ENDED, Agent, NewSweep, NewTrial, Sweep, Trial

_sweep, _agent, _trial, _run = t.sweep.c, t.sweep_agent.c, t.sweep_trial.c, t.run.c
_SWEEPS = (
    select(
        t.sweep,
        t.project.c.name.label("project_name"),
        t.entity.c.name.label("entity_name"),
        t.user.c.name.label("user_name"),
    )
    .select_from(t.sweep)
    .join(t.project, t.project.c.number == _sweep.project)
    .join(t.entity, t.entity.c.number == t.project.c.entity)
    .join(t.user, t.user.c.number == _sweep.user)
)
_COUNT = (
    select(sql.count())
    .select_from(t.sweep_trial)
    .where(_trial.agent == _agent.number)
    .scalar_subquery()
    .label("trials")
)
_AGENTS = select(t.sweep_agent, t.user.c.name.label("user_name"), _COUNT).join(
    t.user, t.user.c.number == _agent.user
)
_RUN_STATE = case((_run.deleted_us.is_not(None), "deleted"), else_=sql.coalesce(_run.state, ""))
_TRIALS = (
    select(t.sweep_trial, _RUN_STATE.label("run_state"))
    .select_from(t.sweep_trial)
    .join(t.sweep, _sweep.number == _trial.sweep)
    .outerjoin(t.run, and_(_run.project == _sweep.project, _run.id == _trial.run))
)


class EmbeddedSweeps(Database):
    """The sweeps of a data folder."""

    # ── sweeps ──

    def add_sweep(self, new: NewSweep, limit: int) -> Sweep:
        values = {
            "project": new.project, "id": new.id, "user": new.user, "name": new.name,
            "description": new.description, "state": "RUNNING", "method": new.method,
            "config": new.config, "trials": 0, "cursor": 0, "created_us": new.now_us,
            "updated_us": new.now_us,
        }  # fmt: skip
        these = select(sql.count()).select_from(t.sweep).where(_sweep.project == new.project)
        with self._write() as c:
            if (c.scalar(these) or 0) >= limit:
                raise Conflict(
                    f"the project has {limit:,} sweeps, which is the limit: take another project",
                    code="sweeps",
                )
            try:
                number = inserted(c.execute(t.sweep.insert().values(values)))
            except IntegrityError as error:
                raise Conflict(f"sweep {new.id!r} exists already", code="taken") from error
            return _get(c, number)

    def sweep(self, project: int, id: str) -> Sweep | None:
        with self._read() as c:
            rows = c.execute(_SWEEPS.where(_sweep.project == project, _sweep.id == id))
            return next(map(_to_sweep, rows), None)

    def sweep_by_number(self, number: int) -> Sweep | None:
        with self._read() as c:
            return next(map(_to_sweep, c.execute(_SWEEPS.where(_sweep.number == number))), None)

    def sweeps(self, project: int, offset: int, limit: int) -> tuple[int, list[Sweep]]:
        these = _sweep.project == project
        page = _SWEEPS.where(these).order_by(_sweep.number.desc()).offset(offset).limit(limit)
        with self._read() as c:
            total = c.scalar(select(sql.count()).select_from(t.sweep).where(these)) or 0
            return total, list(map(_to_sweep, c.execute(page)))

    def open_sweeps(self) -> list[Sweep]:
        with self._read() as c:
            return list(map(_to_sweep, c.execute(_SWEEPS.where(_sweep.state.not_in(ENDED)))))

    def edit_sweep(self, number: int, columns: Mapping[str, Any], *, untried: bool = False) -> bool:
        edit = t.sweep.update().where(_sweep.number == number)
        if untried:
            edit = edit.where(_sweep.trials == 0)
        with self._write() as c:
            return c.execute(edit.values(dict(columns))).rowcount > 0

    def sweep_runs(self, project: int, ids: Sequence[str]) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        with self._read() as c:
            for some in slices(list(ids)):
                query = (
                    select(_run.sweep, _run.state, sql.count().label("runs"))
                    .where(
                        _run.project == project,
                        _run.sweep.in_(some),
                        _run.sweep != "",
                        _run.deleted_us.is_(None),
                    )
                    .group_by(_run.sweep, _run.state)
                )
                for row in c.execute(query):
                    found.setdefault(row.sweep, {})[row.state] = row.runs
        return found

    def early_stops(self, sweeps: Sequence[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        with self._read() as c:
            for some in slices(list(sweeps)):
                query = (
                    select(_trial.sweep, sql.count().label("stops"))
                    .where(_trial.sweep.in_(some), _trial.stopped_us.is_not(None))
                    .group_by(_trial.sweep)
                )
                found |= {row.sweep: row.stops for row in c.execute(query)}
        return found

    # ── agents ──

    def add_agent(
        self, sweep: int, id: str, user: int, host: str, now_us: int, *, seen_us: int, limit: int
    ) -> Agent:
        values = {
            "id": id, "sweep": sweep, "user": user, "host": host, "created_us": now_us,
            "heartbeat_us": now_us, "ended_us": None,
        }  # fmt: skip
        alive = select(sql.count()).where(
            _agent.sweep == sweep, _agent.ended_us.is_(None), _agent.heartbeat_us >= seen_us
        )
        with self._write() as c:
            if (c.scalar(alive) or 0) >= limit:
                raise Conflict(
                    f"{limit:,} agents work on this sweep, which is the limit", code="agents"
                )
            number = inserted(c.execute(t.sweep_agent.insert().values(values)))
            return next(map(_to_agent, c.execute(_AGENTS.where(_agent.number == number))))

    def agent(self, id: str) -> Agent | None:
        with self._read() as c:
            return next(map(_to_agent, c.execute(_AGENTS.where(_agent.id == id))), None)

    def agents(self, sweep: int, limit: int) -> list[Agent]:
        query = _AGENTS.where(_agent.sweep == sweep).order_by(_agent.number.desc()).limit(limit)
        with self._read() as c:
            return list(map(_to_agent, c.execute(query)))

    def edit_agent(self, number: int, heartbeat_us: int, ended_us: int | None) -> None:
        edit = t.sweep_agent.update().where(_agent.number == number)
        with self._write() as c:
            c.execute(edit.values(heartbeat_us=heartbeat_us, ended_us=ended_us))

    # ── trials ──

    def trials(self, sweep: int, limit: int, *, agents: Sequence[int] = ()) -> list[Trial]:
        query = _TRIALS.where(_trial.sweep == sweep)
        if agents:
            query = query.where(_trial.agent.in_(list(agents)))
        with self._read() as c:
            return _trials(c, query.order_by(_trial.ordinal.desc()).limit(limit))[::-1]

    def trial_of(self, sweep: int, run: str) -> Trial | None:
        with self._read() as c:
            query = _TRIALS.where(_trial.sweep == sweep, _trial.run == run)
            return next(iter(_trials(c, query)), None)

    def unbegun(self, sweep: int) -> list[Trial]:
        waiting = (_trial.lost_us.is_(None), _run.number.is_(None))
        query = _TRIALS.where(_trial.sweep == sweep, *waiting)
        with self._read() as c:
            return _trials(c, query.order_by(_trial.ordinal))

    def going_on(self, sweep: int) -> list[int]:
        alive = (_run.state.in_(ALIVE), _run.stop_us.is_(None), _run.deleted_us.is_(None))
        query = _TRIALS.with_only_columns(_run.number).where(_trial.sweep == sweep, *alive)
        with self._read() as c:
            return list(c.scalars(query))

    def taken(self, sweep: int, points: Sequence[str]) -> set[str]:
        found: set[str] = set()
        with self._read() as c:
            for some in slices(list(points)):
                query = select(_trial.point).where(_trial.sweep == sweep, _trial.point.in_(some))
                found |= set(c.scalars(query))
        return found

    def add_trial(self, new: NewTrial) -> Trial | None:
        here = (_trial.sweep == new.sweep, _trial.point == new.point)
        with self._write() as c:
            sweep = c.execute(
                select(_sweep.trials, _sweep.state).where(_sweep.number == new.sweep)
            ).first()
            if sweep is None or sweep.state != "RUNNING":
                return None
            if c.scalar(select(_trial.number).where(*here)) is not None:
                return None
            values = {
                "sweep": new.sweep, "ordinal": sweep.trials + 1, "agent": new.agent, "offers": 1,
                "run": new.run, "point": new.point, "params": json.dumps(new.params),
                "offered_us": new.now_us,
            }  # fmt: skip
            number = inserted(c.execute(t.sweep_trial.insert().values(values)))
            moved = t.sweep.update().where(_sweep.number == new.sweep)
            c.execute(moved.values(trials=sweep.trials + 1, cursor=new.cursor))
            return _trials(c, _TRIALS.where(_trial.number == number))[0]

    def offer_again(self, trial: Trial, agent: int, run: str, now_us: int) -> Trial | None:
        this = _trial.number == trial.number
        edit = t.sweep_trial.update().where(this)
        with self._write() as c:
            now = next(iter(_trials(c, _TRIALS.where(this))), None)
            if now is None or now.offers != trial.offers or now.run_state:
                return None
            c.execute(edit.values(agent=agent, run=run, offers=trial.offers + 1, offered_us=now_us))
            return _trials(c, _TRIALS.where(this))[0]

    def give_up(
        self, trial: int, *, stopped_us: int | None = None, lost_us: int | None = None
    ) -> None:
        edit = t.sweep_trial.update().where(_trial.number == trial)
        with self._write() as c:
            c.execute(edit.values(stopped_us=stopped_us, lost_us=lost_us))


def _get(c: Connection, number: int) -> Sweep:
    return next(map(_to_sweep, c.execute(_SWEEPS.where(_sweep.number == number))))


def _to_sweep(row: Row[Any]) -> Sweep:
    return Sweep(
        row.number, row.project, row.entity_name, row.project_name, row.id, row.user_name, row.name,
        row.description, row.state, row.method, row.config, row.trials, row.cursor, row.created_us,
        row.updated_us,
    )  # fmt: skip


def _to_agent(row: Row[Any]) -> Agent:
    return Agent(
        row.number, row.id, row.sweep, row.user_name, row.host, row.created_us, row.heartbeat_us,
        row.ended_us, row.trials,
    )  # fmt: skip


def _trials(c: Connection, query: Select[Any]) -> list[Trial]:
    return [
        Trial(
            row.number, row.ordinal, row.agent, row.offers, row.run, row.run_state,
            json.loads(row.params), row.offered_us, row.stopped_us, row.lost_us,
        )
        for row in c.execute(query)
    ]  # fmt: skip
