"""Handing out trials: once each, whoever asks at the same time, and whoever dies in between."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kiseki.core.live import Live
from kiseki.core.sweeps import results
from kiseki.core.sweeps.agents import GONE_US, OFFERS_MAX, Command
from kiseki.core.sweeps.search import fingerprint
from kiseki.core.sweeps.sweeps import Sweep, Sweeps, to_text
from kiseki.errors import Conflict, Forbidden, Invalid, NotFound
from kiseki.record.types import Finish
from tests.unit.core.kit import Kit, Writer

SECOND = 1_000_000
GRID = {
    "method": "grid",
    "metric": {"name": "loss"},
    "parameters": {"x": {"values": [1, 2, 3]}, "y": {"values": ["a", "b", "c"]}},
}


class House:
    """A kit with sweeps; `again()` is what a new process finds after a kill."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.sweeps = Sweeps(
            kit.meta, kit.series, kit.projects, kit.runs, kit.edits, Live(), kit.clock
        )
        self.writers: dict[str, Writer] = {}

    def again(self) -> House:
        kit = self.kit.again()
        kit.now_us = self.kit.now_us
        return House(kit)

    def add(self, config: dict[str, Any], **more: Any) -> Sweep:
        text = to_text({**config, **more})
        return self.sweeps.add(self.kit.ada, "ada", "digits", text)[0]

    def now(self, sweep: Sweep) -> Sweep:
        return self.sweeps.find(self.kit.ada, "ada", "digits", sweep.id)[1]

    def join(self, sweep: Sweep, host: str = "lab") -> str:
        return self.sweeps.agents.join(self.kit.ada, self.now(sweep), host).id

    def beat(self, agent: str, *running: str) -> list[Command]:
        return self.sweeps.agents.beat(self.kit.ada, agent, running)

    def take(self, agent: str) -> Command:
        [command] = self.beat(agent)
        assert command.type == "run", command
        return command

    def begin(self, sweep: Sweep, run: str) -> Writer:
        writer = self.writers[run] = Writer(self.kit, run, entity="ada", sweep_id=sweep.id)
        writer.send(writer.start("loss"))
        return writer

    def end(self, run: str, *values: float, code: int = 0) -> None:
        """Log values of the metric, and finish a run."""
        writer = self.writers[run]
        for step, value in enumerate(values):
            writer.send(writer.rows([step], value))
        writer.send(writer.records(Finish(exit_code=code, time_us=1, runtime_us=1)))
        self.kit.folds.save_all()

    def trial(self, sweep: Sweep, agent: str, *values: float) -> Command:
        command = self.take(agent)
        self.begin(sweep, command.run)
        self.end(command.run, *values)
        return command

    def wait(self, seconds: float) -> None:
        self.kit.now_us += round(seconds * SECOND)

    def states(self, sweep: Sweep) -> dict[str, int]:
        return dict(self.sweeps.look(self.now(sweep)).runs)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(results, "JUDGED_EVERY_S", 0.0)
    kit = Kit(tmp_path)
    made = House(kit)
    yield made
    made.kit.close()


def test_a_grid_to_its_end(house: House) -> None:
    sweep = house.add(GRID)
    agent = house.join(sweep)
    found = []
    for _ in range(9):
        command = house.take(agent)
        assert house.beat(agent, command.run) == []  # nothing while it runs
        house.begin(sweep, command.run)
        house.end(command.run, 1.0 / command.params["x"])
        found.append((command.params["x"], command.params["y"]))
    assert sorted(found) == [(x, y) for x in (1, 2, 3) for y in "abc"]
    assert house.beat(agent) == [Command("exit")]
    now = house.now(sweep)
    assert now.state == "FINISHED"
    assert house.beat(agent) == [Command("exit")]
    look = house.sweeps.look(now)
    assert (look.expected, look.remaining, look.runs) == (9, 0, {"finished": 9})
    assert look.best is not None and look.best[1] == pytest.approx(1 / 3)
    [view] = house.sweeps.agents_of(now)
    assert (view.state, view.agent.trials, view.agent.host) == ("finished", 9, "lab")
    with pytest.raises(Conflict, match="finished"):
        house.join(sweep)


def test_sixteen_agents_at_once(house: House) -> None:
    sizes = {"x": {"min": 1, "max": 8}, "y": {"min": 1, "max": 8}}
    sweep = house.add({"method": "grid", "parameters": sizes})
    agents = [house.join(sweep, f"host{number}") for number in range(16)]

    def work(agent: str) -> list[str]:
        found = []
        while (commands := house.beat(agent)) and commands[0].type == "run":
            found.append(fingerprint(commands[0].params))
            house.begin(sweep, commands[0].run)
        return found

    with ThreadPoolExecutor(16) as pool:
        counts = Counter(point for found in pool.map(work, agents) for point in found)
    assert len(counts) == 64
    assert set(counts.values()) == {1}


def test_what_an_agent_did_not_hear_is_told_again(house: House) -> None:
    """The server was killed between its commit and the agent's ear: the same run is offered once more."""
    sweep = house.add(GRID)
    agent = house.join(sweep)
    first = house.take(agent)
    house = house.again()
    second = house.take(agent)
    assert second == first
    house.begin(sweep, second.run)
    house.end(second.run)
    assert house.take(agent).params != first.params
    house.kit.close()


def test_what_nobody_began_goes_to_another(house: House) -> None:
    sweep = house.add(GRID, run_cap=1)
    gone, other = house.join(sweep), house.join(sweep)
    lost = house.take(gone)
    assert house.beat(other) == []  # it may be left over
    house.wait(GONE_US / SECOND - 1)
    assert house.beat(gone, lost.run) == []
    house.wait(GONE_US / SECOND - 1)
    assert house.beat(other) == []
    house.wait(2)
    taken = house.take(other)
    assert taken.params == lost.params
    assert taken.run != lost.run  # should the first come back, they do not write into one run
    house.begin(sweep, taken.run)
    assert [view.state for view in house.sweeps.agents_of(house.now(sweep))] == ["running", "gone"]
    house.end(taken.run)
    assert house.beat(other) == [Command("exit")]
    assert house.now(sweep).state == "FINISHED"


def test_after_a_pause_of_the_server_nobody_counts_as_gone(house: House) -> None:
    sweep = house.add(GRID, run_cap=1)
    holder, other = house.join(sweep), house.join(sweep)
    held = house.take(holder)
    house.wait(600)
    house = house.again()
    assert house.beat(other) == []
    assert house.beat(holder, held.run) == []
    house.wait(GONE_US / SECOND + 1)
    assert house.take(other).params == held.params
    house.kit.close()


def test_what_never_begins_is_given_up(house: House) -> None:
    """A function that fails before `init`: its values are tried three times, then the next ones are."""
    sweep = house.add(GRID)
    agent = house.join(sweep)
    tried = [house.take(agent).params for _ in range(OFFERS_MAX)]
    assert tried == [tried[0]] * OFFERS_MAX
    assert house.take(agent).params != tried[0]


def test_pause_and_go_on_and_stop(house: House) -> None:
    sweep = house.add(GRID)
    agent = house.join(sweep)
    running = house.take(agent)
    house.begin(sweep, running.run)
    house.sweeps.edit(house.now(sweep), state="PAUSED")
    assert house.beat(agent, running.run) == []
    house.end(running.run)
    assert house.beat(agent) == []
    house.sweeps.edit(house.now(sweep), state="RUNNING")
    running = house.take(agent)
    house.begin(sweep, running.run)
    house.sweeps.edit(house.now(sweep), state="FINISHED")
    assert house.beat(agent, running.run) == []  # it goes on to its end
    house.end(running.run)
    assert house.beat(agent) == [Command("exit")]
    with pytest.raises(Conflict):
        house.sweeps.edit(house.now(sweep), state="PAUSED")
    # There is more to try: it may go on.
    again = house.sweeps.edit(house.now(sweep), state="RUNNING")
    assert again.state == "RUNNING"
    assert house.take(house.join(sweep)).params not in (running.params,)


def test_a_pause_while_a_point_is_looked_for_skips_none(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = house.add(GRID)
    agent = house.join(sweep)
    taken = house.kit.meta.taken

    def pausing(number: int, points: list[str]) -> set[str]:
        house.sweeps.edit(house.now(sweep), state="PAUSED")
        return taken(number, points)

    monkeypatch.setattr(house.kit.meta, "taken", pausing)
    assert house.beat(agent) == []
    monkeypatch.undo()
    house.sweeps.edit(house.now(sweep), state="RUNNING")
    assert house.take(agent).params == {"x": 1, "y": "a"}


def test_cancel_stops_the_runs(house: House) -> None:
    sweep = house.add(GRID)
    agents = [house.join(sweep) for _ in range(2)]
    commands = [house.take(agent) for agent in agents]
    for command in commands:
        house.begin(sweep, command.run)
    beside = house.begin(house.add(GRID), "beside")
    house.kit.folds.save_all()
    house.sweeps.edit(house.now(sweep), state="CANCELED")
    for agent, command in zip(agents, commands, strict=True):
        assert house.beat(agent, command.run) == [Command("stop", command.run)]
        run = house.kit.runs.find(house.kit.ada, "ada", "digits", command.run)[1]
        assert run.stop_us is not None
        house.end(command.run, code=1)
        assert house.beat(agent) == [Command("exit")]
    assert house.kit.runs.find(house.kit.ada, "ada", "digits", "beside")[1].stop_us is None
    assert beside.next
    for state in ("RUNNING", "PAUSED", "FINISHED"):
        with pytest.raises(Conflict, match="cancelled"):
            house.sweeps.edit(house.now(sweep), state=state)


def test_a_run_that_is_stopped_by_hand_is_stopped_at_its_agent(house: House) -> None:
    sweep = house.add(GRID)
    agent = house.join(sweep)
    command = house.take(agent)
    house.begin(sweep, command.run)
    house.kit.edits.stop(house.kit.runs.find(house.kit.ada, "ada", "digits", command.run)[1])
    assert house.beat(agent, command.run) == [Command("stop", command.run)]


def test_run_cap_and_target(house: House) -> None:
    draws = {
        "method": "random",
        "metric": {"name": "loss"},
        "parameters": {"x": {"min": 0.0, "max": 1.0}},
    }
    capped = house.add(draws, run_cap=2)
    agent = house.join(capped)
    params = [house.trial(capped, agent, 1.0).params for _ in range(2)]
    assert params[0] != params[1]
    assert house.beat(agent) == [Command("exit")]
    with pytest.raises(Conflict, match="`run_cap` is 2"):
        house.sweeps.edit(house.now(capped), state="RUNNING")
    aimed = house.add({**draws, "metric": {"name": "loss", "goal": "maximize", "target": 0.9}})
    agent = house.join(aimed)
    for value in (0.5, 0.89, 0.95):
        house.trial(aimed, agent, value)
    assert house.beat(agent) == [Command("exit")]
    look = house.sweeps.look(house.now(aimed))
    assert (look.sweep.state, look.sweep.trials, look.expected) == ("FINISHED", 3, None)


def test_random_is_reproducible_by_sweep(house: House) -> None:
    draws = {"method": "random", "parameters": {"x": {"min": 0.0, "max": 1.0}}}
    found = []
    for _ in range(2):
        sweep = house.add(draws)
        agent = house.join(sweep)
        found.append([house.trial(sweep, agent).params["x"] for _ in range(4)])
    assert len(set(found[0] + found[1])) == 8


def test_bayes_learns_from_the_runs(house: House) -> None:
    sweep = house.add({
        "method": "bayes",
        "metric": {"name": "loss"},
        "parameters": {"x": {"min": -10.0, "max": 10.0}},
    })  # fmt: skip
    agent = house.join(sweep)
    found = []
    for _ in range(14):
        command = house.take(agent)
        house.begin(sweep, command.run)
        house.end(command.run, (command.params["x"] - 3.0) ** 2)
        found.append(command.params["x"])
    assert min(abs(x - 3.0) for x in found) < 0.3
    late = sum(abs(x - 3.0) for x in found[-5:]) / 5
    assert late < sum(abs(x - 3.0) for x in found[:5]) / 5


def test_hyperband_stops_the_bad_ones(house: House) -> None:
    sweep = house.add(GRID, early_terminate={"type": "hyperband", "min_iter": 2, "eta": 2})
    agents = [house.join(sweep) for _ in range(4)]
    commands = [house.take(agent) for agent in agents]
    for level, command in enumerate(commands):
        writer = house.begin(sweep, command.run)
        writer.send(writer.rows([0], float(level)))
        writer.send(writer.rows([1], math.nan if level == 3 else float(level)))
    house.kit.folds.save_all()
    told = [house.beat(agent, command.run) for agent, command in zip(agents, commands, strict=True)]
    assert told == [[], [], *([Command("stop", one.run)] for one in commands[2:])]
    look = house.sweeps.look(house.now(sweep))
    assert look.early_stops == 2
    stopped = [
        house.kit.runs.find(house.kit.ada, "ada", "digits", one.run)[1].stop_us for one in commands
    ]
    assert [one is not None for one in stopped] == [False, False, True, True]


def test_a_sweep_whose_agents_are_gone_is_finished_by_itself(house: House) -> None:
    sweep = house.add(GRID, run_cap=1)
    command = house.take(house.join(sweep))
    house.begin(sweep, command.run)
    house.kit.folds.save_all()
    house.sweeps.agents.tend()
    assert house.now(sweep).state == "RUNNING"
    house.end(command.run)
    house.sweeps.agents.tend()
    assert house.now(sweep).state == "FINISHED"


def test_an_end_that_is_not_saved_yet_counts(house: House) -> None:
    sweep = house.add(GRID, run_cap=1)
    agent = house.join(sweep)
    command = house.take(agent)
    writer = house.begin(sweep, command.run)
    house.kit.folds.save_all()
    writer.send(writer.records(Finish(exit_code=0, time_us=1, runtime_us=1)))
    assert house.beat(agent) == [Command("exit")]
    assert house.now(sweep).state == "FINISHED"


def test_the_config_changes_before_the_first_trial(house: House) -> None:
    sweep = house.add(GRID)
    other = to_text({"method": "random", "parameters": {"z": {"value": 7}}})
    with pytest.raises(Invalid):
        house.sweeps.edit(house.now(sweep), config="method: none")
    assert house.sweeps.edit(house.now(sweep), config=other, name="later").method == "random"
    agent = house.join(sweep)
    assert house.take(agent).params == {"z": 7}
    assert house.sweeps.edit(house.now(sweep), config=other).config == other  # no change
    with pytest.raises(Conflict, match="make a new sweep"):
        house.sweeps.edit(house.now(sweep), config=to_text(GRID))


def test_who_may_not_write_is_no_agent(house: House) -> None:
    sweep = house.add(GRID)
    agent = house.join(sweep)
    eve = house.kit.principal("eve")
    reader = house.kit.principal("ada", "read")
    with pytest.raises(NotFound):
        house.sweeps.agents.beat(eve, agent, [])
    with pytest.raises(Forbidden):
        house.sweeps.agents.beat(reader, agent, [])
    with pytest.raises(NotFound):
        house.sweeps.find(eve, "ada", "digits", sweep.id)
    with pytest.raises(NotFound):
        house.beat("no such agent")


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_each_combination_comes_once(house: House, seed: int) -> None:
    """Agents that beat, begin, end, do not hear the answer, die: at the end each combination has one run."""
    chance = random.Random(seed)
    sweep = house.add(GRID)
    agents = [house.join(sweep) for _ in range(4)]
    held: dict[int, Command | None] = dict.fromkeys(range(4))
    begun: dict[str, str] = {}

    def begin(command: Command) -> None:
        if command.run not in begun:
            house.begin(sweep, command.run)
            begun[command.run] = fingerprint(command.params)

    def beat(number: int, *, is_heard: bool = True) -> None:
        command = held[number]
        for told in house.beat(agents[number], *([command.run] if command else [])):
            held[number] = told if told.type == "run" and is_heard else None

    def end(number: int) -> None:
        command, held[number] = held[number], None
        if command is not None and command.run in begun:
            house.end(command.run)

    for _ in range(chance.randrange(80)):
        number = chance.randrange(4)
        command = held[number]
        event = chance.choice("bbbbrrreeldw")
        if event == "b":
            beat(number)
        elif event == "r" and command is not None:
            begin(command)
        elif event == "e" and command is not None and command.run in begun:
            end(number)
        elif event == "l" and command is None:
            beat(number, is_heard=False)
        elif event == "d" and house.now(sweep).state == "RUNNING":
            end(number)  # what it ran ends as crashed, by the watch over silent runs
            agents[number] = house.join(sweep)
        elif event == "w":
            house.wait(20)
            for one in range(4):
                beat(one)
    for _ in range(60):
        house.wait(5)
        for number in range(4):
            command = held[number]
            if command is not None:
                begin(command)
            end(number)
            beat(number)
        if house.now(sweep).state == "FINISHED":
            break
    assert house.now(sweep).state == "FINISHED"
    trials = house.kit.meta.trials(sweep.number, 100)
    lost = [one for one in trials if one.lost_us is not None]
    assert len(set(begun.values())) == len(begun) == 9 - len(lost)
    assert len(trials) == 9
