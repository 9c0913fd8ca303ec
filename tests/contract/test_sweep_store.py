"""The sweep store: ids, agents, and trials that are handed out once, whoever asks at the same time."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kiseki.errors import Conflict
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.filters import Compare, Key
from kiseki.storage.interface import Fold, NewStream
from kiseki.storage.sweeps import NewSweep, NewTrial, Sweep

NOW = 1_770_000_000_000_000


@pytest.fixture
def meta(tmp_path: Path) -> Iterator[EmbeddedMeta]:
    store = EmbeddedMeta(tmp_path / "meta.db")
    yield store
    store.close()


@pytest.fixture
def project(meta: EmbeddedMeta) -> int:
    meta.add_user("ada", is_admin=True, now_us=NOW)
    return meta.make_project("ada", "digits", NOW).number


def user(meta: EmbeddedMeta) -> int:
    found = meta.user("ada")
    assert found is not None
    return found.number


def add(meta: EmbeddedMeta, project: int, id: str = "abcd1234", limit: int = 9) -> Sweep:
    new = NewSweep(project, id, user(meta), "first", "why", "grid", "method: grid", NOW)
    return meta.add_sweep(new, limit)


def agent(meta: EmbeddedMeta, sweep: Sweep, id: str = "a1") -> int:
    return meta.add_agent(
        sweep.number, id, user(meta), "host", NOW, seen_us=NOW - 10, limit=100
    ).number


def trial(sweep: Sweep, by: int, point: str, **more: Any) -> NewTrial:
    params = {"x": point, "nested": {"y": 1.5}}
    return NewTrial(
        sweep.number, by, f"run-{point}", point, params, int(more.get("cursor", 1)), NOW
    )


def begin(meta: EmbeddedMeta, project: int, run: str, sweep: str, state: str = "running") -> int:
    """Make a run as the committing thread does."""
    new = NewStream(f"stream-{run}", project, run, None, None, "writer", user(meta), NOW)
    made, _ = meta.add_stream(new)
    meta.save([Fold(made.attempt, columns={"sweep": sweep, "state": state})])
    return made.number


def test_sweeps_are_found_and_listed(meta: EmbeddedMeta, project: int) -> None:
    made = [add(meta, project, f"sweep{number}") for number in range(3)]
    assert made[0].state == "RUNNING" and made[0].user == "ada" and made[0].entity == "ada"
    assert meta.sweep(project, "sweep1") == made[1] == meta.sweep_by_number(made[1].number)
    assert meta.sweep(project, "none") is None
    assert meta.sweeps(project, 0, 2) == (3, [made[2], made[1]])
    assert meta.sweeps(project, 2, 2) == (3, [made[0]])
    with pytest.raises(Conflict) as caught:
        add(meta, project, "sweep1")
    assert caught.value.extra["code"] == "taken"
    with pytest.raises(Conflict) as caught:
        add(meta, project, "fourth", limit=3)
    assert caught.value.extra["code"] == "sweeps"
    other = meta.make_project("ada", "other", NOW).number
    assert add(meta, other, "sweep1", limit=3).project == other


def test_a_sweep_is_edited(meta: EmbeddedMeta, project: int) -> None:
    sweep = add(meta, project)
    assert meta.edit_sweep(sweep.number, {"state": "PAUSED", "config": "x"}, untried=True)
    assert meta.sweep(project, sweep.id) == replace(sweep, state="PAUSED", config="x")
    assert meta.open_sweeps() == [replace(sweep, state="PAUSED", config="x")]
    assert meta.add_trial(trial(sweep, agent(meta, sweep), "p")) is None  # it does not run
    meta.edit_sweep(sweep.number, {"state": "RUNNING"})
    assert meta.add_trial(trial(sweep, 1, "p")) is not None
    assert not meta.edit_sweep(sweep.number, {"config": "y"}, untried=True)
    meta.edit_sweep(sweep.number, {"state": "FINISHED"})
    assert meta.open_sweeps() == []


def test_a_point_is_handed_out_once(meta: EmbeddedMeta, project: int) -> None:
    """16 agents reach for the same points in the same order: each point has one trial, numbered 1, 2, …"""
    sweep = add(meta, project)
    agents = [agent(meta, sweep, f"a{number}") for number in range(16)]

    def work(by: int) -> int:
        got = 0
        for index in range(40):
            new = trial(sweep, by, f"p{index}", cursor=index + 1)
            got += meta.add_trial(replace(new, run=f"run-{by}-{index}")) is not None
        return got

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(work, agents)) == 40
    found = meta.trials(sweep.number, 100)
    assert [one.ordinal for one in found] == list(range(1, 41))
    assert sorted(one.params["x"] for one in found) == sorted(f"p{index}" for index in range(40))
    again = meta.sweep(project, sweep.id)
    assert again is not None and again.trials == 40
    assert meta.taken(sweep.number, ["p0", "p39", "p40"]) == {"p0", "p39"}
    counts = Counter(one.agent for one in found)
    assert {one.number: one.trials for one in meta.agents(sweep.number, 20) if one.trials} == counts
    busiest = max(counts, key=lambda number: counts[number])
    assert len(meta.trials(sweep.number, 100, agents=[busiest])) == counts[busiest]
    assert [one.ordinal for one in meta.trials(sweep.number, 3)] == [38, 39, 40]


def test_what_never_began_is_offered_again_to_one(meta: EmbeddedMeta, project: int) -> None:
    sweep = add(meta, project)
    first, others = agent(meta, sweep), [agent(meta, sweep, f"b{n}") for n in range(8)]
    lost = meta.add_trial(trial(sweep, first, "p0"))
    begun = meta.add_trial(trial(sweep, first, "p1"))
    assert lost is not None and begun is not None
    begin(meta, project, begun.run, sweep.id)
    assert [one.run for one in meta.unbegun(sweep.number)] == [lost.run]
    with ThreadPoolExecutor(8) as pool:
        offers = pool.map(
            lambda by: meta.offer_again(lost, by, f"again-{by}", NOW + 1), others
        )  # fmt: skip
        [taken] = [one for one in offers if one is not None]
    assert (taken.ordinal, taken.offers, taken.params) == (1, 2, lost.params)
    assert meta.offer_again(begun, others[0], "x", NOW) is None  # its run goes on
    assert meta.trial_of(sweep.number, begun.run) == replace(begun, run_state="running")
    meta.give_up(taken.number, lost_us=NOW)
    assert meta.unbegun(sweep.number) == []


def test_runs_of_a_sweep(meta: EmbeddedMeta, project: int) -> None:
    sweep = add(meta, project)
    by = agent(meta, sweep)
    trials = [meta.add_trial(trial(sweep, by, f"p{number}")) for number in range(4)]
    runs = [
        begin(meta, project, one.run, sweep.id, state)
        for one, state in zip(trials, ("running", "finished", "finished", "failed"), strict=True)
        if one is not None
    ]
    begin(meta, project, "beside", "")
    assert meta.sweep_runs(project, [sweep.id, "other"]) == {
        sweep.id: {"running": 1, "finished": 2, "failed": 1}
    }
    of_sweep = Compare(Key("run", "sweep"), ":", sweep.id, True)
    assert [run.number for run in meta.find_runs(project, of_sweep)[2]] == runs[::-1]
    assert {run.sweep for run in meta.find_runs(project, of_sweep)[2]} == {sweep.id}
    assert meta.going_on(sweep.number) == [runs[0]]
    meta.edit_run(runs[0], {"stop_us": NOW})
    assert meta.going_on(sweep.number) == []
    meta.throw_away([runs[3]], "ada", NOW)
    assert meta.sweep_runs(project, [sweep.id]) == {sweep.id: {"running": 1, "finished": 2}}
    states = [one.run_state for one in meta.trials(sweep.number, 9)]
    assert states == ["running", "finished", "finished", "deleted"]
    assert trials[0] is not None
    meta.give_up(trials[0].number, stopped_us=NOW)
    assert meta.early_stops([sweep.number, 99]) == {sweep.number: 1}


def test_runs_of_a_sweep_are_found_by_an_index(
    meta: EmbeddedMeta, project: int, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "meta.db")) as c:
        query = (
            "EXPLAIN QUERY PLAN SELECT number FROM run WHERE project = 1 AND deleted_us IS NULL "
            "AND sweep != '' AND sweep = 'abcd1234'"
        )
        assert "ix_run_sweep" in str(c.execute(query).fetchall())


def test_agents_are_bounded(meta: EmbeddedMeta, project: int) -> None:
    sweep = add(meta, project)
    made = [
        meta.add_agent(sweep.number, f"a{n}", user(meta), "h", NOW, seen_us=NOW - 10, limit=2)
        for n in range(2)
    ]
    with pytest.raises(Conflict, match="2 agents"):
        meta.add_agent(sweep.number, "a3", user(meta), "h", NOW, seen_us=NOW - 10, limit=2)
    meta.edit_agent(made[0].number, NOW + 5, NOW + 5)  # it ended
    third = meta.add_agent(sweep.number, "a3", user(meta), "h", NOW, seen_us=NOW - 10, limit=2)
    later = NOW + 10**9  # the others fell silent
    meta.add_agent(sweep.number, "a4", user(meta), "h", later, seen_us=later - 10, limit=2)
    assert [one.id for one in meta.agents(sweep.number, 3)] == ["a4", "a3", "a1"]
    assert meta.agent("a3") == third and meta.agent("none") is None
    ended = meta.agent("a0")
    assert ended is not None and (ended.heartbeat_us, ended.ended_us) == (NOW + 5, NOW + 5)
