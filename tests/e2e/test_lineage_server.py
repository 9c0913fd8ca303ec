"""Rewind, fork and shared runs over plain HTTP with a real server: its answers, many at once, kill -9."""

from __future__ import annotations

import contextlib
import http.client
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kiseki.record.types import Config, End, Finish
from tests.e2e.raw_client import Connection, RawStream
from tests.fakes.live_server import FIRST_KEY, LiveServer

PROJECT = "/api/v1/projects/ada/digits"
WRITERS = 16


_connections: list[Connection] = []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One server for all tests that do not kill it; each has a run id of its own."""
    live = LiveServer(tmp_path_factory.mktemp("lineage") / "server").start()
    yield live
    live.stop()


@pytest.fixture
def id(request: pytest.FixtureRequest) -> str:
    return re.sub(r"\W+", "-", request.node.name)


@pytest.fixture(autouse=True)
def closed_connections() -> Iterator[None]:
    yield
    while _connections:
        _connections.pop().close()


def connect(server: LiveServer) -> Connection:
    connection = Connection(server.url, FIRST_KEY)
    connection.headers["Accept"] = "application/json"
    _connections.append(connection)
    return connection


def write(server: LiveServer, run: str, steps: Sequence[int], **options: Any) -> dict[str, Any]:
    """Open a run, log rows, finish; return what the `Open` was answered."""
    stream = RawStream(connect(server), run, **options)
    stream.add_rows(steps)
    stream.add(Finish(exit_code=0, time_us=time.time_ns() // 1000, runtime_us=9))
    status, answer = stream.post(0, len(stream.frames))
    assert status == 200, answer
    return dict(answer["run"])


def steps_of(server: LiveServer, run: str, **asked: Any) -> list[int]:
    query = "&".join(f"{key}={value}" for key, value in asked.items())
    status, page = connect(server).ask("GET", f"{PROJECT}/runs/{run}/history?limit=100000&{query}")
    assert status == 200, page
    return [row["_step"] for row in page["rows"]]


def test_a_run_tells_where_its_history_comes_from(server: LiveServer, id: str) -> None:
    one, two = f"{id}-1", f"{id}-2"
    write(server, one, range(10), name="first", tags=["a"])
    opened = write(server, two, range(6, 9), name="second", parent_run=one, parent_step=5)
    assert (opened["resumed"], opened["next_step"], opened["runtime_us"], opened["tags"]) == (
        False, 6, 5, ["a"]
    )  # fmt: skip
    assert opened["summary"]["n"] == 5 and opened["attempt"] == 1 and "started_us" not in opened
    opened = write(server, two, [8], parent_run=two, parent_step=7, label="node")
    assert (opened["resumed"], opened["name"], opened["next_step"]) == (True, "second", 8)

    run = server.get(f"{PROJECT}/runs/{two}")
    assert run["parent"] == {"run": two, "name": "second", "attempt": 1, "step": 7}
    assert run["lineage"] == [
        {"run": one, "name": "first", "attempt": 1, "from_step": None, "to_step": 5},
        {"run": two, "name": "second", "attempt": 1, "from_step": 6, "to_step": 7},
        {"run": two, "name": "second", "attempt": 2, "from_step": 8, "to_step": None},
    ]
    kinds = [
        (item["attempt"], item["kind"], item["parent_step"], item["rows"])
        for item in run["attempts"]
    ]
    assert kinds == [(1, "fork", 5, 9), (2, "rewind", 7, 9)]
    [writer] = run["writers"]
    assert (writer["label"], writer["primary"], writer["state"]) == ("node", True, "finished")
    parent = server.get(f"{PROJECT}/runs/{one}")
    assert parent["forks"] == [{"run": two, "name": "second", "step": 5}]
    assert parent["parent"] is None and len(parent["lineage"]) == 1
    assert steps_of(server, two, attempt=1) == list(range(9))

    assert connect(server).ask("DELETE", f"{PROJECT}/runs/{one}")[0] == 204
    assert steps_of(server, two) == list(range(9))
    assert [piece["run"] for piece in server.get(f"{PROJECT}/runs/{two}")["lineage"]] == [
        one,
        two,
        two,
    ]


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"parent_run": "r9", "parent_step": 1}, 404, "absent"),
        ({"parent_run": "r1", "parent_step": 10}, 409, "step"),
        ({"parent_run": "r1"}, 400, "step"),
        ({"resume": "must"}, 404, "absent"),
    ],
)
def test_refusals_say_what_to_do(
    server: LiveServer, id: str, options: dict[str, Any], status: int, code: str
) -> None:
    write(server, id, range(10))
    if options.get("parent_run") == "r1":
        options = {**options, "parent_run": id}
    stream = RawStream(connect(server), f"{id}-2", **options)
    found, answer = stream.post(0, 2)
    assert (found, answer["code"]) == (status, code)
    assert ". " in answer["detail"]


def test_a_rewind_changes_every_tag(server: LiveServer, id: str) -> None:
    """What a browser keeps is asked for anew: lists and charts."""
    write(server, id, range(10))
    asked = b'{"metrics": ["n"], "runs": ["%s"], "x": "_step"}' % id.encode()

    def tags() -> tuple[str, str]:
        found = []
        for method, path, body in (
            ("GET", f"{PROJECT}/runs", b""),
            ("POST", f"{PROJECT}/series", asked),
        ):
            http_ = http.client.HTTPConnection(connect(server).address.netloc, timeout=20)
            headers = {"Authorization": f"Bearer {FIRST_KEY}", "Content-Type": "application/json"}
            http_.request(method, path, body, headers)
            answer = http_.getresponse()
            assert answer.status == 200, answer.read()
            found.append(answer.headers["ETag"])
            http_.close()
        return found[0], found[1]

    before = tags()
    stream = RawStream(connect(server), id, parent_run=id, parent_step=5)
    assert stream.post(0, 2)[0] == 200
    after = tags()
    assert before[0] != after[0] and before[1] != after[1]


# ── many at once ──


def at_once(server: LiveServer, streams: list[RawStream]) -> list[tuple[int, Any]]:
    """Send the `Open` of all streams in the same moment."""
    ready = threading.Barrier(len(streams))

    def opened(stream: RawStream) -> tuple[int, Any]:
        stream.connection.ask("GET", "/-/health")
        ready.wait(20)
        return stream.post(0, 2)

    with ThreadPoolExecutor(len(streams)) as pool:
        return list(pool.map(opened, streams))


@pytest.mark.parametrize("resume", [None, "allow", "auto", "never", "must"])
def test_sixteen_that_want_the_same_new_id(server: LiveServer, id: str, resume: str | None) -> None:
    """One gets it, the others are told who has it (or that there is none, for `must`)."""
    streams = [
        RawStream(connect(server), id, resume=resume, host="lab", pid=100 + number)
        for number in range(WRITERS)
    ]
    found = at_once(server, streams)
    refusal = {"never": "exists", "must": "absent"}.get(resume or "", "alive")
    winners = [stream for stream, (status, _) in zip(streams, found, strict=True) if status == 200]
    codes = Counter(answer["code"] for status, answer in found if status != 200)
    assert len(winners) == (0 if resume == "must" else 1)
    assert codes == {refusal: WRITERS - len(winners)}
    if not winners:
        return
    pids = {answer["pid"] for _, answer in found if answer.get("code") == "alive"}
    assert pids <= {100 + streams.index(winners[0])}
    winners[0].add_rows(range(5))
    assert winners[0].post(2, 7)[0] == 200
    run = server.get(f"{PROJECT}/runs/{id}")
    assert (run["rows"], len(run["attempts"])) == (5, 1)


@pytest.mark.parametrize("primaries", [0, 1, WRITERS])
def test_sixteen_writers_of_a_shared_run(server: LiveServer, id: str, primaries: int) -> None:
    """T-10: all join one attempt, every row is there once, the run ends with the last that counts."""
    streams = [
        RawStream(
            connect(server), id, shared=True, primary=number < primaries, label=f"node {number}",
            host="lab", pid=100 + number,
        )
        for number in range(WRITERS)
    ]  # fmt: skip
    primary = streams[0]
    random.Random(1).shuffle(streams)
    found = at_once(server, streams)
    assert [status for status, _ in found] == [200] * WRITERS
    assert {answer["run"]["attempt"] for _, answer in found} == {1}
    assert [answer["run"]["resumed"] for _, answer in found].count(False) == 1
    rows = 40

    def work(stream: RawStream) -> None:
        stream.add_rows(range(rows))
        stream.add(Finish(exit_code=0, time_us=time.time_ns() // 1000, runtime_us=9))
        stream.send_all(random.Random(stream.id))

    *others, last = sorted(streams, key=lambda stream: stream is primary)
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(work, others))
    assert server.get(f"{PROJECT}/runs/{id}")["state"] == "running"
    work(last)
    run = server.get(f"{PROJECT}/runs/{id}")
    assert (run["rows"], run["state"], len(run["attempts"])) == (rows * WRITERS, "finished", 1)
    assert sorted(writer["label"] for writer in run["writers"]) == sorted(
        f"node {number}" for number in range(WRITERS)
    )
    assert steps_of(server, id, mode="exact") == sorted(list(range(rows)) * WRITERS)


# ── kill -9 ──


def test_a_killed_server_keeps_what_a_rewind_begins_with(tmp_path: Path) -> None:
    """Between the answer to the `Open` and the first rows, and before the answer."""
    server = LiveServer(tmp_path / "server").start()
    try:
        write(server, "r1", range(5_000), name="first")
        rewind = RawStream(connect(server), "r1", parent_run="r1", parent_step=99)
        assert _post(rewind, 0, 2)[0] == 200
        server.kill()
        server.start()
        run = server.get(f"{PROJECT}/runs/r1")
        assert (run["attempt"], run["rows"], run["name"], run["summary"]["n"]) == (
            2,
            100,
            "first",
            99,
        )
        status, answer = _post(rewind, 0, 2)
        assert (status, answer["next"], answer["run"]["next_step"]) == (200, 2, 100)
        rewind.add_rows([100, 7])
        assert _post(rewind, 2, 4)[0] == 200
        server.kill()
        server.start()
        assert steps_of(server, "r1", mode="exact") == sorted([*range(101), 7])
        run = server.get(f"{PROJECT}/runs/r1")
        assert (run["rows"], run["next_step"], run["attempt"]) == (102, 101, 2)
        for pause in (0.002, 0.02):  # somewhere within an `Open`
            fork = RawStream(connect(server), f"fork{pause}", parent_run="r1", parent_step=100)
            sender = threading.Thread(target=_ignoring, args=(fork,))
            sender.start()
            time.sleep(pause)
            server.kill()
            sender.join(20)
            server.start()
            status, answer = _post(fork, 0, 2)
            assert (status, answer["run"]["attempt"], answer["run"]["next_step"]) == (200, 1, 101)
            run = server.get(f"{PROJECT}/runs/fork{pause}")
            assert (run["rows"], run["summary"]["n"]) == (102, 100)
    finally:
        server.stop()


def _post(stream: RawStream, first: int, end: int) -> tuple[int, Any]:
    """Post over a new connection where the old one went with its server."""
    try:
        return stream.post(first, end)
    except (OSError, http.client.HTTPException):
        return stream.post(first, end)


def _ignoring(stream: RawStream) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        stream.post(0, 2)


def test_a_late_end_of_an_earlier_session_changes_nothing_after_a_kill(tmp_path: Path) -> None:
    """I-69: also when the server folds what it had committed in another order."""
    server = LiveServer(tmp_path / "server").start()
    try:
        first = RawStream(connect(server), "r1", host="lab", pid=1)
        first.add_rows(range(5))
        assert first.post(0, 7)[0] == 200
        uploader = RawStream(connect(server), "r1", role="uploader", writer=first.id)
        assert uploader.post(0, 2)[0] == 200
        again = RawStream(connect(server), "r1", resume="allow", host="lab", pid=1, name="x")
        assert again.post(0, 2)[0] == 200
        again.add(Config(set={"a": 1}))
        uploader.add(End(state="crashed", cause="killed", time_us=1))
        assert uploader.post(2, 3)[0] == again.post(2, 3)[0] == 200
        for _ in range(2):
            run = server.get(f"{PROJECT}/runs/r1")
            assert (run["state"], run["config"], run["attempt"]) == ("running", {"a": 1}, 1)
            server.kill()
            server.start()
    finally:
        server.stop()
