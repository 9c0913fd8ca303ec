"""Lines at offsets and starts that come twice, straight into the second door."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

import msgspec
import pytest

from kiseki.storage.interface import Storage
from tests.unit.server.asgi import Answer, Door
from tests.unit.server.people import Person, operator
from tests.unit.server.test_wandb_hostile import FILES, START, graphql, started

LINES = "/files/ada/digits/r1/file_stream"


@pytest.fixture
def ada(door: Door) -> Person:
    return operator(door)


def line(step: int, *, second: float = 0.0, **values: Any) -> str:
    row = {"x": step, **values, "_step": step, "_timestamp": 1_795_000_000 + step + second}
    return json.dumps(row)


def put(who: Person, lines: list[str], offset: int = 0, **more: Any) -> Answer:
    files = {"wandb-history.jsonl": {"offset": offset, "content": lines}} if lines else {}
    body = {"files": files | more.pop("files", {}), **more}
    return who.send(LINES, json.dumps(body).encode())


def history(who: Person) -> list[dict[str, Any]]:
    answer = who.ask("GET", "/api/v1/projects/ada/digits/runs/r1/history")
    found: list[dict[str, Any]] = msgspec.msgpack.decode(answer.body)["rows"]
    return found


def rows(who: Person) -> list[Any]:
    return [row.get("x") for row in history(who)]


def run(who: Person) -> dict[str, Any]:
    found: dict[str, Any] = who.get("/api/v1/projects/ada/digits/runs/r1")
    return found


def writer(second: int) -> str:
    """Return a config as it is sent once the machine is known."""
    about = {"startedAt": f"2026-01-31T12:00:{second:02}Z", "writerId": f"w{second}"}
    return json.dumps({"_wandb": {"value": {"t": {}, "e": {f"k{second}": about}}}})


def tell(who: Person, second: int) -> None:
    answer = graphql(who, START, name="r1", project="digits", entity="ada", config=writer(second))
    assert "errors" not in answer.json, answer.json


def test_lines_that_come_again_are_skipped(ada: Person) -> None:
    started(ada)
    for offset, count in ((0, 5), (0, 5), (3, 4), (0, 9), (8, 1)):
        lines = [line(step) for step in range(offset, offset + count)]
        assert put(ada, lines, offset).body == b"{}"
    assert rows(ada) == list(range(9))


def test_a_line_that_comes_again_with_other_content_changes_nothing(ada: Person) -> None:
    started(ada)
    put(ada, [line(0), line(1)])
    put(ada, [line(1, y=2), line(2)], 1)
    assert rows(ada) == [0, 1, 2]
    assert all("y" not in row for row in history(ada))


def test_lines_that_never_came_are_counted(ada: Person) -> None:
    started(ada)
    put(ada, [line(0)])
    put(ada, [line(9)], 9)
    assert rows(ada) == [0, 9]
    assert [(one["code"], one["count"]) for one in run(ada)["notices"]] == [("line", 8)]


def test_compressed_and_long_bodies(door: Door, ada: Person) -> None:
    started(ada)
    lines = [line(step, long="a" * 1_000_000) for step in range(5)]
    files = {"wandb-history.jsonl": {"offset": 0, "content": lines}}
    packed = Person(door, {**ada.headers, "content-encoding": "gzip"})
    assert packed.send(LINES, gzip.compress(json.dumps({"files": files}).encode())).status == 200
    assert rows(ada) == list(range(5))


def test_a_start_whose_answer_got_lost(ada: Person) -> None:
    first = started(ada)
    assert started(ada) == first
    put(ada, [line(0)])
    assert (run(ada)["attempt"], rows(ada)) == (1, [0])


@pytest.mark.parametrize("is_told", [True, False])
def test_the_same_process_again(ada: Person, is_told: bool) -> None:
    """A folder that is synced once more: told by its config, or by its first line."""
    started(ada)
    tell(ada, 1)
    put(ada, [line(0), line(1)], complete=True, exitcode=0)
    started(ada)
    if is_told:
        tell(ada, 1)
    put(ada, [line(0), line(1), line(2)], complete=True, exitcode=0)
    assert (run(ada)["attempt"], rows(ada)) == (1, [0, 1, 2])


@pytest.mark.parametrize("is_told", [True, False])
def test_another_process_under_the_same_id(ada: Person, is_told: bool) -> None:
    started(ada)
    tell(ada, 1)
    put(ada, [line(0), line(1)], complete=True, exitcode=0)
    started(ada)
    if is_told:
        tell(ada, 2)
    put(ada, [line(0, second=0.5)])
    assert (run(ada)["attempt"], rows(ada)) == (2, [0])


def of_process(second: int, steps: range) -> list[str]:
    """Return lines of a process that began at a second: one each second."""
    return [
        json.dumps(
            {"x": 1000 * second + step, "_step": step, "_timestamp": 1_795_000_000.5 + second + step,
             "_runtime": step + 0.5}
        )
        for step in steps
    ]  # fmt: skip


def attempts(who: Person) -> list[list[Any]]:
    """Return what each attempt has, the first one first."""
    found = []
    for ordinal in range(1, run(who)["attempt"] + 1):
        path = f"/api/v1/projects/ada/digits/runs/r1/history?attempt={ordinal}"
        page = msgspec.msgpack.decode(who.ask("GET", path).body)
        found.append([row.get("x") for row in page["rows"]])
    return found


def synced(who: Person, second: int, steps: range, *, is_told: bool) -> None:
    """Send a folder as `wandb sync` does: a sample before anybody tells who it is."""
    started(who)
    if is_told:
        tell(who, second)
    put(who, of_process(second, steps), complete=True, exitcode=0)


@pytest.mark.parametrize("is_told", [True, False])
def test_folders_of_one_id_are_synced_again_and_again(ada: Person, is_told: bool) -> None:
    expected = [[1000, 1001, 1002], [10_000, 10_001]]
    for _ in range(3):
        synced(ada, 1, range(3), is_told=is_told)
        synced(ada, 10, range(2), is_told=is_told)
        assert attempts(ada) == expected
    synced(ada, 1, range(5), is_told=is_told)  # with more than was there
    assert attempts(ada) == [[1000, 1001, 1002, 1003, 1004], [10_000, 10_001]]
    assert run(ada)["rows"] == 2 and run(ada)["state"] == "finished"


def test_a_folder_that_went_on_with_a_run_is_synced_again(ada: Person) -> None:
    """It sends its lines behind those that are there: the same ones, at other places."""
    id = started(ada)
    put(ada, of_process(1, range(3)), complete=True, exitcode=0)
    for offset in (3, 5, 5):
        graphql(ada, START, id=id, host="h", config="{}")
        put(ada, of_process(10, range(3, 5)), offset, complete=True, exitcode=0)
        assert rows(ada) == [1000, 1001, 1002, 10_003, 10_004]
    graphql(ada, START, id=id, host="h", config="{}")
    put(ada, of_process(1, range(3)), 5)  # the first one, once more, and then what is new of it
    put(ada, of_process(1, range(3, 4)), 8, complete=True, exitcode=0)
    assert (run(ada)["rows"], run(ada)["attempt"]) == (6, 1)


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_two_processes_write_under_one_id(
    storage: Storage, door: Door, ada: Person, is_forgotten: bool
) -> None:
    """Neither loses a row, whoever is ahead; each has an attempt of its own."""
    started(ada)
    tell(ada, 1)
    put(ada, of_process(1, range(5)))
    started(ada)
    tell(ada, 20)
    rng, at, open_doors = random.Random(7), {1: 5, 20: 0}, []
    for index in range(40):
        second = rng.choice([1, 20])
        more = rng.randrange(1, 4)
        put(ada, of_process(second, range(at[second], at[second] + more)), at[second])
        at[second] += more
        if is_forgotten and index % 10 == 9:
            open_doors.append(Door(storage))  # what was in memory is gone
            ada = Person(open_doors[-1], ada.headers)
    expected = [[1000 * second + step for step in range(count)] for second, count in at.items()]
    assert attempts(ada) == expected
    assert {one["code"] for one in run(ada)["notices"]} == {"writers"}
    put(ada, [], complete=True, exitcode=0)
    for other in open_doors:
        other.core.close()


def test_lines_that_tell_nothing_are_asked_for_again(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(ada)
    tell(ada, 1)
    put(ada, [line(0)], complete=True, exitcode=0)
    started(ada)
    output = {"output.log": {"offset": 0, "content": ["a line"]}}
    answer = put(ada, [], files=output)
    assert answer.status == 429 and int(answer.headers["retry-after"]) >= 1
    monkeypatch.setattr("kiseki.server.wandb.starts.OPEN_S", -1)
    assert put(ada, [], files=output).status == 200
    assert run(ada)["attempt"] == 2


def test_an_old_client_goes_on_behind_what_is_stored(ada: Person) -> None:
    started(ada)
    tell(ada, 1)
    put(ada, [line(0), line(1)], complete=True, exitcode=0)
    started(ada)
    put(ada, [line(2)], 2)
    assert (run(ada)["attempt"], run(ada)["state"], rows(ada)) == (1, "running", [0, 1, 2])


def test_a_start_that_the_server_forgot(storage: Storage, door: Door, ada: Person) -> None:
    started(ada)
    tell(ada, 1)
    put(ada, [line(0), line(1)], complete=True, exitcode=0)
    started(ada)
    again = Door(storage)  # what was in memory is gone
    try:
        ada = Person(again, ada.headers)
        put(ada, [line(0, second=0.5)])
        assert (run(ada)["attempt"], rows(ada)) == (2, [0])
    finally:
        again.core.close()


def test_names_that_are_left_out(ada: Person) -> None:
    for entity in ("", None):
        answer = graphql(ada, START, name="r9", project="", entity=entity, host="h", config="{}")
        project = answer.json["data"]["upsertBucket"]["bucket"]["project"]
        assert project == {"name": "uncategorized", "entity": {"name": "ada"}}


def test_a_run_without_a_name_gets_one_and_keeps_it(ada: Person) -> None:
    started(ada)
    name = run(ada)["name"]
    assert name
    tell(ada, 1)
    put(ada, [line(0)])
    assert run(ada)["name"] == name


def test_behind_a_prefix_addresses_have_it(storage: Storage) -> None:
    door = Door(storage, root_path="/kiseki")
    try:
        ada = Person(door, {"authorization": "Bearer ksk_testtest" + "0123456789abcdef" * 3})
        variables = {"name": "r1", "project": "digits", "host": "h", "config": "{}"}
        body = json.dumps({"query": START, "variables": variables}).encode()
        assert ada.send("/kiseki/graphql", body).json["data"]["upsertBucket"]["inserted"]
        variables = {"e": "ada", "p": "digits", "r": "r1", "files": ["a.txt"]}
        body = json.dumps({"query": FILES, "variables": variables}).encode()
        (file,) = ada.send("/kiseki/graphql", body).json["data"]["createRunFiles"]["files"]
        assert file["uploadUrl"].startswith("http://127.0.0.1:7500/kiseki/files/-/signed/")
        path = file["uploadUrl"].removeprefix("http://127.0.0.1:7500")
        assert Person(door).send(path, b"content", "PUT").status == 200
    finally:
        door.core.close()


def test_a_run_took_as_long_as_its_client_says(ada: Person) -> None:
    started(ada)
    row = json.dumps({"x": 0, "_step": 0, "_runtime": 0.9, "_timestamp": 1_795_000_000})
    summary = json.dumps({"x": 0, "_runtime": 0.9, "_wandb": {"runtime": 8}})
    put(ada, [row], files={"wandb-summary.json": {"offset": 0, "content": [summary]}})
    assert run(ada)["runtime_us"] == 900_000  # of a run that goes on, up to the last row
    put(ada, [], complete=True, exitcode=0)
    assert run(ada)["runtime_us"] == 8_000_000


# ── deleted while it logs ──


@pytest.mark.parametrize("flow", [True, False])
def test_a_run_in_the_trash_goes_on_taking_what_comes_once(
    storage: Storage, door: Door, ada: Person, monkeypatch: pytest.MonkeyPatch, flow: bool
) -> None:
    """The client gives up for good when it is refused: nothing of a restored run may be missing."""
    if not flow:
        monkeypatch.setattr("kiseki.server.wandb.routes.FLOW_BYTES_MAX", -1)
    started(ada)
    assert put(ada, [line(0)]).status == put(ada, [line(1)], 1).status == 200
    here = "/api/v1/projects/ada/digits/runs/r1"
    assert ada.ask("DELETE", here).status == 204
    told = put(ada, [line(2)], 2)
    assert (told.status, told.body) == (200, b"{}")  # nobody asks the script to stop
    sample = json.dumps({"_runtime": 1, "_timestamp": 1_795_000_000, "system.cpu": 1})
    more = {"wandb-events.jsonl": {"offset": 0, "content": [sample]}}
    assert put(ada, [line(3)], 3, files=more).status == 200
    config = json.dumps({"lr": {"value": 0.5}})
    changed = graphql(ada, START, name="r1", project="digits", entity="ada", config=config)
    assert "errors" not in changed.json, changed.json
    named = graphql(ada, FILES, e="ada", p="digits", r="r1", files=["a.txt"])
    (file,) = named.json["data"]["createRunFiles"]["files"]
    url = file["uploadUrl"].removeprefix("http://127.0.0.1:7500")
    assert ada.send(url, b"content", "PUT").status == 200
    assert ada.ask("GET", here).status == 404  # and yet it is gone, for whoever reads
    again = graphql(ada, START, name="r1", project="digits", entity="ada", host="h", config="{}")
    assert again.json["errors"], "a run in the trash was started again"

    second = Door(storage)  # the server starts anew
    try:
        ada = Person(second, ada.headers)
        assert put(ada, [line(4)], 4).status == 200
        assert put(ada, [line(4), line(5)], 4, complete=True, exitcode=0).status == 200
        assert ada.ask("POST", f"{here}/restore").status == 204
        assert rows(ada) == [0, 1, 2, 3, 4, 5]
        now = run(ada)
        assert (now["state"], now["config"], now["rows"]) == ("finished", {"lr": 0.5}, 6)
        assert ada.ask("GET", f"{here}/files/a.txt").body == b"content"
        assert ada.ask("DELETE", here).status == 204
        monkeypatch.setattr("kiseki.core.trash.KEPT_US", -1)
        assert list(second.core.trash.purge())
        assert put(ada, [line(6)], 6).status == 404
    finally:
        second.core.close()
