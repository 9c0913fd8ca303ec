"""Sweeps over HTTP, by both doors: who may what, what is refused, and that nothing breaks."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from typing import Any

import pytest

from kiseki.core.sweeps import agents
from kiseki.server.api.events import messages
from kiseki.server.wandb.sweeps import COUNT_MAX
from tests.unit.server.asgi import Door
from tests.unit.server.people import Person, invited, open_run, operator, refusal
from tests.unit.server.test_wandb_hostile import graphql, started

SWEEPS = "/api/v1/projects/lab/digits/sweeps"
GRID = {
    "method": "grid",
    "metric": {"name": "loss", "goal": "maximize"},
    "parameters": {"x": {"values": [1, 2]}, "net": {"parameters": {"deep": {"min": 1, "max": 3}}}},
}
UPSERT = """mutation S($id: ID, $config: String, $e: String, $p: String, $state: String, $name: String) {
  upsertSweep(input: {id: $id, config: $config, entityName: $e, projectName: $p, state: $state,
    displayName: $name, priorRunsFilters: null}) {
      sweep { id name state displayName project { name entity { name } } } configValidationWarnings } }"""
AGENT = """mutation A($e: String, $p: String, $s: String!, $h: String!) {
  createAgent(input: {entityName: $e, projectName: $p, sweep: $s, host: $h}) { agent { id name state } } }"""
BEAT = """mutation H($id: ID!, $m: JSONString, $r: JSONString) {
  agentHeartbeat(input: {id: $id, metrics: $m, runState: $r}) { agent { id totalRuns } commands } }"""
READ = """query R($e: String, $p: String, $s: String!, $f: JSONString, $a: String, $n: Int, $g: ID!) {
  agent(id: $g) { id host runs { edges { node { name } } } }
  project(name: $p, entityName: $e) { totalSweeps
    sweeps(after: $a, first: $n, filters: $f) { totalCount
      edges { node { id runCountExpected } cursor } pageInfo { hasNextPage } }
    sweep(sweepName: $s) { __typename id name method state config bestLoss runCount runCountExpected createdAt
      heartbeatAt agent(agentID: $g) { name } agents(first: $n) { edges { node { name totalRuns state } } }
      runs(filters: $f, first: $n, after: $a) { edges { node { name sweepName } } } } } }"""


@pytest.fixture
def people(door: Door) -> dict[str, Person]:
    """The team `lab`: bob is a member, eve a viewer; mallory belongs to nobody."""
    ada = operator(door)
    ada.post("/api/v1/teams", {"team": "lab"})
    found = {"ada": ada, "mallory": invited(door, ada, "mallory")}
    for name, role in {"bob": "member", "eve": "viewer"}.items():
        found[name] = invited(door, ada, name, "lab", role=role)
    assert open_run(found["bob"].by_key(), entity="lab")[0] == 200
    return found


def made(who: Person, **more: Any) -> Any:
    return who.post(SWEEPS, {"config": {**GRID, **more}})


def told(who: Person, query: str, **variables: Any) -> Any:
    answer = graphql(who, query, e="lab", p="digits", **variables)
    assert answer.status == 200, answer.body
    assert "errors" not in answer.json, answer.body
    return answer.json["data"]


def error(who: Person, query: str, **variables: Any) -> tuple[int, str]:
    answer = graphql(who, query, **{"e": "lab", "p": "digits", **variables})
    return answer.status, answer.json["errors"][0]["message"]


def agent_of(who: Person, id: str) -> str:
    found: str = told(who, AGENT, s=id, h="h")["createAgent"]["agent"]["id"]
    return found


def commands(who: Person, agent: str, *running: str) -> Any:
    state = json.dumps(dict.fromkeys(running, True))
    return json.loads(told(who, BEAT, id=agent, m="{}", r=state)["agentHeartbeat"]["commands"])


def test_a_sweep_is_made_shown_and_listed(people: dict[str, Person]) -> None:
    bob, eve = people["bob"], people["eve"]
    first = bob.post(SWEEPS, {"config": json.dumps(GRID), "name": "first", "description": "why"})
    assert (first["state"], first["method"], first["expected"]) == ("RUNNING", "grid", 6)
    assert first["config"] == json.dumps(GRID)  # as it came
    assert [one["name"] for one in first["parameters"]] == ["x", "net.deep"]
    assert first["parameters"][1] == {
        "name": "net.deep", "distribution": "int_uniform", "count": 3, "min": 1, "max": 3,
    }  # fmt: skip
    second = made(bob)
    listed = eve.get(f"{SWEEPS}?limit=1")
    assert listed["total"] == 2
    assert [one["id"] for one in listed["sweeps"]] == [second["id"]]
    assert [one["id"] for one in eve.get(f"{SWEEPS}?offset=1")["sweeps"]] == [first["id"]]
    assert eve.get(f"{SWEEPS}/{first['id']}") == first
    edited = bob.ask("PATCH", f"{SWEEPS}/{first['id']}", {"name": "n", "state": "PAUSED"}).json
    assert (edited["name"], edited["state"], edited["description"]) == ("n", "PAUSED", "why")
    huge = {f"p{index}": {"min": 1, "max": 10**6} for index in range(9)}
    assert made(bob, parameters=huge)["expected"] == 2**53


def test_who_may_what(people: dict[str, Person]) -> None:
    bob, eve, mallory = people["bob"], people["eve"], people["mallory"]
    id = made(bob)["id"]
    path = f"{SWEEPS}/{id}"
    for who, code in ((eve, 403), (mallory, 404)):
        assert who.ask("POST", SWEEPS, {"config": GRID}).status == code
        assert who.ask("PATCH", path, {"state": "CANCELED"}).status == code
        for query, more in ((UPSERT, {"config": json.dumps(GRID)}), (AGENT, {"s": id, "h": "h"})):
            assert error(who, query, **more)[0] == 200
    assert refusal(mallory.ask("GET", path)) == (404, "absent")
    assert refusal(mallory.ask("GET", SWEEPS)) == (404, "absent")
    agent = agent_of(bob, id)
    status, text = error(mallory, BEAT, id=agent)
    assert (status, "does not exist" in text) == (404, True)  # an agent that hears 404 ends
    assert error(eve, BEAT, id=agent)[0] == 200
    assert told(eve, READ, s=id, n=5, g=agent)["project"]["sweep"]["name"] == id
    hidden = told(mallory, READ, s=id, n=5, g=agent)
    assert hidden == {"agent": None, "project": None}
    token = base64.b64encode(json.dumps(["Sweep", "lab", "digits", id]).encode()).decode()
    assert "does not exist" in error(mallory, UPSERT, id=token, state="CANCELED")[1]
    assert bob.get(path)["state"] == "RUNNING"
    reader = bob.by_key(scopes=["read"])
    assert reader.get(path)["id"] == id
    assert error(reader, BEAT, id=agent)[0] == 200
    assert bob.get(path)["trials"] == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"config": {**GRID, "method": "hill"}}, "method"),
        ({"config": {**GRID, "parameters": {"lr": {"min": 0.0, "max": 1.0}}}}, "parameter"),
        ({"config": "a: ["}, "config"),
        ({"config": GRID, "name": "n" * 600}, "name"),
        ({"config": 7}, "body"),
        ({"config": GRID, "colour": 1}, "body"),
    ],
)
def test_what_is_refused(people: dict[str, Person], body: Any, code: str) -> None:
    answer = people["bob"].ask("POST", SWEEPS, body)
    assert refusal(answer) == (400, code)
    if code == "parameter":
        assert answer.json["parameter"] == "lr"


def test_states_and_configs_that_cannot_be(people: dict[str, Person]) -> None:
    bob = people["bob"]
    id = made(bob)["id"]
    path = f"{SWEEPS}/{id}"
    assert refusal(bob.ask("PATCH", path, {"state": "ASLEEP"})) == (400, "body")
    [command] = commands(bob, agent_of(bob, id))
    assert command["args"] == {"x": {"value": 1}, "net": {"value": {"deep": 1}}}
    assert refusal(bob.ask("PATCH", path, {"config": {**GRID, "method": "random"}})) == (
        409,
        "begun",
    )
    assert bob.get(path)["editable"] is False
    bob.ask("PATCH", path, {"state": "CANCELED"})
    assert refusal(bob.ask("PATCH", path, {"state": "RUNNING"})) == (409, "ended")
    assert refusal(bob.ask("GET", f"{SWEEPS}/nothing")) == (404, "absent")
    assert refusal(bob.ask("GET", f"{SWEEPS}?limit=1000")) == (400, "page")


def test_the_official_wire(people: dict[str, Person], door: Door) -> None:
    bob = people["bob"]
    config = {**GRID, "program": "train.py", "parameters": {"x": {"values": ["1e-3", 2, 2]}}}
    answer = told(bob, UPSERT, config=json.dumps(config), name="named")["upsertSweep"]
    sweep = answer["sweep"]
    assert (sweep["displayName"], sweep["state"]) == ("named", "RUNNING")
    assert sweep["project"] == {"name": "digits", "entity": {"name": "lab"}}
    assert len(answer["configValidationWarnings"]) == 2  # a text, and a value twice
    agent = agent_of(bob, sweep["name"])
    [command] = commands(bob, agent)
    assert command == {
        "type": "run", "run_id": command["run_id"], "args": {"x": {"value": "1e-3"}},
        "program": "train.py",
    }  # fmt: skip
    assert commands(bob, agent, command["run_id"]) == []
    assert commands(bob, agent) == [command]  # it never began: once more
    start = UPSERT_RUN.replace("SWEEP", sweep["name"]).replace("RUN", command["run_id"])
    told(bob, start)
    door.core.folds.save_all()
    read = told(bob, READ, s=sweep["name"], n=5, g=agent)
    found = read["project"]["sweep"]
    assert (found["__typename"], found["runCount"], found["runCountExpected"]) == ("Sweep", 1, 2)
    run = {"node": {"name": command["run_id"], "sweepName": sweep["name"]}}
    assert found["runs"]["edges"] == [run]
    assert read["agent"]["runs"]["edges"] == [{"node": {"name": command["run_id"]}}]
    assert found["agents"]["edges"][0]["node"]["state"] == "RUNNING"
    assert found["agent"] == {"name": found["agents"]["edges"][0]["node"]["name"]}
    for state in ("PAUSED", "RUNNING", "FINISHED"):
        changed = told(bob, UPSERT, id=sweep["id"], state=state)["upsertSweep"]["sweep"]
        assert changed["state"] == state
    assert commands(bob, agent, command["run_id"]) == []
    assert commands(bob, agent) == [{"type": "exit"}]
    assert "takes no more agents" in error(bob, AGENT, s=sweep["name"], h="h")[1]
    assert "`config`" in error(bob, UPSERT)[1]
    large = {f"p{index}": {"min": 1, "max": 10**6} for index in range(9)}
    made(bob, parameters=large)
    [first, *_] = told(bob, READ, s="x", n=1, g="x")["project"]["sweeps"]["edges"]
    assert first["node"]["runCountExpected"] == COUNT_MAX


UPSERT_RUN = """mutation { upsertBucket(input: {name: "RUN", modelName: "digits", entityName: "lab",
  host: "h", sweep: "SWEEP", config: "{}"}) { bucket { name sweepName } } }"""


def test_agents_are_bounded(people: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "AGENTS_MAX", 3)
    bob = people["bob"]
    id = made(bob)["id"]
    for _ in range(3):
        agent_of(bob, id)
    assert "3 agents work on this sweep, which is the limit" in error(bob, AGENT, s=id, h="h")[1]
    assert len(bob.get(f"{SWEEPS}/{id}")["agents"]) == 3


def test_who_watches_is_told(people: dict[str, Person], door: Door) -> None:
    bob = people["bob"]
    core = door.core
    who = core.access.by_cookie(people["eve"].headers["cookie"].partition("=")[2])
    number = core.projects.find(who, "lab", "digits").number

    async def watch() -> list[str]:
        stream = messages(core, number, who)
        found: list[str] = []
        await anext(stream)  # hello
        id = await asyncio.to_thread(lambda: made(bob)["id"])
        async for message in stream:
            if b"event: change" in message:
                told = json.loads(message.partition(b"data: ")[2])
                found += told.get("sweeps", [])  # others tell of runs
            if found:
                break
        await stream.aclose()
        assert found == [id]
        return found

    assert asyncio.run(asyncio.wait_for(watch(), 20))


@pytest.mark.parametrize("seed", range(3))
def test_nearly_right_requests_break_nothing(
    people: dict[str, Person], seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is sent, the answer is a text, and no error of our own."""
    chance = random.Random(seed)
    bob = people["bob"]
    run = started(bob, "r7", "lab")
    id = made(bob)["id"]
    agent = agent_of(bob, id)
    values: list[Any] = [
        None, True, -1, 2**70, 1e308, float("nan"), "", id, agent, run, "\ud800\0‮", "../..",
        "a" * 5_000, "[]", '{"$not":{}}', "{", json.dumps(GRID), "&a [*a]", [], {}, [[[]]],
        "method: bayes\nparameters: {x: {min: 0, max: 1}}", "x: &a [*a, *a]", "PAUSED", "canceled",
        base64.b64encode(b'["Sweep", "lab", "digits", "\\ud800"]').decode(), '{"a": NaN}', '"', "9" * 5_000,
    ]  # fmt: skip
    right = {"e": "lab", "p": "digits", "s": id, "h": "h", "n": 5, "g": agent}
    for _ in range(60):
        query = chance.choice([UPSERT, AGENT, BEAT, READ])
        names = ["id", "config", "e", "p", "state", "name", "s", "h", "m", "r", "f", "a", "n", "g"]
        variables = {name: chance.choice(values) for name in names if chance.random() < 0.7}
        variables |= {key: value for key, value in right.items() if chance.random() < 0.6}
        answer = graphql(bob, query, **variables)
        assert answer.status in (200, 400, 404), answer.body
        assert b"internal error" not in answer.body
        body = {key: chance.choice(values) for key in ("config", "name", "state", "description")}
        for method, path in (("POST", SWEEPS), ("PATCH", f"{SWEEPS}/{id}")):
            assert bob.ask(method, path, body).status < 500
        assert (
            bob.ask("GET", f"{SWEEPS}?offset={chance.choice(['0', '-1', 'x', '9' * 30])}").status
            < 500
        )
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_the_native_wire_of_agents(people: dict[str, Person]) -> None:
    bob, eve = people["bob"], people["eve"]
    id = made(bob)["id"]
    agents_url = f"{SWEEPS}/{id}/agents"
    assert refusal(eve.ask("POST", agents_url, {"host": "h"})) == (403, "role")
    agent = bob.post(agents_url, {"host": "here"})["id"]
    url = f"{agents_url}/{agent}"
    assert refusal(eve.ask("POST", url, {})) == (403, "role")
    assert refusal(people["mallory"].ask("POST", url, {})) == (404, "absent")
    [command] = bob.post(url, {}, 200)["commands"]
    assert command == {"type": "run", "run": command["run"], "params": {"x": 1, "net": {"deep": 1}}}
    assert bob.post(url, {"running": [command["run"]]}, 200) == {"commands": []}
    bob.ask("PATCH", f"{SWEEPS}/{id}", {"state": "CANCELED"})
    stop = {"type": "stop", "run": command["run"], "params": {}}
    assert bob.post(url, {"running": [command["run"]]}, 200) == {"commands": [stop]}
    assert bob.post(url, {}, 200)["commands"][0]["type"] == "exit"
    assert refusal(bob.ask("POST", f"{agents_url}/nobody", {})) == (404, "absent")
    assert refusal(bob.ask("POST", agents_url, {})) == (409, "ended")
