"""Requests of runs in full flow take the short way: it must not differ from the long one in what it does."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import msgspec
import pytest

from kiseki.server.wandb import routes
from kiseki.server.wandb.writers import Writers
from tests.unit.server.asgi import Door
from tests.unit.server.people import Person, invited, operator
from tests.unit.server.test_wandb_hostile import BY_ID, graphql, started
from tests.unit.server.test_wandb_lines import line


@pytest.fixture
def ada(door: Door) -> Person:
    return operator(door)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each request went the short way."""
    found: list[bool] = []
    real = Writers.put_in_flow

    async def spied(self: Writers, *arguments: Any) -> Any:
        receipt = await real(self, *arguments)
        found.append(receipt is not None)
        return receipt

    monkeypatch.setattr(Writers, "put_in_flow", spied)
    return found


def send(who: Person, run: str, request: dict[str, Any]) -> tuple[int, bytes]:
    answer = who.send(f"/files/ada/digits/{run}/file_stream", json.dumps(request).encode())
    return answer.status, answer.body


def requests(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Return what a client sends, with requests that come twice, overlap, leave gaps, or hold nonsense."""
    sent: list[dict[str, Any]] = []
    at = {"wandb-history.jsonl": 0, "wandb-events.jsonl": 0, "output.log": 0}
    summary: dict[str, Any] = {}
    for _ in range(count):
        files: dict[str, Any] = {}
        for name in at:
            if rng.random() < 0.5:
                first = max(0, at[name] + rng.choice([0, 0, 0, 0, 0, -1, -2, 1]))
                lines = [content(rng, name, first + index) for index in range(rng.randrange(1, 4))]
                files[name] = {"offset": first, "content": lines}
                at[name] = first + len(lines)
        summary = {"x": at["wandb-history.jsonl"] - 1} | rng.choice([{}, {"kept": rng.random()}])
        if rng.random() < 0.7:
            files["wandb-summary.json"] = {"offset": 0, "content": [json.dumps(summary)]}
        sent.append({"files": files})
        if rng.random() < 0.1:
            sent.append(sent[-1])
        if rng.random() < 0.1:
            sent.append({})
    return [*sent, {"complete": True, "exitcode": 0}]


def content(rng: random.Random, name: str, number: int) -> str:
    if name == "output.log":
        return f"2026-11-22T05:26:17.250342 line {number} {rng.random()}"
    if name == "wandb-events.jsonl":
        stamp = 1_795_000_000 + number
        return json.dumps({"_runtime": number, "_timestamp": stamp, "system.cpu": number})
    return "nonsense" if rng.random() < 0.05 else line(number, y=rng.choice([1.5, "text", None]))


def all_of(who: Person, run: str) -> dict[str, Any]:
    base = f"/api/v1/projects/ada/digits/runs/{run}"
    found: dict[str, Any] = {}
    for name in ("history", "history?space=system"):
        rows = msgspec.msgpack.decode(who.ask("GET", f"{base}/{name}").body)["rows"]
        found[name] = rows
    told = who.get(base)
    found |= {key: told[key] for key in ("state", "summary", "rows", "next_step", "exit_code")}
    found["notices"] = [(note["code"], note["text"], note["count"]) for note in told["notices"]]
    found["lines"] = who.get(f"{base}/console")["lines"]
    return found


@pytest.mark.parametrize("seed", range(4))
def test_both_ways_do_the_same(
    ada: Person, short: list[bool], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    for run in ("r1", "r2"):
        started(ada, run)
    flow = routes.FLOW_BYTES_MAX
    for request in requests(random.Random(seed), 30):
        monkeypatch.setattr(routes, "FLOW_BYTES_MAX", flow)
        first = send(ada, "r1", request)
        monkeypatch.setattr(routes, "FLOW_BYTES_MAX", -1)
        assert send(ada, "r2", request) == first == (200, b"{}")
    assert all_of(ada, "r1") == all_of(ada, "r2")
    assert sum(short) > len(short) / 2


def test_a_run_in_flow_is_its_writers_alone(door: Door, ada: Person, short: list[bool]) -> None:
    id = started(ada)

    def next_line(who: Person, step: int) -> int:
        lines = {"wandb-history.jsonl": {"offset": step, "content": [line(step)]}}
        return send(who, "r1", {"files": lines})[0]

    assert [next_line(ada, step) for step in range(3)] == [200] * 3
    assert short == [False, True, True]
    carl = invited(door, ada, "carl")
    assert next_line(carl, 3) == 404
    assert next_line(Person(door), 3) == 401
    assert next_line(ada, 3) == 200 and short[-1]
    assert ada.get("/api/v1/projects/ada/digits/runs/r1")["rows"] == 4

    graphql(ada, BY_ID.format(name="stopRun", field="success"), id=id)
    lines = {"wandb-history.jsonl": {"offset": 4, "content": [line(4)]}}
    assert send(ada, "r1", {"files": lines}) == (200, b'{"stopped":true}') and short[-1]

    assert ada.ask("DELETE", "/api/v1/projects/ada/digits/runs/r1").status in (200, 204)
    assert next_line(ada, 5) == 200 and short[-1]  # what the client sends, it sends once
    assert next_line(carl, 6) == 404
    (gone,) = ada.get("/api/v1/projects/ada/digits/trash")["runs"]
    assert gone["id"] == "r1"


def test_a_commit_that_fails_is_looked_after(
    door: Door, ada: Person, short: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one the stores are looked at: lines that are there after all are not there twice."""
    started(ada)

    def put(first: int, count: int) -> int:
        lines = [line(step) for step in range(first, first + count)]
        files = {"wandb-history.jsonl": {"offset": first, "content": lines}}
        return send(ada, "r1", {"files": files})[0]

    assert [put(0, 2), put(2, 1)] == [200, 200] and short[-1]
    real = Writers._sent

    async def stored_but_not_told(self: Writers, *arguments: Any) -> Any:
        await real(self, *arguments)
        raise asyncio.TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(Writers, "_sent", stored_but_not_told)
        assert put(3, 2) == 429
    assert put(3, 4) == 200 and not short[-1]  # the long way, once
    assert put(7, 1) == 200 and short[-1]
    found = ada.ask("GET", "/api/v1/projects/ada/digits/runs/r1/history")
    assert [row["x"] for row in msgspec.msgpack.decode(found.body)["rows"]] == list(range(8))
