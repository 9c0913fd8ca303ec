"""kill -9 of the server at any instruction: no acknowledged row lost, none twice (reliability 2.3, 2.4)."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import pytest

from kiseki.record.types import Config, Finish
from tests.e2e.raw_client import Connection, RawStream
from tests.fakes.live_server import FIRST_KEY, LiveServer

SEED = int(os.environ.get("KISEKI_TEST_SEED", "20261"))


def audit(connection: Connection, stream: RawStream, rows: int) -> tuple[int, int]:
    """Return how many of the acknowledged rows are lost and how many are doubled."""
    base = f"/api/v1/projects/ada/digits/runs/{stream.run}"
    connection.headers["Accept"] = "application/json"
    steps: list[int] = []
    after = ""
    while True:
        status, page = connection.ask("GET", f"{base}/history?mode=exact&limit=5000{after}")
        assert status == 200, page
        steps += [row["_step"] for row in page["rows"]]
        assert all(row["n"] == row["_step"] == row["half"] * 2 for row in page["rows"])
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert steps == sorted(steps)
    status, run = connection.ask("GET", base)
    assert status == 200
    # The folded state counts each row once, too, whatever was replayed.
    assert run["rows"] == len(steps) and run["next_step"] == max(steps, default=-1) + 1
    assert run["summary"].get("n") == (max(steps) if steps else None)
    return len(set(range(rows)) - set(steps)), len(steps) - len(set(steps))


def kill_in_a_loop(folder: Path, kills: int, writers: int, rows: int, seed: int) -> None:
    dice = random.Random(seed)
    server = LiveServer(folder / "server").start()
    streams = [
        RawStream(Connection(server.url, FIRST_KEY), f"run{index}") for index in range(writers)
    ]
    connection = Connection(server.url, FIRST_KEY)
    failures: list[BaseException] = []
    stop = threading.Event()

    def work(stream: RawStream, own: random.Random) -> None:
        try:
            step = 0
            while step < rows and not stop.is_set():
                stream.add_rows(range(step, step + 50))
                step += 50
                if dice.random() < 0.1:
                    stream.add(Config(set={"at": step}))
                stream.send_all(own)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=(stream, random.Random(seed + index)))
        for index, stream in enumerate(streams)
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in range(kills):
            time.sleep(dice.uniform(0.02, 0.5))
            server.kill()
            server.start()
        for thread in threads:
            thread.join(120)
        assert not failures, failures
        for stream in streams:
            stream.add(Finish(exit_code=0, time_us=time.time_ns() // 1000, runtime_us=1))
            stream.send_all(dice)
        server.kill()
        server.start()
        results = [audit(connection, stream, rows) for stream in streams]
        states = [
            connection.ask("GET", f"/api/v1/projects/ada/digits/runs/{stream.run}")[1]
            for stream in streams
        ]
        lost, doubled = (sum(part) for part in zip(*results, strict=True))
        print(f"seed {seed}: {kills} kills, {writers * rows} rows, lost {lost}, doubled {doubled}")
        assert (lost, doubled) == (0, 0)
        assert {run["state"] for run in states} == {"finished"}
        assert {run["attempt"] for run in states} == {1}
    finally:
        stop.set()
        server.kill()
        connection.close()
        for stream in streams:
            stream.connection.close()


def test_killed_under_load_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    kill_in_a_loop(tmp_path, kills=6, writers=4, rows=3_000, seed=SEED)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_a_hundred_times_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """Issue "from the training loop to the live chart", done when 4."""
    for round in range(4):
        folder = tmp_path / str(round)
        folder.mkdir()
        kill_in_a_loop(folder, kills=25, writers=4, rows=8_000, seed=SEED + 100 * round)


def test_sigterm_saves_and_ends_with_zero(tmp_path: Path) -> None:
    server = LiveServer(tmp_path / "server").start()
    connection = Connection(server.url, FIRST_KEY)
    stream = RawStream(connection, "r1")
    stream.add_rows(range(100))
    stream.send_all(random.Random(1))
    began = time.monotonic()
    assert server.stop() == 0, server.log.read_text()
    assert time.monotonic() - began < 15
    connection.close()
    server.start()
    try:
        assert audit(connection, stream, 100) == (0, 0)
        status, answer = connection.ask("GET", f"/api/v1/streams/{stream.id}")
        assert (status, answer["next"]) == (200, 102)
    finally:
        connection.close()
        assert server.stop() == 0
